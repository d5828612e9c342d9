"""libcurl moved by the loader's line, and nothing else: one body again and again, nothing written down."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

from benchmarks.requests_futures_script import request
from loader.delivery.transports.curl.curl_line import CurlLine, open_line
from loader.model import Answer


def post_all(line: CurlLine, body: bytes, rows: int, concurrency: int) -> int:
    """Keep the line full until all rows are answered; how many of them well."""
    begun = ended = good = 0
    while ended < rows:
        while begun < rows and begun - ended < concurrency:
            line.send(body, None)
            begun += 1
        for _, attempt in line.turn(None):
            ended += 1
            good += isinstance(attempt, Answer) and attempt.status == 200
    return good


def main() -> None:
    path, endpoint, application, concurrency, rows, ca = sys.argv[1:]
    with Path(path).open(newline="", encoding="utf-8") as file:
        body = json.dumps(request(next(csv.DictReader(file)), application)).encode()
    line = open_line(endpoint + "postEvent", None, concurrency=int(concurrency), ca_bundle=ca or None)
    print(post_all(line, body, int(rows), int(concurrency)))
    line.close()


if __name__ == "__main__":
    main()
