"""Names that a package offers, each imported on first use, so that a command imports only what it needs."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def import_on_use(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make the `__getattr__` of a package (PEP 562).

    Args:
        package: its name.
        homes: the names that it offers, with blanks between them, by the module that defines them. A module
            of the package begins with a point.
    """
    modules = {name: module for module, names in homes.items() for name in names.split()}

    def import_name(name: str) -> Any:
        """Import a name where it is defined."""
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(modules[name], package), name)

    return import_name
