"""Failed rows are listed beside their source columns, from wherever the input is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from loader.sources import open_source
from tests.failed_rows import HEADER, ROWS, Load, Vendor

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def test_an_input_that_has_moved_is_asked_for(load: Load, vendor: Vendor, tmp_path: Path) -> None:
    """From where the input is not, each command says how to name it; where no row failed nobody needs it."""
    vendor.cut, vendor.refuse = {"0003"}, {"0005"}
    load.summary()
    (tmp_path / "events.csv").rename(tmp_path / "moved.csv")
    gone = (
        "Error: events.csv: there is no such file. If the input has moved, or you are in another folder, "
        "name the input"
    )
    for command in (["failures"], ["retry"], ["resolve", "--dropped", "--from", "found.csv"]):
        (tmp_path / "found.csv").write_text("row\n3\n")
        assert load.run(*command, code=2).startswith(f"{gone} with --input."), command
    vendor.refuse = set()
    load.run("retry", "--input", "moved.csv", code=4)
    load.run("resolve", "--landed")
    assert load.run("failures").endswith("0 rows.\n")


def test_failures_can_be_mended_and_loaded(command: CommandLine, tmp_path: Path) -> None:
    """The file of rejected rows, one cell of it fixed, loads as it is."""
    (tmp_path / "events.csv").write_text(
        HEADER + ROWS[0] + "\n" + ROWS[1].replace("20240229", "20240230") + "\n"
    )
    command.run("events", "events.csv", "--sandbox", "--yes")
    command.run("failures", "events.csv.events.sandbox.ckpt", "--rejected", "-o", "rejected.csv")
    text = (tmp_path / "rejected.csv").read_text()
    (tmp_path / "rejected.csv").write_text(text.replace(",20240230,", ",20240229,"))
    ran = command.run("events", "rejected.csv", "--sandbox", "--yes")
    assert ran.code == 0, ran.err
    assert command.held("select user_id from events order by user_id") == [("0001",), ("0002",)]


def test_a_load_that_ends_with_doubts_says_why_and_what_to_do(load: Load, vendor: Vendor) -> None:
    """The end of a load names the number, the reason and the commands that lead on."""
    vendor.cut, vendor.refuse = {"0003", "0017"}, {"0005"}
    ran = load.command.run(*load.arguments)
    assert ran.code == 4
    assert ran.out.endswith(
        """\
1 row rejected:
  1 × not today
To see it with all columns and the reason:
  pushwoosh-loader failures events.csv.events.ckpt --rejected
To send it again when the cause is fixed, in the mapping or in its cells:
  pushwoosh-loader retry events.csv.events.ckpt [--mapping FIXED.toml] [--from FIXED.csv]
2 rows in doubt:
  2 × the server closed the connection without an answer
The vendor may or may not have them. Nothing is sent again unless you say so. You can settle all of them, or \
with --from FILE only those that you looked up.
To see them:
  pushwoosh-loader failures events.csv.events.ckpt --in-doubt
If the vendor has them, count them as confirmed:
  pushwoosh-loader resolve events.csv.events.ckpt --landed
If the vendor does not have them, let the next load send them:
  pushwoosh-loader resolve events.csv.events.ckpt --dropped
If nobody knows, let the next load send them, perhaps twice:
  pushwoosh-loader resolve events.csv.events.ckpt --resend

"""
    )


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_without_failures_the_columns_are_written(command: CommandLine, tmp_path: Path, form: str) -> None:
    """A load without a failure gives a file with the columns and no row, which can be read."""
    (tmp_path / "users.csv").write_text("user_id,device_id\nU1,D1\n")
    assert command.run("users", "users.csv", "--sandbox", "--yes").code == 0
    ran = command.run("failures", "users.csv.users.sandbox.ckpt", "-o", f"out.{form}", "--format", form)
    assert (ran.code, ran.err) == (0, "0 rows.\n")
    source = open_source([tmp_path / f"out.{form}"])
    assert source.survey().rows == 0
    assert source.schema.names[:4] == ["user_id", "device_id", "_loader_state", "_loader_file"]
