"""A look-up that is a table in memory, in all that draws up the plan of a load again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import loader
from loader.errors import ConfigError, LoaderError
from loader.journal import CheckpointView, Journal
from loader.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.api.conftest import Vendor

DEVICES = pd.DataFrame({"id": ["u1", "u2"], "hwid": ["D1", "D2"]})
LOOKUPS = {"devices": DEVICES}
EVENTS = pd.DataFrame({"user": ["u1", "u2", "u3", "u1"], "at": ["2024-01-01T00:00:00Z"] * 4})
FIELDS: dict[str, Any] = {
    "hwid": {"column": "user", "lookup": "devices", "key": "id", "value": "hwid"},
    "event": {"const": "buy"},
    "timestamp": "at",
}


def make_mapping(table: Any = DEVICES, name: str = "devices") -> loader.Mapping:
    """The last of the events is a repeat, and the third one has no device."""
    fields = FIELDS | {"hwid": FIELDS["hwid"] | {"lookup": name}}
    return loader.Mapping("events", fields=fields, unique=["user", "at"], lookups={name: table})


def load(source: Any, sandbox: loader.Sandbox, checkpoint: Path) -> loader.LoadResult:
    """Two rows are confirmed, one is rejected and one is left out."""
    result = loader.load_events(
        source, mapping=make_mapping(), sandbox=sandbox, checkpoint=checkpoint, progress=False
    )
    account = result.account
    assert (account.confirmed, account.rejected, account.left_out) == (2, 1, 1)
    return result


@pytest.fixture(params=["frame", "file"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """The events, in memory or in a file."""
    if request.param == "frame":
        return EVENTS
    EVENTS.to_csv(tmp_path / "events.csv", index=False)
    return tmp_path / "events.csv"


def test_a_result_has_the_tables_of_its_own_load(source: Any, tmp_path: Path) -> None:
    """Nothing is given again: verification, report and frames read the look-up that the load had."""
    with loader.Sandbox(tmp_path / "s.sqlite3") as sandbox:
        result = load(source, sandbox, tmp_path / "c")
        assert result.verify().ok
        assert "cannot be read" not in result.report().read_text()
        assert list(result.frame["state"]) == ["confirmed", "confirmed", "rejected", "left_out"]
        assert list(result.rejected["user"]) == ["u3"]
        assert result.left_out["_loader_message"].str.contains("repeat").all()
        more = pd.concat([DEVICES, pd.DataFrame({"id": ["u3"], "hwid": ["D3"]})])
        # The first mapping is of this load too, and its table is given with it.
        retried = loader.retry(
            source,
            result.checkpoint,
            mapping=make_mapping(more, "longer"),
            lookups=LOOKUPS,
            sandbox=sandbox,
            progress=False,
        )
        assert retried.account.confirmed == 3
        assert retried.verify().ok


def take_over(checkpoint: Path, source: Any, lookups: Any) -> None:
    """Two keys are new in a ledger."""
    ledger = loader.Ledger("ledger")
    assert ledger.take_over(checkpoint, key=["user"], source=source, lookups=lookups).sent == 2


def verify(checkpoint: Path, source: Any, lookups: Any) -> None:
    """What landed is what the load says."""
    assert loader.verify(checkpoint, "s.sqlite3", source=source, lookups=lookups).ok


def verify_opened(checkpoint: Path, source: Any, lookups: Any) -> None:
    """The same of an opened checkpoint."""
    assert loader.Checkpoint.open(checkpoint, source, lookups=lookups).verify("s.sqlite3").ok


def show_left_out(checkpoint: Path, source: Any, lookups: Any) -> None:
    """The row that is left out has its reason."""
    left_out = loader.Checkpoint(checkpoint, source, lookups=lookups).left_out
    assert left_out["_loader_message"].str.contains("repeat").all()


def retry(checkpoint: Path, source: Any, lookups: Any) -> None:
    """The row without a device is rejected again, by the mapping in the checkpoint."""
    with loader.Sandbox("s.sqlite3") as sandbox:
        retried = loader.retry(source, checkpoint, lookups=lookups, sandbox=sandbox, progress=False)
    assert retried.account.rejected == 1
    assert retried.verify("s.sqlite3").ok


CALLS = [take_over, verify, verify_opened, show_left_out, retry]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_a_checkpoint_takes_the_tables_again(
    call: Callable[[Path, Any, Any], object], source: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By their names. Without them, or with another one, it is refused; the message says what to do."""
    monkeypatch.chdir(tmp_path)
    with loader.Sandbox("s.sqlite3") as sandbox:
        load(source, sandbox, Path("c"))
    with pytest.raises(LoaderError, match="the look-up devices is a table in Python's memory") as refused:
        call(Path("c"), source, None)
    (named,) = re.findall(r"loader\.Checkpoint\([^()]*\)", str(refused.value))
    opened = eval(named, {"loader": loader, "frame": EVENTS, "table": DEVICES})
    assert opened.verify("s.sqlite3").ok
    with pytest.raises(LoaderError, match="The look-up devices is "):
        call(Path("c"), source, {"devices": DEVICES.assign(hwid="D9")})
    call(Path("c"), source, {"devices": DEVICES.copy()})


def test_doubts_are_sent_again_with_the_table(vendor: Vendor) -> None:
    """Whether a row undoes a later one depends on its device, which is looked up again."""
    fields = {"userId": "user", "hwid": FIELDS["hwid"]}
    mapping = loader.Mapping("users", fields=fields, lookups=LOOKUPS)
    users = EVENTS[["user"]].iloc[:2]
    result = loader.load_users(users, mapping=mapping, **vendor.account, progress=False, limit=1)
    with Journal.open(result.checkpoint, CheckpointView.open(result.checkpoint).identity) as journal:
        journal.lease(range(1, 2))
        journal.sending(1)
        journal.settle([Outcome(1, loader.State.IN_DOUBT)])
    with pytest.raises(LoaderError, match="the look-up devices is a table in Python's memory"):
        loader.resolve(result.checkpoint, "resend", source=users)
    assert loader.resolve(result.checkpoint, "resend", source=users, lookups=LOOKUPS).rows == 1


def test_what_is_not_a_table_with_a_name_is_refused(tmp_path: Path) -> None:
    """A path belongs in the mapping, and a frame alone is not a look-up."""
    with loader.Sandbox(tmp_path / "s.sqlite3") as sandbox:
        result = load(EVENTS, sandbox, tmp_path / "c")
    with pytest.raises(ConfigError, match=r'lookups\["devices"\] is a str'):
        loader.Checkpoint(result.checkpoint, lookups={"devices": "devices.csv"})  # type: ignore[dict-item] # that is the point
    with pytest.raises(ConfigError, match="lookups is a DataFrame"):
        loader.Checkpoint(result.checkpoint, lookups=DEVICES)  # type: ignore[arg-type] # that is the point
    with pytest.raises(ConfigError, match="lookups is a DataFrame"):
        loader.Mapping("events", fields=FIELDS, lookups=DEVICES)  # type: ignore[arg-type] # that is the point
