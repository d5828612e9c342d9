"""How a command that loads ends: at its last row or on a signal, then with summary, account and report."""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

from loader.cli import show, speech, summary
from loader.errors import LoaderError
from loader.text.escape import quote_for_shell

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from loader.delivery import Brake
    from loader.model import Result
    from loader.planning import Plan
    from loader.progress import Watch
    from loader.stores.address import Address
    from loader.text.next_steps import Why

# From here on a report takes long enough for the user to wonder. A million rows took 4 s on two busy
# cores, and 12 s if a third of them was rejected.
MANY_ROWS = 300_000
SKIP = "Press Ctrl-C to skip it."


def install_brakes() -> AbstractContextManager[Brake]:
    """The first Ctrl-C, SIGTERM or lost terminal lets what is on the wire finish, the second gives it up."""
    from loader import interrupts  # noqa: PLC0415 - `--help` must start without requests

    return interrupts.brake_on_signals(list_signals(), say_stopping)


def list_signals() -> list[int]:
    """What asks a command to end, as far as the system knows it."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def say_stopping() -> None:
    """Answer the first Ctrl-C."""
    from loader.delivery import DRAIN_SECONDS  # noqa: PLC0415 - as above

    # Ctrl-C has ended a `| tee` too, and its pipe takes nothing more: no reason to fail in a handler.
    try:
        speech.complain(
            f"\nStopping: waiting up to {DRAIN_SECONDS:.0f} s for answers to requests on the wire.\n"
            "Press Ctrl-C again to stop without waiting.\n",
            event="stopping",
        )
    except OSError:
        speech.hush(sys.stderr)


def list_gone_after(plan: Plan, result: Result, watch: Watch) -> Result:
    """The result, with how many keys are gone, if the user asked for a list and it could be written.

    No failure or interrupt here changes the exit code, because the code is about the rows.
    """
    if plan.settings.options.report_gone is None:
        return result
    from loader import interrupts  # noqa: PLC0415 - only if it is requested
    from loader.gone import report_gone  # noqa: PLC0415 - as above

    try:
        with interrupts.interrupt_on_signals(list_signals()):
            return replace(result, gone=report_gone(plan, result, watch))
    except LoaderError as error:
        reason = str(error)
    except KeyboardInterrupt:
        reason = "you interrupted it."
    again = "The same command again writes it, and sends nothing twice."
    speech.complain(f"No list of gone keys was written: {reason} {again}", event="warning")
    return result


def end_load(
    result: Result,
    tell: Callable[[Why], None],
    say: Callable[[str], None],
    report: Path | Address | None,
    files: Sequence[str] = (),
) -> bool:
    """Write the summary, say how the load ended and how to continue; only then write the report.

    Args:
        result: how the load ended.
        tell: says it, given why rows are not confirmed.
        say: shows a paragraph.
        report: where to write the report; None to write none.
        files: the input, if it has moved.

    Returns:
        Whether the user asked to end meanwhile.
    """
    from loader import interrupts  # noqa: PLC0415 - `--help` must start without requests
    from loader.checkpoint_facts import explain_result  # noqa: PLC0415 - `--help` must start without pandas

    with interrupts.hold_signals(list_signals()) as is_asked_to_end:
        why = explain_result(result)
        show.write_summary(result, why)
        tell(why)
    if report is None:
        return is_asked_to_end()
    if result.interrupted or result.account.read >= MANY_ROWS:
        say(f"Writing the report to {report}. {SKIP}")
    with summary.current().phase("report"):
        written = write_report_after(result, report, files, skipped=is_asked_to_end())
    say(written or "")
    return written is None


def write_report_after(
    result: Result, target: Path | Address, files: Sequence[str] = (), *, skipped: bool = False
) -> str | None:
    """Write the report of a load that has ended, and say where it is; None if the user skips it.

    No failure or interrupt here changes the exit code, because the code is about the rows.

    Args:
        result: how the load ended.
        target: where to write.
        files: the input, if it has moved.
        skipped: the user does not want to wait for it.
    """
    from loader import interrupts  # noqa: PLC0415 - `--help` must start without requests

    try:
        with interrupts.interrupt_on_signals(list_signals()):
            if skipped:
                raise KeyboardInterrupt  # noqa: TRY301 - it came before the report began
            from loader.reporting import write_report  # noqa: PLC0415 - `--help` must start without pandas

            return f"The report is in {write_report(result.checkpoint, target, files=files)}."
    except LoaderError as error:
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - a mistake in the report says nothing about the rows
        reason = f"{type(error).__name__}: {error}"
    except KeyboardInterrupt:  # it may read the input once more, after the load has ended
        again = f"`pushwoosh-loader report {quote_for_shell(result.checkpoint)}`"
        skip = f"you interrupted it. {again} can write it at any time."
        speech.complain(f"No report was written: {skip}", event="warning")
        return None
    speech.complain(f"No report was written: {reason}", event="warning")
    return ""


def leave(result: Result, *, quiet: bool) -> NoReturn:
    """End with the exit code; a job that shows nothing still says why it stopped."""
    complain_of_stop(result, quiet=quiet)
    log = speech.find_event_log()
    if log is not None and not quiet:
        log.write("end", **summary.current().record)
    sys.exit(result.exit_code)


def complain_of_stop(result: Result, *, quiet: bool) -> None:
    """Say on standard error why a load stopped, if nothing else says it. An end as planned is no error."""
    planned = result.stop is not None and result.stop.planned
    if result.stopped and not planned and (quiet or speech.find_event_log() is not None):
        speech.complain(f"Stopped: {result.stopped}")
