"""Specs that have a name."""

from __future__ import annotations

from typing import NamedTuple


class Profile(NamedTuple):
    """A named spec.

    Attributes:
        description: what it is like, as the end of a sentence.
        text: the spec that the name stands for.
    """

    description: str
    text: str


PROFILES: dict[str, Profile] = {
    "calm": Profile("a good day: only the time that an answer takes", "latency=p50:8ms/p99:40ms"),
    "busy": Profile(
        "too much to do: slower answers, at most 1,000 calls a second, and a short maintenance",
        "latency=p50:20ms/p99:80ms,429=1000/s,retry-after=1s,maintenance=#1500-1502",
    ),
    "flaky": Profile(
        "a bad line: of 1,000 calls about 12 fail, in one of eight ways",
        "latency=p50:10ms/p99:60ms,500=0.2%,502=0.2%,503=0.1%,504=0.1%,reset-before-read=0.1%,"
        "lost-answer=0.3%,reset-after-stored=0.1%,cut-answer=0.1%",
    ),
    "outage": Profile(
        "gone for ten seconds soon after the first call, and twice more later in other ways",
        "latency=p50:8ms/p99:40ms,outage=1s-11s,503=30s-40s,reset-before-read=60s-65s",
    ),
    "hostile": Profile(
        "all faults but those of the token: of 1,000 calls about 23 fail, and there is an outage",
        "latency=p50:15ms/p99:90ms,429=1500/s,retry-after=date:1s,maintenance=0.02%,500=0.2%,502=0.2%,"
        "503=0.2%,504=0.2%,reset-before-read=0.2%,html=0.2%,lost-answer=0.4%,reset-after-stored=0.2%,"
        "cut-answer=0.2%,garbled-answer=0.2%,unknown-code=0.1%,outage=2s-5s",
    ),
}
