"""Cut the purchases of an `events.csv` into seven nightly exports that overlap by a day.

    python sample_data/make_nights.py events.csv nights                      # all days, in seven parts
    python sample_data/make_nights.py events.csv nights 19970301 19970307    # a night for each of these days

Each purchase gets its number in the file as `purchase_id`, because some customers bought the same twice on a
day. One purchase in ten of a night's last day arrives late, and is only in the file of the next night.
"""

from __future__ import annotations

import argparse
import csv
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NIGHTS = 7

Row = dict[str, str]


def read_numbered(path: Path, first: str, last: str) -> list[Row]:
    """The purchases of some days, each with its number in the file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{"purchase_id": f"P-{number:06}"} | row for number, row in enumerate(csv.DictReader(file), 1)]
    return [row for row in rows if first <= row["timestamp"] <= last]


def cut(rows: Sequence[Row], nights: int = NIGHTS) -> Iterator[list[Row]]:
    """The rows of each night: its days, and the last day of the night before once more."""
    days = sorted({row["timestamp"] for row in rows})
    ends = [len(days) * night // nights for night in range(nights + 1)]
    for begin, end in pairwise(ends):
        reported = set(days[max(begin - 1, 0) : end])
        late = days[end - 1] if end < len(days) else ""
        yield [row for row in rows if row["timestamp"] in reported and not is_late(row, late)]


def is_late(row: Row, day: str) -> bool:
    """Whether a purchase of that day arrives after the night."""
    return row["timestamp"] == day and row["purchase_id"].endswith("0")


def main() -> None:
    """Read the arguments, write `night_1.csv` to `night_7.csv`."""
    parser = argparse.ArgumentParser(description="Cut purchases into nightly exports that overlap by a day.")
    parser.add_argument("events", type=Path, help="an events.csv of make.py")
    parser.add_argument("folder", type=Path, help="where to write night_1.csv to night_7.csv")
    parser.add_argument("first", nargs="?", default="", help="first day, as YYYYMMDD")
    parser.add_argument("last", nargs="?", default="99999999", help="last day, as YYYYMMDD")
    given = parser.parse_args()
    purchases = read_numbered(given.events, given.first, given.last)
    given.folder.mkdir(parents=True, exist_ok=True)
    rows = 0
    for night, found in enumerate(cut(purchases), 1):
        rows += len(found)
        with (given.folder / f"night_{night}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, found[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(found)
    print(f"{given.folder}: {len(purchases):,} purchases, {rows:,} rows in {NIGHTS} files")


if __name__ == "__main__":
    main()
