"""What is seen of a load while it runs.

choice      which watch is used
watch       looks at the load from its own thread
moment      what there is to show at one instant; pace: how fast it goes, and when it will be done
terminal, notebook, lines, events    one module a form; words: what they share
failed_rows the first rows that fail for each reason, for events
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.late_imports import import_on_use

if TYPE_CHECKING:
    from loader.progress.choice import choose_watch
    from loader.progress.events import EventLog, JsonLines, LogHandler, begin_log
    from loader.progress.lines import LogLines
    from loader.progress.moment import Moment, ReadingProgress
    from loader.progress.notebook import NotebookView
    from loader.progress.pace import Pace, Speed
    from loader.progress.watch import Silent, Watch

__all__ = [
    "EventLog",
    "JsonLines",
    "LogHandler",
    "LogLines",
    "Moment",
    "NotebookView",
    "Pace",
    "ReadingProgress",
    "Silent",
    "Speed",
    "Watch",
    "begin_log",
    "choose_watch",
]

__getattr__ = import_on_use(
    __name__,
    {
        ".choice": "choose_watch",
        ".events": "EventLog JsonLines LogHandler begin_log",
        ".lines": "LogLines",
        ".moment": "Moment ReadingProgress",
        ".notebook": "NotebookView",
        ".pace": "Pace Speed",
        ".watch": "Silent Watch",
    },
)
