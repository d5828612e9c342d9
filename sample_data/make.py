"""Make the sample data from the CDNOW purchases, and one broken file for each error worth showing.

    python sample_data/make.py CDNOW_master.txt            # one customer in ten, and broken/, in this folder
    python sample_data/make.py CDNOW_master.txt --all DIR  # every customer and purchase, into DIR

The same input gives the same rows each time: what the shop did not record is derived from a hash of the
customer's id.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import make_broken
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).resolve().parent
ONE_IN = 10
SHOP_ZONE = "America/New_York"  # the shop was in Pennsylvania; its days are local days
HOME_ZONES = (  # where a customer is said to live: about as many entries as each deserves
    *["America/New_York"] * 8,
    *["America/Chicago"] * 5,
    *["America/Los_Angeles"] * 4,
    "America/Denver",
    "America/Phoenix",
    "America/St_Johns",
    "Europe/London",
    "Asia/Kolkata",
)
USER_COLUMNS = ("user_id", "device_id", "platform", "timezone")
EVENT_TYPES = {
    "user_id": pa.string(),
    "device_id": pa.string(),
    "event": pa.string(),
    "timestamp": pa.string(),
    "timezone": pa.string(),
    "platform": pa.string(),
    "number_of_cds": pa.int32(),
    "dollar_value": pa.float64(),
}


@dataclass(frozen=True, slots=True)
class Purchase:
    """One line of the shop's file, each cell as it stands there."""

    customer: str
    day: str
    cds: str
    dollars: str


def read_purchases(path: Path) -> list[Purchase]:
    """All purchases, in the order of the file; its first line names the columns."""
    _, *lines = path.read_text(encoding="ascii").splitlines()
    return [Purchase(*line.split()) for line in lines if line.strip()]


def one_in_ten(purchases: Sequence[Purchase]) -> list[Purchase]:
    """The purchases of every tenth customer, in the order in which customers first appear."""
    kept = set(customers(purchases)[::ONE_IN])
    return [purchase for purchase in purchases if purchase.customer in kept]


def customers(purchases: Iterable[Purchase]) -> list[str]:
    """Each customer's id once."""
    return list(dict.fromkeys(purchase.customer for purchase in purchases))


def chance(customer: str, about: str) -> bytes:
    """32 bytes that are always the same for this customer and question."""
    return hashlib.sha256(f"{about} of customer {customer}".encode("ascii")).digest()


def platform(customer: str) -> str:
    """A made-up platform, half and half."""
    return "iOS" if chance(customer, "platform")[0] % 2 else "Android"


def device(customer: str) -> str:
    """A made-up device id in the form of its platform: upper-case UUID, or 16 lower-case digits."""
    digits = chance(customer, "device").hex()
    if platform(customer) == "Android":
        return digits[:16]
    parts = (digits[:8], digits[8:12], "4" + digits[13:16], "A" + digits[17:20], digits[20:32])
    return "-".join(parts).upper()


def home_zone(customer: str) -> str:
    """A made-up zone, among them two with half hours."""
    return HOME_ZONES[chance(customer, "zone")[0] % len(HOME_ZONES)]


def user_rows(purchases: Iterable[Purchase]) -> list[tuple[str, ...]]:
    """One row for each customer."""
    return [(name, device(name), platform(name), home_zone(name)) for name in customers(purchases)]


def event_rows(purchases: Iterable[Purchase]) -> list[tuple[str, ...]]:
    """One row for each purchase; day, number and amount are the shop's own text."""
    return [
        (p.customer, device(p.customer), "purchase", p.day, SHOP_ZONE, platform(p.customer), p.cds, p.dollars)
        for p in purchases
    ]


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    """UTF-8, commas, plain line ends."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_parquet(path: Path, rows: Sequence[tuple[str, ...]]) -> None:
    """Numbers as numbers, everything else as text."""
    texts = zip(*rows, strict=True)
    columns = [pa.array(cells).cast(kind) for cells, kind in zip(texts, EVENT_TYPES.values(), strict=True)]
    table = pa.table(columns, schema=pa.schema(EVENT_TYPES))
    parquet.write_table(
        table, path, row_group_size=2000 if len(rows) < 10_000 else 50_000, compression="zstd"
    )


def write_exports(folder: Path, purchases: Sequence[Purchase]) -> None:
    """`users.csv`, `events.csv` and `events.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    events = event_rows(purchases)
    write_csv(folder / "users.csv", USER_COLUMNS, user_rows(purchases))
    write_csv(folder / "events.csv", EVENT_TYPES, events)
    write_parquet(folder / "events.parquet", events)
    print(f"{folder}: {len(customers(purchases)):,} users, {len(events):,} events")


def main() -> None:
    """Read the arguments, write the files."""
    parser = argparse.ArgumentParser(description="Make sample exports from the CDNOW purchases.")
    parser.add_argument("purchases", type=Path, help="CDNOW_master.txt")
    parser.add_argument(
        "--all", type=Path, metavar="DIR", help="write every purchase into this folder instead"
    )
    arguments = parser.parse_args()
    purchases = read_purchases(arguments.purchases)
    if arguments.all:
        write_exports(arguments.all, purchases)
        return
    write_exports(HERE, one_in_ten(purchases))
    make_broken.write_all(HERE / "broken", (HERE / "events.parquet").read_bytes())


if __name__ == "__main__":
    main()
