"""All checks, each in bounded time: what hangs is not known, and the others are still made."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from loader.doctor import machine, network
from loader.doctor.check import Check, CheckState, leave_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loader.delivery.transports.probing import Probe
    from loader.settings import Settings

T = TypeVar("T")

#: A file system that does not answer keeps a call for minutes.
MOST_SECONDS = 10.0
#: A request ends by itself within 20 s.
MOST_SECONDS_ON_THE_WAY = 30.0


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    checks: tuple[Check, ...]

    @property
    def problems(self) -> tuple[Check, ...]:
        """What must be fixed."""
        return tuple(each for each in self.checks if each.state is CheckState.PROBLEM)

    @property
    def exit_code(self) -> int:
        """0, or 2 if something must be fixed; what is not known is no problem."""
        return 2 if self.problems else 0

    @property
    def record(self) -> list[dict[str, object]]:
        """The checks for a program; their keys are a contract."""
        return [
            {"name": each.name, "state": each.state.value, "found": each.found, "advice": each.advice}
            for each in self.checks
        ]


def examine(
    settings: Settings, find_free_bytes: Callable[[Path], int] = machine.find_free_bytes
) -> Examination:
    """Check everything that a load needs. Nothing is loaded, and one request without content is sent.

    Args:
        settings: of the load.
        find_free_bytes: asks a folder for its room.
    """
    return Examination((*_check_network(settings), *_check_machine(settings, find_free_bytes)))


def _check_network(settings: Settings) -> list[Check]:
    try:
        seen = run_within(MOST_SECONDS_ON_THE_WAY, partial(_probe, settings))
    except TimeoutError:
        return [leave_open(name, "no answer of the system in time") for name in network.NAMES]
    except ImportError:
        return [leave_open(name, "it needs pycurl, which cannot be used here") for name in network.NAMES]
    return network.judge_probe(seen, settings)


def _probe(settings: Settings) -> Probe:
    from loader.delivery.transports.curl.probe import send_probe  # noqa: PLC0415 - may not be there

    options = settings.options
    return send_probe(
        settings.endpoint.url + settings.kind.method.name,
        network.BODY,
        settings.token,
        proxy=options.proxy,
        ca_bundle=str(options.ca_bundle) if options.ca_bundle else None,
    )


def _check_machine(settings: Settings, find_free_bytes: Callable[[Path], int]) -> Iterator[Check]:
    folder = machine.find_folder(settings.checkpoint)
    yield _check_in_time(machine.DISK, lambda: machine.judge_disk(folder, find_free_bytes(folder)))
    yield _check_in_time(machine.LOCKS, lambda: machine.check_locks(folder))
    yield machine.check_zones()
    yield machine.check_parts(settings.options.transport)


def _check_in_time(name: str, check: Callable[[], Check]) -> Check:
    try:
        return run_within(MOST_SECONDS, check)
    except TimeoutError:
        return leave_open(name, f"the disk gave no answer within {MOST_SECONDS:.0f} s")
    except OSError as error:
        return leave_open(name, f"the disk cannot be asked: {error.strerror}")


def run_within(seconds: float, work: Callable[[], T]) -> T:
    """What a call returns, if it does so in time; one that hangs is left behind and holds up nothing.

    Raises:
        TimeoutError: it does not.
    """
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            failed.append(error)

    thread = threading.Thread(target=run, name="doctor", daemon=True)
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not done:
        raise TimeoutError
    return done[0]
