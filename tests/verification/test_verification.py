"""Loads against the store of a sandbox: exactly what was altered in the store is named."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from loader.cli.show_verification import describe_difference
from loader.errors import CheckpointError, CheckpointLocked, ConfigError
from loader.journal import CheckpointView, Journal
from loader.methods import Kind
from loader.model import Decision, State
from loader.progress import ReadingProgress, Silent
from loader.verification import comparison, settling
from loader.verification.differences import Doubt, Scope
from loader.verification.listing import list_frames
from loader.verification.settling import NotedVerification, Settled
from loader.verification.verification import verify_store
from tests.effort import EFFORT
from tests.verification.rehearsed import APPLICATION, EVENTS, TAGS, USERS, Rehearsed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from loader.verification.verification import Verification

CONFIRMED, REJECTED, IN_DOUBT, NEVER_SENT, _ = State
Named = tuple[str, str, int | None]


def write_events(rows: Sequence[tuple[int, int]]) -> str:
    """Events of a user and a price each."""
    lines = [f"device {user},user {user},buy,{1_400_000_000 + user},{price}.50" for user, price in rows]
    return "\n".join(["device,user,event,time,price", *lines]) + "\n"


def verify(rehearsed: Rehearsed, *others: Rehearsed) -> Verification:
    """Verify the loads."""
    return verify_store([each.checkpoint for each in (rehearsed, *others)], rehearsed.store)


def name(verification: Verification) -> Counter[Named]:
    """The differences: sign, scope and row."""
    return Counter(
        (each.sign.value, each.scope.value, each.ordinal) for _, each in verification.list_differences()
    )


FATES = st.sampled_from([CONFIRMED, CONFIRMED, CONFIRMED, IN_DOUBT, REJECTED, NEVER_SENT])
ALTERATIONS = {
    "event": "event = 'altered' || id",
    "hwid": "hwid = 'altered' || id",
    "user": "user_id = 'altered' || id",
    "time": "timestamp_utc = 5",
    "local time": "timestamp_current = 7",
    "device type": "device_type = 1",
    "attributes": "attributes = '{\"price\":' || id || '000}'",
    "key": 'attributes = \'{"price":1.5,"new":"\' || id || \'"}\'',
}


@settings(
    max_examples=15 * EFFORT,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],  # to shrink takes minutes, as each example is a load
)
@given(data=st.data())
def test_exactly_what_was_altered_is_named(data: st.DataObject) -> None:
    """Of any small load: rows that are altered, removed, doubled or added by hand, and no other."""
    rows = data.draw(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 2)), min_size=1, max_size=8))
    fates = [data.draw(FATES) for _ in rows]
    with tempfile.TemporaryDirectory() as folder:
        rehearsed = Rehearsed(Path(folder))
        bodies = rehearsed.begin(EVENTS, write_events(rows), fates, label="mine")
        land_all(data, rehearsed, bodies, fates)
        doubtful = {bodies[at] for at, fate in enumerate(fates) if fate is IN_DOUBT}
        sure = {bodies[at]: at for at, fate in enumerate(fates) if fate is CONFIRMED}
        wanted: Counter[str] = Counter()
        for body, at in sure.items():
            if body not in doubtful:
                wanted[alter(data, rehearsed, body, rows[at])] += 1
        for number in range(data.draw(st.integers(0, 2))):
            extra = bodies[0].replace(b"device", b"device%d" % number).replace(b"user ", b"new%d" % number)
            rehearsed.land(Kind.EVENTS, extra, label="mine")
            wanted["+"] += 1
        del wanted[""]
        verification = verify(rehearsed)
        assert Counter(each.sign.value for _, each in verification.list_differences()) == +wanted
        assert verification.ok == (not +wanted)
        assert verification.totals.same == fates.count(CONFIRMED) - wanted["-"] - wanted["*"]


def land_all(
    data: st.DataObject, rehearsed: Rehearsed, bodies: Sequence[bytes], fates: Sequence[State]
) -> None:
    """All confirmed rows and some of those in doubt, in any order; and rows of another load."""
    there = [body for body, fate in zip(bodies, fates, strict=True) if fate is CONFIRMED]
    there += [
        body
        for body, fate in zip(bodies, fates, strict=True)
        if fate is IN_DOUBT and data.draw(st.booleans())
    ]
    for body in data.draw(st.permutations(there)):
        rehearsed.land(Kind.EVENTS, body, label="mine")
    for _ in range(data.draw(st.integers(0, 2))):
        rehearsed.land(Kind.EVENTS, bodies[0], label="other")


def alter(data: st.DataObject, rehearsed: Rehearsed, body: bytes, row: tuple[int, int]) -> str:
    """Do something by hand to one call of a row; its sign."""
    what = data.draw(st.sampled_from(["", "", "remove", "double", *ALTERATIONS]))
    query = "SELECT max(id) FROM events WHERE load = 'mine' AND user_id = ? AND attributes LIKE ?"
    ((number,),) = rehearsed.ask(query, f"user {row[0]}", f'{{"price":{row[1]}.5%')
    if what == "remove":
        rehearsed.execute("DELETE FROM events WHERE id = ?", number)
        return "-"
    if what == "double":
        rehearsed.land(Kind.EVENTS, body, label="mine")
        return "2"
    if what:
        rehearsed.execute(f"UPDATE events SET {ALTERATIONS[what]} WHERE id = ?", number)
    return "*" if what else ""


def test_a_load_without_a_label_is_compared_with_calls_without_one(tmp_path: Path) -> None:
    """A load that was sent to the plain address of a sandbox."""
    rehearsed = Rehearsed(tmp_path)
    bodies = rehearsed.begin(EVENTS, write_events([(1, 1), (2, 1)]), [CONFIRMED] * 2)
    for body in bodies:
        rehearsed.land(Kind.EVENTS, body)
    rehearsed.land(Kind.EVENTS, bodies[0], label="other")
    assert verify(rehearsed).ok


def test_several_loads_of_a_store_are_verified_together(tmp_path: Path) -> None:
    """Loads of several kinds, with labels or without, are each held against what is theirs."""
    first, second, users = (Rehearsed(tmp_path, name) for name in ("first", "second", "users"))
    for load, label in ((first, ""), (second, "")):
        for body in load.begin(EVENTS, write_events([(1, 1)]), [CONFIRMED], label=label):
            load.land(Kind.EVENTS, body)
    (body,) = users.begin(USERS, "device,user,offset\nd,u,60\n", [CONFIRMED], label="u")
    users.land(Kind.USERS, body, label="u")
    assert verify(first, second, users).ok
    first.execute("DELETE FROM events WHERE id = 1")
    assert Counter(each.sign.value for _, each in verify(first, second, users).list_differences()) == {"-": 1}


def test_a_row_that_an_earlier_mapping_sent_is_the_same(tmp_path: Path) -> None:
    """A retry with a changed mapping changes what its rows are, not what was sent before."""
    rehearsed = Rehearsed(tmp_path)
    rows = [(1, 1), (2, 1), (3, 1)]
    old = rehearsed.begin(EVENTS, write_events(rows), [CONFIRMED, NEVER_SENT, CONFIRMED])
    new = rehearsed.remap(EVENTS + 'kind = "event"\n', {1: CONFIRMED})
    for body in (old[0], new[1], old[2]):
        rehearsed.land(Kind.EVENTS, body)
    assert old[1] != new[1]
    assert verify(rehearsed).ok
    rehearsed.execute("UPDATE events SET attributes = replace(attributes, 'buy', 'sell')")
    assert name(verify(rehearsed)) == {("*", "call", 1): 1}


def test_it_says_how_far_it_is(tmp_path: Path) -> None:
    """A verification of millions of rows takes minutes: a watch sees both sides being read."""
    rehearsed = Rehearsed(tmp_path)
    for body in rehearsed.begin(EVENTS, write_events([(1, 1), (2, 1)]), [CONFIRMED] * 2):
        rehearsed.land(Kind.EVENTS, body)
    seen: list[ReadingProgress] = []

    class Watching(Silent):
        @contextmanager
        def reading(self, progress: Callable[[], ReadingProgress]) -> Iterator[None]:
            seen.append(progress())
            yield
            seen.append(progress())

    verify_store([rehearsed.checkpoint], rehearsed.store, watch=Watching())
    assert [(each.done, each.total, each.doing) for each in seen] == [
        (0, 4, "Verifying"),
        (4, 4, "Verifying"),
    ]


def test_a_store_of_another_sandbox_is_refused(tmp_path: Path) -> None:
    """A store that was deleted and made again says nothing about the load."""
    rehearsed = Rehearsed(tmp_path)
    rehearsed.begin(EVENTS, write_events([(1, 1)]), [CONFIRMED])
    rehearsed.store.unlink()
    Rehearsed(tmp_path, "another").begin(EVENTS, write_events([(1, 1)]), [CONFIRMED])
    with pytest.raises(ConfigError, match="another store"):
        verify(rehearsed)


def test_a_running_load_is_refused(tmp_path: Path) -> None:
    """Its rows land while they are looked for."""
    rehearsed = Rehearsed(tmp_path)
    rehearsed.begin(EVENTS, write_events([(1, 1)]), [CONFIRMED])
    identity = CheckpointView.open(rehearsed.checkpoint).identity
    with Journal.open(rehearsed.checkpoint, identity), pytest.raises(CheckpointLocked, match="is running"):
        verify(rehearsed)


# Users and tags: what is stored in the end.

LAST_WINS = "device,user,offset\nd1,u1,60\nd2,u2,60\nd1,u3,60\nd3,d3,0\n"


def register(rehearsed: Rehearsed, fates: Sequence[State] = (CONFIRMED,) * 4) -> list[bytes]:
    """A load of users whose first device changes its user; what is confirmed landed in order."""
    bodies = rehearsed.begin(USERS, LAST_WINS, fates, label="mine")
    for body, fate in zip(bodies, fates, strict=True):
        if fate is CONFIRMED:
            rehearsed.land(Kind.USERS, body, label="mine")
    return bodies


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("", {}),
        ("UPDATE devices SET user_id = 'x' WHERE hwid = 'd1'", {("*", "stored", 2): 1}),
        ("UPDATE devices SET tz_offset = NULL WHERE hwid = 'd2'", {("*", "stored", 1): 1}),
        ("DELETE FROM devices WHERE hwid = 'd3'", {("-", "stored", 3): 1}),
        ("DELETE FROM registrations WHERE user_id = 'u1'", {("-", "call", 0): 1}),
        ("UPDATE registrations SET tz_offset = 1 WHERE user_id = 'u2'", {("*", "call", 1): 1}),
        ("UPDATE devices SET user_id = 'u1', updated = 1 WHERE hwid = 'd1'", {("*", "stored", 2): 1}),
    ],
)
def test_the_log_and_what_is_stored_are_told_apart(
    tmp_path: Path, change: str, expected: dict[Named, int]
) -> None:
    """An altered call is one difference, an altered device another."""
    rehearsed = Rehearsed(tmp_path)
    register(rehearsed)
    if change:
        assert rehearsed.execute(change) == 1
    assert name(verify(rehearsed)) == expected


def test_a_device_that_landed_in_another_order_is_named(tmp_path: Path) -> None:
    """All calls are there, and the last one is not the last row."""
    rehearsed = Rehearsed(tmp_path)
    bodies = rehearsed.begin(USERS, LAST_WINS, [CONFIRMED] * 4, label="mine")
    for at in (2, 1, 0, 3):
        rehearsed.land(Kind.USERS, bodies[at], label="mine")
    assert name(verify(rehearsed)) == {("*", "stored", 2): 1}


def test_a_device_that_another_load_registered_later_is_that_loads(tmp_path: Path) -> None:
    """It says nothing about this load."""
    rehearsed = Rehearsed(tmp_path)
    bodies = register(rehearsed)
    rehearsed.land(Kind.USERS, bodies[0].replace(b"u1", b"other"), label="other")
    assert verify(rehearsed).ok


@pytest.mark.parametrize("landed", [True, False])
def test_after_a_row_in_doubt_either_value_may_be_stored(tmp_path: Path, landed: bool) -> None:
    """A device whose last row is in doubt has the value of that, or of the row before."""
    rehearsed = Rehearsed(tmp_path)
    bodies = register(rehearsed, [CONFIRMED, CONFIRMED, IN_DOUBT, CONFIRMED])
    if landed:
        rehearsed.land(Kind.USERS, bodies[2], label="mine")
    verification = verify(rehearsed)
    assert verification.ok
    assert verification.totals.doubts_found == int(landed)


CITIES = "user,city,age\na,Berlin,30\nb,Paris,31.5\na,,7\nb,Rome,31.50\n"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("", {}),
        ("UPDATE tags SET value = '\"Oslo\"' WHERE tag = 'city'", {("*", "stored", 3): 1}),
        ("UPDATE tags SET value = '7.0' WHERE user_id = 'a'", {}),
        ("DELETE FROM tags WHERE user_id = 'b' AND tag = 'age'", {("-", "stored", 3): 1}),
        (
            "INSERT INTO tags VALUES ('AAAAA-BBBBB', 'a', '', 'city', '\"Berlin\"', 1, 0)",
            {("*", "stored", 2): 1},
        ),
        ("INSERT INTO tags VALUES ('AAAAA-BBBBB', 'c', '', 'x', '1', 1, 0)", {("+", "stored", None): 1}),
        ("UPDATE tag_calls SET tags = '{\"age\":5}' WHERE id = 3", {("*", "call", 2): 1}),
    ],
)
def test_each_tag_must_have_its_last_value(tmp_path: Path, change: str, expected: dict[Named, int]) -> None:
    """Of each tag the last row that names it counts; an empty cell that removes it leaves none."""
    rehearsed = Rehearsed(tmp_path)
    for body in rehearsed.begin(TAGS, CITIES, [CONFIRMED] * 4, label="mine"):
        rehearsed.land(Kind.TAGS, body, label="mine")
    if change:
        assert rehearsed.execute(change) == 1
    assert name(verify(rehearsed)) == expected


def test_a_tag_too_many_is_shown_with_its_user(tmp_path: Path) -> None:
    """Else nobody could look for it."""
    rehearsed = Rehearsed(tmp_path)
    for body in rehearsed.begin(TAGS, CITIES, [CONFIRMED] * 4, label="mine"):
        rehearsed.land(Kind.TAGS, body, label="mine")
    rehearsed.execute("INSERT INTO tags VALUES ('AAAAA-BBBBB', 'c', '', 'x', '1', 1, 0)")
    ((load, found),) = verify(rehearsed).list_differences()
    assert found.landed == {"userId": "c", "tags.x": 1}
    assert describe_difference(load, found).endswith(', stored in the end: userId "c", tags.x 1')


def test_tags_of_a_user_who_is_gone_are_not_missing(tmp_path: Path) -> None:
    """A user who lost the last device lost the tags with it."""
    rehearsed, users = Rehearsed(tmp_path), Rehearsed(tmp_path, "users")
    for body in rehearsed.begin(TAGS, CITIES, [CONFIRMED] * 4, label="mine"):
        rehearsed.land(Kind.TAGS, body, label="mine")
    for body in users.begin(USERS, "device,user,offset\nd,b,0\nd,c,0\n", [CONFIRMED] * 2, label="u"):
        users.land(Kind.USERS, body, label="u")
    rehearsed.execute("DELETE FROM tags WHERE user_id = 'b'")
    assert verify(rehearsed).ok
    rehearsed.execute("DELETE FROM tags WHERE user_id = 'a'")
    assert name(verify(rehearsed)) == {("-", "stored", 2): 1}


def test_a_tag_that_another_load_removed_is_not_missing(tmp_path: Path) -> None:
    """It was set, and is that load's since."""
    rehearsed = Rehearsed(tmp_path)
    for body in rehearsed.begin(TAGS, CITIES, [CONFIRMED] * 4, label="mine"):
        rehearsed.land(Kind.TAGS, body, label="mine")
    request = {"application": APPLICATION, "hwid": "d", "userId": "b", "tags": {"age": None}}
    rehearsed.land(Kind.TAGS, json.dumps({"request": request}).encode(), label="other")
    assert verify(rehearsed).ok


