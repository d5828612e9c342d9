"""Addresses that can never work are refused, without what is secret in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.addresses import Proxy
from loader.errors import ConfigError
from loader.settings import Endpoint

HOT = "hot-4711"

#: What is wrong with each, with a password where one may stand.
BROKEN = [
    "",
    HOT,
    f"u:{HOT}@proxy:3128",
    f"ftp://u:{HOT}@proxy",
    f"socks5://u:{HOT}@proxy",
    f"http//u:{HOT}@proxy",
    f"http:/u:{HOT}@proxy",
    f"http://u:{HOT}@",
    f"http://u:{HOT}@:3128",
    f"http://u:{HOT}@proxy:0",
    f"http://u:{HOT}@proxy:65536",
    f"http://u:{HOT}@proxy:99999",
    f"http://u:{HOT}@proxy:-1",
    f"http://u:{HOT}@proxy:port",
    f"http://u:{HOT}@pro xy",
    f"http://u:{HOT}@pro\nxy",
    f"http://u:{HOT}@pröxy",
    f"http://u:{HOT}@[::1",
    f"http://u:{HOT}@[zz]:3128",
    f"http://u:{HOT}@pro..xy",
    f"http://u:{HOT}@-proxy",
    f"http://u:{HOT}@{'a' * 64}.example",
    f"http://u:{HOT}@{'a.' * 130}example",
    f"http://u:{HOT}@pro\\xy",
    f"http://u:{HOT}@pro^xy",
    f"http://u:{HOT}\u202e@proxy",
]


@pytest.mark.parametrize("url", [*BROKEN, f"http://u:{HOT}/x@proxy", f"http://u:{HOT}%0a@proxy"])
def test_a_proxy_that_can_never_work_is_refused_without_its_password(url: str) -> None:
    """The sentence names the setting, what is wrong and what to do, and no part of the login."""
    with pytest.raises(ConfigError) as refused:
        Proxy.parse(url)
    said = str(refused.value)
    assert said.startswith("--proxy is not a URL of a proxy (")
    assert HOT not in said or url == HOT  # what is no URL in any way has no password
    assert said.isascii()
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("url", BROKEN)
def test_an_endpoint_that_can_never_work_is_refused_without_its_password(url: str) -> None:
    """The same for the address of the API."""
    with pytest.raises(ConfigError) as refused:
        Endpoint.parse(url)
    assert HOT not in str(refused.value) or url == HOT
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("url", "address", "login"),
    [
        ("http://proxy:3128", "http://proxy:3128", None),
        ("http://proxy:3128/", "http://proxy:3128", None),
        ("https://proxy.example", "https://proxy.example", None),
        ("http://127.0.0.1:1", "http://127.0.0.1:1", None),
        ("http://[::1]:3128", "http://[::1]:3128", None),
        ("http://my_proxy.:3128", "http://my_proxy.:3128", None),
        ("http://u:p%40ss@proxy:3128", "http://proxy:3128", ("u", "p@ss")),
        ("http://u@proxy:3128", "http://proxy:3128", ("u", "")),
        ("http://:p@proxy:3128", "http://proxy:3128", ("", "p")),
        ("http://@proxy:3128", "http://proxy:3128", None),
    ],
)
def test_a_proxy_is_taken_apart(url: str, address: str, login: tuple[str, str] | None) -> None:
    """Name and password are decoded, and kept apart from the address."""
    proxy = Proxy.parse(url)
    assert proxy.address == address
    found = proxy.login and (proxy.login.user.reveal(), proxy.login.password.reveal())
    assert found == login
    assert Proxy.restore(*proxy.reveal()) == proxy


@given(st.text())
def test_any_text_is_a_proxy_or_refused(text: str) -> None:
    """Whatever is given: a proxy or a sentence, never an error of a library."""
    try:
        Proxy.parse(text)
    except ConfigError:
        return
