"""What to do next: from the facts of a load to a list of steps, in the words of a terminal or of Python.

list_steps(left, spelling)     what remains, why, and what to do
spell_shell(...)               how a command is written in a terminal
spell_python(...)              how a call is written in Python
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from loader.text.escape import quote_for_shell, shorten
from loader.text.nouns import add_plural, count_rows, it_or_them, it_or_they

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loader.methods import Kind
    from loader.model import Account, Result

MOST_REASONS, LONGEST_REASON = 3, 120


class Remains(StrEnum):
    """What a step is about."""

    NOTHING = "nothing"
    NEVER_SENT = "never_sent"
    REJECTED = "rejected"
    OVERTAKEN = "overtaken"
    IN_DOUBT = "in_doubt"
    LEFT_OUT = "left_out"
    RUNNING = "running"
    REHEARSED = "rehearsed"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to continue: what it does, and the line to type."""

    words: str
    line: str


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do next.

    Attributes:
        remains: what it is about.
        headline: what there is, without a full stop: ``12 rows rejected``.
        reasons: the most frequent reasons for it, each with its number of rows.
        advice: sentences on what to do; "" if the ways say it.
        ways: what to type, in order.
    """

    remains: Remains
    headline: str
    reasons: tuple[str, ...] = ()
    advice: str = ""
    ways: tuple[Way, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Why rows are not confirmed.

    Attributes:
        rejected, in_doubt: the reasons with their numbers of rows, the most frequent first.
        overtaken: rejected rows that would undo a later row; `rejected` does not count them.
        misdirected: the vendor does not know the application, and has seen no row of a right one: a load with
            a corrected application begins again with all of these rows.
    """

    rejected: Sequence[tuple[str, int]] = ()
    in_doubt: Sequence[tuple[str, int]] = ()
    overtaken: int = 0
    misdirected: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """What is known of a load that has ended, or still runs.

    Attributes:
        kind: what was loaded.
        account: the counts.
        stopped: something ended the load before its end.
        interrupted: the user asked it to end.
        limited: only the first rows were to be sent.
        running: a load is running right now.
        why: why rows are not confirmed.
    """

    kind: Kind
    account: Account
    stopped: bool = False
    interrupted: bool = False
    limited: bool = False
    running: bool = False
    why: Why = field(default_factory=Why)

    @classmethod
    def of(cls, result: Result, why: Why, *, limited: bool) -> Left:
        """What a result leaves to do."""
        return cls(
            kind=result.kind,
            account=result.account,
            stopped=result.stop is not None and not result.stop.planned,
            interrupted=result.interrupted,
            limited=limited,
            why=why,
        )


@dataclass(frozen=True, slots=True)
class Spelling:
    """How the ways to continue are written.

    Attributes:
        again: what sends the rest, in the middle of a sentence: ``the same command again``.
        corrected: what loads to the right application, in the middle of a sentence.
        unlimited: the same without the limit.
        some: how only some of the rows in doubt are settled.
        look, rejected, retry, in_doubt, left_out, landed, dropped, resend: lines to type.
        with_cells: how rows with fixed cells are given, if `retry` does not show it.
        settle: what settles rows in doubt by the store of the sandbox that they went to; "" if they went to
            a vendor, or to a sandbox whose store is not known.
        live: sentences that lead from a rehearsal to a load; "" if this was none.
    """

    again: str
    corrected: str
    unlimited: str
    some: str
    look: str
    rejected: str
    retry: str
    in_doubt: str
    left_out: str
    landed: str
    dropped: str
    resend: str
    with_cells: str = ""
    settle: str = ""
    live: str = ""


def spell_shell(
    kind: Kind,
    checkpoint: str,
    *,
    again: str = "the same command again",
    rehearsed: bool = False,
    cut: str = "--limit",
) -> Spelling:
    """The commands of a terminal.

    Args:
        kind: what was loaded.
        checkpoint: the checkpoint's path.
        again: how the load is started again.
        rehearsed: the rows went to a sandbox in this very command.
        cut: the option that left rows for later.
    """
    name = quote_for_shell(checkpoint)
    resolve = f"pushwoosh-loader resolve {name}"
    live = (
        "Next: set PUSHWOOSH_API_TOKEN, and run the same command with --app XXXXX-XXXXX in place of "
        "--sandbox.\n"
        f"To see the request bodies first, run: pushwoosh-loader check {kind} FILE [--mapping TOML]"
    )
    return Spelling(
        again=again,
        corrected=f"{again} with the right --app",
        unlimited=f"the same command without {cut}",
        some="with --from FILE",
        look=f"pushwoosh-loader status {name}",
        rejected=f"pushwoosh-loader failures {name} --rejected",
        retry=f"pushwoosh-loader retry {name} [--mapping FIXED.toml] [--from FIXED.csv]",
        in_doubt=f"pushwoosh-loader failures {name} --in-doubt",
        left_out=f"pushwoosh-loader failures {name} --left-out",
        landed=f"{resolve} --landed",
        dropped=f"{resolve} --dropped",
        resend=f"{resolve} --resend",
        live=live if rehearsed else "",
    )


