"""Inputs that lie elsewhere, read by the loader's own sources: which objects, which bytes, which changes."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import zipfile
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pyarrow as pa
import pytest
from pyarrow import parquet

from loader.errors import SourceError, SourceMissing, StoreAway
from loader.sources import open_source
from loader.sources.inputfile import Changed
from loader.sources.paths import find_files
from loader.sources.storedfile import StoredFile
from loader.stores import ahead, find_object, web
from tests.stores.conftest import HEADER, events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.stores.conftest import Bucket
    from tests.stores.objectserver import ObjectServer

ODD_NAMES = ("a b", "ü", "100%", "a+b", "a#b", "what?", "a%20b", "a&b=c", "star*", "[x]", "'q'")


def read_users(*names: str) -> list[str]:
    """The users in an input, in its order."""
    source = open_source(names)
    source.survey()
    return [user for chunk in source.chunks() for user in chunk.frame["user_id"]]


def list_users(first: int, end: int) -> list[str]:
    """The users that `events` writes."""
    return [f"u{n}" for n in range(first, end)]


def as_parquet(content: bytes, group: int = 500) -> bytes:
    """A CSV file as Parquet, every column text."""
    header, *rows = (line.split(",") for line in content.decode().splitlines())
    table = pa.table({name: [row[at] for row in rows] for at, name in enumerate(header)})
    out = io.BytesIO()
    parquet.write_table(table, out, row_group_size=group)
    return out.getvalue()


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_key_is_taken_as_it_is(bucket: Bucket, name: str) -> None:
    """Blanks, unicode and the marks of URLs and patterns are characters of a key, as for other tools."""
    bucket.put("a b.csv", events(90, 99))  # what another reading of the name would find
    assert read_users(bucket.put(f"{name}.csv", events(3, 6))) == list_users(3, 6)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "zip", "parquet"])
def test_each_kind_of_file_is_read_where_it_lies(bucket: Bucket, kind: str) -> None:
    """Text, packed text, archives and Parquet are recognised and read from a store as from a disk."""
    content = events(0, 3000)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.csv", content)
    made = {"csv": content, "csv.gz": gzip.compress(content), "zip": packed.getvalue()}
    address = bucket.put(f"e.{kind}", made.get(kind) or as_parquet(content))
    assert read_users(address) == list_users(0, 3000)


def test_files_in_an_archive_can_be_named(bucket: Bucket) -> None:
    """An archive in a store is as a folder: all its files are the input, or the one that is named."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", events(0, 3))
        archive.writestr("b.csv", events(3, 5))
    address = bucket.put("both.zip", packed.getvalue())
    assert read_users(address) == list_users(0, 5)
    assert read_users(f"{address}/b.csv") == list_users(3, 5)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("2024-*.csv", ["a", "b"]),
        ("2024-?2.csv", ["b"]),
        ("d/*/p.csv", ["c", "e"]),
        ("**/p.csv", ["c", "e"]),
        ("d/day=[2]/*.csv", ["e"]),
        ("d", ["c", "e"]),
        ("d/", ["c", "e"]),
        ("d/day=1", ["c"]),
    ],
)
def test_patterns_and_folders_mean_what_they_mean_on_a_disk(
    bucket: Bucket, given: str, found: Sequence[str]
) -> None:
    """Patterns stay within a folder unless ** is given; a folder is all below it but hidden objects."""
    keys = {
        "a": "2024-01.csv",
        "b": "2024-02.csv",
        "c": "d/day=1/p.csv",
        "e": "d/day=2/p.csv",
        "x": "d/_SUCCESS",
        "y": "2024-03.txt.d/x.csv",
        "z": "d/.tmp/p.csv",
    }
    for number, key in enumerate(keys.values()):
        bucket.put(key, events(number * 10, number * 10 + 2))
    wanted = [list(keys).index(name) * 10 for name in found]
    assert read_users(bucket.address(given)) == [user for n in wanted for user in list_users(n, n + 2)]


