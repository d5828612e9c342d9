"""What is said of a row without saying what stands in it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from loader.conditions import Ending, Remedies, ShownReasons
from loader.errors import SourceError
from loader.mapping.findings import Fault, Findings
from loader.message import HIDDEN, Message, Quote, Setting, spell_option
from loader.model import Chunk, Reject, Stop, StopCode
from loader.report.privacy import redact_end, redact_error, redact_reason
from loader.sources import open_source
from tests.mapping.samples import mapped, text_frame

if TYPE_CHECKING:
    from pathlib import Path

MAPPING = 'timestamp = { column = "day", format = "%Y%m%d" }'


@pytest.mark.parametrize(
    ("reason", "column", "shown"),
    [
        ('column "amount" is not a number', "amount", 'column "amount" is not a number'),
        (
            'column "day" is not a real time in the format "%Y%m%d"',
            "day",
            'column "day" is not a real time in the format "%Y%m%d"',
        ),
        (
            'column "props" has a member "jo@example.com" that is empty, and the mapping rejects that',
            "props",
            f'column "props" has a member {HIDDEN} that is empty, and the mapping rejects that',
        ),
        ("the row has 5 cells, the header has 4", "", "the row has 5 cells, the header has 4"),
        (
            'columns "a", "b" both give an attribute "secret"',
            "a, b",
            f'columns "a", "b" both give an attribute {HIDDEN}',
        ),
    ],
)
def test_a_reason_keeps_what_the_header_and_the_mapping_say(reason: str, column: str, shown: str) -> None:
    """Columns and formats are shown; names that come out of a cell are not."""
    assert redact_reason(reason, column, MAPPING) == shown


@pytest.mark.parametrize(
    "cell", ['{"jo@example.com \\"x": ""}', '{"jo@example.com": [true]}', '{"jo@example.com": 1e999}']
)
def test_a_member_is_hidden_by_what_it_is_and_not_by_its_quotes(cell: str) -> None:
    """What stands in a cell is left out although the mapping, or a quote in it, would let it through."""
    opened = 'expand = [{ column = "c", empty = "reject" }]'
    toml = f'kind = "tags"\n[fields]\nuserId = "u"\n[tags]\none = "u"\n{opened}\n'
    [reject] = mapped(toml, text_frame(u=["u"], c=[cell])).rejects
    assert "jo@example.com" in reject.reason
    assert "jo@example.com" not in reject.shown_reason
    assert HIDDEN in reject.shown_reason
    assert ShownReasons.from_text(ShownReasons().note_new([reject])) == {reject.reason: reject.shown_reason}


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b'{"a: b": "\\ud800"}', f"the row has half a character (a lone surrogate) in {HIDDEN}"),
        (b'{"a: b": 1, "a: b": 2}', f"the row has the key {HIDDEN} twice"),
        (b"[1]", "the row is not a JSON object with keys but a value"),
    ],
)
def test_a_line_that_is_no_record_is_told_without_its_keys(tmp_path: Path, line: bytes, shown: str) -> None:
    """The reason ends where the reader says, not at the first colon, which may stand in a key."""
    (tmp_path / "t.jsonl").write_bytes(b'{"a: b": "x"}\n' + line + b"\n")
    [chunk] = open_source([str(tmp_path / "t.jsonl")]).chunks()
    [reject] = Findings(chunk).rejects
    assert reject.shown_reason == shown
    assert reject.reason == shown.replace(HIDDEN, '"a: b"')
    assert reject.message.startswith(f"{chunk.place(1)}, {reject.reason}: ")


def test_a_remedy_is_noted_once_for_its_reason() -> None:
    """What to do is told for each reason, in words that repeat nothing of a row."""
    faults = Findings(Chunk(0, pd.DataFrame({"tz": ["Europe/Berlim", "x"]}), "a.csv", 1, {}))
    fault = Fault("is not a time zone", "Use a name.", 'Did you mean "Europe/Berlin"?')
    faults.add(np.array([True, True]), ["tz"], pa.array(["Europe/Berlim", "x"]), fault)
    assert faults.rejects[0].message.endswith('is not a time zone. Did you mean "Europe/Berlin"? Use a name.')
    remedies = Remedies()
    note = remedies.note_new(faults.rejects)
    assert Remedies.from_text(note) == {'column "tz" is not a time zone': "Use a name."}
    assert remedies.note_new(faults.rejects) == ""


def test_remedies_do_not_make_a_checkpoint_grow() -> None:
    """An input in which every row is wrong in a way of its own leaves a note of bounded size."""
    rejects = [Reject(row, "", "", f"reason {row}", "", "", "Fix it.") for row in range(100)]
    assert len(Remedies.from_text(Remedies(most=10).note_new(rejects))) == 10


def test_an_end_is_told_without_its_quotes() -> None:
    """Why a load stopped can be shown to everybody if its code says that nothing else is quoted."""
    quote = Quote(': "secret"')
    message = Message(
        "The first {rows} rows were all rejected for the same reason{quote}.", rows=20, quote=quote
    )
    ended = Ending.of(Stop(StopCode.REJECTED_ALIKE, message), interrupted=False)
    assert ended.stopped == 'The first 20 rows were all rejected for the same reason: "secret".'
    kept = Ending.from_text(ended.to_text())
    assert (
        redact_end(kept.code, kept.unquoted, spell_option)
        == "The first 20 rows were all rejected for the same reason."
    )


def test_a_full_disk_is_told() -> None:
    """The place of the checkpoint is not."""
    message = Message("/data/secret.ckpt: the disk is full. Make room.")
    ended = Ending.of(Stop(StopCode.DISK_FULL, message), interrupted=False)
    assert redact_end(ended.code, ended.unquoted, spell_option) == "The disk was full."


@pytest.mark.parametrize("code", [None, StopCode.INPUT, StopCode.CHECKPOINT, StopCode.CERTIFICATE])
def test_an_end_that_may_quote_anything_is_not_told(code: StopCode | None) -> None:
    """Neither is the end of a run by a version without codes."""
    assert "secret" not in redact_end(code, 'orders.csv, row 3: "secret" is not what it was.', spell_option)


@pytest.mark.parametrize("code", [{}, {"code": None}, {"code": "of a later version"}, {"code": ["outage"]}])
def test_an_end_without_a_known_code_still_reads(code: dict[str, object]) -> None:
    """Notes of older and of later versions are read; what may be quoted of them is not known."""
    note = {"stopped": "No usable answer for 15 minutes.", "interrupted": False, **code}
    ended = Ending.from_text(json.dumps(note))
    assert (ended.stopped, ended.code) == ("No usable answer for 15 minutes.", None)


def test_an_error_is_told_without_what_it_may_quote() -> None:
    """Why the input cannot be read is told; a finished sentence is not, because it may quote a cell."""
    missing = Message("{name}: there is no such file.", name="a.csv")
    assert redact_error(missing, spell_option) == "a.csv: there is no such file."
    unknown = SourceError('a.csv, column "t": "SECRET" is not like "2024".')
    moved = Message("{error} Name it with {files}.", error=unknown.message, files=Setting("files"))
    assert redact_error(moved, spell_option) == "Name it with --input."
    assert "SECRET" not in redact_error(unknown.message, spell_option)
    assert "--with-examples" in redact_error(unknown.message, spell_option)
