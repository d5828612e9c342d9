"""What one writes by hand with aiohttp: the same posts from the same CSV by several tasks, and nothing else.

No checkpoint, no retries, no verdicts beyond "did it work".
"""

from __future__ import annotations

import asyncio
import csv
import ssl
import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.requests_futures_script import request

if TYPE_CHECKING:
    from collections.abc import Iterator


async def post_all(
    session: aiohttp.ClientSession, url: str, application: str, rows: Iterator[dict[str, str]]
) -> int:
    """One task: it takes the next row as soon as the one before is answered."""
    sent = 0
    for row in rows:
        async with session.post(url, json=request(row, application)) as response:
            sent += response.status == 200 and (await response.json())["status_code"] == 200
    return sent


async def load(path: str, endpoint: str, application: str, concurrency: int, rows: int, ca: str) -> int:
    tls = ssl.create_default_context(cafile=ca) if ca else True
    connector = aiohttp.TCPConnector(limit=concurrency, ssl=tls)
    with Path(path).open(newline="", encoding="utf-8") as file:
        reader = islice(csv.DictReader(file), rows)
        async with aiohttp.ClientSession(connector=connector) as session:
            tasks = [
                post_all(session, endpoint + "postEvent", application, reader) for _ in range(concurrency)
            ]
            return sum(await asyncio.gather(*tasks))


def main() -> None:
    path, endpoint, application, concurrency, rows, ca = sys.argv[1:]
    print(asyncio.run(load(path, endpoint, application, int(concurrency), int(rows), ca)))


if __name__ == "__main__":
    main()
