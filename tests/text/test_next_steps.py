"""What to do next, from the facts of a load."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loader.methods import Kind
from loader.model import Account
from loader.text.next_steps import (
    Left,
    Remains,
    Why,
    lay_out,
    list_steps,
    say_in_a_sentence,
    spell_python,
    spell_settling,
    spell_shell,
    write_as_code,
)

SHELL = spell_shell(Kind.EVENTS, "a b.ckpt")
PYTHON = spell_python("result.checkpoint", view="result", rehearsed=True)
MIXED = Account(read=10, confirmed=4, rejected=3, in_doubt=2)


def texts(left: Left) -> list[str]:
    """The steps as a terminal shows them."""
    return [lay_out(step) for step in list_steps(left, SHELL)]


def test_each_state_that_is_left_has_a_step() -> None:
    """Rows never sent, rejected and in doubt are each named, in that order; confirmed rows need nothing."""
    steps = list_steps(Left(Kind.EVENTS, MIXED), SHELL)
    assert [step.remains for step in steps] == [Remains.NEVER_SENT, Remains.REJECTED, Remains.IN_DOUBT]


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        ({}, "The same command again sends them."),
        ({"stopped": True}, "Fix what stopped the load. Then the same command again sends them."),
        ({"limited": True}, "The same command without --limit sends them."),
        ({"limited": True, "interrupted": True}, "The same command again sends them."),
        (
            {"limited": True, "stopped": True},
            "Fix what stopped the load. Then the same command again sends them.",
        ),
    ],
)
def test_rows_never_sent_go_by_what_ended_the_load(facts: dict[str, Any], advice: str) -> None:
    """The user reads what really sends the rest: after a stop, after a limit, after an interrupt."""
    left = Left(Kind.EVENTS, Account(read=2), **facts)
    assert texts(left) == [f"2 rows never sent. {advice}"]


def test_rows_for_an_unknown_application_are_not_retried() -> None:
    """A retry would send them to the same application: the load is named, with what to change in it."""
    why = Why(rejected=[("Application not found", 3)], misdirected=True)
    left = Left(Kind.EVENTS, Account(read=5, rejected=3), stopped=True, why=why)
    for spelling, again in (
        (SHELL, "The same command again with the right --app"),
        (PYTHON, "The same call again with the right application"),
    ):
        unsent, rejected = list_steps(left, spelling)
        assert unsent.advice == f"{again} sends them."
        assert rejected.advice == f"The vendor does not know the application. {again} begins again with them."
        assert [way.line for way in rejected.ways] == [spelling.rejected]


def test_commands_can_be_copied() -> None:
    """Each command stands alone on its line, and a path with a blank is quoted."""
    (text,) = texts(
        Left(Kind.EVENTS, Account(read=3, rejected=3), why=Why(rejected=[("bad", 2), ("worse", 1)]))
    )
    assert text.splitlines() == [
        "3 rows rejected:",
        "  2 × bad",
        "  1 × worse",
        "To see them with all columns and the reason:",
        "  pushwoosh-loader failures 'a b.ckpt' --rejected",
        "To send them again when the cause is fixed, in the mapping or in their cells:",
        "  pushwoosh-loader retry 'a b.ckpt' [--mapping FIXED.toml] [--from FIXED.csv]",
    ]


def test_only_the_most_frequent_reasons_are_listed() -> None:
    """Three reasons stand in the text, and the number of the others."""
    reasons = [(f"reason {number}", 9 - number) for number in range(5)]
    (step,) = list_steps(Left(Kind.EVENTS, Account(read=9, rejected=9), why=Why(rejected=reasons)), SHELL)
    assert step.reasons[-2:] == ("7 × reason 2", "and 2 other reasons")


def test_users_in_doubt_go_again_and_events_do_not() -> None:
    """A user is repeatable: the same load sends the row again. An event waits for a decision."""
    account = Account(read=1, in_doubt=1)
    users, events, tags = (list_steps(Left(kind, account), SHELL)[0].advice for kind in Kind)
    assert users == (
        "The same command again sends it, unless that would undo a later row of the same device."
    )
    assert events == "The vendor may or may not have it. Nothing is sent again unless you say so."
    assert tags == users.replace("device", "user or device")


def test_a_row_that_a_later_one_overtook_is_not_said_to_be_retried() -> None:
    """No advice leads in a circle: such a row is explained, and only the others can be sent again."""
    account = Account(read=3, rejected=3)
    some = list_steps(Left(Kind.USERS, account, why=Why(rejected=[("bad", 1)], overtaken=2)), SHELL)
    assert [(step.headline, len(step.ways)) for step in some] == [
        ("1 row rejected", 2),
        ("2 rows not sent, because a later row of the same device is at the vendor, or may be", 1),
    ]
    assert some[1].advice == "Sent now, they would undo that one. Nothing is left to do."
    (all_,) = list_steps(Left(Kind.TAGS, account, why=Why(overtaken=3)), SHELL)
    assert "retry" not in f"{all_.advice}{all_.ways}"
    assert "load those tags as a separate file" in all_.advice


def test_doubts_of_a_rehearsal_are_settled_by_what_the_store_holds() -> None:
    """The store knows, so it is not the user who decides; the store is named if it is not the default."""
    left = Left(Kind.EVENTS, Account(read=2, in_doubt=2))
    for store, named in (("", ""), ("a store", " --sandbox-store 'a store'")):
        (step,) = list_steps(left, replace(SHELL, settle=spell_settling("a b.ckpt", store)))
        assert lay_out(step).splitlines() == [
            "2 rows in doubt. The sandbox may or may not have them. Nothing is sent again unless you say so.",
            "To see them:",
            "  pushwoosh-loader failures 'a b.ckpt' --in-doubt",
            "To settle them by what the sandbox's store holds:",
            f"  pushwoosh-loader verify 'a b.ckpt'{named} --settle",
        ]


def test_python_reads_calls_in_place_of_commands() -> None:
    """The steps in Python are calls that run, with what each does; those of a rehearsal name the sandbox."""
    _, rejected, doubts = list_steps(Left(Kind.EVENTS, MIXED, why=Why(in_doubt=[("lost.", 2)])), PYTHON)
    assert "mapping=fixed, sandbox=sandbox)" in write_as_code(rejected)[1]
    assert write_as_code(rejected)[1].endswith("in the mapping or in their cells (rows=)")
    assert say_in_a_sentence(doubts).startswith(
        "2 rows in doubt: 2 × lost. The vendor may or may not have them."
    )
    lines = write_as_code(doubts)
    for line in lines:
        compile(line, "step", "eval")


def test_a_finished_load_leaves_nothing_to_do() -> None:
    """It is said that every row is confirmed; after a rehearsal, how to load in earnest."""
    account = Account(read=1, confirmed=1)
    assert texts(Left(Kind.EVENTS, account)) == ["Every row is confirmed."]
    assert texts(Left(Kind.EVENTS, Account(read=0))) == ["The input holds no rows."]
    rehearsed = list_steps(Left(Kind.EVENTS, account), spell_shell(Kind.EVENTS, "a", rehearsed=True))
    assert "--app XXXXX-XXXXX" in lay_out(rehearsed[-1])


def test_a_running_load_is_only_looked_at() -> None:
    """While a load runs no command that would collide with it is proposed."""
    (step,) = list_steps(Left(Kind.EVENTS, MIXED, running=True), SHELL)
    assert [way.line for way in step.ways] == ["pushwoosh-loader status 'a b.ckpt'"]
