"""Load users, tags and historical events into Pushwoosh: completely, once, and provably.

    result = loader.load_events(frame, application="XXXXX-XXXXX", checkpoint="purchases.ckpt")

`__all__` is the Python interface (`loader.api`). A map of the code behind it, in reading order:

* `loader.pipeline`: the main path on one screen; around it `planning`, `leases`, `resolution` and `retries`.
* `loader.model`: the records that travel along it, and the states of a row.
* `loader.sources`: files and frames as chunks; identity of the input.
* `loader.mapping`: columns to the fields of the API methods, and to JSON bytes.
* `loader.journal`: the checkpoint file: what may be sent, what was sent, what became of it.
* `loader.delivery`: the bounded window, the transport, the verdicts, the limits.
* `loader.report`: progress, summary, and the page that `loader.reporting` gathers the facts for.
* `loader.profile`: what a check says.
* `loader.cli`: the commands. `loader.api`: Python. `loader.sandbox`: a stand-in for the vendor.

Names are imported on first use, so that `import loader` and `--help` cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loader._version import __version__

if TYPE_CHECKING:
    from loader.api.calls import (
        check_events,
        check_tags,
        check_users,
        load_events,
        load_tags,
        load_users,
    )
    from loader.api.checkpoint import Checkpoint
    from loader.api.counts import CountsVerification, verify_counts
    from loader.api.decisions import resolve, retry
    from loader.api.ledger import Ledger
    from loader.api.mapping import Mapping
    from loader.api.results import CheckResult, LoadResult
    from loader.api.sandbox import Sandbox
    from loader.api.verification import Verification, verify
    from loader.delivery.transports.curl_session.session import CurlSession
    from loader.errors import (
        CheckpointDiffers,
        CheckpointError,
        CheckpointLocked,
        ConfigError,
        LoaderError,
        MappingError,
        RowsFailed,
        SourceEmpty,
        SourceError,
        SourceMissing,
        TooFewRows,
        VendorError,
    )
    from loader.model import Account, State

__all__ = [
    "Account",
    "CheckResult",
    "Checkpoint",
    "CheckpointDiffers",
    "CheckpointError",
    "CheckpointLocked",
    "ConfigError",
    "CountsVerification",
    "CurlSession",
    "Ledger",
    "LoadResult",
    "LoaderError",
    "Mapping",
    "MappingError",
    "RowsFailed",
    "Sandbox",
    "SourceEmpty",
    "SourceError",
    "SourceMissing",
    "State",
    "TooFewRows",
    "VendorError",
    "Verification",
    "__version__",
    "check_events",
    "check_tags",
    "check_users",
    "load_events",
    "load_tags",
    "load_users",
    "resolve",
    "retry",
    "verify",
    "verify_counts",
]

_HOMES = {
    "Account": "model",
    "CheckResult": "api.results",
    "Checkpoint": "api.checkpoint",
    "CheckpointDiffers": "errors",
    "CheckpointError": "errors",
    "CheckpointLocked": "errors",
    "ConfigError": "errors",
    "CountsVerification": "api.counts",
    "CurlSession": "delivery.transports.curl_session.session",
    "Ledger": "api.ledger",
    "LoadResult": "api.results",
    "LoaderError": "errors",
    "Mapping": "api.mapping",
    "MappingError": "errors",
    "RowsFailed": "errors",
    "Sandbox": "api.sandbox",
    "SourceEmpty": "errors",
    "SourceError": "errors",
    "SourceMissing": "errors",
    "State": "model",
    "TooFewRows": "errors",
    "VendorError": "errors",
    "Verification": "api.verification",
    "check_events": "api.calls",
    "check_tags": "api.calls",
    "check_users": "api.calls",
    "load_events": "api.calls",
    "load_tags": "api.calls",
    "load_users": "api.calls",
    "resolve": "api.decisions",
    "retry": "api.decisions",
    "verify": "api.verification",
    "verify_counts": "api.counts",
}


def __getattr__(name: str) -> Any:
    """Import a public name where it is defined (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - this module must stay light

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, also those that were not used yet: for completion."""
    return sorted({*globals(), *__all__})
