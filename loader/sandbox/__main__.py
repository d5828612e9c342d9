"""The child of `EmbeddedSandbox`: announces itself by one JSON line, ends when its stdin does.

Users start a sandbox with `pushwoosh-loader sandbox`.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.sandbox.faults import parse_spec
from loader.sandbox.faults.misbehaviour import Faults
from loader.sandbox.rules import Rules
from loader.sandbox.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loader.sandbox.server import Serving

STDIN = 0
PIPE_BYTES = 65_536


def main() -> None:
    """Serve on a free port until the parent closes the pipe, by its own will or by its death."""
    parser = argparse.ArgumentParser(prog="loader.sandbox")
    parser.add_argument("store", type=Path)
    parser.add_argument("--application")
    parser.add_argument("--faults")
    arguments = parser.parse_args()
    try:
        serve(
            arguments.store,
            ready=announce,
            rules=Rules(arguments.application),
            faults=Faults(parse_spec(arguments.faults)) if arguments.faults else None,
        )
    except ConfigError as error:
        say({"error": str(error)})


def announce(serving: Serving) -> None:
    """Tell the parent where, and begin to hear it."""
    threading.Thread(target=hear_parent, args=(serving,), daemon=True).start()
    say({"endpoint": serving.endpoint, "store_id": serving.store_id})


def hear_parent(serving: Serving) -> None:
    """Do what the parent asks for, a line each, until the end of stdin.

    The kernel closes a dead parent's end of the pipe, even after a SIGKILL.
    """
    for line in read_lines():
        say(forget(serving, json.loads(line)["forget"]))
    serving.stop()


def read_lines() -> Iterator[bytes]:
    """The whole lines of stdin, as they come."""
    # Not sys.stdin: a thread that waits in its lock can abort the interpreter's own shutdown.
    begun = b""
    while part := os.read(STDIN, PIPE_BYTES):
        *lines, begun = (begun + part).split(b"\n")
        yield from lines


def forget(serving: Serving, label: str) -> dict[str, str]:
    """Have the store forget a load; the answer to the parent."""
    try:
        serving.forget(label)
    except sqlite3.Error as error:
        return {"error": f"The sandbox could not write to its store: {error}."}
    return {"forgotten": label}


def say(message: dict[str, str]) -> None:
    """One line for the parent."""
    print(json.dumps(message), flush=True)  # noqa: T201 - the pipe to the parent, not a terminal


if __name__ == "__main__":
    main()
