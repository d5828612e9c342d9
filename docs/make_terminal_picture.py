"""Makes `docs/terminal.svg`: the live view in the middle of a load of the sample into a sandbox.

    python docs/make_terminal_picture.py

The numbers are those of that load; every two-hundredth row has lost its ids, to be rejected.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.terminal_theme import MONOKAI

from loader import pipeline
from loader.cli.show import describe_plan
from loader.cli.speech import fold_lines
from loader.delivery import Brake
from loader.methods import Kind
from loader.progress import Moment, ReadingProgress, Watch
from loader.progress.terminal import LoadView
from loader.sandbox import EmbeddedSandbox
from loader.settings import Endpoint, Settings

HERE = Path(__file__).parent
SAMPLE, MAPPING = (HERE.parent / "sample_data" / name for name in ("events.csv", "events.toml"))
COLUMNS = 84
SHARE = 0.62
COMMAND = "pushwoosh-loader events purchases.csv --mapping purchases.toml --sandbox --yes"


class Camera(Watch):
    """Ends the load when it is where the picture is to be taken."""

    def __init__(self, brake: Brake) -> None:
        super().__init__(seconds=0.05)
        self.taken: Moment | None = None
        self._brake = brake

    def show_reading(self, reading: ReadingProgress) -> None:
        """Not this."""

    def show(self, moment: Moment) -> None:
        """Take it."""
        if self.taken is None and moment.share >= SHARE and moment.in_flight:
            self.taken = moment
            self._brake.drain()


def main() -> None:
    """Load, and write the picture."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("purchases.csv").write_text(with_rejects(SAMPLE.read_text()))
        Path("purchases.toml").write_bytes(MAPPING.read_bytes())
        words, moment = loaded()
    (HERE / "terminal.svg").write_text(picture(words, moment))


def with_rejects(text: str) -> str:
    """The sample, some of whose rows have lost their ids."""
    header, *rows = text.splitlines()
    user, device = (header.split(",").index(name) for name in ("user_id", "device_id"))
    for number in range(0, len(rows), 200):
        cells = rows[number].split(",")
        cells[user] = cells[device] = ""
        rows[number] = ",".join(cells)
    return "\n".join([header, *rows]) + "\n"


def loaded() -> tuple[str, Moment]:
    """What is said before the load, and its moment."""
    with EmbeddedSandbox(Path("sandbox.sqlite3")) as sandbox:
        plan = pipeline.prepare(
            Settings(
                kind=Kind.EVENTS,
                files=("purchases.csv",),
                application="XXXXX-XXXXX",
                endpoint=Endpoint(sandbox.endpoint, "sandbox"),
                checkpoint=Path("purchases.csv.events.sandbox.ckpt"),
                mapping=Path("purchases.toml"),
            )
        )
        brake = Brake()
        camera = Camera(brake)
        pipeline.load(plan, brake=brake, watch=camera)
    if camera.taken is None:
        raise SystemExit("The load was over before the picture could be taken.")
    return describe_plan(plan, sandboxed=True), camera.taken


def picture(words: str, moment: Moment) -> str:
    """The terminal as SVG, without the web font that rich names: a picture loads nothing."""
    with Path(os.devnull).open("w") as nowhere:
        console = Console(
            record=True, file=nowhere, width=COLUMNS, force_terminal=True, color_system="truecolor"
        )
        console.print(f"[bold green]$[/] {COMMAND}\n", highlight=False, soft_wrap=True)
        console.print(fold_lines(words, COLUMNS) + "\n", highlight=False, markup=False)
        console.print(LoadView(moment))
    svg = console.export_svg(title="pushwoosh-loader", theme=MONOKAI, unique_id="view")
    lines = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL).splitlines()
    return "\n".join(line.rstrip() for line in lines) + "\n"


if __name__ == "__main__":
    main()
