"""Rehearsals: loads that go to a sandbox on this machine, each under a label of its own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urljoin

from loader.addresses import SANDBOX
from loader.conditions import BEGAN, Conditions
from loader.errors import ConfigError
from loader.journal import CheckpointView
from loader.sandbox.labels import build_path
from loader.settings import Endpoint, Rehearsal

if TYPE_CHECKING:
    from pathlib import Path

    from loader.settings import Settings


_DIGITS = 8


class RunningSandbox(Protocol):
    """What a rehearsal needs of a sandbox; see `loader.sandbox.EmbeddedSandbox`."""

    @property
    def endpoint(self) -> str:
        """Base URL of its API, with a trailing slash."""

    @property
    def store_id(self) -> str:
        """Its store's own id."""

    def forget(self, label: str) -> None:
        """Forget what its store holds of a load."""


def rehearse(settings: Settings, sandbox: RunningSandbox, *, keep: bool = False) -> Settings:
    """The settings of a load, sent to a sandbox in place of the vendor.

    Its calls carry the label of the load in their path. The checkpoint remembers the sandbox by its store,
    so it is continued whichever port the sandbox listens on.

    Args:
        settings: of the load; its endpoint does not matter.
        sandbox: where it is sent.
        keep: refuse a checkpoint that was made for something else, rather than begin again.

    Raises:
        CheckpointError: the checkpoint that is there cannot be read.
    """
    if settings.checkpoint is None:
        raise ConfigError("A rehearsal needs a checkpoint file.")
    label = find_label(settings.checkpoint)
    url = urljoin(sandbox.endpoint, build_path(label))
    return replace(
        settings,
        endpoint=Endpoint(url, f"{SANDBOX}{sandbox.store_id}"),
        rehearsal=Rehearsal(label, keep, sandbox.forget),
    )


def may_begin_again(settings: Settings) -> bool:
    """Whether a load is a rehearsal that may begin again, whatever was sent to its sandbox.

    Raises:
        CheckpointLocked: a load is running with its checkpoint.
        CheckpointError: the checkpoint cannot be read.
    """
    rehearsal, checkpoint = settings.rehearsal, settings.checkpoint
    if rehearsal is None or rehearsal.keep or checkpoint is None:
        return False
    return may_replace(checkpoint)


def may_replace(checkpoint: Path) -> bool:
    """Whether a rehearsal of something else may take the place of what is there: of a rehearsal, or nothing.

    Raises:
        CheckpointLocked: a load is running with it.
        CheckpointError: it cannot be read.
    """
    view = CheckpointView.find(checkpoint)
    if view is None:
        return True
    if view.identity.rehearsed:
        view.refuse_unusable()
    return view.identity.rehearsed


def find_label(checkpoint: Path) -> str:
    """The label of the rehearsal with a checkpoint.

    A checkpoint that was moved keeps its label: the store knows what it sent by that.

    Raises:
        CheckpointError: the checkpoint that is there cannot be read.
    """
    view = CheckpointView.find(checkpoint)
    return (read_noted_label(view) if view else "") or make_label(checkpoint)


def make_label(checkpoint: Path) -> str:
    """The label of the load that begins to save its progress in `checkpoint`.

    Two checkpoints of one name in two folders have two labels.

    Args:
        checkpoint: its path, relative to the working directory or absolute.

    Returns:
        The file's name without its last ending, and 8 hex digits of a digest of its absolute path:
        ``purchases.csv.events.sandbox-1f0c9d3a``.
    """
    place = os.fsencode(os.path.abspath(checkpoint))  # noqa: PTH100 - resolves `..`, but no links
    # Names on a disk are bytes. What is not UTF-8 would not come back from a URL as it was sent.
    stem = os.fsencode(checkpoint.stem).decode("utf-8", "replace")
    return f"{stem}-{hashlib.sha256(place).hexdigest()[:_DIGITS]}"


def read_noted_label(view: CheckpointView) -> str:
    """The label that the latest run noted; "" if none did."""
    labels = (Conditions.from_text(note.detail).label for note in reversed(view.notes) if note.what == BEGAN)
    return next(filter(None, labels), "")
