"""Sentences as a template and facts."""

from __future__ import annotations

import pickle
from dataclasses import fields

import pytest

from loader.api.options import in_python, spell_keyword
from loader.cli.load import events
from loader.errors import ConfigError, LoaderError
from loader.message import Message, Quote, Setting, spell_option
from loader.settings import Settings

MESSAGE = Message("{setting} is {value}; see {value}.", setting=Setting.MAX_REJECTED, value="{max} {0}")


def test_each_front_end_spells_a_setting_its_own_way() -> None:
    """A user reads the option that the command line has, or the keyword that Python has."""
    assert str(MESSAGE) == "--max-rejected is {max} {0}; see {max} {0}."
    assert MESSAGE.spell(spell_keyword).startswith("max_rejected is")
    with pytest.raises(ConfigError, match=r"^max_rejected is"), in_python():
        raise ConfigError(MESSAGE)


def test_an_error_tells_programs_which_settings_it_is_about() -> None:
    """They are named as in `Settings`, also those that stand in a part of the sentence."""
    assert ConfigError(Message.join(["First.", MESSAGE])).settings == (Setting.MAX_REJECTED,)
    assert ConfigError("{braces} are only text").settings == ()


def test_settings_are_named_as_in_settings() -> None:
    """A name that no longer exists would send the user to nothing."""
    known = {field.name for field in fields(Settings)} | {Setting.SANDBOX_STORE}
    assert set(Setting) <= known


def test_options_of_that_name_exist() -> None:
    """What a sentence tells the user to set can be typed."""
    options = {option for parameter in events.params for option in parameter.opts}
    elsewhere = {"--input"}  # of the commands that take a checkpoint
    assert {spell_option(setting) for setting in Setting} - elsewhere <= options


def test_quotes_can_be_left_out_of_every_part() -> None:
    """What may repeat a row is not in a sentence for everybody, wherever it stands."""
    inner = Message("alike{quote}", quote=Quote(": secret"))
    assert Message("{inner}.", inner=inner).spell(spell_option, quotes=False) == "alike."


def test_an_error_travels_between_processes() -> None:
    """A worker's error arrives with its sentence and its settings."""
    error: LoaderError = pickle.loads(pickle.dumps(ConfigError(MESSAGE)))
    assert str(error) == str(MESSAGE)
    assert error.settings == (Setting.MAX_REJECTED,)
