"""What people name as the input: folders, archives, other formats, the same rows twice."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from typing import TYPE_CHECKING

import fastavro
import pytest

from tests.sources.workbooks import Cell, text, workbook

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine

ROWS = [{"hwid": f"d{at}", "user_id": f"{at:05}"} for at in range(6)]
SAID = ("--sandbox", "--yes")


def csv_of(rows: list[dict[str, str]]) -> bytes:
    """A text file of rows."""
    return b"hwid,user_id\n" + b"".join(f"{row['hwid']},{row['user_id']}\n".encode() for row in rows)


def jsonl_of(rows: list[dict[str, str]]) -> bytes:
    """A record a line."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def avro_of(rows: list[dict[str, str]]) -> bytes:
    """An Avro file of rows."""
    out = io.BytesIO()
    fields = [{"name": name, "type": ["null", "string"]} for name in rows[0]]
    fastavro.writer(out, {"type": "record", "name": "row", "fields": fields}, rows)
    return out.getvalue()


def zip_of(files: dict[str, bytes]) -> bytes:
    """An archive of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


CELLS: list[list[Cell]] = [[text(cell) for cell in row] for row in [ROWS[0], *(row.values() for row in ROWS)]]
INPUTS = {
    "users.avro": avro_of(ROWS),
    "users.xlsx": workbook(*CELLS),
    "users.zip": zip_of({f"{at}.json.gz": gzip.compress(jsonl_of(ROWS[at : at + 3])) for at in (0, 3)}),
    "users.csv.gz": csv_of(ROWS),
    "users.txt": jsonl_of(ROWS),
    "part-00000": csv_of(ROWS),
    "data_0_0_0": gzip.compress(gzip.compress(jsonl_of(ROWS))),
}


@pytest.mark.parametrize("name", INPUTS)
def test_each_input_is_loaded_and_resumed(command: CommandLine, tmp_path: Path, name: str) -> None:
    """In two runs, every user once, with the id as it stands there."""
    path = tmp_path / name
    path.write_bytes(INPUTS[name])
    assert command.run("users", path, *SAID, "--limit", 4).code == 0
    ran = command.run("users", path, *SAID, "--summary", "-")
    assert (ran.code, json.loads(ran.out)["attempts"]) == (0, 6)
    held = command.held("SELECT hwid, user_id FROM devices ORDER BY hwid")
    assert held == [(row["hwid"], row["user_id"]) for row in ROWS]


@pytest.mark.parametrize(
    ("files", "given"),
    [
        ({"a.csv": csv_of(ROWS), "b.csv": csv_of(ROWS)}, "folder"),
        ({"a.csv": csv_of(ROWS), "b.csv.gz": gzip.compress(csv_of(ROWS))}, "folder"),
        ({"users.csv": csv_of(ROWS[:3]), "users (1).csv": csv_of(ROWS)}, "folder/*.csv"),
        ({"old.csv": csv_of(ROWS[:3]), "new.csv": csv_of(ROWS), "_delta_log/0.json": b"{}"}, "folder"),
        ({"a.zip": zip_of({"a.csv": csv_of(ROWS), "b.csv": csv_of(ROWS)})}, "folder/a.zip"),
    ],
    ids=["equal", "packed", "copy", "table", "archive"],
)
def test_the_same_rows_twice_are_refused_before_anything_is_sent(
    command: CommandLine, tmp_path: Path, files: dict[str, bytes], given: str
) -> None:
    """With exit code 2, and nothing is left behind that a later load would resume."""
    for name, content in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for words in (["users"], ["check", "users"]):
        ran = command.run(*words, given, *(SAID if words == ["users"] else ()))
        assert ran.code == 2
        assert "Error: folder" in ran.err
    assert not list(tmp_path.rglob("*.ckpt"))


def test_what_a_folder_leaves_out_is_shown(command: CommandLine, tmp_path: Path) -> None:
    """By a check, and before the first send."""
    for name in ("folder/a.csv", "folder/_SUCCESS"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(csv_of(ROWS))
    for words in (["check", "users", "folder"], ["users", "folder", *SAID]):
        ran = command.run(*words)
        shown = " ".join(f"{ran.out} {ran.err}".split())
        assert "note: 1 file is left out of the folder folder, because names" in shown
        assert "folder/_SUCCESS." in shown
