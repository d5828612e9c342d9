"""What is seen of a load while it runs.

choice      which watch it is to be
watch       looks at the load from a thread of its own
moment      what there is to show at one instant; pace: how fast it goes, and when it will be done
terminal, notebook, lines, events    one module a form; words: what they share
"""

from loader.report.watching.choice import choose_watch
from loader.report.watching.events import EventLog, JsonLines, LogHandler, begin_log
from loader.report.watching.lines import LogLines
from loader.report.watching.moment import Moment, Reading
from loader.report.watching.notebook import NotebookView
from loader.report.watching.pace import Pace, Speed
from loader.report.watching.watch import Silent, Watch

__all__ = [
    "EventLog",
    "JsonLines",
    "LogHandler",
    "LogLines",
    "Moment",
    "NotebookView",
    "Pace",
    "Reading",
    "Silent",
    "Speed",
    "Watch",
    "begin_log",
    "choose_watch",
]
