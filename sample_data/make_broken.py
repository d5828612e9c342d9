"""One small broken file for each error message worth showing; the README beside this file describes them."""

from __future__ import annotations

import gzip
import io
from typing import TYPE_CHECKING

import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from pathlib import Path

_USERS = "user_id,device_id,platform,timezone\n"
_EVENTS = "user_id,device_id,event,timestamp,timezone,amount\n"
_ZONED = ",America/New_York,9.99\n"
_GOOD_USER = "00042,3f1c9a7be2d40586,Android,Europe/Berlin\n"
_GOOD_EVENT = "00042,3f1c9a7be2d40586,purchase,2024-03-09 12:00:00" + _ZONED
_LONG_NAME = "subscription_renewed_with_discount"  # 34 characters

_TEXTS = {
    # the file
    "empty.csv": "",
    "header_only.csv": _USERS,
    "no_header.csv": _GOOD_USER + "00043,9b7e60d1c2f3a485,Android,Europe/Paris\n",
    "duplicate_header.csv": "user_id,device_id,user_id\n00042,3f1c9a7be2d40586,42\n",
    "unnamed_column.csv": ",user_id,device_id\n0,00042,3f1c9a7be2d40586\n",
    "semicolons.csv": (_USERS + _GOOD_USER).replace(",", ";"),
    "open_quote.csv": _USERS + '00041,"9b7e60d1c2f3a485,Android,Europe/Paris\n' + _GOOD_USER,
    "ragged.csv": _USERS
    + "00041,9b7e60d1c2f3a485\n"
    + _GOOD_USER
    + "00043,1d2c3b4a59687706,Android,Paris, France\n",
    # the time
    "time_without_zone.csv": "user_id,event,timestamp\n00042,purchase,2024-03-09 12:00:00\n",
    "unclear_time_unit.csv": (
        "user_id,event,timestamp\n00042,purchase,1709985600\n00042,purchase,1709985600000\n"
    ),
    "no_such_day.csv": (
        "user_id,event,timestamp,timezone\n"
        "00042,purchase,20240228,Europe/Berlin\n"
        "00042,purchase,20230229,Europe/Berlin\n"
    ),
    "daylight_saving.csv": _EVENTS
    + _GOOD_EVENT
    + ("00042,3f1c9a7be2d40586,purchase,2024-03-10 02:30:00" + _ZONED)
    + ("00042,3f1c9a7be2d40586,purchase,2024-11-03 01:30:00" + _ZONED),
    "unknown_zone.csv": _USERS + _GOOD_USER + "00043,1d2c3b4a59687706,Android,Europe/Atlantis\n",
    # the record
    "long_event_name.csv": _EVENTS + _GOOD_EVENT + _GOOD_EVENT.replace("purchase", _LONG_NAME),
    "no_id.csv": _EVENTS + _GOOD_EVENT + ",,purchase,2024-03-09 12:00:00" + _ZONED,
    "no_device.csv": _USERS + _GOOD_USER + "00043,,Android,Europe/Paris\n",
    "unknown_platform.csv": _USERS + _GOOD_USER + "00043,1d2c3b4a59687706,Symbian,Europe/Paris\n",
    "not_a_number.csv": _EVENTS + _GOOD_EVENT + _GOOD_EVENT.replace("9.99", '"12,50"'),
    "not_a_number.toml": """\
kind = "events"

[fields]
hwid = "device_id"
userId = "user_id"
event = "event"
timestamp = { column = "timestamp", format = "%Y-%m-%d %H:%M:%S", zone = { column = "timezone" } }

[attributes]
amount = { column = "amount", type = "float" }
""",
}


def write_all(folder: Path, whole_parquet: bytes) -> None:
    """Write all broken files; `whole_parquet` is the good file that one of them is cut from."""
    folder.mkdir(exist_ok=True)
    for name, text in _TEXTS.items():
        (folder / name).write_bytes(text.encode())
    umlauts = _USERS + _GOOD_USER + "Müller,1d2c3b4a59687706,Android,Europe/Berlin\n"
    (folder / "latin1.csv").write_bytes(umlauts.encode("latin-1"))
    (folder / "utf16.csv").write_bytes(b"\xff\xfe" + umlauts.encode("utf-16-le"))
    (folder / "compressed.csv.gz").write_bytes(gzip.compress((_USERS + _GOOD_USER).encode(), mtime=0))
    (folder / "cut.parquet").write_bytes(whole_parquet[: len(whole_parquet) // 4])
    (folder / "damaged.parquet").write_bytes(_damaged_parquet())
    (folder / "ids_as_numbers.parquet").write_bytes(_ids_as_numbers())


def _damaged_parquet() -> bytes:
    """Four row groups of 25 users; the first page of the third is overwritten."""
    table = pa.table(
        {
            "user_id": [f"{number:05d}" for number in range(100)],
            "device_id": [f"{number:016x}" for number in range(100)],
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink, row_group_size=25, use_dictionary=False)
    page = parquet.ParquetFile(sink).metadata.row_group(2).column(0).data_page_offset
    content = bytearray(sink.getvalue())
    content[page : page + 16] = b"\xff" * 16
    return bytes(content)


def _ids_as_numbers() -> bytes:
    """Ids that a tool turned into floating-point numbers because one was missing: some digits are gone."""
    table = pa.table(
        {
            "user_id": pa.array([42.0, None, float(2**53 + 2)], pa.float64()),
            "device_id": ["3f1c9a7be2d40586", "9b7e60d1c2f3a485", "1d2c3b4a59687706"],
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()
