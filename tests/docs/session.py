"""A terminal for the examples of one page: the real command line, in a folder with the samples."""

from __future__ import annotations

import contextlib
import os
import random
import re
import select
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Self

from click.testing import CliRunner

import loader
from loader.cli import cli
from tests.docs.pages import ROOT

if TYPE_CHECKING:
    from types import TracebackType

#: What differs from run to run, and what it is compared as. Nothing else may differ.
VARYING = (
    (re.compile(r"(requests?) in .+?, [\d,]+ a second"), r"\1 in SOME TIME, SO MANY a second"),
    (re.compile(r"^(  )\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( UTC: )", re.MULTILINE), r"\1THEN\2"),
    (re.compile(r"( on )20\d\d-\d\d-\d\d\b"), r"\1THAT DAY"),
    (re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"), "THEN"),
    (re.compile(r'("elapsed_seconds": |"rows_per_second": )[\d.]+'), r"\1SOME"),
    (re.compile(r'("run": )"[^"]+"'), r'\1"ITS-ID"'),
    (re.compile(r'("(?:started|ended)": )"[^"]+"'), r'\1"THEN"'),
    (re.compile(r'("pid": )\d+'), r"\1ITS-ID"),
    (re.compile(r'("version": )"[^"]+"'), r'\1"ITS-ID"'),
    (re.compile(r"sandbox [0-9a-f]{8}-[0-9a-f-]{27}"), "sandbox ITS-ID"),
)
#: A line of the page that stands for any number of lines of output.
ELISION = "..."

PORT = "8707"
GIVEN_TO_NOBODY = range(20_000, 30_000)  # below the ports of outgoing connections, which begin at 32,768
SHELL = re.compile(r"""[|&;<>$*?`]""")


class Session:
    """Runs one command after the other.

    A `pushwoosh-loader ...` runs in this process, which saves its start; anything else, also what it is piped
    into, in bash. `... &` stays until the end of the session. Port 8707 of the pages is a free one here.

    Attributes:
        folder: where it stands.
        code: the exit code of the last command.
    """

    def __init__(self, folder: Path) -> None:
        self.code = 0
        self._port = str(free_port())
        self.folder = folder / "work"
        shutil.copytree(ROOT / "sample_data", self.folder / "sample_data")
        self._environment = {
            "PATH": f"{shims(folder / 'bin')}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(Path(loader.__file__).parent.parent),  # the one that the tests import
            # Nothing listens there: no mistake in a page can reach beyond this machine.
            "PUSHWOOSH_ENDPOINT": "http://127.0.0.1:9/",
        }
        self._behind: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._behind:
            process.terminate()
            process.communicate(timeout=30)

    def run(self, command: str) -> list[str]:
        """Run a command; the lines that a person sees."""
        output = self._run(command.replace(PORT, self._port)).replace(self._port, PORT)
        lines = [line.rstrip() for line in output.splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def _run(self, command: str) -> str:
        first, pipe, rest = command.partition(" | ")
        if pipe and first.startswith("pushwoosh-loader ") and not SHELL.search(first):
            return self._in_process(shlex.split(first)[1:], into=rest)
        words = shlex.split(command) if not SHELL.search(command) else []
        match words:
            case ["cd", folder]:
                self.folder = (self.folder / folder).resolve(strict=True)
                return ""
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self._environment[name] = value
                return ""
            case ["pushwoosh-loader", *arguments]:
                return self._in_process(arguments)
        return self._background(command) if command.endswith(" &") else self._in_shell(command)

    def _in_process(self, arguments: list[str], into: str = "") -> str:
        clean = dict.fromkeys(name for name in os.environ if name.startswith("PUSHWOOSH_"))
        with contextlib.chdir(self.folder):
            result = CliRunner().invoke(
                cli, arguments, prog_name="pushwoosh-loader", env=clean | self._environment
            )
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        self.code = result.exit_code
        return result.stderr + self._in_shell(into, result.stdout) if into else result.output

    def _in_shell(self, command: str, typed: str = "") -> str:
        # The code of the command before, so that `echo $?` shows it.
        ran = subprocess.run(
            ["bash", "-c", f"(exit {self.code}); {command}"],
            cwd=self.folder,
            env=self._environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        # A shell says 137 of a command that was killed, where Python says -9.
        self.code = ran.returncode if ran.returncode >= 0 else 128 - ran.returncode
        return ran.stdout

    def _background(self, command: str) -> str:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command.removesuffix(' &')}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        self._behind.append(process)
        assert process.stdout
        # What it writes at once: a pipe passes that on as one piece (POSIX, PIPE_BUF).
        return os.read(process.stdout.fileno(), select.PIPE_BUF).decode()


def alike(shown: list[str], actual: list[str]) -> bool:
    """Whether the output of a page is what came, but for what varies and what the page leaves out."""
    parts = normalised(shown).split(f"\n{ELISION}\n")
    pattern = r"\n(?:.*\n)*?".join(re.escape(part) for part in parts)
    return re.fullmatch(pattern, normalised(actual)) is not None


def normalised(lines: list[str]) -> str:
    """The lines without what varies."""
    text = "".join(f"{line}\n" for line in ["", *lines])
    for pattern, replacement in VARYING:
        text = pattern.sub(replacement, text)
    return text


def free_port() -> int:
    """A port that nobody listens on now, and that no system gives to a connection meanwhile."""
    for port in random.SystemRandom().sample(GIVEN_TO_NOBODY, len(GIVEN_TO_NOBODY)):
        with contextlib.closing(socket.socket()) as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def shims(folder: Path) -> Path:
    """A folder with the commands that an installed loader would bring."""
    folder.mkdir()
    for name, arguments in {"pushwoosh-loader": ["-m", "loader"], "python": []}.items():
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n')
        script.chmod(0o755)
    return folder
