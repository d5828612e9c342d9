"""What leads on from a load, in Python's words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from loader.failures import explain_result
from loader.text.next_steps import Left, list_steps, spell_python

if TYPE_CHECKING:
    from loader.model import Account, Result
    from loader.text.next_steps import Step

TEMPORARY = "pushwoosh-sandbox-"  # a folder of a sandbox without a store of its own


def list_counts(account: Account) -> list[tuple[str, int]]:
    """The counts by their names; they add up to the rows read."""
    found = [
        ("confirmed", account.confirmed),
        ("rejected", account.rejected),
        ("in doubt", account.in_doubt),
        ("never sent", account.never_sent),
    ]
    return [*found, ("in flight", account.in_flight)] if account.in_flight else found


def list_next_steps(result: Result, *, limited: bool, rehearsed: bool = False) -> list[Step]:
    """What to do about the rows that are not confirmed; those of a rehearsal go to its sandbox again."""
    left = Left.of(result, explain_result(result), limited=limited)
    return list_steps(left, spell_python("result.checkpoint", view="result", rehearsed=rehearsed))


def format_path(path: Path) -> str:
    """A path, relative to the working directory if it is below that.

    The folder of a temporary sandbox is left out.

    What a notebook shows is kept and handed on: it need not tell where on this machine things lie.
    """
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return path.name if path.parent.name.startswith(TEMPORARY) else str(path)
