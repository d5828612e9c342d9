"""A query in place of a file: from the command line to the rows in the sandbox."""

from __future__ import annotations

import json
import signal
import stat
import time
from typing import TYPE_CHECKING

import pytest

from loader.queries.spool import read_kept

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine
    from tests.databases.servers import Database

ORDERS = (
    "user_id,event,timestamp\n"
    "0042,purchase,2024-03-01T10:00:00Z\n"
    "0043,purchase,2024-03-01T11:00:00Z\n"
    "0044,,2024-03-01T12:00:00Z\n"
)
DEVICES = "user_id,hwid\n0042,AB01\n0043,CD02\n0044,EF03\n"
JOIN = "SELECT o.*, hwid FROM orders o JOIN d USING (user_id) ORDER BY user_id"
FILES = ("orders.csv", "d=devices.csv")
LOAD = ("events", *FILES, "--query", JOIN, "--sandbox", "--keep", "--checkpoint", "c.ckpt")
PATIENCE = 60.0


@pytest.fixture(autouse=True)
def _files(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text(ORDERS)
    (tmp_path / "devices.csv").write_text(DEVICES)


def names(folder: Path) -> set[str]:
    """The files of a folder."""
    return {path.name for path in folder.iterdir()}


def wait_for(path: Path) -> None:
    """Wait until rows were written to a file."""
    end = time.monotonic() + PATIENCE
    while not (path.exists() and path.stat().st_size > 1000):
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.02)


@pytest.mark.parametrize("command_line", [("check", "events"), ("map", "events")])
def test_a_look_leaves_nothing_behind(
    command: CommandLine, tmp_path: Path, command_line: tuple[str, ...]
) -> None:
    """`check` and `map` of a query write in no place that would surprise."""
    ran = command.run(*command_line, *FILES, "--query", JOIN)
    assert ran.code == (3 if command_line[0] == "check" else 0), ran.err
    assert "hwid" in ran.out
    assert names(tmp_path) == {"orders.csv", "devices.csv"}


def test_a_check_names_the_query_and_no_temporary_file(command: CommandLine) -> None:
    """The file that holds the result is gone when the user reads of it."""
    ran = command.run("check", "events", *FILES, "--query", JOIN)
    assert ran.out.startswith("3 events in the query\n")
    assert "\n      the query, row 3, " in ran.out
    assert ".parquet" not in ran.out
    ran = command.run("check", "events", *FILES, "--query", "SELECT hwid FROM d")
    assert ran.err.startswith('Error: the query with the columns "hwid":\n'), ran.err


def test_the_result_is_the_input_from_then_on(command: CommandLine, tmp_path: Path) -> None:
    """It is kept for its owner alone, with the query; the files may change, and a resumed load does not."""
    ran = command.run(*LOAD, "--limit", 1)
    assert (ran.code, "The query gave 3 rows" in ran.out) == (0, True), ran.err
    kept = tmp_path / "c.ckpt.input.parquet"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    about = read_kept(kept)
    assert about is not None
    assert about.query is not None
    assert (about.rows, about.query.text) == (3, JOIN)
    (tmp_path / "devices.csv").write_text("user_id,hwid\n")
    ran = command.run(*LOAD)
    assert (ran.code, "The query was not run again" in ran.out) == (3, True), ran.err
    assert command.held("SELECT hwid FROM events ORDER BY hwid") == [("AB01",), ("CD02",)]


def test_another_query_is_refused_as_another_input(command: CommandLine) -> None:
    """With the difference; what was loaded can be continued, also by the name of what is kept."""
    assert command.run(*LOAD, "--limit", 1).code == 0
    other = [word.replace("ORDER BY user_id", "WHERE true") if word == JOIN else word for word in LOAD]
    ran = command.run(*other)
    assert ran.code == 2
    assert "made for another query" in ran.err
    assert "+SELECT o.*, hwid FROM orders o JOIN d USING (user_id) WHERE true" in ran.err
    ran = command.run("events", "c.ckpt.input.parquet", *LOAD[5:])
    assert ran.code == 3, ran.err


