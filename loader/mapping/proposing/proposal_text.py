"""A proposal as a mapping file, with the reason for each line above it."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import TYPE_CHECKING

from loader.dialect import Dialect
from loader.mapping.canonical_text import VERSION, expand_text, key_text, rule_text, toml
from loader.mapping.rules import Expand, Rule
from loader.text.escape import replace_unprintable

if TYPE_CHECKING:
    from loader.mapping.proposing.proposal import Line, Proposal


UNSAID = Dialect()


def proposal_text(proposal: Proposal, name: str, look: str = "", dialect: Dialect = UNSAID) -> str:
    """A proposal as a mapping file, with the reason for each line above it.

    Args:
        proposal: the lines.
        name: what they were proposed from.
        look: how to look at the result, if not with the command.
        dialect: what the user says of how the file is written; the rest is found from the file each time.
    """
    look = look or f"pushwoosh-loader check {proposal.kind} {name} --mapping THIS_FILE"
    seen = f"the columns and the first {proposal.rows:,} rows of {name}"
    known = f" It looks like an export of {proposal.export}." if proposal.export else ""
    first = "Check the lines marked UNSURE, then look" if proposal.unsure else "Look"
    lines = _comment(f"Proposed from {seen}.{known} {first} at the result: {look}")
    lines += [f"version = {VERSION}", f'kind = "{proposal.kind}"', *_unique(proposal), "", "[fields]"]
    for line in proposal.fields:
        lines += _proposed(line)
    container = proposal.kind.method.container
    if container is not None:
        lines += ["", f"[{container.name}]"]
        for line in proposal.members:
            lines += _proposed(line)
        lines += _proposed_expand(proposal)
    elif proposal.unused:
        lines += [""]
    return "\n".join([*lines, *_unused(proposal), *_automatic(proposal), *_source(proposal, dialect)]) + "\n"


def _source(proposal: Proposal, dialect: Dialect) -> list[str]:
    """How the file is written, and what means nothing in it."""
    words = (*dialect.null_values, *proposal.null_values)
    table = replace(dialect, null_values=words).table
    if not table:
        return []
    why = _comment("The sample holds these in place of nothing.") if proposal.null_values else []
    lines = {name: f"{name} = {toml(value)}" for name, value in table.items()}
    nothing = [*why, lines.pop("null_values")] if words else []
    return ["", "[source]", *lines.values(), *nothing]


def _unique(proposal: Proposal) -> list[str]:
    """By which id repeated rows are left out; a comment if that is unsure."""
    if proposal.unique is None:
        return []
    line = f"unique = {toml([proposal.unique.key])}"
    return ["", *_reasons(proposal.unique), f"# {line}" if proposal.unique.unsure else line]


def _automatic(proposal: Proposal) -> list[str]:
    """How to leave out what the vendor's library records by itself. Whether to is the user's own choice."""
    column, names = proposal.automatic
    if not names:
        return []
    why = _comment(
        f"{proposal.export} records these events by itself. To leave them out, remove the # before the two "
        "lines below:"
    )
    return ["", *why, "# [rows]", f"# except = {toml({column: list(names)})}"]


def _unused(proposal: Proposal) -> list[str]:
    lines = []
    for why in dict.fromkeys(proposal.unused.values()):
        names = [toml(column) for column, reason in proposal.unused.items() if reason == why]
        lines += _comment(f"Not sent, {why}: {', '.join(names)}.")
    return lines


def _comment(text: str) -> list[str]:
    """Lines of a comment; TOML allows no control characters there, and a column's name may hold some."""
    return textwrap.wrap(
        replace_unprintable(text),
        100,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _reasons(line: Line) -> list[str]:
    why = _comment(f"{line.why[0].upper()}{line.why[1:]}.") if line.why else []
    return why + (_comment(f"UNSURE: {line.unsure}") if line.unsure else [])


def _proposed(line: Line) -> list[str]:
    if not isinstance(line.rule, Rule):
        return [*_reasons(line), f'# {key_text(line.key)} = ""']
    short = line.rule == Rule(column=line.rule.column) and len(line.rule.column) == 1
    text = toml(line.rule.column[0]) if short else rule_text(line.rule)
    return [*_reasons(line), f"{key_text(line.key)} = {text}"]


def _proposed_expand(proposal: Proposal) -> list[str]:
    if not proposal.opened:
        return []
    lines = [reason for line in proposal.opened for reason in _reasons(line)]
    entries = [line.rule for line in proposal.opened if isinstance(line.rule, Expand)]
    lines.append("expand = [" + ", ".join(map(expand_text, entries)) + "]")
    if proposal.excluded:
        lines += _comment(f"Not sent: {proposal.export}'s own bookkeeping.")
        lines.append(f"except = {toml(proposal.excluded)}")
    return lines
