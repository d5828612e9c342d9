"""The words for a verification, and its record for a program."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from loader.text.escape import escape_short, quote_for_shell
from loader.text.nouns import count_rows, is_or_are, it_or_them
from loader.verification.differences import Scope, Sign
from loader.verification.listing import describe_fate
from loader.verification.values import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from loader.verification.differences import Change, Difference, Totals
    from loader.verification.expected import Load
    from loader.verification.settling import Settled
    from loader.verification.verification import Verification

SHOWN = 3  # differences of each sign
NAMES = {
    Sign.SAME: "same",
    Sign.MISSING: "missing",
    Sign.EXTRA: "extra",
    Sign.DIFFERENT: "different",
    Sign.DOUBLED: "doubled",
}
_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Shown:
    """A verification as it is shown.

    Attributes:
        verification: what was found.
        first: the first differences of each sign, each with its load.
        settled: what became of the rows in doubt of each load; None if they were only looked at.
        unnoted: loads whose checkpoints could not take the note.
        is_written: whether all differences were written to a file.
        options: the options that a command needs to verify the same again.
    """

    verification: Verification
    first: Sequence[tuple[Load, Difference]]
    settled: Sequence[tuple[Load, Settled]] | None
    unnoted: Sequence[Load]
    is_written: bool
    options: str = ""

    def describe(self) -> str:
        """All of it, for the user."""
        lines = [*self.verification.notes, *([""] if self.verification.notes else [])]
        lines += [f"Compared with {self.verification.landed}:", *list_totals(self.verification.totals)]
        if not self.verification.is_paired:
            lines.append("  Too many rows have no counterpart, so altered rows were not looked for.")
        places = self.verification.places
        lines += [f"{each.sign.value} {describe_difference(load, each, places)}" for load, each in self.first]
        hidden = self.verification.totals.differences - len(self.first)
        lines += [f"… and {hidden:,} more"] if hidden > 0 else []
        for load, settled in self.settled or ():
            if any((settled.landed, settled.dropped, settled.unclear)):
                lines += describe_settled(load, settled)
        lines += [f"{load.name} could not take a note of this verification." for load in self.unnoted]
        return "\n".join([*lines, *self._list_steps()])

    def _list_steps(self) -> list[str]:
        """What to do next."""
        totals = self.verification.totals
        names = " ".join(quote_for_shell(load.name) for load, _ in self.verification.list_doubts())
        doubts = totals.doubts_found + totals.doubts_not_found
        steps = []
        if totals.differences and not self.is_written:
            steps.append(
                "To write every difference with its source columns:\n"
                f"  pushwoosh-loader verify {names} {self.options}--diff differences.csv"
            )
        if doubts and self.settled is None:
            steps.append(
                f"To settle the {count_rows(doubts)} in doubt by what was found:\n"
                f"  pushwoosh-loader verify {names} {self.options}--settle"
            )
        return steps

    def record(self) -> dict[str, object]:
        """All of it, for a program; `docs/reference/verify.schema.json` describes it."""
        totals = self.verification.totals
        return {
            "landed": self.verification.landed,
            "notes": list(self.verification.notes),
            "checkpoints": [load.name for load, _ in self.verification.list_doubts()],
            "ok": self.verification.ok,
            "totals": asdict(totals) | {"differences": totals.differences},
            "altered_rows_looked_for": self.verification.is_paired,
            "first_differences": [
                record_difference(load, each, self.verification.places) for load, each in self.first
            ],
            "settled": None
            if self.settled is None
            else [{"checkpoint": load.name} | asdict(settled) for load, settled in self.settled],
            "exit_code": self.exit_code,
        }

    @property
    def exit_code(self) -> int:
        """0 without a difference."""
        return 0 if self.verification.ok else 9


def choose_first(verification: Verification) -> list[tuple[Load, Difference]]:
    """The first differences of each sign."""
    totals = verification.totals
    wanted: dict[Sign, int] = {
        sign: min(SHOWN, getattr(totals, NAMES[sign])) for sign in Sign if sign is not Sign.SAME
    }
    found: dict[Sign, list[tuple[Load, Difference]]] = {sign: [] for sign in wanted}
    for load, difference in verification.list_differences() if any(wanted.values()) else ():
        if len(found[difference.sign]) < wanted[difference.sign]:
            found[difference.sign].append((load, difference))
            if all(len(found[sign]) == number for sign, number in wanted.items()):
                break
    return [pair for pairs in found.values() for pair in pairs]


def list_totals(totals: Totals) -> list[str]:
    """The counts, a line each."""
    counts = {sign: getattr(totals, name) for sign, name in NAMES.items()}
    width = max(len(f"{number:,}") for number in counts.values())
    lines = [f"  {sign.value} {NAMES[sign]:<9} {number:>{width},}" for sign, number in counts.items()]
    if totals.doubts_found or totals.doubts_not_found:
        lines.append(f"  rows in doubt: {totals.doubts_found:,} found, {totals.doubts_not_found:,} not found")
    if totals.repeated:
        lines.append(f"  calls that were sent again and changed nothing: {totals.repeated:,}")
    return lines


def describe_difference(
    load: Load, difference: Difference, places: Callable[[int], str] | None = None
) -> str:
    """One difference, in a line."""
    stored = ", stored in the end" if difference.scope is Scope.STORED else ""
    if difference.ordinal is None:
        return f"{name_landed(difference, places)}{stored}: {describe_row(difference.landed or {})}"
    place = load.plans[-1].survey.place(difference.ordinal)
    match difference.sign:
        case Sign.DIFFERENT:
            return f"{place}{stored}: {'; '.join(map(describe_change, difference.changes))}"
        case Sign.DOUBLED:
            return f"{place}: {name_landed(difference, places)} is the same once more"
        case Sign.EXTRA:
            fate = (describe_fate(difference.fate) or "").replace("_", " ")
            return f"{place}, {fate}: it is there all the same ({name_landed(difference, places)})"
        case _:
            what = f": {'; '.join(map(describe_change, difference.changes))}" if difference.changes else ""
            return f"{place}{stored}{what}"


def name_landed(difference: Difference, places: Callable[[int], str] | None) -> str:
    """What landed, by its place or its number there."""
    if places is not None and difference.number is not None:
        return places(difference.number)
    return f"number {difference.number}"


def describe_change(change: Change) -> str:
    """A key and both of its values."""
    expected, landed = (
        "nothing" if text is None else escape_short(text, _LONGEST_VALUE)
        for text in (change.expected, change.landed)
    )
    return f"{escape_short(change.key)} is {landed}, expected {expected}"


def describe_row(row: Mapping[str, object]) -> str:
    """The keys and values of an extra row."""
    return escape_short(
        ", ".join(f"{key} {write_json(value)}" for key, value in row.items() if key != "application"), 160
    )


def describe_settled(load: Load, settled: Settled) -> list[str]:
    """What became of the rows in doubt of one load, and how the dropped ones go again."""
    name = quote_for_shell(load.name)
    lines = [
        f"{name}: {count_rows(settled.landed)} in doubt {is_or_are(settled.landed)} now confirmed, "
        f"{settled.dropped:,} {is_or_are(settled.dropped)} given back, {settled.unclear:,} "
        f"{'stays' if settled.unclear == 1 else 'stay'} in doubt."
    ]
    if settled.dropped:
        lines.append(
            f"To send {it_or_them(settled.dropped)} now, without the other rows that were never sent:\n"
            f"  pushwoosh-loader retry {name} --only given-back"
        )
    return lines


def record_difference(
    load: Load, difference: Difference, places: Callable[[int], str] | None = None
) -> dict[str, object]:
    """One difference, for a program."""
    row, number = difference.ordinal, difference.number
    return {
        "sign": difference.sign.value,
        "compared": difference.scope.value,
        "checkpoint": load.name,
        "place": None if row is None else load.plans[-1].survey.place(row),
        "state": describe_fate(difference.fate),
        "number": number,
        "landed_place": None if number is None or places is None else places(number),
        "changes": [change._asdict() for change in difference.changes],
        "landed": None if difference.landed is None else write_json(difference.landed),
    }
