"""The words of a report that say what was decided, what to mend, and how to go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.model import Kind
from loader.report.facts import Step

if TYPE_CHECKING:
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


def steps(kind: Kind, account: Account, checkpoint: str, *, running: bool) -> tuple[Step, ...]:
    """How to go on, with the commands; `checkpoint` is quoted for a shell."""
    if running:
        return (
            Step("A load is running. This is how far it is:", (f"pushwoosh-loader status {checkpoint}",)),
        )
    found = []
    if account.never_sent:
        found.append(
            Step(
                f"{rows(account.never_sent)} never sent. The same command as before (`{kind}`) goes on with "
                "them and sends nothing twice.",
            )
        )
    if account.rejected:
        found.append(
            Step(
                f"{rows(account.rejected)} rejected. See them with all their columns and reasons; mend the "
                "mapping and send them again, or load the mended file:",
                (
                    f"pushwoosh-loader failures {checkpoint} --rejected -o rejected.csv",
                    f"pushwoosh-loader retry {checkpoint} --mapping MENDED.toml",
                ),
            )
        )
    found += _of_doubts(kind, account.in_doubt, checkpoint)
    return tuple(found) or (Step("Nothing is left to do: every row is confirmed."),)


def _of_doubts(kind: Kind, in_doubt: int, checkpoint: str) -> list[Step]:
    if not in_doubt:
        return []
    again = (
        "The same load again sends them, but none over a confirmed later row of its device."
        if kind is Kind.USERS
        else "They may or may not be at the vendor, and are not sent again unless you say so."
    )
    resolve = f"pushwoosh-loader resolve {checkpoint}"
    return [
        Step(
            f"{rows(in_doubt)} in doubt. {again} List them, to look them up at the vendor:",
            (f"pushwoosh-loader failures {checkpoint} --in-doubt -o doubts.csv",),
        ),
        Step(
            "Then settle them, all or with --from FILE those that you looked up: they are there; they are "
            "not; or nobody knows, and they shall be sent again as possible duplicates:",
            (f"{resolve} --landed", f"{resolve} --dropped", f"{resolve} --resend"),
        ),
    ]
