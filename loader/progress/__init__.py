"""What is seen of a load while it runs.

choice      which watch is used
watch       looks at the load from its own thread
moment      what there is to show at one instant; pace: how fast it goes, and when it will be done
terminal, notebook, lines, events    one module a form; words: what they share
failed_rows the first rows that fail for each reason, for events
"""

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
