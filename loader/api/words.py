"""What leads on from a load, in Python's words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from loader.errors import CheckpointError
from loader.failures import reasons
from loader.model import State

if TYPE_CHECKING:
    from loader.model import Account, Result

TEMPORARY = "pushwoosh-sandbox-"  # a folder of a sandbox without a store of its own
MOST_REASONS, LONGEST_REASON = 3, 160


class Step(NamedTuple):
    """One thing to do next: a sentence, and lines of Python where there are any."""

    sentence: str
    code: tuple[str, ...] = ()


def counts(account: Account) -> list[tuple[str, int]]:
    """The counts by their names; they add up to the rows read."""
    found = [
        ("confirmed", account.confirmed),
        ("rejected", account.rejected),
        ("in doubt", account.in_doubt),
        ("never sent", account.never_sent),
    ]
    return [*found, ("in flight", account.in_flight)] if account.in_flight else found


def next_steps(result: Result, *, limited: bool, rehearsed: bool = False, name: str = "result") -> list[Step]:
    """What to do about the rows that are not confirmed; those of a rehearsal go to its sandbox again."""
    account = result.account
    where = ", sandbox=sandbox" if rehearsed else ""
    steps = []
    if account.never_sent:
        steps.append(Step(f"{rows(account.never_sent)} never sent. {_again(result, limited=limited)}"))
    if account.rejected:
        reason = why(result, State.REJECTED)
        steps.append(
            Step(
                f"{rows(account.rejected)} rejected{reason} See them, mend the mapping, and send them again:",
                (f"{name}.rejected", f"loader.retry(source, {name}.checkpoint, mapping=mended{where})"),
            )
        )
    if account.in_doubt:
        reason = why(result, State.IN_DOUBT)
        known = (
            "The same call again sends them, but none over a confirmed later row of its device. Or see them, "
            "and say what became of them:"
            if result.kind.method.repeatable
            else "They may or may not have landed, and are not sent again unless you say so. See them, look "
            "them up, and say what became of them:"
        )
        said = 'loader.resolve({}.checkpoint, "landed")  # or "dropped", or "resend"'
        steps.append(
            Step(
                f"{rows(account.in_doubt)} in doubt{reason} {known}", (f"{name}.in_doubt", said.format(name))
            )
        )
    if not steps:
        steps.append(Step("Every row is confirmed." if account.read else "The input holds no rows."))
    return steps


def _again(result: Result, *, limited: bool) -> str:
    them = "it" if result.account.never_sent == 1 else "them"
    if result.stopped:
        return f"When what stopped the load is mended, the same call again sends {them}."
    if limited and not result.interrupted:
        return f"The same call without limit sends {them}."
    return f"The same call again sends {them}."


def why(result: Result, state: State) -> str:
    """The most frequent reasons of the rows in a state, as the end of a sentence."""
    try:
        found = reasons(Path(result.checkpoint), state)
    except CheckpointError:
        return "."
    shown = [f"{number:,} × {shortened(reason)}" for reason, number in found[:MOST_REASONS]]
    if (others := len(found) - MOST_REASONS) > 0:
        shown.append(f"and {others:,} other reason{'s' if others > 1 else ''}")
    return f": {'; '.join(shown)}." if shown else "."


def path_text(path: Path) -> str:
    """A path for a person: from here if it is below, and without the folder of a sandbox that goes with it.

    What a notebook shows is kept and handed on: it need not tell where on this machine things lie.
    """
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return path.name if path.parent.name.startswith(TEMPORARY) else str(path)


def rows(number: int) -> str:
    """A number of rows."""
    return f"{number:,} row" if number == 1 else f"{number:,} rows"


def shortened(text: str) -> str:
    """A text of a line, without the full stop at its end."""
    return (text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…").rstrip(".")
