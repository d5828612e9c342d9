"""A sandbox for one load, in a separate process, which leaves the sender its interpreter lock."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from loader.errors import ConfigError
from loader.sandbox.faults.spec_text import parse_spec
from loader.sandbox.store import Holdings, count_holdings

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from loader.sandbox.faults.spec import FaultSpec

STOP_SECONDS = 10.0
_ENDED = "The sandbox has ended by itself. Run the same command again."


class EmbeddedSandbox:
    """Context manager: within it a sandbox listens on a free loopback port.

    The child outlives neither the `with` block nor this process, however that ends, and it does not hear
    the terminal's Ctrl-C: the load drains first, and needs someone to drain to.

    Args:
        store: the SQLite file to keep what is taken in; created if there is none.
        application: the only application code that exists here, or None for any well-formed one.
        faults: what goes wrong in it, as a spec (`flaky,seed=7`); None for nothing.

    Attributes:
        faults: what goes wrong in it, or None.
        endpoint: base URL with its trailing slash, from entering on.
        store_id: the store's own id, the same each time that this store is served.

    Raises:
        ConfigError: `faults` has no meaning; on entering, when the store cannot be used or the child does
            not come up.
    """

    endpoint: str
    store_id: str

    def __init__(self, store: Path, application: str | None = None, faults: str | None = None) -> None:
        self.store = store
        self.application = application
        self.faults = None if faults is None else parse_spec(faults)
        self._child: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()

    def __enter__(self) -> Self:
        # Absolute, because a name may begin with a dash, and the folder may be left meanwhile.
        self._child = start(self.store.absolute(), self.application, self.faults)
        try:
            self._await_ready(self._child)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child else None

    def holdings(self) -> Holdings:
        """Count what the store holds now."""
        return count_holdings(self.store)

    def forget(self, label: str) -> None:
        """Have the store forget what it holds of a load; returns when that is done. From any thread.

        Raises:
            ConfigError: the child has ended, or cannot write to the store.
        """
        child = self._child
        if child is None or child.stdin is None or child.stdout is None:
            raise ConfigError("The sandbox is not running.")
        with self._asking:
            try:
                child.stdin.write(json.dumps({"forget": label}).encode() + b"\n")
                child.stdin.flush()
            except OSError as error:
                raise ConfigError(_ENDED) from error
            line = child.stdout.readline()
        if not line:
            raise ConfigError(_ENDED)
        if "error" in (answer := json.loads(line)):
            raise ConfigError(answer["error"])

    def _await_ready(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdout is not None  # noqa: S101 - Popen was asked for a pipe
        line = child.stdout.readline()
        if not line:
            raise ConfigError(
                f"The sandbox did not start: its process ended at once with status {child.wait()}."
            )
        announced: dict[str, str] = json.loads(line)
        if "error" in announced:
            raise ConfigError(announced["error"])
        self.endpoint, self.store_id = announced["endpoint"], announced["store_id"]

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with child:  # closes the pipes: the end of its stdin is the child's sign to leave
            assert child.stdin is not None  # noqa: S101 - Popen was asked for a pipe
            with suppress(BrokenPipeError):  # of a child that has died, with what it was asked before
                child.stdin.close()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()


def start(store: Path, application: str | None, faults: FaultSpec | None) -> subprocess.Popen[bytes]:
    """Start the child, with the pipe that tells it of this process's end."""
    # -P: modules in the user's working directory must not be mistaken for the loader's.
    command = [sys.executable, "-P", "-m", "loader.sandbox", str(store)]
    if application:
        command += ["--application", application]
    if faults is not None:
        command += ["--faults", str(faults)]
    try:
        return subprocess.Popen(  # noqa: S603 - this interpreter, with arguments of our own and no shell
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **detach_from_terminal()
        )
    except OSError as error:
        raise ConfigError(f"The sandbox cannot be started: {error.strerror}.") from error


def detach_from_terminal() -> dict[str, Any]:
    """Popen arguments that keep the terminal's Ctrl-C from the child."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}
