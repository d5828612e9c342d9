"""Kill loads until enough processes have died, and print what became of every row: `make crash`.

With --nights pairs of loads are killed whose inputs overlap, with one ledger between them.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from loader.methods import Kind
from tests.crash.campaign import Tally, killed_until_done
from tests.crash.nights import NightTally, kill_nights


def main() -> None:
    """Run loads of events and of users in turn; exit 1 where the account was not true."""
    options = parse()
    if options.nights:
        kill_pairs(options)
        return
    tally, began = Tally(), time.monotonic()
    while tally.kills < options.kills:
        seed = options.seed + tally.loads
        # Two loads of events, one of users; of four loads one over two processes.
        kind = Kind.USERS if tally.loads % 3 == 2 else Kind.EVENTS
        folder = Path(tempfile.mkdtemp(prefix=f"crash-{seed}-"))
        try:
            chance, processes = random.Random(seed), 2 if tally.loads % 4 == 3 else 1
            killed_until_done(folder, kind, options.rows, chance, tally, processes=processes)
        except AssertionError:
            say(f"The account is not true: seed {seed}, {kind}; what is left is in {folder}.\n{tally.text()}")
            raise
        rmtree(folder)
        say(f"load {tally.loads}, {kind}, seed {seed}: {tally.kills} kills so far", error=True)
    say(f"{tally.text()}\ntime             {time.monotonic() - began:,.0f} s")


def kill_pairs(options: argparse.Namespace) -> None:
    """Run pairs of loads with one ledger."""
    tally, began = NightTally(), time.monotonic()
    while tally.kills < options.kills:
        seed = options.seed + tally.pairs
        folder = Path(tempfile.mkdtemp(prefix=f"nights-{seed}-"))
        try:
            kill_nights(folder, options.rows, random.Random(seed), tally)
        except AssertionError:
            say(f"Not once: seed {seed}; what is left is in {folder}.\n{tally.text()}")
            raise
        rmtree(folder)
        say(f"pair {tally.pairs}, seed {seed}: {tally.kills} kills so far", error=True)
    say(f"{tally.text()}\ntime             {time.monotonic() - began:,.0f} s")


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="processes to kill at least (default: 300)")
    parser.add_argument("--rows", type=int, default=3000, help="rows of each load (default: 3000)")
    parser.add_argument("--seed", type=int, default=1, help="of the first load (default: 1)")
    parser.add_argument("--nights", action="store_true", help="pairs of loads with one ledger")
    return parser.parse_args()


def say(text: str, *, error: bool = False) -> None:
    """Print a line."""
    print(text, file=sys.stderr if error else sys.stdout, flush=True)  # this is a command


if __name__ == "__main__":
    main()
