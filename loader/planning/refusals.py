"""What is refused before the first send, whatever earlier runs left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.errors import ConfigError, TooFewRows
from loader.mapping.known_keys import find_known_key
from loader.message import Message, Setting
from loader.text.nouns import count_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loader.journal import CheckpointView
    from loader.mapping import Mapping
    from loader.planning.plan import Plan
    from loader.settings import Settings


def refuse_few_rows(settings: Settings, rows: int) -> None:
    """Refuse an input that has fewer rows than the user expects: an export that failed looks like that.

    Args:
        settings: what the user expects.
        rows: rows of the input.

    Raises:
        TooFewRows: it has.
    """
    options = settings.options
    name = "min_rows" if options.min_rows else "fail_if_empty"
    if rows >= max(options.min_rows or 0, int(options.fail_if_empty)):
        return
    raise TooFewRows(
        Message(
            "{files}: the input has {found}, and {setting} refuses {what}. Nothing was sent. "
            "Check the export. If this input is right, leave {setting} out.",
            files=", ".join(settings.files),
            found=count_rows(rows) if rows else "no rows",
            setting=Setting(name),
            what=f"fewer than {count_rows(options.min_rows)}" if options.min_rows else "that",
        )
    )


def refuse_ledger(plan: Plan, checkpoint: CheckpointView | None) -> None:
    """Refuse what needs a ledger without one, and a ledger of events without a key.

    Raises:
        ConfigError: it is so.
    """
    options = plan.settings.options
    if options.ledger is not None:
        refuse_keyless(plan.mapper.mapping, plan.source.schema.names)
    elif options.report_gone is not None and checkpoint is None:  # an earlier run may have chosen a ledger
        raise ConfigError(say_no_ledger())


def say_no_ledger() -> Message:
    """Say that without a ledger nobody knows which keys are gone."""
    return Message(
        "{gone} needs a ledger: without one nobody knows which keys were sent before. Nothing was sent. Name "
        "one with {ledger}; it is created if there is none. What is in the input of its first load can be "
        "listed as gone from the second one on.",
        gone=Setting("report_gone"),
        ledger=Setting("ledger"),
    )


def refuse_keyless(mapping: Mapping, columns: Sequence[str]) -> None:
    """Refuse a mapping of events that names no key: a ledger would have nothing to know them by.

    Raises:
        ConfigError: it names none.
    """
    if mapping.key or mapping.method.last_wins:
        return
    known = find_known_key(list(columns).__contains__)
    which = f'The column "{known}" is known to hold one' if known else "Choose the columns that hold one"
    line = f'key = ["{known or "insert_id"}"]'
    raise ConfigError(
        Message(
            "{ledger} needs a key by which an event is known again. {which}: write {line} at the top of the "
            "mapping, before the first table. Nothing was sent.",
            ledger=Setting("ledger"),
            which=which,
            line=line,
        )
    )
