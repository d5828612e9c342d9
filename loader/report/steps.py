"""The words of a report that say what was decided, what to mend, and how to go on."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from loader.report.facts import Step

if TYPE_CHECKING:
    from loader.methods import Kind
    from loader.model import Account

DECISIONS = {
    "landed": "{rows} in doubt: looked up at the vendor, had landed; counted as confirmed",
    "dropped": "{rows} in doubt: looked up at the vendor, had not landed; given back, to be sent",
    "resend": "{rows} in doubt: nobody knows; given back, to be sent again as possible duplicates",
    "retry": "{rows} rejected: given back, to be sent again",
    "mapping": "another mapping took the place of the one before",
}

ARGUMENTS = "An argument is wrong, or an event does not exist in the control panel. Mend it there or here."


def rows(number: int) -> str:
    """A number of rows."""
    return "1 row" if number == 1 else f"{number:,} rows"


def decision_words(what: str, moved: int) -> str:
    """What a decision did to so many rows."""
    return DECISIONS.get(what, what).format(rows=rows(moved))


def vendor_remedy(http_status: int | None, code: int | None) -> str:
    """What to do about what the vendor rejected."""
    if code == 210:
        return ARGUMENTS
    if 413 in {http_status, code}:
        return "The body is too large: leave attributes out of it."
    return "The vendor's message says what is wrong; `failures` lists it for each row."


class Ways(NamedTuple):
    """The lines to type: to look, to see and mend what was rejected, to see doubts and to settle them."""

    look: tuple[str, ...]
    rejected: tuple[str, ...]
    in_doubt: tuple[str, ...]
    settle: tuple[str, ...]
    again: str

    @classmethod
    def of_shell(cls, kind: Kind, checkpoint: str) -> Ways:
        """The commands."""
        name = shlex.quote(checkpoint)
        resolve = f"pushwoosh-loader resolve {name}"
        return cls(
            (f"pushwoosh-loader status {name}",),
            (
                f"pushwoosh-loader failures {name} --rejected -o rejected.csv",
                f"pushwoosh-loader retry {name} --mapping MENDED.toml",
            ),
            (f"pushwoosh-loader failures {name} --in-doubt -o doubts.csv",),
            (f"{resolve} --landed", f"{resolve} --dropped", f"{resolve} --resend"),
            f"The same command as before (`{kind}`)",
        )

    @classmethod
    def of_python(cls, kind: Kind, checkpoint: str) -> Ways:
        """The calls, for a table that was in Python's memory: no command can read it again."""
        opened = f"loader.Checkpoint({checkpoint!r}, source=frame)"
        resolve = f"loader.resolve({checkpoint!r},"
        return cls(
            (f"loader.Checkpoint({checkpoint!r})",),
            (f"{opened}.rejected", f"loader.retry(frame, {checkpoint!r}, mapping=mended)"),
            (f"{opened}.in_doubt",),
            (f'{resolve} "landed")', f'{resolve} "dropped")', f'{resolve} "resend")'),
            f"The same call as before (`load_{kind}`)",
        )


def steps(kind: Kind, account: Account, ways: Ways, *, running: bool) -> tuple[Step, ...]:
    """How to go on, with what is to be typed."""
    if running:
        return (Step("A load is running. This is how far it is:", ways.look),)
    found = []
    if account.never_sent:
        found.append(
            Step(
                f"{rows(account.never_sent)} never sent. {ways.again} goes on with them and sends nothing "
                "twice.",
            )
        )
    if account.rejected:
        found.append(
            Step(
                f"{rows(account.rejected)} rejected. See them with all their columns and reasons; mend the "
                "mapping and send them again, or load the mended file:",
                ways.rejected,
            )
        )
    found += _of_doubts(kind, account.in_doubt, ways)
    return tuple(found) or (Step("Nothing is left to do: every row is confirmed."),)


def _of_doubts(kind: Kind, in_doubt: int, ways: Ways) -> list[Step]:
    if not in_doubt:
        return []
    again = (
        "The same load again sends them, but none over a confirmed later row of its device."
        if kind.method.repeatable
        else "They may or may not be at the vendor, and are not sent again unless you say so."
    )
    return [
        Step(
            f"{rows(in_doubt)} in doubt. {again} List them, to look them up at the vendor:",
            ways.in_doubt,
        ),
        Step(
            "Then settle them, all or those that you looked up: they are there; they are not; or nobody "
            "knows, and they shall be sent again as possible duplicates:",
            ways.settle,
        ),
    ]
