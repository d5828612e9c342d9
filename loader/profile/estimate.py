"""What a load would take: requests, bytes on the wire, and time at a given rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loader.delivery.headers import HEADERS

if TYPE_CHECKING:
    from loader.profile.profile import Profile
    from loader.rates import Rate
    from loader.settings import Settings

#: Requests a second, if none are given: careful, usual, and what one process reaches on a short way.
USUAL_RATES = (50.0, 200.0, 1000.0)
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a load would take, if no request has to be repeated.

    Attributes:
        requests: one for each row that would be sent.
        body_bytes: bytes of all bodies.
        head_bytes: bytes of all heads as HTTP/1.1, without a token. HTTP/2 compresses them.
        rates: requests a second, ascending, for which the time is given.
    """

    requests: int = 0
    body_bytes: int = 0
    head_bytes: int = 0
    rates: tuple[float, ...] = USUAL_RATES

    @classmethod
    def of(cls, settings: Settings, profile: Profile) -> Estimate:
        """That of a load whose rows were all mapped; at the rate of its options too, if they have one."""
        requests = profile.sent
        rate = settings.options.rate
        head = measure_head(settings.endpoint.url + settings.kind.method.name)
        return cls(
            requests,
            profile.body_bytes,
            head * requests + profile.length_digits,
            tuple(sorted({*list_rates(rate), *USUAL_RATES})) if rate else USUAL_RATES,
        )

    @property
    def bytes(self) -> int:
        """All bytes that would be sent, without those of TLS."""
        return self.body_bytes + self.head_bytes

    def find_seconds(self, rate: float) -> float:
        """How long the load takes at a rate, if the vendor keeps up with it."""
        return self.requests / rate

    @property
    def record(self) -> dict[str, object]:
        """It for a program; its keys are a contract."""
        return {
            "requests": self.requests,
            "bytes": self.bytes,
            "body_bytes": self.body_bytes,
            "head_bytes": self.head_bytes,
            "durations": [
                {"rate": rate, "seconds": round(self.find_seconds(rate), 1)} for rate in self.rates
            ],
        }


def list_rates(rate: Rate) -> list[float]:
    """The rates of a timetable, and their mean over a day; of one number, that."""
    ends = [minute for minute, _ in rate.steps[1:]] + [rate.steps[0][0] + _DAY]
    sent = sum(each * (end - begin) for (begin, each), end in zip(rate.steps, ends, strict=True))
    return [*(each for _, each in rate.steps if each), round(sent / _DAY, 2)]


def measure_head(url: str) -> int:
    """Bytes of a request's head by HTTP/1.1, without a token and without the digits of its length.

    They are the lines that libcurl sends, which `tests/profile/test_estimate.py` counts on the wire.
    """
    parts = urlsplit(url)
    lines = [f"POST {parts.path} HTTP/1.1", f"Host: {parts.netloc}", "Content-Length: "]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    return sum(len(line) + 2 for line in lines) + 2
