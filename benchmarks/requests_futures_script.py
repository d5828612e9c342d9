"""What one writes by hand: the same posts from the same CSV with requests-futures, and nothing else.

No checkpoint, no retries, no verdicts beyond "did it work": it is the loader's yardstick for speed alone.
"""

from __future__ import annotations

import csv
import sys
from concurrent.futures import as_completed
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from requests_futures.sessions import FuturesSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SLICE = 1000
ZONE = ZoneInfo("America/New_York")
DEVICE_TYPES = {"ios": 1, "android": 3}


def request(row: dict[str, str], application: str) -> dict[str, object]:
    """The body of one event."""
    local = datetime.strptime(row["day"], "%Y%m%d").replace(tzinfo=ZONE)
    return {
        "request": {
            "application": application,
            "event": "purchase",
            "attributes": {"cds": int(row["cds"]), "dollars": float(row["amount"])},
            "hwid": row["device_id"],
            "userId": row["customer"],
            "timestampUTC": int(local.timestamp()),
            "timestampCurrent": int(local.replace(tzinfo=UTC).timestamp()),
            "device_type": DEVICE_TYPES[row["platform"]],
        }
    }


def slices(rows: Iterator[dict[str, str]]) -> Iterator[list[dict[str, str]]]:
    """The rows in lists short enough that their futures fit in memory."""
    while rows_of_slice := list(islice(rows, SLICE)):
        yield rows_of_slice


def main(open_session: Callable[..., FuturesSession] = FuturesSession) -> None:
    path, endpoint, application, concurrency, limit, ca = sys.argv[1:]
    sent = 0
    with (
        open_session(max_workers=int(concurrency)) as session,
        Path(path).open(newline="", encoding="utf-8") as file,
    ):
        session.verify = ca or True
        session.trust_env = False  # a CA bundle of the environment would take its place
        for rows in slices(islice(csv.DictReader(file), int(limit))):
            futures = [session.post(endpoint + "postEvent", json=request(row, application)) for row in rows]
            for future in as_completed(futures):
                response = future.result()
                sent += response.status_code == 200 and response.json()["status_code"] == 200
    print(sent)


if __name__ == "__main__":
    main()
