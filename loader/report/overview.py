"""A report over several loads as one HTML page: their sum, then a line for each that unfolds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from loader._version import __version__
from loader.model import Account
from loader.report.course import sum_traffic
from loader.report.facts import Group
from loader.report.html import build_environment, render_sections, word_verdict
from loader.text.account import name_state
from loader.text.nouns import count_things

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from markupsafe import Markup

    from loader.report.facts import Facts, RunFacts, SeveralFacts

_WORDS = {
    "running": ("running", "is running", "are running"),
    "unfinished": ("not finished", "is not finished", "are not finished"),
    "in doubt": ("rows in doubt", "has rows in doubt", "have rows in doubt"),
    "rejects": ("rows rejected", "has rejected rows", "have rejected rows"),
    "done": ("complete", "is complete", "are complete"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One load on the page.

    Attributes:
        facts: all that is known of it.
        name: of its checkpoint, as short as the other names allow.
        state: what it needs, in a word.
        verdict: the same in a sentence.
        sections: what unfolds.
    """

    facts: Facts
    name: str
    state: str
    verdict: str
    sections: Markup


@dataclass(frozen=True, slots=True)
class SharedReason:
    """Rows of all loads that are in a state for one reason.

    Attributes:
        group: the reason and the rows.
        loads: in how many loads.
    """

    group: Group
    loads: int


@dataclass(frozen=True, slots=True)
class Destination:
    """The loads of one kind to one application.

    Attributes:
        kind, application, where: what was sent, and to where.
        loads: how many.
        account: their sum.
    """

    kind: str
    application: str
    where: str
    loads: int
    account: Account


def render_overview(facts: SeveralFacts) -> str:
    """The page's text."""
    templates = build_environment()
    loads = facts.loads
    runs = [run for load in loads for run in load.runs]
    names = shorten_names([load.checkpoint for load in loads])
    return templates.get_template("several.html.j2").render(
        facts=facts,
        version=__version__,
        title=word_title(facts),
        applications=sorted({load.application for load in loads}),
        hosts=sorted({load.where for load in loads}),
        verdict=word_states(facts),
        account=sum_accounts(load.account for load in loads),
        given_back=sum(load.given_back for load in loads),
        destinations=group_destinations(loads),
        rejects=join_reasons([load.rejects for load in loads]),
        doubts=join_reasons([load.doubts for load in loads]),
        began=min((run.started for run in runs), default=None),
        ended=max((run.ended for run in runs), default=None),
        over_all=sum_traffic([stretch for run in runs for stretch in run.stretches]),
        ends=count_ends(runs),
        lines=[
            Line(
                load,
                name,
                _WORDS[name_state(load.account, running=load.running)][0],
                word_verdict(load),
                render_sections(templates, load, top=4),
            )
            for load, name in zip(loads, names, strict=True)
        ],
    )


def word_title(facts: SeveralFacts) -> str:
    """How many loads the page is about."""
    return count_things(len(facts.loads) + len(facts.unreadable), "load")


def word_states(facts: SeveralFacts) -> str:
    """How many loads need what, in a sentence; what needs most comes first."""
    found = Counter(name_state(load.account, running=load.running) for load in facts.loads)
    if found["done"] == len(facts.loads) + len(facts.unreadable):
        return "Complete: the vendor confirmed every row of every load."
    parts = [f"{found[name]:,} {words[min(found[name], 2)]}" for name, words in _WORDS.items() if found[name]]
    if lost := len(facts.unreadable):
        parts.insert(0, f"{lost:,} cannot be read")
    said = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"Of {word_title(facts)}, {said}."


def sum_accounts(accounts: Iterable[Account]) -> Account:
    """The counts of several loads, added up."""
    found = list(accounts)
    left_out: Counter[str] = Counter()
    for account in found:
        left_out.update(dict(account.left_out_by))

    def add(name: str) -> int:
        return sum(getattr(account, name) for account in found)

    counts = ("read", "confirmed", "rejected", "in_doubt", "in_flight", "possible_duplicates", "attempts")
    return Account(
        **{name: add(name) for name in counts},
        elapsed_seconds=sum(account.elapsed_seconds for account in found),
        left_out_by=tuple(left_out.most_common()),
    )


def join_reasons(of_loads: Sequence[Sequence[Group]]) -> list[SharedReason]:
    """The reasons of several loads, each once with the rows of all; the most frequent first."""
    found: dict[tuple[str, str], list[Group]] = {}
    for groups in of_loads:
        for group in groups:
            found.setdefault((group.reason, group.by), []).append(group)
    joined = [
        SharedReason(
            Group(
                reason,
                by,
                rows=sum(group.rows for group in groups),
                remedy=next((group.remedy for group in groups if group.remedy), ""),
            ),
            len(groups),
        )
        for (reason, by), groups in found.items()
    ]
    return sorted(joined, key=lambda each: -each.group.rows)


def group_destinations(loads: Sequence[Facts]) -> list[Destination]:
    """The loads by what was sent where, in the order in which they come."""
    found: dict[tuple[str, str, str], list[Account]] = {}
    for load in loads:
        found.setdefault((load.kind.value, load.application, load.where), []).append(load.account)
    return [Destination(*key, len(accounts), sum_accounts(accounts)) for key, accounts in found.items()]


def count_ends(runs: Sequence[RunFacts]) -> list[tuple[str, int]]:
    """How runs ended, counted: the most frequent first."""
    return Counter(run.end for run in runs).most_common()


def shorten_names(names: Sequence[str]) -> list[str]:
    """The names of the files alone if they are all different, and whole paths otherwise."""
    short = [Path(name).name for name in names]
    return short if len(set(short)) == len(short) else list(names)
