"""Reads a fault spec: `flaky,seed=7,429=500/s,reset-after-stored=0.5%,outage=20s-40s`.

A spec is a list of parts with commas between them. The first may be the name of a profile. All others are
`NAME=VALUE`: a fault and which calls it hits, or a setting. A name that a profile has too takes the place of
what the profile says about it; a name that stands several times holds several times.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from math import inf
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from loader.errors import ConfigError
from loader.sandbox.faults.kinds import Fault
from loader.sandbox.faults.occasions import ALWAYS, Occasion
from loader.sandbox.faults.profiles import PROFILES
from loader.sandbox.faults.spec import Capacity, Delay, Evenly, FaultSpec, Lognormal, RetryAfter, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SEED, LATENCY, RETRY_AFTER, OFF = "seed", "latency", "retry-after", "off"
NAMES = (SEED, LATENCY, RETRY_AFTER, *Fault)
MOST_SECONDS = 86_400.0

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_NUMBER = r"\d{1,9}(?:\.\d{1,9})?"
_TIME = rf"{_NUMBER}(?:ms|s|m|h)"

_WHEN = (
    "a share (0.5%), every Nth call (every-9), a time (20s-40s, 20s-), or call numbers (#100-200, #100-, #7)"
)
_ALLOWED = {
    SEED: "a whole number (7)",
    LATENCY: "a time (20ms), two of them for any between (10ms-50ms), or median and 99th percentile of a "
    "lognormal distribution (p50:20ms/p99:400ms)",
    RETRY_AFTER: "whole seconds (2s), a date that lies this far ahead (date:2s), or off",
    Fault.HTTP_429: f"a capacity (500/s), {_WHEN}",
    Fault.OUTAGE: "a time since the first call (20s-40s)",
}


class Part(NamedTuple):
    """One part of a spec: a name and its value."""

    name: str
    value: str

    def __str__(self) -> str:
        return f"{self.name}={self.value}"


def parse_spec(text: str) -> FaultSpec:
    """Read a spec.

    Args:
        text: for example ``flaky,seed=7,outage=20s-40s``.

    Raises:
        ConfigError: a part of it has no meaning; the message names it, what is allowed, and the nearest name.
    """
    parts = list_parts(text)
    if not parts:
        raise ConfigError(f'"{text}" says nothing. Name a profile ({", ".join(PROFILES)}) or a fault.')
    return build_spec(parts)


def list_parts(text: str) -> list[Part]:
    """The parts, with a profile written out and without what it says about names that come after it.

    Raises:
        ConfigError: a part is neither a profile nor `NAME=VALUE`, or its name is unknown.
    """
    pieces = [piece.strip() for piece in text.split(",") if piece.strip()]
    profile = PROFILES.get(pieces[0]) if pieces else None
    own = [split_part(piece) for piece in (pieces[1:] if profile else pieces)]
    named = {part.name for part in own}
    inherited = list(map(split_part, profile.text.split(","))) if profile else []
    return [part for part in inherited if part.name not in named] + own


def split_part(piece: str) -> Part:
    """A part as its name and its value.

    Raises:
        ConfigError: it is not `NAME=VALUE`, or the name is unknown.
    """
    name, equals, value = (side.strip() for side in piece.partition("="))
    if not equals and name in PROFILES:
        fault = f" The fault of this name is {name}=20s-40s." if name in NAMES else ""
        raise ConfigError(f'"{name}" is a profile: it comes first, and there is at most one.{fault}')
    if not equals and name in NAMES:
        raise ConfigError(f'"{name}" has no value. It takes {describe_allowed(name)}: {name}=VALUE.')
    if name not in NAMES:
        refuse_name(name, NAMES if equals else (*PROFILES, *NAMES), profile=not equals)
    return Part(name, value)


def refuse_name(name: str, known: Sequence[str], *, profile: bool) -> NoReturn:
    """Refuse a name that means nothing, with the nearest one that does.

    Raises:
        ConfigError: always.
    """
    near = get_close_matches(name, known, 1)
    guess = f' Did you mean "{near[0]}"?' if near else ""
    profiles = f"Profiles: {', '.join(PROFILES)}. " if profile else ""
    what = "neither a profile nor a fault" if profile else "not a fault"
    raise ConfigError(f'"{name}" is {what}.{guess} {profiles}Faults and settings: {", ".join(NAMES)}.')


def describe_allowed(name: str) -> str:
    """The values that a name takes, in words."""
    switch = "" if name in (SEED, RETRY_AFTER) else "; or off, after a profile that has it"
    return _ALLOWED.get(name, _WHEN) + switch


def build_spec(parts: Iterable[Part]) -> FaultSpec:
    """The records that parts mean.

    Raises:
        ConfigError: a value has no meaning.
    """
    kept = [part for part in parts if part.value != OFF or part.name in (SEED, RETRY_AFTER)]
    values = {name: [part for part in kept if part.name == name] for name in NAMES}
    seeds, waits = values.pop(SEED), values.pop(RETRY_AFTER)
    seed = read_seed(only(seeds)) if seeds else 1
    return FaultSpec(
        text=",".join([f"{SEED}={seed}", *(str(part) for part in kept if part.name != SEED)]),
        seed=seed,
        delays=tuple(read_delay(part) for part in values.pop(LATENCY)),
        capacities=tuple(read_capacity(part) for part in values[Fault.HTTP_429] if "/s" in part.value),
        rules=tuple(
            read_rule(part)
            for listed in values.values()
            for part in listed
            if not (part.name == Fault.HTTP_429 and "/s" in part.value)
        ),
        retry_after=read_retry_after(only(waits)) if waits else RetryAfter(1),
    )


def only(parts: Sequence[Part]) -> Part:
    """The one part of a setting that can have one value only.

    Raises:
        ConfigError: there are several.
    """
    if len(parts) > 1:
        raise ConfigError(f"{parts[0].name} stands {len(parts)} times. Give it once.")
    return parts[0]


def read_seed(part: Part) -> int:
    """The seed."""
    return int(part.value) if re.fullmatch(r"\d{1,18}", part.value, re.ASCII) else refuse(part, part.value)


def read_retry_after(part: Part) -> RetryAfter | None:
    """What Retry-After says."""
    if part.value == OFF:
        return None
    match = re.fullmatch(r"(date:)?(\d{1,5})s", part.value, re.ASCII)
    return RetryAfter(int(match[2]), as_date=bool(match[1])) if match else refuse(part, part.value)


def read_delay(part: Part) -> Delay:
    """How long answers take, and which."""
    length, _, when = part.value.partition("@")
    occasion = read_occasion(part, when) if when else ALWAYS
    if match := re.fullmatch(rf"p50:({_TIME})/p99:({_TIME})", length, re.ASCII):
        median, p99 = read_time(part, match[1]), read_time(part, match[2])
        if not 0 < median < p99:
            refuse(part, length, "The median must be more than 0 and less than the 99th percentile.")
        return Delay(Lognormal(median, p99), occasion)
    match = re.fullmatch(rf"({_TIME})(?:-({_TIME}))?", length, re.ASCII)
    if match is None:
        refuse(part, length)
    least = read_time(part, match[1])
    most = read_time(part, match[2]) if match[2] else least
    if most < least:
        refuse(part, length, "The shorter time comes first.")
    return Delay(Evenly(least, most), occasion)


def read_capacity(part: Part) -> Capacity:
    """How many calls a second are served."""
    amount, _, when = part.value.partition("@")
    match = re.fullmatch(r"(\d{1,7})/s", amount, re.ASCII)
    if match is None or not int(match[1]):
        refuse(part, amount)
    return Capacity(int(match[1]), read_occasion(part, when) if when else ALWAYS)


def read_rule(part: Part) -> Rule:
    """Which calls a fault hits."""
    fault, occasion = Fault(part.name), read_occasion(part, part.value)
    if fault is Fault.OUTAGE and (occasion.seconds is None or "@" in part.value):
        refuse(part, part.value, "Connections are refused to all or to none.")
    return Rule(fault, occasion)


def read_occasion(part: Part, text: str) -> Occasion:
    """Which calls: conditions with an @ between them, each of another sort."""
    found: dict[str, object] = {}
    for condition in text.split("@"):
        sort, value = read_condition(part, condition.strip())
        if sort in found:
            refuse(part, text, f"It has two conditions of one sort. Give {part.name}=... once for each.")
        found[sort] = value
    return Occasion(**found)  # type: ignore[arg-type] # each by the name of its field


def read_condition(part: Part, text: str) -> tuple[str, object]:
    """One condition: the field of `Occasion` that it sets, and its value."""
    if match := re.fullmatch(rf"({_NUMBER})%", text, re.ASCII):
        if not 0 < float(match[1]) <= 100:
            refuse(part, text, "A share is more than 0% and at most 100%.")
        return "share", float(match[1]) / 100
    if match := re.fullmatch(r"every-([1-9]\d{0,8})", text, re.ASCII):
        return "every", int(match[1])
    if match := re.fullmatch(r"#([1-9]\d{0,11})(-)?([1-9]\d{0,11})?", text, re.ASCII):
        return "calls", read_numbers(part, text, match)
    if match := re.fullmatch(rf"({_TIME})-({_TIME})?", text, re.ASCII):
        begin, end = read_time(part, match[1]), read_time(part, match[2]) if match[2] else inf
        if not begin < end:
            refuse(part, text, "The earlier time comes first.")
        return "seconds", (begin, end)
    return refuse(part, text)


def read_numbers(part: Part, text: str, match: re.Match[str]) -> tuple[float, float]:
    """The first and the last of the numbers of calls."""
    first, dash, last = int(match[1]), match[2], match[3]
    end = int(last) if last else inf if dash else first
    if (last and not dash) or end < first:
        refuse(part, text, "The smaller number comes first.")
    return first, end


def read_time(part: Part, text: str) -> float:
    """A length of time, in seconds."""
    number = text.rstrip("msh")
    seconds = float(number) * _UNITS[text[len(number) :]]
    return seconds if seconds <= MOST_SECONDS else refuse(part, text, "A day is the longest time.")


def refuse(part: Part, value: str, why: str = "") -> NoReturn:
    """Refuse the value of a part.

    Args:
        part: the part.
        value: as much of its value as has no meaning.
        why: what is wrong, if it is not its form.

    Raises:
        ConfigError: always.
    """
    where = f"{part}: " if part.value != value else ""
    advice = why or f"{guess_unit(part, value)}It takes {describe_allowed(part.name)}."
    raise ConfigError(f'{where}"{value}" does not fit {part.name}. {advice}')


def guess_unit(part: Part, value: str) -> str:
    """What was meant by numbers without a unit, as a sentence; "" if the value is something else."""
    match = re.fullmatch(rf"({_NUMBER})(?:-({_NUMBER})(ms|s|m|h)?)?", value, re.ASCII)
    if match is None or part.name in (SEED, RETRY_AFTER):
        return ""
    single = {LATENCY: "ms", Fault.HTTP_429: "/s"}.get(part.name, "%")
    unit = match[3] or ("s" if match[2] and part.name != LATENCY else single)
    meant = f"{match[1]}{unit}" + (f"-{match[2]}{unit}" if match[2] else "")
    return f'Did you mean "{meant}"? '