def test_a_query_may_change_as_long_as_nothing_was_sent(command: CommandLine, tmp_path: Path) -> None:
    """A first look at the question costs nothing; newer rows need --requery then."""
    refused = ["--min-rows", "9"]
    assert command.run(*LOAD, *refused).code == 8
    (tmp_path / "devices.csv").write_text(DEVICES.replace("AB01", "ZZ99"))
    assert "was not run again" in command.run(*LOAD, *refused).out
    assert "gave 3 rows" in command.run(*LOAD, *refused, "--requery").out
    text = JOIN.replace("ORDER BY", "WHERE user_id <> '0044' ORDER BY")
    ran = command.run(*[text if word == JOIN else word for word in LOAD])
    assert (ran.code, "gave 2 rows" in ran.out) == (0, True), ran.err
    assert command.held("SELECT hwid FROM events ORDER BY hwid") == [("CD02",), ("ZZ99",)]


def test_a_query_never_runs_again_once_rows_were_sent(command: CommandLine, tmp_path: Path) -> None:
    """Neither on request nor because its result is lost: another answer would be another input."""
    assert command.run(*LOAD, "--limit", 1).code == 0
    ran = command.run(*LOAD, "--requery")
    assert (ran.code, "rows of c.ckpt were sent already" in " ".join(ran.err.split())) == (2, True)
    (tmp_path / "c.ckpt.input.parquet").unlink()
    ran = command.run(*LOAD)
    assert (ran.code, "the result of its query is not there" in " ".join(ran.err.split())) == (2, True)
    assert len(command.held("SELECT * FROM events")) == 1


def test_a_query_that_is_killed_is_begun_again(command: CommandLine, tmp_path: Path) -> None:
    """Half a result is never used, and nothing of it stays."""
    endless = "SELECT i AS user_id FROM range(1000000000000) r(i)"
    with command.start(*[endless if word == JOIN else word for word in LOAD]) as process:
        wait_for(tmp_path / "c.ckpt.input.parquet.part")
        busy = command.run(*LOAD)
        assert (busy.code, "is in use" in busy.err) == (7, True)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
    assert not (tmp_path / "c.ckpt.input.parquet").exists()
    assert command.run(*LOAD).code == 3
    assert {name for name in names(tmp_path) if ".input" in name} == {"c.ckpt.input.parquet"}


def test_an_interrupt_ends_a_query(command: CommandLine, tmp_path: Path) -> None:
    """Ctrl-C needs no patience, and leaves nothing behind."""
    endless = "SELECT i AS user_id FROM range(1000000000000) r(i)"
    with command.start(*[endless if word == JOIN else word for word in LOAD]) as process:
        wait_for(tmp_path / "c.ckpt.input.parquet.part")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.wait(), "Interrupted before anything was sent." in err) == (130, True)
    assert not [name for name in names(tmp_path) if ".input" in name]


def test_an_interrupt_ends_a_query_in_a_server(
    command: CommandLine, postgres_database: Database, tmp_path: Path
) -> None:
    """Also while the server works and nothing has come yet: it is told, and no later job begins."""
    query = "SELECT pg_sleep(3600)::text AS user_id"
    load = ["events", "--query", query, "--database", postgres_database.url, *LOAD[5:]]
    asked = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%sleep%' AND pid <> pg_backend_pid();"
    )
    with command.start(*load) as process:
        end = time.monotonic() + PATIENCE
        while postgres_database.run(asked).strip() != b"1":
            assert time.monotonic() < end
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)
        assert (process.wait(), "Interrupted before anything was sent." in err) == (130, True)
    assert not [name for name in names(tmp_path) if ".input" in name]


