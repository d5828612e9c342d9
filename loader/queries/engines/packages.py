"""Packages that only queries need: an extra of the loader installs each."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from loader.errors import ConfigError


def require(module: str, extra: str, what: str) -> Any:
    """A module that an extra of the loader installs.

    Args:
        module: its name.
        extra: the extra that installs it.
        what: what needs it, as the beginning of a sentence.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise ConfigError(
            f"{what} needs a package that is not installed. Install it with: pip install "
            f"'pushwoosh-loader[{extra}]'"
        ) from None
