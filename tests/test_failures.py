"""Files of failed rows come back as they were written."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loader.failures import write_rows
from loader.sources import open_source

CELLS = st.lists(st.text(st.sampled_from('",;\r\n \tab=ä\\'), max_size=6), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(CELLS)
@example(["c\rd"])
@example(["\r", "\n", "\r\n", '"', ""])
def test_every_cell_of_a_csv_comes_back_byte_for_byte(cells: list[str]) -> None:
    """Quotes, commas, blanks and line ends of any kind in a cell neither break a record nor change."""
    text = pd.ArrowDtype(pa.string())
    columns = {"user_id": [f"U{n}" for n in range(len(cells))], "note": cells, "_loader_state": "rejected"}
    frame = pd.DataFrame(columns).astype(text)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "rejected.csv")
        assert write_rows(iter([frame]), "csv", target) == len(cells)
        read = pd.concat([chunk.frame for chunk in open_source([target]).chunks()])
    assert read.to_dict("list") == frame.to_dict("list")
