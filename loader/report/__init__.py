"""What people and programs are told: progress while it runs, the account when it ends."""

from loader.report.summary import account_text, duration, pace_text, summary_record
from loader.report.watching import EventLog, Reading, Silent, Watch, begin_log, choose_watch

__all__ = [
    "EventLog",
    "Reading",
    "Silent",
    "Watch",
    "account_text",
    "begin_log",
    "choose_watch",
    "duration",
    "pace_text",
    "summary_record",
]
