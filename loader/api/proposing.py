"""Propose a mapping for a table or a file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from loader.errors import ConfigError
from loader.mapping.proposing.proposal_text import proposal_text
from loader.mapping.proposing.propose import propose
from loader.mapping.zone_faults import zone_advice
from loader.mapping.zones import parse_zone
from loader.sources import open_source

if TYPE_CHECKING:
    from loader.api.given import Given
    from loader.methods import Kind


def propose_mapping(kind: Kind, given: Given, zone: str | None) -> str:
    """The text of a mapping file, with the reason for each line.

    Raises:
        ConfigError: the zone is none.
        SourceError: the input cannot be read.
    """
    if zone is not None and parse_zone(zone) is None:
        raise ConfigError(f'zone "{zone}" is not a time zone. {zone_advice(zone)}')
    source = open_source(given.files, table=given.table)
    found = propose(kind, source.schema, source.sample(), zone=zone, now=datetime.now(UTC))
    look = (
        f"loader.check_{kind}(frame, mapping=loader.Mapping.parse(text))"
        if given.table is not None or given.keep is not None
        else ""
    )
    return proposal_text(found, Path(given.files[0]).name, look)