def test_a_server_that_goes_away_in_the_middle(
    command: CommandLine, postgres_database: Database, tmp_path: Path
) -> None:
    """The error says so, and nothing of the result is kept; the same command runs the query again."""
    load = ["events", "--query", "q.sql", "--database", postgres_database.url, "--sandbox", "--keep"]
    (tmp_path / "q.sql").write_text("SELECT generate_series(1, 1000000000000) AS user_id")
    with command.start(*load) as process:
        wait_for(tmp_path / "q.sql.events.sandbox.ckpt.input.parquet.part")
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        postgres_database.run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others};")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.wait() == 5
    assert "terminating connection" in err or "server closed the connection unexpectedly" in err
    assert "libpq" not in err
    assert " rows:" in err
    assert not [name for name in names(tmp_path) if ".input" in name]
    postgres_database.run(
        "CREATE TABLE sold AS SELECT '0042' AS user_id, 'buy' AS event, now() AS timestamp;"
    )
    (tmp_path / "q.sql").write_text("TABLE sold")
    assert command.run(*load).code == 0
    assert command.held("SELECT user_id FROM events") == [("0042",)]


def test_failed_rows_have_the_columns_of_the_query(command: CommandLine, tmp_path: Path) -> None:
    """`failures`, `retry`, `report`, `status` and `verify` take the checkpoint as that of any file."""
    assert command.run(*LOAD).code == 3
    ran = command.run("failures", "c.ckpt", "--output", "failed.csv")
    assert ran.code == 0, ran.err
    head, row = (tmp_path / "failed.csv").read_text().splitlines()[:2]
    assert head.startswith("user_id,event,timestamp,hwid,_loader_state")
    assert row.startswith("0044,,2024-03-01T12:00:00Z,EF03,rejected,c.ckpt.input.parquet,3")
    (tmp_path / "failed.csv").write_text("\n".join([head, row.replace("0044,,", "0044,buy,")]))
    assert command.run("retry", "c.ckpt", "--from", "failed.csv", "--yes").code == 0
    assert command.run("verify", "c.ckpt").code == 0
    ran = command.run("status", "c.ckpt")
    assert ran.out.splitlines()[:1] == ["events from c.ckpt.input.parquet"]
    assert "\n  the result of a query of orders.csv, devices.csv, run on 20" in ran.out
    assert command.run("report", "c.ckpt", "--output", "r.html").code == 0
    assert len(command.held("SELECT * FROM events")) == 3


def test_prune_removes_what_was_kept(command: CommandLine, tmp_path: Path) -> None:
    """Also what a killed query left."""
    assert command.run(*LOAD, "--query", JOIN.replace("ORDER", "WHERE event <> '' ORDER")).code == 0
    (tmp_path / "c.ckpt.input.parquet.work").mkdir()
    (tmp_path / "c.ckpt.input.parquet.work" / "x").write_text("x")
    assert command.run("prune", "c.ckpt", "--yes").code == 0
    assert not [name for name in names(tmp_path) if name.startswith("c.ckpt")]


def test_a_rehearsal_begins_again_with_another_query(command: CommandLine) -> None:
    """As it does for another file; the sandbox forgets the earlier rows."""
    load = [word for word in LOAD if word != "--keep"]
    assert command.run(*load).code == 3
    ran = command.run(*[word.replace("ORDER", "WHERE user_id = '0042' ORDER") for word in load])
    assert (ran.code, "begins again" in ran.out + ran.err) == (0, True), ran.err
    assert command.held("SELECT hwid FROM events") == [("AB01",)]


