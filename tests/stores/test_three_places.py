"""The same purchases from a store, a database and two files: each load is killed once, and all land alike.

The truth is read from the file by other means than the loader's, and asked of each sandbox by SQL.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import SAMPLES, CommandLine
from tests.test_load import expected, held, small, wait_until_held

if TYPE_CHECKING:
    from tests.databases.servers import Database
    from tests.stores.conftest import Bucket

OF_THE_DEVICE = ("device_id", "platform")
IN_POSTGRESQL = """\
SELECT p.user_id, d.device_id, p.event, to_char(p.day, 'YYYYMMDD') AS timestamp, p.timezone, d.platform,
       p.number_of_cds, p.dollar_value
FROM purchases p JOIN devices d USING (user_id)
"""
IN_DUCKDB = "SELECT p.*, d.device_id, d.platform FROM purchases p JOIN devices d USING (user_id)"
TABLES = r"""
CREATE TABLE purchases
    (user_id text, event text, day date, timezone text, number_of_cds int, dollar_value numeric);
CREATE TABLE devices (user_id text PRIMARY KEY, device_id text, platform text);
\copy purchases FROM '{purchases}' CSV HEADER
\copy devices FROM '{devices}' CSV HEADER
"""


def split(source: Path, folder: Path) -> tuple[Path, Path]:
    """The purchases without their devices, and a table of the device of each user."""
    with source.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    own = [name for name in rows[0] if name not in OF_THE_DEVICE]
    devices = list({row["user_id"]: row for row in rows}.values())
    return (
        write(folder / "purchases.csv", own, rows),
        write(folder / "devices.csv", ["user_id", *OF_THE_DEVICE], devices),
    )


def write(path: Path, columns: list[str], rows: list[dict[str, str]]) -> Path:
    """A CSV file with some of the columns of some rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def load_with_a_kill(folder: Path, rows: int, environment: dict[str, str], *what: object) -> CommandLine:
    """Load into a sandbox in a folder of its own; killed in the middle, continued, and settled to its end."""
    folder.mkdir()
    command = CommandLine(folder)
    command.environment |= environment
    checkpoint = ("--checkpoint", "load.ckpt", "--mapping", SAMPLES / "events.toml")
    load = ("events", *what, *checkpoint, "--sandbox", "--yes", "--quiet")
    with command.start(*load, "--rate", max(500, rows // 8)) as process:
        wait_until_held(command, rows // 4, seconds=600)
        process.kill()
        process.communicate(timeout=60)
    assert held(command).total() < rows, "it was killed too late"
    command.summary(*load)
    assert command.run("verify", "load.ckpt", "--settle").code == 0
    done = command.summary(*load)
    assert (done["exit_code"], done["read"], done["confirmed"]) == (0, rows, rows)
    return command


def load_from_three_places(source: Path, folder: Path, rows: int, bucket: Bucket, database: Database) -> None:
    """What each of the three sandboxes holds is exactly what the file holds."""
    bucket.put("purchases/events.csv", source.read_bytes())
    purchases, devices = split(source, folder)
    database.run(TABLES.format(purchases=purchases, devices=devices))
    ways: dict[str, tuple[object, ...]] = {
        "store": (bucket.address("purchases/"),),
        "database": ("--database", database.url, "--query", IN_POSTGRESQL),
        "files": (purchases, devices, "--query", IN_DUCKDB),
    }
    loads = [load_with_a_kill(folder / way, rows, bucket.environment, *what) for way, what in ways.items()]
    assert [held(load) for load in loads] == [expected(source)] * len(ways)


def test_purchases_land_alike_from_three_places(
    bucket: Bucket, postgres_database: Database, tmp_path: Path
) -> None:
    """From S3; from PostgreSQL, joined to a table of devices; and by DuckDB, joined from two files."""
    load_from_three_places(
        small(tmp_path / "events.csv", "events.csv", 2_000), tmp_path, 2_000, bucket, postgres_database
    )


@pytest.mark.skipif("CDNOW" not in os.environ, reason="`make cdnow` loads the whole file, in minutes")
def test_the_whole_file_lands_alike_from_three_places(
    bucket: Bucket, postgres_database: Database, tmp_path: Path
) -> None:
    """The same for all 69,659 purchases of the CDNOW file."""
    source = Path(os.environ["CDNOW"]) / "events.csv"
    load_from_three_places(source, tmp_path, 69_659, bucket, postgres_database)
