"""What the user decided about rows, in words."""

from __future__ import annotations

from loader.text.nouns import count_rows, it_or_they

_DECISIONS = {
    "landed": "{rows} in doubt confirmed: looked up, {they} had landed",
    "dropped": "{rows} in doubt given back: looked up, {they} had not landed",
    "resend": "{rows} in doubt given back, to be sent again as possible duplicates",
    "retry": "{rows} rejected and given back, to be sent again",
    "mapping": "another mapping",
}


def describe_decision(what: str, rows: int) -> str:
    """What a decision did to a number of rows.

    Args:
        what: a decision as the checkpoint stores it. One that a later version wrote is shown by its name.
        rows: how many rows it moved.
    """
    return _DECISIONS.get(what, what).format(rows=count_rows(rows), they=it_or_they(rows))