def test_folders_add_their_columns(bucket: Bucket) -> None:
    """A partitioned folder of a store gives the columns that its folders name."""
    bucket.put("t/day=2024-01-01/p.csv", events(0, 2))
    bucket.put("t/day=2024-01-02/p.csv", events(2, 3))
    source = open_source([bucket.address("t")])
    days = [day for chunk in source.chunks() for day in chunk.frame["day"]]
    assert days == ["2024-01-01", "2024-01-01", "2024-01-02"]


def test_a_list_has_all_its_pages(misbehaving_s3: ObjectServer) -> None:
    """A store lists so many keys at a time; a folder and a pattern mean all of them."""
    misbehaving_s3.behaviour.objects |= {f"b/many/{number:05d}.csv": b"" for number in range(2500)}
    folder, pattern = find_files(["s3://b/many", "s3://b/many/*.csv"])
    assert folder.names == pattern.names == tuple(f"s3://b/many/{n:05d}.csv" for n in range(2500))
    lists = [path for _, path, _ in misbehaving_s3.behaviour.asked if "list-type=2" in path]
    assert len(lists) > 2 * 2500 // 1000


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("s3://{bucket}/none.csv", "there is no such object."),
        ("s3://{bucket}/none/", "there is no such object."),
        ("s3://{bucket}/none-*.csv", "no object matches this pattern."),
        ("s3://no-such-bucket-here/a.csv", "the bucket no-such-bucket-here does not exist."),
        ("s3://no-such-bucket-here/*.csv", "the bucket no-such-bucket-here does not exist."),
    ],
)
def test_what_is_missing_is_said(bucket: Bucket, given: str, said: str) -> None:
    """An object, a folder, a bucket that is not there: each is told apart, and it is the code for missing."""
    bucket.put("a.csv", events(0, 1))
    with pytest.raises(SourceMissing, match=said.replace(".", r"\.")):
        open_source([given.format(bucket=bucket.name)])


@pytest.mark.parametrize("sign", ["_delta_log/0.json", ".hoodie/x", "metadata/v1.metadata.json"])
def test_a_table_format_is_refused_in_a_store_too(bucket: Bucket, sign: str) -> None:
    """Files of a table format say too much, wherever they lie."""
    bucket.put("t/part-0.parquet", as_parquet(events(0, 2)))
    bucket.put(f"t/{sign}", b"{}")
    with pytest.raises(SourceError, match="rows that were replaced or deleted"):
        open_source([bucket.address("t")])


@pytest.mark.parametrize(
    "other", ["S3://{bucket}/a.csv", "s3://{bucket}/a.csv", "s3://{bucket}/*.csv", "s3://{bucket}"]
)
def test_an_object_that_is_named_twice_is_refused(bucket: Bucket, other: str) -> None:
    """Two spellings of one object would load its rows twice."""
    address = bucket.put("a.csv", events(0, 2))
    with pytest.raises(SourceError, match="is the same file as"):
        open_source([address, other.format(bucket=bucket.name)])


@pytest.mark.parametrize(
    "other", ["{url}/%61.csv", "{upper}/a.csv", "{url}/a.csv#top", "http://user:pass@{host}/a.csv"]
)
def test_two_spellings_of_a_web_address_are_one_file(objects: ObjectServer, other: str) -> None:
    """Escapes, case of the scheme, fragments and users do not hide that a file is named twice."""
    objects.behaviour.objects["a.csv"] = events(0, 2)
    host = objects.url.removeprefix("http://")
    spelled = other.format(url=objects.url, upper=f"HTTP://{host}", host=host)
    with pytest.raises(SourceError, match="is the same file as"):
        open_source([f"{objects.url}/a.csv", spelled])


def test_a_text_is_read_from_its_mark_on(misbehaving_s3: ObjectServer) -> None:
    """A resumed load asks for the bytes from the last mark on, and for none before it."""
    content = events(0, 120_000)
    misbehaving_s3.behaviour.objects["b/a.csv"] = content
    known = open_source(["s3://b/a.csv"]).survey().files
    misbehaving_s3.behaviour.asked.clear()
    source = open_source(["s3://b/a.csv"], known=known)
    source.survey()
    misbehaving_s3.behaviour.asked.clear()
    chunk = next(iter(source.chunks(119_000)))
    assert chunk.frame["user_id"].iloc[0] == "u119000"
    mark = max(mark.offset for mark in known[0].marks if mark.row <= 119_000)
    starts = [
        int(wanted.removeprefix("bytes=").partition("-")[0]) for _, _, wanted in misbehaving_s3.behaviour.gets
    ]
    assert min(starts) > mark - (1 << 16) > len(content) // 2