# Settling.


def doubtful(rehearsed: Rehearsed) -> list[bytes]:
    """Three rows in doubt and a confirmed one, of which only the confirmed one landed."""
    rows = [(1, 1), (2, 1), (3, 1), (4, 1)]
    bodies = rehearsed.begin(EVENTS, write_events(rows), [CONFIRMED, IN_DOUBT, IN_DOUBT, IN_DOUBT])
    rehearsed.land(Kind.EVENTS, bodies[0])
    return bodies


def test_settling_confirms_what_was_found_and_gives_back_the_rest(tmp_path: Path) -> None:
    """Each answer is a decision in the history, and what is unclear stays in doubt."""
    rehearsed = Rehearsed(tmp_path)
    bodies = doubtful(rehearsed)
    rehearsed.land(Kind.EVENTS, bodies[1])
    rehearsed.land(Kind.EVENTS, bodies[3].replace(b"1.5", b"9.5"))
    verification = verify(rehearsed)
    ((_, settled),) = settling.settle(verification)
    assert settled == Settled(landed=1, dropped=1, unclear=1)
    view = CheckpointView.open(rehearsed.checkpoint)
    assert view.given_back == (2,)
    assert [row.ordinal for row in view.exceptions(IN_DOUBT)] == [3]
    assert [(each.what, each.rows) for each in view.decisions] == [("landed", 1), ("dropped", 1)]
    assert all("a verification against the sandbox's store" in each.detail for each in view.decisions)


