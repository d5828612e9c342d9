"""The options that several commands share: how text files are written."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from loader.methods import Kind
from tests.cli.test_standard_input import USERS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_what_is_said_of_a_text_is_shown_and_kept(command: CommandLine, tmp_path: Path) -> None:
    """Failed rows are read again as the load read them, without a word; another reading is refused."""
    rows = USERS.replace(",", "|").replace("Android", "Symbian").split("\n", 1)[1]
    (tmp_path / "users.dat").write_bytes(rows.replace("42", "4ü").encode("latin-1"))
    arguments = ["users", "users.dat", "--sandbox", "--checkpoint", "c.ckpt", "--delimiter", "pipe"]
    said = ["--encoding", "latin-1", "--columns", "user_id,device_id,platform"]
    ran = command.run(*arguments, *said)
    assert ran.code == 3, ran.err
    form = (
        'CSV: delimiter = "|", quote = "\\"", encoding = "iso8859-1", header = false, '
        'columns = ["user_id", "device_id", "platform"]'
    )
    assert f"  read as {form}\n" in ran.out
    failures = command.run("failures", "c.ckpt")
    assert failures.code == 0, failures.err
    assert "0004ü,b4618383c0c47c25,Symbian" in failures.out
    other = command.run(*arguments, "--keep", "--encoding", "windows-1252", *said[2:])
    assert other.code == 2
    assert f"users.dat was read as {form}, and is now read as CSV: " in " ".join(other.err.split())


def test_a_wrong_word_on_a_text_is_refused(command: CommandLine, tmp_path: Path) -> None:
    """With every mistake."""
    (tmp_path / "users.csv").write_text(USERS)
    ran = command.run("check", "users", "users.csv", "--delimiter", "::", "--no-header")
    assert ran.code == 2
    assert "delimiter is '::'; it must be one ASCII character" in ran.err
    assert 'without a header the names must be given: columns = ["user_id", ...].' in ran.err


def test_the_mapping_file_says_how_the_input_is_written(command: CommandLine, tmp_path: Path) -> None:
    """`[source]` does what the options do, for a retry too, and `map` writes what it was told."""
    (tmp_path / "users.txt").write_bytes("ü1|D1\nu2|\n".encode("latin-1"))
    said = ("--delimiter", "pipe", "--encoding", "latin-1", "--no-header", "--columns", "user_id,hwid")
    assert command.run("map", "users", "users.txt", *said, "-o", "users.toml").code == 0
    assert tomllib.loads((tmp_path / "users.toml").read_text())["source"] == {
        "delimiter": "|",
        "encoding": "iso8859-1",
        "header": False,
        "columns": ["user_id", "hwid"],
    }
    load = command.summary("users", "users.txt", "--mapping", "users.toml", "--sandbox", "--yes")
    assert (load["confirmed"], load["rejected"]) == (1, 1)
    assert command.held("SELECT user_id FROM devices") == [("ü1",)]
    assert command.summary("retry", load["checkpoint"])["rejected"] == 1


def test_a_mistake_in_source_is_told_with_the_others(command: CommandLine, tmp_path: Path) -> None:
    """Mistakes of the file's form stand in one list with those of the mapping."""
    (tmp_path / "users.csv").write_text("user_id,hwid\nu,d\n")
    (tmp_path / "m.toml").write_text('kind = "users"\n[fields]\nhwidd = "hwid"\n[source]\ndelimeter = ";"\n')
    ran = command.run("check", "users", "users.csv", "--mapping", "m.toml")
    assert ran.code == 2
    assert "hwidd" in ran.err
    assert '[source]: "delimeter" is not known here. Did you mean "delimiter"?' in ran.err


@pytest.mark.parametrize("kind", Kind)
def test_a_command_offers_only_what_its_rows_need(command: CommandLine, tmp_path: Path, kind: Kind) -> None:
    """An option that would be ignored is not in the help, and is refused by name."""
    (tmp_path / "rows.csv").write_text("hwid,event,timestamp\nd,e,2024-01-01T00:00Z\n")
    ran = command.run(kind, "--help")
    assert [option in ran.out for option in ("--order", "--on-doubt")] == [kind is Kind.EVENTS] * 2
    for option, value in (("--order", "device"), ("--on-doubt", "resend")):
        ran = command.run(kind, "rows.csv", "--sandbox", "--yes", option, value)
        refused = f"No such option '{option}'. It is for events alone: other rows" in ran.err
        assert (ran.code, refused, "Did you mean" in ran.err) == (
            (0, False, False) if kind is Kind.EVENTS else (2, True, False)
        )


@pytest.mark.parametrize("said", ["option", "mapping"])
def test_words_for_nothing_are_said_shown_and_kept(command: CommandLine, tmp_path: Path, said: str) -> None:
    r"""`\N` and `NA` reach no body, and a load that says it cannot be continued by one that does not."""
    source = tmp_path / "users.csv"
    source.write_text("hwid,user_id\nd1,u1\nd2,\\N\nd3,NA\n")
    words = ["--null-values", r"\N", "--null-values", "NA"]
    if said == "mapping":
        mapping = tmp_path / "m.toml"
        mapping.write_text(
            "kind = 'users'\nsource = { null_values = ['\\N', 'NA'] }\n"
            "[fields]\nhwid='hwid'\nuserId='user_id'\n"
        )
        words = ["--mapping", str(mapping)]
    ran = command.run("users", source, "--sandbox", "--yes", *words)
    assert ran.code == 0, ran.err
    assert 'null_values "\\N", "NA" mean nothing in every column' in ran.out
    assert command.held("SELECT hwid, user_id FROM devices ORDER BY hwid") == [
        ("d1", "u1"),
        ("d2", "d2"),
        ("d3", "d3"),
    ]
    again = command.run("users", source, "--sandbox", "--yes", "--keep")
    assert again.code == 2
    assert '-null_values = ["\\\\N", "NA"]' in again.err