def spell_settling(checkpoint: str, store: str = "") -> str:
    """The command that settles rows in doubt of a rehearsal by what the store of its sandbox holds.

    Args:
        checkpoint: its path.
        store: the store's path; "" for the default one.
    """
    named = f" --sandbox-store {quote_for_shell(store)}" if store else ""
    return f"pushwoosh-loader verify {quote_for_shell(checkpoint)}{named} --settle"


def spell_python(
    checkpoint: str,
    *,
    view: str,
    source: str = "source",
    again: str = "the same call again",
    rehearsed: bool = False,
    cut: str = "limit",
) -> Spelling:
    """The calls of Python.

    Args:
        checkpoint: an expression for the checkpoint's path: ``result.checkpoint``.
        view: an expression for what has `rejected` and `in_doubt`: ``result``.
        source: the name of the input.
        again: how the load is started again.
        rehearsed: the rows went to a sandbox, and go there again.
        cut: the keyword that left rows for later.
    """
    sandbox = ", sandbox=sandbox" if rehearsed else ""
    return Spelling(
        again=again,
        corrected=f"{again} with the right application",
        unlimited=f"the same call without {cut}",
        some="with rows=",
        look=f"loader.Checkpoint({checkpoint})",
        rejected=f"{view}.rejected",
        retry=f"loader.retry({source}, {checkpoint}, mapping=fixed{sandbox})",
        with_cells=" (rows=)",
        in_doubt=f"{view}.in_doubt",
        left_out=f"{view}.left_out",
        landed=f'loader.resolve({checkpoint}, "landed")',
        dropped=f'loader.resolve({checkpoint}, "dropped")',
        resend=f'loader.resolve({checkpoint}, "resend")',
    )


def list_steps(left: Left, spelling: Spelling) -> list[Step]:
    """Every step that the facts ask for, the most urgent first; never none."""
    if left.running:
        look = Way("To see how far it is", spelling.look)
        return [Step(Remains.RUNNING, "A load is running", ways=(look,))]
    found = [
        *_send_the_rest(left, spelling),
        *_fix_rejected(left, spelling),
        *_explain_overtaken(left, spelling),
        *_settle_doubts(left, spelling),
    ]
    return [*(found or _finish(left, spelling)), *_show_left_out(left, spelling)]


def _send_the_rest(left: Left, spelling: Spelling) -> Iterator[Step]:
    number = left.account.never_sent
    if not number:
        return
    does = f"sends {it_or_them(number)}"
    if left.why.misdirected:
        advice = f"{_capitalize(spelling.corrected)} {does}."
    elif left.stopped:
        advice = f"Fix what stopped the load. Then {spelling.again} {does}."
    elif left.limited and not left.interrupted:
        advice = f"{_capitalize(spelling.unlimited)} {does}."
    else:
        advice = f"{_capitalize(spelling.again)} {does}."
    yield Step(Remains.NEVER_SENT, f"{count_rows(number)} never sent", advice=advice)


def _fix_rejected(left: Left, spelling: Spelling) -> Iterator[Step]:
    number = left.account.rejected - left.why.overtaken
    if number <= 0:
        return
    it, reasons = it_or_them(number), _list_reasons(left.why.rejected)
    see = Way(f"To see {it} with all columns and the reason", spelling.rejected)
    headline = f"{count_rows(number)} rejected"
    if left.why.misdirected:
        # A retry sends to the application of the checkpoint, which is the wrong one.
        again = _capitalize(spelling.corrected)
        advice = f"The vendor does not know the application. {again} begins again with {it}."
        yield Step(Remains.REJECTED, headline, reasons, advice, (see,))
        return
    cells = f"{'its' if number == 1 else 'their'} cells{spelling.with_cells}"
    retry = Way(f"To send {it} again when the cause is fixed, in the mapping or in {cells}", spelling.retry)
    yield Step(Remains.REJECTED, headline, reasons=reasons, ways=(see, retry))