def test_a_store_without_any_of_the_rows_settles_nothing(tmp_path: Path) -> None:
    """It is hardly the store that the rows went to."""
    rehearsed = Rehearsed(tmp_path)
    doubtful(rehearsed)
    rehearsed.execute("DELETE FROM events")
    with pytest.raises(ConfigError, match="none of the 1 confirmed rows"):
        settling.settle(verify(rehearsed))
    assert CheckpointView.open(rehearsed.checkpoint).account().in_doubt == 3


def test_each_load_must_be_in_the_store_to_be_settled(tmp_path: Path) -> None:
    """That another load is there says nothing about this one, and neither is settled."""
    there, lost = Rehearsed(tmp_path, "there"), Rehearsed(tmp_path, "lost")
    (body, _) = there.begin(EVENTS, write_events([(1, 1), (2, 1)]), [CONFIRMED, IN_DOUBT], label="there")
    there.land(Kind.EVENTS, body, label="there")
    lost.begin(EVENTS, write_events([(3, 1), (4, 1)]), [CONFIRMED, IN_DOUBT], label="lost")
    with pytest.raises(ConfigError, match=r"none of the 1 confirmed rows of .*lost\.ckpt"):
        settling.settle(verify(there, lost))
    for load in (there, lost):
        assert CheckpointView.open(load.checkpoint).account().in_doubt == 1


