"""What `loader` offers, and what it costs to import it."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

import pytest

import loader
from loader.message import spell_keyword, spell_option
from tests.api.conftest import ran

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = [
    loader.load_users,
    loader.load_events,
    loader.check_users,
    loader.check_events,
    loader.load_tags,
    loader.check_tags,
    loader.resolve,
    loader.retry,
]


def test_the_names_are_a_contract() -> None:
    """Whoever imports a name today can import it tomorrow: taking one away is a decision."""
    assert loader.__all__ == [
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


def test_every_name_is_there() -> None:
    """Each name can be had, is shown by completion, and an unknown one is an AttributeError."""
    assert all(getattr(loader, name) is not None for name in loader.__all__)
    assert set(loader.__all__) <= set(dir(loader))
    with pytest.raises(AttributeError, match="load_everything"):
        loader.load_everything  # noqa: B018 - the access is the test


def test_importing_is_cheap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`import loader` loads neither pandas nor any other library."""
    monkeypatch.setenv("COLD", "1")  # in a new interpreter
    script = "import sys, loader; print(sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = ran(script, tmp_path)
    assert not re.search(r"'(pandas|numpy|pyarrow|requests|rich|click|sqlite3)'", loaded)


@pytest.mark.parametrize("call", CALLS, ids=lambda call: str(call.__name__))
def test_every_keyword_is_explained(call: Callable[..., object]) -> None:
    """Shift-Tab in a notebook shows each parameter with its default, and a line on each."""
    documented = set(re.findall(r"^    {4}(\w+): ", inspect.getdoc(call) or "", re.MULTILINE))
    documented |= set(re.findall(r"^    (\w+): ", inspect.getdoc(call) or "", re.MULTILINE))
    assert set(inspect.signature(call).parameters) <= documented


WRONG = {
    "a load": lambda: loader.load_users("users.csv"),
    "a check": lambda: loader.check_users("users.csv"),
    "infer": lambda: loader.Mapping.infer("users", "users.csv"),
    "propose": lambda: loader.Mapping.propose("users", "users.csv"),
    "Checkpoint": lambda: loader.Checkpoint("users.csv"),
    "read": lambda: loader.Mapping.read("users.csv"),
    "parse": lambda: loader.Mapping.parse("users.csv"),
    "write": lambda: loader.Mapping("tags", fields={"hwid": "h"}).write("users.csv"),
    "retry": lambda: loader.retry("users.csv", "users.csv"),
    "resolve": lambda: loader.resolve("users.csv", "landed"),
}


@pytest.mark.parametrize("call", WRONG.values(), ids=WRONG)
def test_every_call_words_its_errors_for_python(
    call: Callable[[], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is called, an error names keywords and calls, and no option or command of the shell."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUSHWOOSH_APPLICATION", "AAAAA-BBBBB")
    (tmp_path / "users.csv").write_text("device;person,name\n1;2,3\n")
    with pytest.raises(loader.LoaderError) as error:
        call()
    assert error.value.spelling is spell_keyword
    assert not OF_THE_SHELL.search(str(error.value))


OF_THE_SHELL = re.compile(r"(?<![\w-])--[a-z]|`(?:map|retry|status|failures)`")
UNREADABLE: dict[str, bytes] = {
    "a.csv": b"device;person,name\n1;2,3\n",
    "latin.csv": "hwid,userId\n1,M\u00fcller\n".encode("latin-1"),
    "cyrillic.csv": "hwid,userId\n1,\u041f\u0440\u0438\u0432\u0435\u0442\n".encode("cp1251"),
    "utf16.csv": "hwid,userId\n1,2\n".encode("utf-16-be"),
    "value.csv": b"2024-01-01,d\n2024-01-02,e\n",
    "above.csv": b"Export of today\nhwid,userId\na,b\nc,d\n",
    "late.jsonl": b'{"hwid":"a"}\n' * 200_000 + b'{"hwid":"a","userId":"b"}\n',
    "list.json": b'[{"hwid": "a"}]',
    "ends.csv": b"hwid,userId\na,b,\nc,d,\n",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_wrong_with_a_file_is_said_for_python(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a file needs is a line of its mapping in Python, where no option can be given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(UNREADABLE[name])
    with pytest.raises(loader.LoaderError) as error:
        loader.check_users(name)
    assert not OF_THE_SHELL.search(str(error.value))
    error.value.spelling = spell_option
    assert name in str(error.value)