def test_only_the_row_groups_that_are_needed_are_read(misbehaving_s3: ObjectServer) -> None:
    """Of a Parquet file the footer is read, and the row groups from the wanted row on."""
    content = as_parquet(events(0, 60_000), group=10_000)
    misbehaving_s3.behaviour.objects["b/a.parquet"] = content
    source = open_source(["s3://b/a.parquet"])
    source.survey()
    misbehaving_s3.behaviour.asked.clear()
    chunk = next(iter(source.chunks(50_000)))
    assert chunk.frame["user_id"].iloc[0] == "u50000"
    starts = [
        int(wanted.removeprefix("bytes=").partition("-")[0]) for _, _, wanted in misbehaving_s3.behaviour.gets
    ]
    assert min(starts) > len(content) // 2


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_any_read_gives_the_bytes_of_the_object(
    misbehaving_s3: ObjectServer, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is read in whatever order, it is what stands there, also around the ends of ranges."""
    longest = 1 << 17
    monkeypatch.setattr(ahead, "LONGEST", longest)
    chance = random.Random(4)
    content = chance.randbytes(5 * longest + 12_345)
    misbehaving_s3.behaviour.objects["b/a.bin"] = content
    address = "s3://b/a.bin" if scheme == "s3" else f"{misbehaving_s3.url}/b/a.bin"
    file = StoredFile(find_object(address))
    assert file.sha256() == hashlib.sha256(content).hexdigest()
    with file.open() as opened:
        places = [0, 1 << 16, longest, 2 * longest, len(content)]
        for _ in range(200):
            place = chance.choice([chance.choice(places), chance.randrange(len(content))])
            start = max(place - chance.randrange(9), 0)
            size = chance.choice([1, 8, 4096, 70_000, longest + 1])
            opened.seek(start)
            assert opened.read(size) == content[start : start + size]


@pytest.mark.parametrize("wrong", ["reset", "close", 503, 500])
@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_a_read_that_breaks_off_is_tried_again(
    misbehaving_s3: ObjectServer, scheme: str, wrong: str | int
) -> None:
    """A connection that breaks in the middle of an object, or a 503, costs a try and no row."""
    misbehaving_s3.behaviour.objects["b/a.csv"] = events(0, 50_000)
    misbehaving_s3.behaviour.wrong = lambda number: wrong if number == 3 else None
    address = "s3://b/a.csv" if scheme == "s3" else f"{misbehaving_s3.url}/b/a.csv"
    assert read_users(address) == list_users(0, 50_000)
    assert len(misbehaving_s3.behaviour.gets) >= 3


@pytest.mark.parametrize("wrong", ["reset", "close", 503, 500])
@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_a_store_that_stays_away_is_named(
    misbehaving_s3: ObjectServer, scheme: str, wrong: str | int
) -> None:
    """If every try fails, the error says that the store is away and that the command can be run again."""
    misbehaving_s3.behaviour.objects["b/a.csv"] = events(0, 50)
    misbehaving_s3.behaviour.wrong = lambda _: wrong
    address = "s3://b/a.csv" if scheme == "s3" else f"{misbehaving_s3.url}/b/a.csv"
    with pytest.raises(StoreAway, match=r"does not answer as it should .* Run the same command again later"):
        open_source([address]).survey()


@pytest.mark.parametrize("scheme", ["s3", "http"])
@pytest.mark.parametrize("tags", [True, False], ids=["tags", "no tags"])
@pytest.mark.parametrize("pass_", ["first", "second"])
def test_an_object_that_is_replaced_between_two_ranges_is_noticed(
    misbehaving_s3: ObjectServer, scheme: str, tags: bool, pass_: str
) -> None:
    """No byte of another version is used, though its size is the same, and whether or not it has a tag."""
    if (tags, pass_) == (False, "first"):
        pytest.skip("without a tag only a later read can tell, which the second pass shows")
    content = events(100_000, 250_000)
    other = content.replace(b",purchase,", b",purchasf,")
    behaviour = misbehaving_s3.behaviour
    behaviour.objects["b/a.csv"], behaviour.tags = content, tags
    source = open_source(["s3://b/a.csv" if scheme == "s3" else f"{misbehaving_s3.url}/b/a.csv"])
    if pass_ == "second":
        source.survey()
    behaviour.asked.clear()

    def replace(_: int) -> None:
        if sum(1 for _, _, wanted in behaviour.gets if not wanted.startswith("bytes=0-")) >= 2:
            behaviour.objects["b/a.csv"] = other

    behaviour.after = replace
    seen: list[str] = []

    def read_all() -> None:
        if pass_ == "first":
            source.survey()
            return
        for chunk in source.chunks():
            seen.extend(chunk.frame["event"])

    with pytest.raises(Changed, match="changed while it was being read"):
        read_all()
    assert behaviour.objects["b/a.csv"] is other
    assert set(seen) <= {"purchase"}


def test_an_object_of_another_size_is_a_change(misbehaving_s3: ObjectServer) -> None:
    """An object that was cut or extended since is named as one that changed, with both sizes."""
    misbehaving_s3.behaviour.objects["b/a.csv"] = content = events(0, 90_000)
    source = open_source(["s3://b/a.csv"])
    source.survey()
    misbehaving_s3.behaviour.objects["b/a.csv"] = content[: len(content) // 2]
    with pytest.raises(Changed, match=f"it had {len(content):,} bytes and now has {len(content) // 2:,}"):
        for _ in source.chunks(80_000):
            pass


def test_a_server_without_ranges_is_read_from_the_beginning(objects: ObjectServer) -> None:
    """Text is streamed from such a server, also from a later row on, and is what stands there."""
    objects.behaviour.objects["a.csv"], objects.behaviour.ranges = events(0, 200_000), False
    address = f"{objects.url}/a.csv"
    assert read_users(address) == list_users(0, 200_000)
    source = open_source([address])
    source.survey()
    assert next(iter(source.chunks(150_000))).frame["user_id"].iloc[0] == "u150000"


def test_a_change_is_noticed_without_ranges_and_tags(objects: ObjectServer) -> None:
    """A server that tells nothing at all cannot pass another file for the one that was read."""
    behaviour = objects.behaviour
    behaviour.objects["a.csv"], behaviour.ranges, behaviour.tags = events(0, 20_000), False, False
    source = open_source([f"{objects.url}/a.csv"])
    source.survey()
    behaviour.objects["a.csv"] = behaviour.objects["a.csv"].replace(b"u19999,", b"u19998,")
    with pytest.raises(Changed, match="some are others"):
        for _ in source.chunks():
            pass


@pytest.mark.parametrize("name", ["a.parquet", "a.zip"])
def test_what_begins_at_its_end_needs_ranges(objects: ObjectServer, name: str) -> None:
    """Parquet and ZIP from a server without ranges are refused, with what to do."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", events(0, 3))
    objects.behaviour.objects |= {"a.parquet": as_parquet(events(0, 9)), "a.zip": packed.getvalue()}
    objects.behaviour.ranges = False
    with pytest.raises(SourceError, match=r"the server gives files only as a whole.*Download it"):
        open_source([f"{objects.url}/{name}"])


