"""Makes `docs/sandbox.png`: the page of a sandbox in the middle of a load of the sample through faults.

    python docs/make_sandbox_picture.py

It needs chromium and playwright (`pip install -e '.[test]'`). The numbers are those of that load.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
SAMPLES = HERE.parent / "sample_data"
LOADER = [sys.executable, "-m", "loader"]
WIDTH, HEIGHT = 960, 795
RATE = 150
SHARE = 0.6
PATIENCE_SECONDS = 120


def main() -> None:
    """Load users, then events, and take the picture meanwhile."""
    with TemporaryDirectory() as folder, serve(Path(folder)) as page:
        load("users", folder, page).wait(PATIENCE_SECONDS)
        running = load("events", folder, page, "--rate", str(RATE))
        try:
            wait_for_events(page)
            take_picture(page)
        finally:
            running.terminate()
            running.wait(PATIENCE_SECONDS)


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A sandbox that misbehaves a little; its page's address."""
    command = [*LOADER, "sandbox", "--port", "0", "--store", "sandbox.sqlite3", "--faults", "flaky"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        said = sandbox.stdout.readline() + sandbox.stdout.readline()
        try:
            yield re.findall(r"http://\S+/", said)[-1]
        finally:
            sandbox.terminate()


def load(kind: str, folder: str, page: str, *options: str) -> subprocess.Popen[bytes]:
    """A load of the sample."""
    label = f"{kind}.csv.{kind}-5e1f0a2c"
    command = [*LOADER, kind, str(SAMPLES / f"{kind}.csv"), "--mapping", str(SAMPLES / f"{kind}.toml")]
    command += ["--checkpoint", f"{folder}/{kind}.ckpt", "--app", "XXXXX-XXXXX", "--yes", "--quiet", *options]
    environment = {**os.environ, "PUSHWOOSH_ENDPOINT": f"{page}loads/{label}/json/1.3/"}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def wait_for_events(page: str) -> None:
    """Wait until most events have arrived."""
    rows = len((SAMPLES / "events.csv").read_text().splitlines()) - 1
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{page}api/live") as answer:
            if json.load(answer)["holdings"]["events"] > SHARE * rows:
                return
        time.sleep(0.2)
    raise SystemExit("The load did not come far enough to take the picture.")


def take_picture(page: str) -> None:
    """The first view as a browser shows it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        window.goto(page)
        window.wait_for_timeout(500)
        window.screenshot(path=HERE / "sandbox.png")
        browser.close()


if __name__ == "__main__":
    main()