def test_a_query_of_a_file_has_its_checkpoint_beside_it(command: CommandLine, tmp_path: Path) -> None:
    """A query that is typed has no name, and says what to do."""
    (tmp_path / "join.sql").write_text(JOIN + ";\n")
    assert command.run("events", *FILES, "--query", "join.sql", "--sandbox").code == 3
    assert (tmp_path / "join.sql.events.sandbox.ckpt").is_file()
    ran = command.run("events", *FILES, "--query", JOIN, "--sandbox")
    assert (ran.code, "A query that is typed has no name: give --checkpoint FILE" in ran.err) == (2, True)
    ran = command.run("events", *FILES, "--query", "nope.sql", "--sandbox")
    assert (ran.code, "--query nope.sql: there is no such file" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["orders.csv", "--database", "sqlite:///a.db"], "--database goes with --query"),
        (["orders.csv", "--requery"], "--requery goes with --query"),
        (
            ["orders.csv", "--query", "SELECT 1", "--database", "sqlite:///a.db"],
            "reads the tables of the database",
        ),
        (["--query", " "], "--query is empty"),
        ([], "Missing argument 'FILE...'"),
        (
            ["--query", "SELECT 1", "--database", "postgresql://me:hunter2@h/db", "--checkpoint", "c.ckpt"],
            "--database holds a password",
        ),
        (
            [*FILES, "--query", JOIN, "--summary", "devices.csv", "--checkpoint", "c.ckpt"],
            "would be overwritten",
        ),
    ],
)
def test_options_that_do_not_go_together(command: CommandLine, words: list[str], said: str) -> None:
    """Nothing is ignored in silence, no file is lost, and no password is shown."""
    ran = command.run("events", *words, "--sandbox")
    assert ran.code == 2
    assert said in " ".join(ran.err.split()), ran.err
    assert "hunter2" not in ran.out + ran.err


def test_a_mistake_in_the_mapping_is_said_before_the_query_runs(command: CommandLine, tmp_path: Path) -> None:
    """A query may take an hour."""
    (tmp_path / "m.toml").write_text('kind = "events"\n[fields]\nnope = "x"\n')
    ran = command.run(*LOAD, "--mapping", "m.toml")
    assert (ran.code, "nope" in ran.err) == (2, True)
    assert not (tmp_path / "c.ckpt.input.parquet").exists()


def test_jobs_with_queries(command: CommandLine, tmp_path: Path) -> None:
    """The paths of a job file, those of tables and of a query among them, are read from its folder."""
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / "join.sql").write_text(JOIN)
    for name in ("orders.csv", "devices.csv"):
        (tmp_path / name).rename(folder / name)
    (folder / "jobs.toml").write_text(
        '[jobs.sales]\nkind = "events"\nquery = "join.sql"\ninput = ["orders.csv", "d=devices.csv"]\n'
        '[jobs.more]\nkind = "events"\nquery = """FROM orders"""\ninput = "orders.csv"\n'
        'checkpoint = "m.ckpt"\n'
    )
    assert command.run("check", "--jobs", "jobs/jobs.toml").code == 3
    ran = command.run("run", "jobs/jobs.toml", "--sandbox", "--summary", "-")
    assert [job["confirmed"] for job in json.loads(ran.out)["jobs"]] == [2, 2], ran.err
    assert (folder / "join.sql.events.sandbox.ckpt.input.parquet").is_file()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('query = "SELECT 1"', "Write checkpoint ="),
        ('database = "sqlite:///a.db"\ninput = "orders.csv"', "database goes with query"),
        ('query = "q.sql"\ndatabase = "postgresql://me:hunter2@h/db"', "holds a password"),
        ('query = "q.sql"\ndatabase = "sqlite:///a.db"\ninput = "orders.csv"', "and no files"),
    ],
)
def test_mistakes_in_the_query_of_a_job(command: CommandLine, tmp_path: Path, lines: str, said: str) -> None:
    """Each is told before the first job runs, without a secret."""
    (tmp_path / "jobs.toml").write_text(f'[jobs.sales]\nkind = "events"\n{lines}\n')
    ran = command.run("run", "jobs.toml", "--sandbox")
    assert (ran.code, said in " ".join(ran.err.split())) == (2, True), ran.err
    assert "hunter2" not in ran.err
