"""What the user decided about rows, in words."""

from __future__ import annotations

from loader.text.nouns import count_rows, it_or_them

_DECISIONS = {
    "landed": "{rows} in doubt confirmed, because the vendor has {them}",
    "dropped": "{rows} in doubt given back, because the vendor does not have {them}",
    "resend": "{rows} in doubt given back, to send again as possible duplicates",
    "retry": "{rows} rejected and given back, to send again",
    "fixed": "{rows} rejected, fixed by hand and given back, to send again",
    "grown": "the input has grown by {rows}, and the load continued with {them}",
    "mapping": "the mapping was changed",
    "recover": "{rows} put in doubt, because a part of the checkpoint was lost",
}


def describe_decision(what: str, rows: int) -> str:
    """What a decision did to a number of rows.

    Args:
        what: a decision as the checkpoint stores it. One that a later version wrote is shown by its name.
        rows: how many rows it moved.
    """
    return _DECISIONS.get(what, what).format(rows=count_rows(rows), them=it_or_them(rows))
