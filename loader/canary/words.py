"""A canary in words, and for a program."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from loader.canary.cover import MOST_THINGS, WINDOW
from loader.message import Message, Setting
from loader.model import State
from loader.text.escape import shorten
from loader.text.nouns import count_rows, is_or_are
from loader.text.vendor_words import is_application_unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.canary.answers import Answered
    from loader.canary.choice import Canary
    from loader.canary.things import Thing
    from loader.methods import Method
    from loader.planning import Plan

MOST_THINGS_SHOWN = 12
MOST_MISSING_SHOWN = 10
LONGEST_MESSAGE = 200

_UNKNOWN_APPLICATION = Message(
    "The vendor does not know the application. Check {application}: with the right one, the load begins "
    "again with these rows.",
    application=Setting("application"),
)


def describe_canary(canary: Canary, plan: Plan) -> list[str]:
    """What is sent first, and what it leaves out."""
    method, rows = plan.settings.kind.method, len(canary.rows)
    things = f"{canary.covered:,} of the {canary.covered + len(canary.missing):,} {describe_kinds(method)}"
    lines = [f"canary: {count_rows(rows)} alone, with {things}"]
    if canary.missing:
        shown = [f"{thing.describe(method)} in {count_rows(each)}" for thing, each in canary.missing]
        named = "; ".join(shown[:MOST_MISSING_SHOWN])
        more = len(shown) - MOST_MISSING_SHOWN
        lines.append(f"  not in it: {named}" + (f"; and {more:,} more" if more > 0 else ""))
        lines.append(f"  {explain_missing(canary, method)}")
    if canary.overflow:
        lines.append(f"  more than {MOST_THINGS:,} things were found; the others are not counted")
    return lines


def describe_kinds(method: Method) -> str:
    """What is covered of the rows of a method."""
    names = ["names of events"] if method.timed else []
    names += ["device types"] if any(known.name == "device_type" for known in method.fields) else []
    names += [method.container.many] if method.container else []
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def explain_missing(canary: Canary, method: Method) -> str:
    """Why things are not in a canary."""
    if canary.ordered:
        return (
            f"because the rows of a {method.owner} keep their order, only the first row of each within the "
            f"first {WINDOW:,} rows can be sent first"
        )
    return "there are more of them than the canary has rows; the rarest are left out"


def describe_answers(answers: Sequence[Answered], plan: Plan) -> str:
    """What each row was sent for, and what became of it."""
    method = plan.settings.kind.method
    lines = [f"Canary: {count_states(answers)}"]
    width = max(len(describe_state(each.state)) for each in answers)
    for each in answers:
        if each.row.covers or each.state is not State.CONFIRMED:
            said = f": {shorten(each.message, LONGEST_MESSAGE)}" if each.message else ""
            covers = describe_things(each.row.covers, method)
            place = plan.survey.place(each.row.ordinal)
            parts = [part for part in (place, covers) if part]
            lines.append(f"  {describe_state(each.state):<{width}}  {', '.join(parts)}{said}")
    if (rest := len(answers) - len(lines) + 1) > 0:
        lines.append(f"  {describe_state(State.CONFIRMED):<{width}}  {rest:,} more, which make up the number")
    if all(each.state is State.REJECTED and is_application_unknown(each.message) for each in answers):
        lines.append(str(_UNKNOWN_APPLICATION))
    return "\n".join(lines)


def describe_state(state: State) -> str:
    """A state for people."""
    return state.value.replace("_", " ")


def count_states(answers: Sequence[Answered]) -> str:
    """How many rows are in each state."""
    found = Counter(each.state for each in answers)
    parts = [f"{number:,} {describe_state(state)}" for state in State if (number := found[state])]
    return f"{count_rows(len(answers))} sent first, {', '.join(parts)}"


def describe_things(things: Sequence[Thing], method: Method) -> str:
    """Some things in words, as many as one can read."""
    shown = [thing.describe(method) for thing in things[:MOST_THINGS_SHOWN]]
    more = len(things) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more > 0 else "")


def word_question(answers: Sequence[Answered], rest: str) -> str:
    """The question after a canary of which every row is confirmed."""
    rows = len(answers)
    return f"{count_rows(rows)} {is_or_are(rows)} confirmed. Send the rest, {rest}?"


def build_canary_record(canary: Canary, answers: Sequence[Answered], plan: Plan) -> dict[str, object]:
    """A canary for a program; its keys are a contract."""
    return {
        "rows": len(canary.rows),
        "covered": canary.covered,
        "missing": [record_thing(thing) | {"rows": rows} for thing, rows in canary.missing],
        "answers": [
            {
                "row": plan.survey.place(each.row.ordinal),
                "covers": [record_thing(thing) for thing in each.row.covers],
                "state": each.state.value,
                "message": each.message,
            }
            for each in answers
        ],
    }


def record_thing(thing: Thing) -> dict[str, object]:
    """A thing for a program."""
    return {"kind": thing.kind.value, "name": thing.name, "type": thing.type or None}
