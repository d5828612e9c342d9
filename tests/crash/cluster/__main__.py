"""Kill what loads on a cluster are made of, and print what became of every row: `make crash-cluster`."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from pathlib import Path
from shutil import rmtree

from loader.methods import Kind
from tests.crash.__main__ import say
from tests.crash.cluster.havoc import HavocTally, choose_deeds, wreak_havoc

_KINDS = (Kind.EVENTS, Kind.USERS, Kind.EVENTS, Kind.TAGS)


def main() -> None:
    """Run loads of events, users and tags in turn; exit 1 if an account was not true."""
    options = parse()
    tally, began = HavocTally(), time.monotonic()
    while tally.kills < options.kills:
        seed, kind = options.seed + tally.loads, _KINDS[tally.loads % len(_KINDS)]
        folder, chance = Path(tempfile.mkdtemp(prefix=f"havoc-{seed}-")), random.Random(seed)
        deeds = choose_deeds(chance, options.deeds)
        workers = chance.choice([3, 4])
        try:
            wreak_havoc(
                folder, kind, options.rows, chance, tally, deeds=deeds, permit=options.permit, workers=workers
            )
        except AssertionError:
            say(f"The account is not true: seed {seed}, {kind}; what is left is in {folder}.\n{tally.text()}")
            raise
        rmtree(folder)
        say(f"load {tally.loads}, {kind}, seed {seed}: {tally.kills} kills so far", error=True)
    say(f"{tally.text()}\ntime             {time.monotonic() - began:,.0f} s")


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.cluster", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills and cut-offs at least (default: 200)")
    parser.add_argument("--rows", type=int, default=3000, help="rows of each load (default: 3000)")
    parser.add_argument("--deeds", type=int, default=20, help="kills of each load at most (default: 20)")
    parser.add_argument("--permit", type=float, default=2.0, help="seconds of a permit (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="of the first load (default: 1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