def test_a_server_must_say_how_long_a_file_is(objects: ObjectServer) -> None:
    """Without a length an end that is missing would pass for the end."""
    objects.behaviour.objects["a.csv"] = events(0, 3)
    objects.behaviour.ranges = objects.behaviour.lengths = False
    with pytest.raises(SourceError, match="does not say how long this file is"):
        open_source([f"{objects.url}/a.csv"])


def test_a_redirect_is_followed(objects: ObjectServer) -> None:
    """A download page that sends elsewhere is read there."""
    objects.behaviour.objects["files/a.csv"] = events(0, 3)
    objects.behaviour.redirects["latest"] = f"{objects.url}/files/a.csv"
    assert read_users(f"{objects.url}/latest") == list_users(0, 3)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, "It may have expired"),
        (403, "it may have expired"),
        (404, "there is no such file"),
        (410, "no such file"),
    ],
)
def test_a_web_server_that_refuses_is_quoted(objects: ObjectServer, status: int, said: str) -> None:
    """What a status means for the user is said, and nothing is tried again."""
    objects.behaviour.wrong = lambda _: status
    with pytest.raises(SourceError, match=f"(?i){said}"):
        open_source([f"{objects.url}/a.csv"])
    assert len(objects.behaviour.gets) == 1


def test_an_empty_object_is_an_empty_file(bucket: Bucket, objects: ObjectServer) -> None:
    """It is named as an input that holds nothing, from a store and from a web server."""
    objects.behaviour.objects["a.csv"] = b""
    for address in (bucket.put("a.csv", b""), f"{objects.url}/a.csv"):
        with pytest.raises(SourceError, match="is empty"):
            open_source([address])


