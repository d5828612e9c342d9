"""What a check found, for a user at a terminal: `loader.profile.plain_text`, and what a shell adds."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from loader.message import spell_option
from loader.profile.plain_text import describe_findings
from loader.text.escape import escape_json

if TYPE_CHECKING:
    from loader.planning import Plan
    from loader.profile import Profile


def describe_profile(plan: Plan, profile: Profile, columns: int | None) -> str:
    """Describe all sections that are not empty.

    `columns` is the terminal's width, or None if there is no terminal.
    """
    by_hand = [
        "The first, sent by hand with the token in PUSHWOOSH_API_TOKEN:",
        *(f"  {build_curl(plan, body)}" for body in profile.bodies[:1]),
    ]
    return describe_findings(profile, spell_option, columns, by_hand)


def build_curl(plan: Plan, body: bytes) -> str:
    """A request as a command; the shell fills in the token, so that we never print it."""
    url = f"{plan.settings.endpoint.url}{plan.settings.kind.method.name}"
    return (
        f"curl -X POST {shlex.quote(url)} -H 'Content-Type: application/json' "
        f'-H "Authorization: Token $PUSHWOOSH_API_TOKEN" --data-raw {shlex.quote(escape_json(body.decode()))}'
    )
