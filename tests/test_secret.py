"""A secret shows itself nowhere, and what quotes one is shown without it."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.secret import Secret, hide_credentials, hide_secrets
from loader.settings import Token

HOT = "hot-4711"


@pytest.mark.parametrize("secret", [Secret(HOT), Token(HOT)])
def test_a_secret_shows_itself_nowhere(secret: Secret) -> None:
    """Neither text nor format, neither a traceback with values nor a dictionary of it holds the secret."""
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>40}", f"{secret!r}", "%s" % secret]  # noqa: UP031 - the old way too
    try:
        pickle.dumps(secret)
    except TypeError as error:
        shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    assert not any(HOT in text for text in shown)
    assert secret.reveal() == HOT


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_written_nowhere(protocol: int) -> None:
    """It can be neither pickled nor copied by way of a pickle."""
    with pytest.raises(TypeError, match="not written anywhere"):
        pickle.dumps(Token(HOT), protocol)
    with pytest.raises(TypeError):
        copy.copy(Token(HOT))


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    """One secret may be part of another, or of what takes its place."""
    secrets = [Secret("t"), Secret("pass-t-word")]
    assert hide_secrets("a pass-t-word", secrets) == "a [the password]"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example.com/json/", "https://api.example.com/json/"),
        ("https://user:hot@host:99999/", "https://***@host:99999/"),
        ("user:hot@host", "***@host"),
        ("ftp://user:h@o://t@host/x", "ftp://***@host/x"),
        ("https://user:h/o?t#@host", "https://***@host"),
        ("https://host/?key=hot", "https://host/?***"),
        ("https://host/#hot", "https://host/?***"),
        ("", ""),
    ],
)
def test_credentials_of_a_url_are_not_shown(url: str, shown: str) -> None:
    """What is shown of a wrong URL has neither user nor password, wherever they stand."""
    assert hide_credentials(url) == shown


@given(st.text(), st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x4E40), min_size=1))
def test_no_password_before_an_at_is_shown(host: str, password: str) -> None:
    """Whatever else is wrong with a URL."""
    assert password not in hide_credentials(f"http://user:{password}@{host}").removeprefix(
        "http://***@"
    ).replace(host, "")
