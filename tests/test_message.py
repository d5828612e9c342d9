"""Sentences as a template and facts."""

from __future__ import annotations

import ast
import pickle
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest
from click import Context

from loader import message
from loader.api.spelling import spell_in_python
from loader.cli import COMMANDS, cli
from loader.dialect import Dialect
from loader.errors import ConfigError, LoaderError
from loader.load_options import LoadOptions
from loader.message import Command, Message, Quote, Setting, spell_keyword, spell_option
from loader.settings import Settings

MESSAGE = Message("{setting} is {value}; see {value}.", setting=Setting("max_rejected"), value="{max} {0}")


def test_each_front_end_spells_a_setting_its_own_way() -> None:
    """A user reads the option that the command line has, or the keyword that Python has."""
    assert str(MESSAGE) == "--max-rejected is {max} {0}; see {max} {0}."
    assert MESSAGE.spell(spell_keyword).startswith("max_rejected is")
    with pytest.raises(ConfigError, match=r"^max_rejected is"), spell_in_python():
        raise ConfigError(MESSAGE)


def test_an_error_tells_programs_which_settings_it_is_about() -> None:
    """They are named as in `Settings`, also those that stand in a part of the sentence."""
    assert ConfigError(Message.join(["First.", MESSAGE])).settings == (Setting("max_rejected"),)
    assert ConfigError("{braces} are only text").settings == ()


@cache
def settings_named() -> frozenset[str]:
    """Every setting that a sentence of the loader names, from its source."""
    loader = Path(message.__file__).parent
    calls = (
        node
        for path in loader.rglob("*.py")
        if path.parent.name != "sandbox"
        for node in ast.walk(ast.parse(path.read_text()))
    )
    return frozenset(
        str(node.args[0].value)
        for node in calls
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in {"Setting", "refuse"}
        and node.args
        and isinstance(node.args[0], ast.Constant)
    )


def test_settings_are_named_as_in_settings() -> None:
    """A name that no longer exists would send the user to nothing."""
    known = {field.name for record in (Settings, LoadOptions, Dialect) for field in fields(record)}
    assert {"rate", "max_rejected"} <= settings_named() <= known | set(spell_settings())


def test_options_of_that_name_exist() -> None:
    """What a sentence tells the user to set can be typed."""
    options = {option for names in spell_settings().values() for option in names}
    assert {spell_option(Setting(name)) for name in settings_named()} <= options


def spell_settings() -> dict[str, set[str]]:
    """What can be typed for each setting of any command, by its name in code."""
    spelled: dict[str, set[str]] = {}
    for name in COMMANDS:
        command = cli.get_command(Context(cli), name)
        assert command is not None
        for parameter in command.params:
            typed = {*parameter.opts, *parameter.secondary_opts}
            spelled.setdefault(str(parameter.name), set()).update(typed)
            spelled |= {option[2:].replace("-", "_"): typed for option in typed if option.startswith("--no-")}
    return spelled


def test_quotes_can_be_left_out_of_every_part() -> None:
    """What may repeat a row is not in a sentence for everybody, wherever it stands."""
    inner = Message("alike{quote}", quote=Quote(": secret"))
    assert Message("{inner}.", inner=inner).spell(spell_option, quotes=False) == "alike."


def test_an_error_travels_between_processes() -> None:
    """A worker's error arrives with its sentence and its settings."""
    error: LoaderError = pickle.loads(pickle.dumps(ConfigError(MESSAGE)))
    assert str(error) == str(MESSAGE)
    assert error.settings == (Setting("max_rejected"),)


#: What these say is of the command line, or of Python, by the room that they are in.
ROOMS_OF_ONE_FRONT_END = {"cli", "api", "text", "sandbox"}


@cache
def sentences_between() -> tuple[str, ...]:
    """The texts in the code of the rooms that both front ends share, without docstrings."""
    loader = Path(message.__file__).parent
    shared = [
        ast.parse(path.read_text())
        for path in loader.rglob("*.py")
        if path.relative_to(loader).parts[0] not in ROOMS_OF_ONE_FRONT_END | {"retries.py"}
    ]
    texts = [node for tree in shared for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    docstrings = {id(node.value) for tree in shared for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return tuple(str(text.value) for text in texts if id(text) not in docstrings)


@pytest.mark.parametrize("command", Command)
def test_no_room_between_the_front_ends_writes_a_command(command: Command) -> None:
    """A sentence that both front ends show names a command as a fact, so that Python reads a call."""
    assert [text for text in sentences_between() if f"`{command}" in text] == []
    spelled = Message("See {command}.", command=command)
    assert (str(spelled), "loader." in spelled.spell(spell_keyword)) == (f"See `{command}`.", True)
