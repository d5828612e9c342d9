"""Completion in the shell, as the README sets it up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine


def completed(command: CommandLine, words: str) -> list[str]:
    """What is offered for the last word of a command line."""
    count = len(words.split(" ")) - 1
    ran = command.run(_PUSHWOOSH_LOADER_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(count))
    assert ran.code == 0, ran.err
    return ran.out.splitlines()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_each_shell_is_printed(command: CommandLine, shell: str) -> None:
    """The line of the README prints a script that asks this program."""
    ran = command.run(_PUSHWOOSH_LOADER_COMPLETE=f"{shell}_source")
    assert ran.code == 0
    assert f"_PUSHWOOSH_LOADER_COMPLETE={shell}_complete" in ran.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("pushwoosh-loader ev", ["plain,events"]),
        ("pushwoosh-loader events --con", ["plain,--concurrency"]),
        ("pushwoosh-loader events --on-doubt re", ["plain,resend"]),
        ("pushwoosh-loader events data/pur", ["file,data/pur"]),
        ("pushwoosh-loader check us", ["plain,users"]),
        ("pushwoosh-loader check events pur", ["file,pur"]),
        ("pushwoosh-loader map events pur", ["file,pur"]),
        ("pushwoosh-loader status pur", ["file,pur"]),
        ("pushwoosh-loader retry pur", ["file,pur"]),
        ("pushwoosh-loader retry c.ckpt --input pur", ["file,pur"]),
        ("pushwoosh-loader events x.csv --mapping m", ["file,m"]),
        ("pushwoosh-loader events x.csv --log-format js", ["plain,json"]),
    ],
)
def test_words_are_completed(command: CommandLine, words: str, offered: list[str]) -> None:
    """Commands, options and choices are offered; inputs, checkpoints and mappings complete as files."""
    assert completed(command, words) == offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_completes_with_the_script(command: CommandLine) -> None:
    """In a real bash the printed script completes an option."""
    program = command.folder / "pushwoosh-loader"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m loader "$@"\n')
    program.chmod(0o755)
    script = (
        "source <(_PUSHWOOSH_LOADER_COMPLETE=bash_source pushwoosh-loader) && "
        "COMP_WORDS=(pushwoosh-loader events --con) COMP_CWORD=2 && "
        "_pushwoosh_loader_completion pushwoosh-loader && echo ${COMPREPLY[@]}"
    )
    path = f"{command.folder}:{command.environment['PATH']}"
    ran = subprocess.run(
        ["bash", "-c", script],
        env=command.environment | {"PATH": path},
        cwd=command.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert ran.stdout.split() == ["--concurrency"]
