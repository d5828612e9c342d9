"""What the user reads about keys that are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loader.text.nouns import count_rows, is_or_are

if TYPE_CHECKING:
    from loader.model import Gone


def describe_gone(gone: Gone, many: str) -> list[str]:
    """The lines below the account.

    Args:
        gone: what was listed.
        many: what the ledger keeps keys of: ``users``.
    """
    one = gone.keys == 1
    lines = [
        f"  gone: {gone.keys:,} key{'' if one else 's'} that the ledger knows {is_or_are(gone.keys)} not in "
        f"this input; {gone.target} lists {'it' if one else 'them'}"
        if gone.keys
        else f"  gone: none; this input has all keys that the ledger knows, and {gone.target} lists nothing"
    ]
    if gone.unnamed:
        lines.append(
            f"    {gone.unnamed:,} of them without an id: no load with --report-gone has seen "
            f"{'it' if gone.unnamed == 1 else 'them'}"
        )
    if gone.keyless:
        lines.append(
            f"    {count_rows(gone.keyless)} of this input {is_or_are(gone.keyless)} without a readable key: "
            "one that is listed may be there"
        )
    if gone.new:
        lines.append(f"  note: the ids of these {many} are kept in {gone.ids} from now on")
    return lines
