"""`tags`: tags are set on users and devices, merged, and in order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

MAPPING = """
kind = "tags"
[fields]
userId = "user"
[tags]
plan = "plan"
visits = {{ column = "visits", type = "{}" }}
"""
TAGS_HELD = "SELECT user_id, tag, value FROM tags ORDER BY user_id, tag"


def test_the_last_row_of_a_user_wins_and_an_empty_cell_sets_nothing(
    command: CommandLine, tmp_path: Path
) -> None:
    """Tags merge: what a row does not name stays, in the order of the input whatever the concurrency."""
    rows = "".join(f"U{row % 3},{'' if row > 50 else row},{row}\n" for row in range(60))
    (tmp_path / "tags.csv").write_text("user,plan,visits\n" + rows)
    (tmp_path / "tags.toml").write_text(MAPPING.format("integer"))
    found = command.summary("tags", "tags.csv", "--mapping", "tags.toml", "--sandbox", "--concurrency", 16)
    assert (found["kind"], found["confirmed"], found["exit_code"]) == ("tags", 60, 0)
    held = {(user, tag): json.loads(str(value)) for user, tag, value in command.held(TAGS_HELD)}
    assert held == {
        ("U0", "plan"): "48", ("U0", "visits"): 57,
        ("U1", "plan"): "49", ("U1", "visits"): 58,
        ("U2", "plan"): "50", ("U2", "visits"): 59,
    }  # fmt: skip


def test_a_checkpoint_of_tags_refuses_other_tags(command: CommandLine, tmp_path: Path) -> None:
    """The mapping that a checkpoint keeps holds the tags: changed ones are refused, and nothing is sent."""
    (tmp_path / "tags.csv").write_text("user,plan,visits\nU1,gold,1\nU2,gold,2\n")
    (tmp_path / "tags.toml").write_text(MAPPING.format("integer"))
    load = ("tags", "tags.csv", "--mapping", "tags.toml", "--sandbox", "--yes", "--limit", 1)
    assert command.run(*load).code == 0
    (tmp_path / "tags.toml").write_text(MAPPING.format("string"))
    refused = command.run(*load, "--keep")
    assert (refused.code, "visits" in refused.err) == (2, True)
    assert len(command.held(TAGS_HELD)) == 2


def test_rejected_rows_of_tags_are_listed_and_retried(command: CommandLine, tmp_path: Path) -> None:
    """Failures, retry and the account work for tags as for users and events."""
    (tmp_path / "tags.csv").write_text("user,plan,visits\nU1,gold,x\nU2,gold,2\n")
    (tmp_path / "tags.toml").write_text(MAPPING.format("integer"))
    assert command.run("tags", "tags.csv", "--mapping", "tags.toml", "--sandbox", "--yes").code == 3
    checkpoint = "tags.csv.tags.sandbox.ckpt"
    assert "is not a whole number" in command.run("failures", checkpoint, "--rejected").out
    (tmp_path / "tags.toml").write_text(MAPPING.format("string"))
    retried = command.run("retry", checkpoint, "--mapping", "tags.toml", "--yes")
    assert retried.code == 0, retried.err
    assert ("U1", "visits", '"x"') in command.held(TAGS_HELD)


def test_a_row_without_a_tag_can_remove_what_is_empty_in_it(command: CommandLine, tmp_path: Path) -> None:
    """The advice of the reject works: the mapping that removes tags sends the row, the same input resumes."""
    (tmp_path / "tags.csv").write_text("user,plan,visits\nU1,,\nU2,gold,2\n")
    (tmp_path / "tags.toml").write_text(MAPPING.format("integer"))
    assert command.run("tags", "tags.csv", "--mapping", "tags.toml", "--sandbox", "--yes").code == 3
    checkpoint = "tags.csv.tags.sandbox.ckpt"
    assert 'set empty = "null" in the mapping' in command.run("failures", checkpoint).out.replace('""', '"')
    removing = MAPPING.format("integer").replace('plan = "plan"', 'plan = {column = "plan", empty = "null"}')
    (tmp_path / "tags.toml").write_text(removing)
    assert command.run("retry", checkpoint, "--mapping", "tags.toml", "--yes").code == 0


def test_more_tags_than_a_call_takes_are_set_by_two_loads(command: CommandLine, tmp_path: Path) -> None:
    """The advice of the reject works: two mappings, each load with a checkpoint of its own."""
    names = [f"t{number}" for number in range(60)]
    (tmp_path / "tags.csv").write_text(f"userId,{','.join(names)}\nU1,{','.join('x' * 60)}\n")
    ran = command.run("tags", "tags.csv", "--sandbox", "--yes")
    failures = command.run("failures", "tags.csv.tags.sandbox.ckpt")
    assert (ran.code, "each load needs a checkpoint of its own" in failures.out) == (3, True)
    for part in (names[:30], names[30:]):
        named = "".join(f'{name} = "{name}"\n' for name in part)
        (tmp_path / "part.toml").write_text(f'kind = "tags"\n[fields]\nuserId = "userId"\n[tags]\n{named}')
        load = ("tags", "tags.csv", "--mapping", "part.toml", "--checkpoint", f"{part[0]}.ckpt", "--sandbox")
        assert command.run(*load, "--yes").code == 0
    assert len(command.held(TAGS_HELD)) == 60