def test_rows_that_are_all_altered_settle_nothing(tmp_path: Path) -> None:
    """If every time is an hour off, a row that was not found may be there all the same."""
    rehearsed = Rehearsed(tmp_path)
    doubtful(rehearsed)
    rehearsed.execute("UPDATE events SET timestamp_utc = timestamp_utc + 3600")
    with pytest.raises(ConfigError, match="as it was sent"):
        settling.settle(verify(rehearsed))


def test_without_a_search_for_altered_rows_nothing_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was not found may be one of those that are there with another value."""
    monkeypatch.setattr(comparison, "MOST_PAIRED", 1)
    rehearsed = Rehearsed(tmp_path)
    bodies = doubtful(rehearsed)
    for body in bodies[1:3]:
        rehearsed.land(Kind.EVENTS, body.replace(b"1.5", b"9.5"))
    ((_, settled),) = settling.settle(verify(rehearsed))
    assert settled == Settled(unclear=3)


def test_rows_that_are_all_in_doubt_are_settled_by_their_own_store(tmp_path: Path) -> None:
    """It is certainly the one that they were sent to."""
    rehearsed = Rehearsed(tmp_path)
    rehearsed.begin(EVENTS, write_events([(1, 1), (2, 1)]), [IN_DOUBT] * 2)
    ((_, settled),) = settling.settle(verify(rehearsed))
    assert settled == Settled(dropped=2)


def test_a_row_that_was_sent_again_meanwhile_is_not_settled(tmp_path: Path) -> None:
    """Nobody has looked for what the last call left."""
    rehearsed = Rehearsed(tmp_path)
    doubtful(rehearsed)
    verification = verify(rehearsed)
    view = CheckpointView.open(rehearsed.checkpoint)
    with Journal.open(rehearsed.checkpoint, view.identity) as journal:
        journal.decide(Decision.DROPPED, list(view.exceptions(IN_DOUBT))[:1], "by hand")
        Rehearsed.settle(journal, {1: IN_DOUBT})
    with pytest.raises(CheckpointError, match="while the rows were looked for"):
        settling.settle(verification)
    assert CheckpointView.open(rehearsed.checkpoint).account().in_doubt == 3


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("[" * 3000 + "]" * 3000, "[[[["),
        ('"\\ud800"', "ud800"),
        ('{"\\udc00":1}', "udc00"),
    ],
)
def test_strange_values_are_shown_like_others(tmp_path: Path, value: str, shown: str) -> None:
    """A number beyond all numbers, JSON as deep as a well, half of a surrogate pair: no file is too good."""
    rehearsed = Rehearsed(tmp_path)
    (body,) = rehearsed.begin(EVENTS, write_events([(1, 1)]), [CONFIRMED])
    rehearsed.land(Kind.EVENTS, body)
    rehearsed.execute("UPDATE events SET attributes = ?", f'{{"price":{value}}}')
    frame = pd.concat(list(list_frames(verify(rehearsed))))
    assert shown in "".join(frame["_loader_landed"].dropna())
    for column in frame:
        "".join(map(str, frame[column])).encode()


def test_a_store_that_is_not_there_is_asked_for(tmp_path: Path) -> None:
    """It is not said to be unwritable."""
    rehearsed = Rehearsed(tmp_path)
    rehearsed.begin(EVENTS, write_events([(1, 1)]), [CONFIRMED])
    rehearsed.store.unlink()
    with pytest.raises(ConfigError, match="There is no store") as raised:
        verify(rehearsed)
    assert "--sandbox-store" in str(raised.value)
    assert not rehearsed.store.exists()


def test_differences_elsewhere_do_not_keep_a_doubt_from_being_settled(tmp_path: Path) -> None:
    """What is certain is settled."""
    rehearsed = Rehearsed(tmp_path)
    bodies = doubtful(rehearsed)
    rehearsed.land(Kind.EVENTS, bodies[0])
    verification = verify(rehearsed)
    assert not verification.ok
    ((_, settled),) = settling.settle(verification)
    assert settled.dropped == 3
    ((_, doubts),) = verification.list_doubts()
    assert set(doubts.values()) == {Doubt.DROPPED}


def test_a_verification_is_noted_in_the_checkpoint(tmp_path: Path) -> None:
    """The report shows the last one."""
    rehearsed = Rehearsed(tmp_path)
    doubtful(rehearsed)
    verification = verify(rehearsed)
    assert settling.note(verification) == []
    noted = NotedVerification.last(CheckpointView.open(rehearsed.checkpoint).notes)
    assert noted is not None
    assert (noted.totals, noted.ok, noted.settled) == (verification.totals, True, None)


def test_a_load_that_has_begun_meanwhile_is_not_disturbed(tmp_path: Path) -> None:
    """Then the note is left out, and what was found is still shown."""
    rehearsed = Rehearsed(tmp_path)
    doubtful(rehearsed)
    verification = verify(rehearsed)
    identity = CheckpointView.open(rehearsed.checkpoint).identity
    with Journal.open(rehearsed.checkpoint, identity):
        (missed,) = settling.note(verification)
    assert missed.ledger.path == rehearsed.checkpoint
    assert Scope.CALL not in {each.scope for _, each in verification.list_differences()}
