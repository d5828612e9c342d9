"""What a worker has to say comes back to the coordinator as it was said."""

from __future__ import annotations

import pickle

import pytest

from loader.errors import LoaderError, MappingError, RowsFailed, SourceError, StoreAway
from loader.message import Command, Message, Quote, Setting, SourceKey, spell_keyword, spell_option
from loader.model import Unreadable
from loader.sources.content import Damaged
from loader.sources.formats import UnknownFormat
from loader.sources.inputfile import Changed

SENTENCE = Message(
    "{name}: give {setting} or {key}, see {command}: {cell}",
    name="a.csv",
    setting=Setting("input_format"),
    key=SourceKey("columns", '["a", "b"]', "a,b", brief=True),
    command=Command.FAILURES,
    cell=Quote("Ada"),
)
ERRORS = [
    SourceError(SENTENCE),
    StoreAway("s3://a/b: does not answer."),
    MappingError([SENTENCE, "and another."], "m.toml"),
    RowsFailed("two rows", {"rejected": 2}),
    Changed("a.csv", "it was written to", ", its first 9 bytes,", 7),
    Damaged("a.csv.gz", "the end is missing"),
    UnknownFormat("a.dat"),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_it_was(error: LoaderError) -> None:
    """Its class, its exit code and its sentence, in the words of each front end, are those of the worker."""
    back = pickle.loads(pickle.dumps(error, 5))
    assert (type(back), str(back), back.exit_code) == (type(error), str(error), error.exit_code)
    for spelling in (spell_option, spell_keyword):
        for quotes in (True, False):
            assert back.message.spell(spelling, quotes=quotes) == error.message.spell(spelling, quotes=quotes)
    assert back.settings == error.settings
    kept = {name: value for name, value in vars(error).items() if name != "_message"}
    assert {name: value for name, value in vars(back).items() if name != "_message"} == kept


def test_an_error_that_was_shown_in_a_notebook_travels() -> None:
    """The traceback that was shown stays where it is, because it holds frames."""
    with pytest.raises(SourceError) as caught:
        raise SourceError("a.csv: is empty.")
    caught.value._render_traceback_()
    assert str(pickle.loads(pickle.dumps(caught.value, 5))) == "a.csv: is empty."


def test_a_change_that_travels_can_still_name_its_row() -> None:
    """The coordinator knows which row came last."""
    change = pickle.loads(pickle.dumps(Changed("a.csv", "it was written to"), 5))
    assert "Nothing after row 12 was read" in str(change.name_row(12))


def test_why_a_record_is_unreadable_travels() -> None:
    """Equal records are counted by the part of the reason that they share."""
    reason = Unreadable.of(Message("the row has {cells} cells", cells=Quote("9")), ". Fix it.")
    back = pickle.loads(pickle.dumps(reason, 5))
    assert (back, type(back), back.reason) == (reason, Unreadable, reason.reason)
