"""What a request for the page asks for: its path, and the few parameters that views share."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlencode

SHOWN = 25
"""Rows of a list, unless `limit` asks for more or fewer."""
MOST_SHOWN = 1000
INT64 = range(-(2**63), 2**63)
ALL_LOADS = "*"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        path: with its slash, without the query.
        host: host and port as the browser has them.
        values: the parameters; of equal names the last counts, empty ones do not.
    """

    path: str
    host: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def load(self) -> str | None:
        """Only what this load sent; "" is a call without a label, None (`*` in the address) is all."""
        load = self.values.get("load", ALL_LOADS)
        return None if load == ALL_LOADS else load

    @property
    def search(self) -> str:
        """The text to search for, "" for all."""
        return self.values.get("q", "")

    @property
    def limit(self) -> int:
        """How many rows of a list."""
        return min(max(self.read_int("limit") or SHOWN, 1), MOST_SHOWN)

    @property
    def query(self) -> str:
        """The parameters as they follow an address, with their question mark; "" without any."""
        return f"?{urlencode(self.values, quote_via=quote)}" if self.values else ""

    @property
    def load_query(self) -> str:
        """The same of the load alone."""
        return "" if self.load is None else f"?{urlencode({'load': self.load}, quote_via=quote)}"

    def read_int(self, name: str) -> int | None:
        """A parameter that is a whole number; None if it is not given, or is not one that SQLite can hold."""
        try:
            found = int(self.values.get(name, ""))
        except ValueError:
            return None
        return found if found in INT64 else None

    def link(self, path: str | None = None, /, **changes: object) -> str:
        """The address of another view, or of this with other parameters; the load stays chosen."""
        kept = self.values if path is None else {} if self.load is None else {"load": self.load}
        values = {key: str(value) for key, value in (kept | changes).items() if value is not None}
        target = quote(self.path if path is None else path)
        # A load without a label is the empty text, which is not the same as all loads.
        return f"{target}?{urlencode(values, quote_via=quote)}" if values else target


def read_asked(target: str, host: str) -> Asked:
    """A request, from the path with its query as sent.

    Raises:
        ValueError: the query has more than 50 parameters.
    """
    path, _, query = target.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=50)
    values = {name: value for name, value in pairs if value or name == "load"}
    return Asked(unquote(path), host, values)