def _explain_overtaken(left: Left, spelling: Spelling) -> Iterator[Step]:
    number, method = left.why.overtaken, left.kind.method
    if not number:
        return
    headline = (
        f"{count_rows(number)} not sent, because a later row of the same {method.owner} is at the vendor, "
        "or may be"
    )
    advice = f"Sent now, {it_or_they(number)} would undo that one. Nothing is left to do."
    if method.merges and method.container:
        names = method.container.many
        advice = (
            f"Sent now, {it_or_they(number)} would undo {names} of that one. If the reason of a row says "
            f"that others of its {names} are not set, load those {names} as a separate file."
        )
    way = Way(f"To see {it_or_them(number)} with the reason", spelling.rejected)
    yield Step(Remains.OVERTAKEN, headline, advice=advice, ways=(way,))


def _settle_doubts(left: Left, spelling: Spelling) -> Iterator[Step]:
    number = left.account.in_doubt
    if not number:
        return
    it = it_or_them(number)
    who = "sandbox" if spelling.settle else "vendor"
    again = (
        f"{_capitalize(spelling.again)} sends {it}, unless that would undo a later row of the same "
        f"{left.kind.method.owner}."
        if left.kind.method.repeatable
        else f"The {who} may or may not have {it}. Nothing is sent again unless you say so."
    )
    see = Way(f"To see {it}", spelling.in_doubt)
    by_store = Way(f"To settle {it} by what the sandbox's store holds", spelling.settle)
    only, ways = ("", (see, by_store)) if spelling.settle else _list_decisions(number, spelling, see)
    headline = f"{count_rows(number)} in doubt"
    yield Step(Remains.IN_DOUBT, headline, _list_reasons(left.why.in_doubt), again + only, ways)


def _list_decisions(number: int, spelling: Spelling, see: Way) -> tuple[str, tuple[Way, ...]]:
    """How the user decides about rows in doubt: a sentence on which of them, and the ways."""
    it = it_or_them(number)
    only = f" You can settle all of them, or {spelling.some} only those that you looked up."
    ways = (
        see,
        Way(f"If the vendor has {it}, count {it} as confirmed", spelling.landed),
        Way(f"If the vendor does not have {it}, let the next load send {it}", spelling.dropped),
        Way(f"If nobody knows, let the next load send {it}, perhaps twice", spelling.resend),
    )
    return ("" if number == 1 else only), ways


def _finish(left: Left, spelling: Spelling) -> Iterator[Step]:
    rows, others = left.account.read, left.account.left_out
    confirmed = "Every row is confirmed" if not others else "Every other row is confirmed"
    if others == rows:
        confirmed = "No row is part of the load: all are left out"
    yield Step(Remains.NOTHING, confirmed if rows else "The input holds no rows")
    if rows and spelling.live:
        yield Step(Remains.REHEARSED, "", advice=spelling.live)


def _show_left_out(left: Left, spelling: Spelling) -> Iterator[Step]:
    number = left.account.left_out
    if not number:
        return
    see = Way(f"To see {it_or_them(number)} with the reason", spelling.left_out)
    reasons = _list_reasons(left.account.left_out_by)
    yield Step(Remains.LEFT_OUT, f"{count_rows(number)} left out", reasons, ways=(see,))


def _list_reasons(found: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    shown = [
        f"{rows:,} × {shorten(reason, LONGEST_REASON).rstrip('.')}" for reason, rows in found[:MOST_REASONS]
    ]
    if (others := len(found) - MOST_REASONS) > 0:
        shown.append(f"and {others:,} other {add_plural(others, 'reason')}")
    return tuple(shown)


def _capitalize(text: str) -> str:
    return text[:1].upper() + text[1:]


def lay_out(step: Step) -> str:
    """A step as lines of text, for a terminal: reasons and commands have their own lines."""
    if not step.headline:
        return step.advice
    lines = [f"{step.headline}:", *(f"  {reason}" for reason in step.reasons)] if step.reasons else []
    lines += [step.advice] if step.reasons and step.advice else []
    if not step.reasons:
        lines = [f"{step.headline}. {step.advice}".rstrip()]
    for way in step.ways:
        lines += [f"{way.words}:", f"  {way.line}"]
    return "\n".join(lines)


def say_in_a_sentence(step: Step) -> str:
    """What remains and why as one paragraph; the ways are not in it."""
    if not step.headline:
        return step.advice
    why = f": {'; '.join(step.reasons)}" if step.reasons else ""
    return f"{step.headline}{why}. {step.advice}".rstrip()


def write_as_code(step: Step) -> list[str]:
    """The ways to continue as lines of Python, each with what it does in a comment."""
    width = max((len(way.line) for way in step.ways), default=0)
    return [f"{way.line:<{width}}  # {way.words[:1].lower()}{way.words[1:]}" for way in step.ways]
