"""What is said about the keys and names of a job file."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from loader.cli.jobs.job_keys import list_keys
from loader.cli.options import TextOptions
from loader.option import offered
from loader.tokens import COMMAND_VARIABLE, FILE_VARIABLE, TOKEN_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable


_SECRET = re.compile(r"token|secret|passw|pwd|api_?key|auth|credential|bearer", re.IGNORECASE)
_SOURCE = frozenset({"source", *(each.name for each in offered(TextOptions))})
_RUN = frozenset({"sandbox", "dry_run", "quiet", "log_format", "yes"})
#: Where a token belongs instead.
NO_SECRETS = (
    "no secret belongs in a job file, because such files are copied and shared. Put the token into "
    f"{TOKEN_VARIABLE}, or name a file that holds it in {FILE_VARIABLE} (token_file here), or a command that "
    f"prints it with --token-command or {COMMAND_VARIABLE} (token_command here)."
)


def suggest(name: str, known: Iterable[str]) -> str:
    """The name that was meant, or all that there are."""
    names = list(known)
    near = get_close_matches(name.replace("-", "_"), names, 1) or get_close_matches(name, names, 1)
    return f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(names)}."


def explain_key(name: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown key. Its value is never shown, because it may be secret."""
    names = list(known)
    plain = name.replace("-", "_").lower()
    flags = {flag.lstrip("-"): key.name for key in list_keys().values() for flag in key.option.flags}
    near = [plain] if plain in names else [flags[plain]] if flags.get(plain) in names else []
    near = near or get_close_matches(plain, names, 1, 0.8)
    if near:
        return f'does not take "{name}". Did you mean "{near[0]}"?'
    if _SECRET.search(name):
        return f"{name}: {NO_SECRETS}"
    if plain == "load":
        return "load: the options of a job stand in its own table, beside kind and input."
    if plain in _SOURCE:
        return f'does not take "{name}". How text files are written stands in [source] of the mapping.'
    if plain in _RUN:
        return f'does not take "{name}". Give it to the command: --{plain.replace("_", "-")}.'
    near = get_close_matches(plain, names, 1)
    return f'does not take "{name}". ' + (
        f'Did you mean "{near[0]}"?' if near else f"It takes {', '.join(names)}."
    )
