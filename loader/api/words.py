"""What leads on from a load, in Python's words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from loader.checkpoint_facts import explain_result
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
    found += [("left out", account.left_out)] if account.left_out else []
    return [*found, ("in flight", account.in_flight)] if account.in_flight else found


def list_next_steps(result: Result, *, cut: str = "", rehearsed: bool = False) -> list[Step]:
    """What to do about the rows that are not confirmed; those of a rehearsal go to its sandbox again.

    Args:
        result: how the load ended.
        cut: the keyword that left rows for later; "" if none did.
        rehearsed: the rows went to a sandbox.
    """
    left = Left.of(result, explain_result(result), limited=bool(cut))
    spelling = spell_python("result.checkpoint", view="result", rehearsed=rehearsed, cut=cut or "limit")
    if rehearsed:
        spelling = replace(spelling, settle="result.verify(settle=True)")
    return list_steps(left, spelling)


def format_path(path: Path) -> str:
    """A path, relative to the working directory if it is below that.

    The folder of a temporary sandbox is left out.

    What a notebook shows is kept and handed on: it need not tell where on this machine things lie.
    """
    if path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return path.name if path.parent.name.startswith(TEMPORARY) else str(path)


def say_place(path: Path) -> str:
    """Where a checkpoint is, for a reader who has only the page: its name and its folder."""
    if path.parent.name.startswith(TEMPORARY):
        return f"{path.name}, in the folder of the sandbox"
    if path.parent == Path.cwd():
        return f"{path.name}, in the working directory"
    below = ", below the working directory" if path.is_relative_to(Path.cwd()) else ""
    return f"{format_path(path)}{below}"


def list_row_notes(table: object) -> list[str]:
    """What a row number means, if the input is a table in memory: most have an index that begins at 0."""
    if table is None:
        return []
    first = "frame.iloc[0]" if isinstance(table, pd.DataFrame) else "the first of the table"
    return [f"Row numbers count from 1 and are not the index: row 1 is {first}."]
