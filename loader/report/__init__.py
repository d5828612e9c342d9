"""What people and programs are told: progress while it runs, the account when it ends."""

from loader.report.progress import LiveView, LogLines, Silent, Watch
from loader.report.summary import account_text, pace_text, summary_record

__all__ = ["LiveView", "LogLines", "Silent", "Watch", "account_text", "pace_text", "summary_record"]
