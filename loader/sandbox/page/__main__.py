"""The child that draws: answers requests from its standard input, ends when that does. See `drawer`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from loader.sandbox.page.asked import read_asked
from loader.sandbox.page.replies import TEXT, Request, write_line, write_reply
from loader.sandbox.page.tables import find_download

if TYPE_CHECKING:
    from loader.sandbox.page.state import StoreState

NICENESS = 5
ATTENTION_SECONDS = 30.0
"""How long after a request the counts are still brought up to date: somebody may be looking."""
IDLE_SECONDS = 0.5


def main() -> None:
    """Answer requests, or one download."""
    parser = argparse.ArgumentParser(prog="loader.sandbox.page")
    parser.add_argument("store", type=Path)
    parser.add_argument("--download", action="store_true")
    arguments = parser.parse_args()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(BrokenPipeError):  # whoever asked is gone
        if arguments.download:
            write_one_download(arguments.store)
        else:
            answer_requests(arguments.store)
    # What could not be written must not be tried again at the end of the interpreter.
    os._exit(0)


def answer_requests(store: Path) -> None:
    """Answer until the end of standard input; count what is behind between two requests."""
    from loader.sandbox.page.routes import Routes  # noqa: PLC0415 - a download needs no templates
    from loader.sandbox.page.state import StoreState  # noqa: PLC0415 - as above

    requests: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
    threading.Thread(target=read_requests, args=(requests,), daemon=True).start()
    state = StoreState(store)
    routes = Routes(state)
    while (request := wait_for_request(requests, state)) is not None:
        write_reply(sys.stdout.buffer, routes.answer(request))


def read_requests(requests: queue.SimpleQueue[Request | None]) -> None:
    """Put each request from standard input into the queue, and None at its end."""
    for line in sys.stdin.buffer:
        requests.put(Request(*json.loads(line)))
    requests.put(None)


def wait_for_request(requests: queue.SimpleQueue[Request | None], state: StoreState) -> Request | None:
    """The next request; meanwhile the counts are brought up to date for a while."""
    until = state.reader.clock() + ATTENTION_SECONDS
    while state.reader.clock() < until:
        try:
            return requests.get(timeout=0.001 if state.advance() else IDLE_SECONDS)
        except queue.Empty:
            continue
    return requests.get()


def write_one_download(store: Path) -> None:
    """Write the one download that a line of standard input names."""
    from loader.sandbox.page.downloads import TYPES, write_download  # noqa: PLC0415 - only here is pyarrow needed
    from loader.sandbox.page.reading import Reader  # noqa: PLC0415 - as above

    asked = read_asked(*Request(*json.loads(sys.stdin.buffer.readline())))
    output: BinaryIO = sys.stdout.buffer
    found = find_download(asked.path)
    if found is None:
        write_line(output, 404, TEXT, "")
        output.write(b"There is no such download. See /api/.\n")
    else:
        write_line(output, 200, TYPES[found.form], f"{found.table}.{found.form}")
        write_download(Reader(store), found.table, found.form, asked.load, output)
    output.flush()


if __name__ == "__main__":
    main()
