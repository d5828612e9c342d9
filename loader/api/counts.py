"""`verify_counts` from Python: the vendor's own counts, beside what checkpoints expect."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, TypedDict

import pandas as pd

from loader.api import page
from loader.api.given import Given, list_checkpoints
from loader.api.spelling import spell_in_python
from loader.load_options import PROXY_VARIABLE
from loader.option_values import take_proxy
from loader.server_token import ServerToken, read_server_token, refuse_device_token
from loader.text.escape import escape
from loader.text.nouns import count_things
from loader.verification.counts.counting import CountsRequest
from loader.verification.counts.counting import verify_counts as verify
from loader.verification.counts.tables import build_hours, describe_reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Unpack

    from loader.api.given import LookUps, Path, Source
    from loader.verification.counts.counting import CountsVerification as Found


class AskingKeywords(TypedDict, total=False):
    """How the vendor is asked, as it is given in Python."""

    server_token: str | None
    server_token_file: Path | None
    proxy: str | None
    ca_bundle: Path | None


def verify_counts(
    checkpoints: Path | Sequence[Path],
    *,
    source: Source | None = None,
    lookups: LookUps | None = None,
    **asking: Unpack[AskingKeywords],
) -> CountsVerification:
    """Compare loads of events with the vendor's own counts by event and hour. Nothing is sent or changed.

    Written from the vendor's documentation alone: docs/reference/verify-counts.md.

    Args:
        checkpoints: one checkpoint, such as `LoadResult.checkpoint`, or several of one application.
        source: the input of one checkpoint, if it is a table in memory or has moved.
        lookups: the tables in memory in which the mapping looks up cells: ``{"devices": frame}``.
        **asking: ``server_token``: the server token of the account, never the device token; without one, the
            file that ``server_token_file`` names, or PUSHWOOSH_SERVER_TOKEN. ``proxy`` and ``ca_bundle``: as
            of a load.

    Returns:
        What was found.

    Raises:
        ConfigError: it is not a load of events to a server, the token is missing or is the device token, or
            the vendor refuses to count.
        VendorError: no usable answer came in time.
        CheckpointError, SourceError: a checkpoint or its input cannot be read, or a load is running with it.
    """
    with spell_in_python():
        for name in asking.keys() - AskingKeywords.__annotations__.keys():
            raise TypeError(f"verify_counts() got an unexpected keyword argument {name!r}")
        paths = list_checkpoints(checkpoints)
        given = Given.again(source, lookups)
        return CountsVerification(verify(paths, read_request(asking), given.files, given.memory))


def read_request(asking: AskingKeywords) -> CountsRequest:
    """How the vendor is asked.

    Raises:
        ConfigError: the token, the proxy or the certificates cannot be used.
    """
    ca_bundle = asking.get("ca_bundle")
    proxy = take_proxy(asking.get("proxy") or os.environ.get(PROXY_VARIABLE) or None)
    return CountsRequest(
        read_token(asking),
        proxy,
        None if ca_bundle is None else os.fspath(ca_bundle),
    )


def read_token(asking: AskingKeywords) -> ServerToken:
    """The server token that is given, or the one of a file or the environment.

    Raises:
        ConfigError: there is none, or it is the device token.
    """
    text, file = asking.get("server_token"), asking.get("server_token_file")
    if text is None:
        return read_server_token(None if file is None else FilePath(file))
    token = ServerToken(text)
    refuse_device_token(token)
    return token


class CountsVerification:
    """What a comparison with the vendor's counts found.

    Attributes:
        ok: every hour of every event is as expected.
        reading: which time the vendor counts by, as far as the counts show it.
        totals: ``same`` (hours of an event), ``missing`` and ``extra`` (events).
    """

    def __init__(self, found: Found) -> None:
        comparison = found.comparison
        self.ok = found.ok
        self.reading = describe_reading(comparison.reading)
        self.totals = {
            "same": comparison.equal,
            "missing": comparison.reading.missing,
            "extra": comparison.reading.extra,
        }
        self._found = found

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The hours that differ.

        Columns: ``sign`` (``-`` too few, ``+`` too many), ``event``, ``hour`` (UTC; missing if all hours of
        sending are compared together), ``confirmed`` and ``in_doubt`` (rows that are expected), ``counted``,
        ``missing``, ``extra``.
        """
        return build_hours(self._found.comparison)

    @cached_property
    def events(self) -> pd.DataFrame:
        """All hours together, a row for each event: ``event``, ``confirmed``, ``in_doubt``, ``counted``."""
        rows = [
            (each.event, each.expected.confirmed, each.expected.in_doubt, each.counted)
            for each in self._found.comparison.totals
        ]
        return pd.DataFrame(rows, columns=["event", "confirmed", "in_doubt", "counted"])

    def _title(self) -> str:
        different = count_things(len(self._found.comparison.differences), "hour")
        return f"counts of {self._found.host}, {different} off"

    def __repr__(self) -> str:
        lines = [f"<CountsVerification: {self._title()}>"]
        lines += [f"  {name:<7} {number:,}" for name, number in self.totals.items()]
        return escape("\n".join([*lines, self.reading]), keep="\n")

    def _repr_html_(self) -> str:
        return page.render_counts(self._title(), list(self.totals.items())) + page.note(self.reading)
