"""A load over TLS beside `curl --parallel`, by HTTP/1.1 and HTTP/2, near and 50 ms away: `make bench-tls`.

How to read the table: benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from itertools import product

from benchmarks.answer import answers_encrypted
from benchmarks.load import LATENCY, RESULTS, Course, alternate, events, heading, report

CLIENTS = ["loader", "loader, fixed concurrency", "curl --parallel"]


def main() -> None:
    options = parse()
    source = events(options.rows)
    RESULTS.mkdir(exist_ok=True)
    sections = [heading(options)]
    for seconds, http_2 in product((0.0, LATENCY), (False, True)):
        with ExitStack() as servers:
            course = open_course(servers, seconds, http_2=http_2)
            sections.append(report(course, alternate(course, source, options)))
        print(sections[-1], flush=True)
        (RESULTS / "tls.txt").write_text("\n\n".join(sections) + "\n")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tls", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="events to load (default: 100000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each client (default: 3)")
    options = parser.parse_args()
    options.clients = CLIENTS
    return options


def open_course(servers: ExitStack, seconds: float, *, http_2: bool) -> Course:
    """A server that answers so late, over this version of HTTP."""
    server = servers.enter_context(answers_encrypted(http_2=http_2, seconds=seconds))
    if server is None:
        raise SystemExit("It needs nginx and openssl (Debian: apt-get install nginx libnginx-mod-http-echo).")
    place = f"{seconds * 1000:.0f} ms away" if seconds else "from memory"
    return Course(f"{'HTTP/2' if http_2 else 'HTTP/1.1'}, {place}", server, 256 if seconds else 32)


if __name__ == "__main__":
    main()
