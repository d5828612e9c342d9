"""Which load a call belongs to: its path says so, so that headers and bodies stay those of production.

The base path of a load is `/loads/LABEL/json/1.3/`; a call to plain `/json/1.3/` belongs to no load, and its
label is "". Another path may stand in front, as a gateway has it.
"""

from __future__ import annotations

import re
from urllib.parse import quote

#: The base path of the vendor's methods.
BASE = "/json/1.3"

_LABELLED = re.compile(rf"(?:\A|/)loads/([^/]+){re.escape(BASE)}/[^/]*\Z", re.DOTALL)


def build_path(label: str) -> str:
    """The base path of a load, with its trailing slash, percent-encoded.

    Args:
        label: any text without a slash; "" for no load.
    """
    return f"/loads/{quote(label, safe='')}{BASE}/" if label else f"{BASE}/"


def read_label(path: str) -> str:
    """The label in the path of a call, or "".

    Args:
        path: of the request, percent-decoded, with the name of the method.
    """
    found = _LABELLED.search(path)
    return found[1] if found else ""
