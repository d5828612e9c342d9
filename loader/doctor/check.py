"""One line of the result."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class CheckState(StrEnum):
    """What is known. The values are in summaries: they never change."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_KNOWN = "not_known"


class Check(NamedTuple):
    """What was looked at, and what was found.

    Attributes:
        name: what was looked at; the names are in summaries.
        state: whether it is fit for a load.
        found: what was found, a sentence without its end.
        advice: what to do, sentences; "" if there is nothing to do.
    """

    name: str
    state: CheckState
    found: str
    advice: str = ""


def pass_check(name: str, found: str) -> Check:
    """A check that found nothing wrong."""
    return Check(name, CheckState.OK, found)


def fail_check(name: str, found: str, advice: str) -> Check:
    """A check that found what must be fixed."""
    return Check(name, CheckState.PROBLEM, found, advice)


def leave_open(name: str, found: str, advice: str = "") -> Check:
    """A check that cannot tell."""
    return Check(name, CheckState.NOT_KNOWN, found, advice)