def test_a_header_alone_is_no_row(bucket: Bucket) -> None:
    """A file with a header and no row has no row."""
    assert read_users(bucket.put("a.csv", f"{HEADER}\n".encode())) == []


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        ((400, "ExpiredToken"), "the credentials for the bucket b have expired .* Get new ones"),
        ((403, "AccessDenied"), "does not let it be read .* AWS_ACCESS_KEY_ID"),
        ((403, "InvalidAccessKeyId"), "does not let it be read .* AWS_ACCESS_KEY_ID"),
        ((301, "PermanentRedirect"), "lies elsewhere .* Set AWS_REGION"),
        ((400, "AuthorizationHeaderMalformed"), "lies elsewhere .* Set AWS_REGION"),
    ],
)
@pytest.mark.parametrize("given", ["s3://b/a.csv", "s3://b/*.csv", "s3://b"])
def test_a_store_that_refuses_is_quoted(
    misbehaving_s3: ObjectServer, refusal: tuple[int, str], said: str, given: str
) -> None:
    """Credentials that are wrong or have expired, and another region, each have their own advice."""
    misbehaving_s3.behaviour.objects["b/a.csv"] = events(0, 3)
    misbehaving_s3.behaviour.refusal = refusal
    with pytest.raises(SourceError, match=said) as caught:
        open_source([given]).survey()
    assert not isinstance(caught.value, (SourceMissing, StoreAway))


@pytest.mark.parametrize("scheme", ["s3", "http"])
def test_the_first_read_of_all_is_of_one_version(misbehaving_s3: ObjectServer, scheme: str) -> None:
    """Nothing is known of the bytes yet, so the store's own version tells that it changed meanwhile."""
    behaviour, content = misbehaving_s3.behaviour, events(0, 40_000)
    behaviour.objects["b/a.csv"] = content
    file = StoredFile(find_object("s3://b/a.csv" if scheme == "s3" else f"{misbehaving_s3.url}/b/a.csv"))

    def replace(_: int) -> None:
        behaviour.objects["b/a.csv"] = content[:-9] + b"999999.5\n"

    behaviour.after = replace
    with pytest.raises(Changed, match="it was replaced by another version"):
        file.sha256()


def test_a_copy_in_a_store_is_refused(bucket: Bucket) -> None:
    """A second download beside the first one would load the rows twice, in a store as in a folder."""
    bucket.put("d/a.csv", events(0, 2))
    bucket.put("d/a (1).csv", events(0, 3))
    with pytest.raises(SourceError, match=r"a \(1\).csv: is s3://.*/d/a.csv again, by its name"):
        open_source([bucket.address("d")])


def test_a_redirect_does_not_leave_encryption(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends from https to http is not followed with what may be a signature."""
    answer = Mock(url="http://elsewhere/a.csv", status_code=206, headers={})
    monkeypatch.setattr(web, "open_session", lambda: Mock(get=lambda *_, **__: answer))
    with pytest.raises(SourceError, match="sends to an address without encryption"):
        open_source(["https://somewhere/a.csv"])
