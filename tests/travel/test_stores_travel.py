"""An input in a store or on a web server is read by a worker with credentials of its own."""

from __future__ import annotations

import io
import pickle
import platform
import zipfile
from typing import TYPE_CHECKING

import pytest

from loader.errors import SourceError, SourceMissing
from loader.sources import open_source
from loader.sources.inputfile import Changed
from loader.stores import find_hidden
from tests.sources.test_formats import PACKED, PLAIN, ROWS, Case
from tests.stores.conftest import (
    CREDENTIALS,
    _object_server,  # noqa: F401 - a fixture
    misbehaving_s3,  # noqa: F401 - a fixture
    objects,  # noqa: F401 - a fixture
)
from tests.travel import elsewhere as there
from tests.travel.test_sources_travel import show

if TYPE_CHECKING:
    from loader.sources import Source
    from tests.stores.objectserver import ObjectServer
    from tests.travel.conftest import Elsewhere

CASES = [each for each in (*PLAIN, *PACKED) if each.ending == each.format.endings[0]]
SECRETS = ("SIGNATURE", "PASSWORD", *CREDENTIALS.values())


@pytest.fixture(params=["s3", "http"])
def store(request: pytest.FixtureRequest, misbehaving_s3: ObjectServer) -> str:  # noqa: F811 - the fixture
    """The beginning of addresses in each kind of store."""
    return "s3://exports" if request.param == "s3" else f"{misbehaving_s3.url}/exports"


@pytest.fixture
def environment(misbehaving_s3: ObjectServer) -> dict[str, str]:  # noqa: F811 - the fixture
    """What a worker finds in its own environment."""
    return CREDENTIALS | {"AWS_ENDPOINT_URL": misbehaving_s3.url}


def reveal(source: Source) -> dict[str, str]:
    """What a coordinator sends along with the token."""
    names = [file.name for file in source.survey().files]
    return {shown: whole.reveal() for shown, whole in find_hidden(names).items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_format_is_read_from_a_store_by_a_worker(
    case: Case,
    store: str,
    environment: dict[str, str],
    misbehaving_s3: ObjectServer,  # noqa: F811 - the fixture
    elsewhere: Elsewhere,
) -> None:
    """It asks for ranges itself, and gives the records that the coordinator surveyed."""
    misbehaving_s3.behaviour.objects[f"exports/{case.name}"] = case.write(ROWS)
    source = open_source([f"{store}/{case.name}"], chunk_rows=100)
    source.survey()
    assert not [secret for secret in SECRETS[2:4] if secret.encode() in pickle.dumps(source, 5)]
    for first in (0, 650):
        chunks, error = elsewhere(there.read_from_store, source, environment, {}, first)
        assert error is None
        assert show(chunks) == show(list(source.chunks(first)))


def test_nothing_is_asked_before_it_is_read(
    store: str,
    misbehaving_s3: ObjectServer,  # noqa: F811 - the fixture
) -> None:
    """A worker that gets ten thousand objects looks only at those of its range."""
    misbehaving_s3.behaviour.objects["exports/a.csv"] = b"n,x\n1,2\n"
    source = open_source([f"{store}/a.csv"])
    source.survey()
    travelling = pickle.dumps(source, 5)
    asked = len(misbehaving_s3.behaviour.asked)
    pickle.loads(travelling)
    assert len(misbehaving_s3.behaviour.asked) == asked


@pytest.mark.parametrize("same_size", [True, False])
def test_an_object_that_was_replaced_is_noticed(
    store: str,
    same_size: bool,
    environment: dict[str, str],
    misbehaving_s3: ObjectServer,  # noqa: F811 - the fixture
    elsewhere: Elsewhere,
) -> None:
    """No row of another version comes out, also if the store names no versions."""
    content = "n,x\n" + "".join(f"{n:04},{n}\n" for n in range(2000))
    misbehaving_s3.behaviour.objects["exports/a.csv"] = content.encode()
    misbehaving_s3.behaviour.tags = not same_size
    source = open_source([f"{store}/a.csv"], chunk_rows=100)
    source.survey()
    other = content.replace("0100,", "9100," if same_size else "91000,")
    misbehaving_s3.behaviour.objects["exports/a.csv"] = other.encode()
    chunks, error = elsewhere(there.read_from_store, source, environment, {}, 0)
    assert isinstance(error, Changed)
    assert not chunks
    assert same_size or f"it had {len(content):,} bytes and now has {len(other):,}" in str(error)
    del misbehaving_s3.behaviour.objects["exports/a.csv"]
    error = elsewhere(there.read_from_store, source, environment, {}, 0)[1]
    assert isinstance(error, SourceMissing)


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("form", ["{url}/a.csv?sig=SIGNATURE", "http://me:PASSWORD@{host}/a.csv"])
def test_what_is_secret_in_an_address_travels_apart(
    form: str,
    ranges: bool,
    objects: ObjectServer,  # noqa: F811 - the fixture
    elsewhere: Elsewhere,
) -> None:
    """It stands in no pickle, which may lie on a disk; a worker that was given it reads the file."""
    objects.behaviour.objects["a.csv"] = b"n,x\n" + b"1,2\n" * 1000
    objects.behaviour.ranges = ranges
    whole = form.format(url=objects.url, host=objects.url.removeprefix("http://"))
    source = open_source([whole], chunk_rows=100)
    hidden = reveal(source)
    assert list(hidden.values()) == [whole]
    assert not [secret for secret in SECRETS[:2] if secret.encode() in pickle.dumps(source, 5)]
    chunks, error = elsewhere(there.read_from_store, source, {}, hidden, 500)
    assert error is None
    assert show(chunks) == show(list(source.chunks(500)))


def test_a_worker_without_the_signature_says_what_to_do(
    objects: ObjectServer,  # noqa: F811 - the fixture
    elsewhere: Elsewhere,
) -> None:
    """The address as it is shown would give another file, or none."""
    objects.behaviour.objects["a.csv"] = b"n,x\n1,2\n"
    source = open_source([f"{objects.url}/a.csv?sig=SIGNATURE"])
    source.survey()
    asked = len(objects.behaviour.asked)
    chunks, error = elsewhere(there.read_from_store, source, {}, {}, 0)
    assert not chunks
    assert type(error) is SourceError
    assert f"a.csv?…: the end of this address is not known on {platform.node()}, because" in str(error)
    assert len(objects.behaviour.asked) == asked


def test_a_file_in_an_archive_is_found_with_its_signature(
    objects: ObjectServer,  # noqa: F811 - the fixture
    elsewhere: Elsewhere,
) -> None:
    """The archive is what has the address."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, "n,x\n" + f"{name},2\n" * 500)
    objects.behaviour.objects["in.zip"] = out.getvalue()
    source = open_source([f"{objects.url}/in.zip?sig=SIGNATURE"], chunk_rows=100)
    hidden = reveal(source)
    assert len(hidden) == 1
    chunks, error = elsewhere(there.read_from_store, source, {}, hidden, 700)
    assert error is None
    assert show(chunks) == show(list(source.chunks(700)))
