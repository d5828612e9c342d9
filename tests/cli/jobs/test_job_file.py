"""Job files: what they say, and every mistake in them at once."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from loader.choices import Concurrency, Threshold
from loader.cli.jobs.job_file import choose_jobs, find_summary, list_names, read_job_file
from loader.cli.jobs.job_keys import Scope, list_keys
from loader.cli.jobs.job_words import NO_SECRETS
from loader.errors import ConfigError
from loader.load_options import LoadOptions
from loader.methods import Kind

USERS = '[jobs.users]\nkind = "users"\ninput = "users.csv"\n'
EVENTS = '[jobs.events]\nkind = "events"\ninput = "events.csv"\n'
MAPPING = """kind = "events"
[fields]
userId = "user_id"
event = "event"
timestamp = { column = "timestamp", format = "%Y%m%d", zone = "UTC" }
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, name: str = "jobs.toml") -> Any:
    """A job file of this text."""
    Path(name).write_text(text)
    return read_job_file(Path(name))


def problems(text: str, name: str = "jobs.toml") -> list[str]:
    """What is wrong with a job file of this text, a line for each mistake."""
    with pytest.raises(ConfigError) as caught:
        read(text, name)
    said = str(caught.value)
    assert said.startswith(f"{name}:")
    return [line.strip() for line in said.removeprefix(f"{name}:").strip().split("\n")]


def test_a_file_of_several_jobs_is_read() -> None:
    """Defaults hold for all jobs, and what stands in a job counts more."""
    file = read(
        '[load]\napplication = "A-B"\nmax_rejected = "1%"\nconcurrency = 8\nsummary = "s.json"\n'
        f'{EVENTS}max_rejected = 10\nmapping = "m.toml"\n{USERS}checkpoint = "c/users.ckpt"\n'
        if Path("m.toml").write_text(MAPPING)
        else ""
    )
    users, events = file.jobs
    assert (users.name, users.kind, users.files) == ("users", Kind.USERS, ("users.csv",))
    assert (events.after, events.mapping) == (("users",), Path("m.toml"))
    assert users.values["max_rejected"] == Threshold.parse("1%")
    assert events.values["max_rejected"] == Threshold.parse("10")
    assert users.values["concurrency"] == Concurrency.parse("8")
    assert users.values["checkpoint"] == Path("c/users.ckpt")
    assert (events.values["application"], file.summary) == ("A-B", Path("s.json"))


def test_a_mapping_file_with_load_is_one_job() -> None:
    """The mapping and how it is loaded stand in one file."""
    file = read(f'{MAPPING}[load]\ninput = ["a.csv", "b.csv"]\nrate = 5\nsummary = "s.json"\n', "night.toml")
    (job,) = file.jobs
    assert (job.name, job.kind, job.files) == ("night", Kind.EVENTS, ("a.csv", "b.csv"))
    assert (job.mapping, str(job.values["rate"]), file.summary) == (
        Path("night.toml"),
        "5 a second",
        Path("s.json"),
    )


def test_paths_are_those_from_the_job_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cron stands in another folder, and the same files are meant."""
    monkeypatch.setenv("DAY", "2024-02-29")
    monkeypatch.setenv("HOME", "/home/me")
    Path("etc").mkdir()
    text = '[jobs.users]\nkind = "users"\ninput = ["${DAY}/*.csv", "/abs.csv", "~/x.csv", "a$b.csv"]\n'
    file = read(
        text + 'report = "r/${DAY}.html"\ntoken_file = "t"\n[load]\nsummary = "../s"\n', "etc/jobs.toml"
    )
    (job,) = file.jobs
    assert job.files == ("etc/2024-02-29/*.csv", "/abs.csv", "/home/me/x.csv", "etc/a$b.csv")
    assert (job.values["report"], file.summary) == (Path("etc/r/2024-02-29.html"), Path("etc/../s"))
    assert job.values["token_file"] == Path("etc/t")


#: Of each kind of mistake one or more: the text, and what is said of it.
MISTAKES: dict[str, tuple[str, str]] = {
    "no job": ("", "names no job"),
    "no job in jobs": ("[jobs]\n", "[jobs] names no job"),
    "misspelt table": (f"[laod]\nrate = 5\n{USERS}", 'The file does not take "laod". Did you mean "load"?'),
    "misspelt jobs": ('[job.users]\nkind = "users"\n', 'The file does not take "job". Did you mean "jobs"?'),
    "version": (f"version = 2\n{USERS}", "version = 2 is not known"),
    "load is no table": (f"load = 5\n{USERS}", "load must be a table"),
    "jobs is no table": ("jobs = 5\n", "jobs must be a table"),
    "job is no table": ("[jobs]\nusers = 5\n", "jobs.users must be a table"),
    "name": ('[jobs."a b"]\nkind = "users"\ninput = "x"\n', "a job's name is"),
    "option as name": ('[jobs."--yes"]\nkind = "users"\ninput = "x"\n', "a job's name is"),
    "no kind": ('[jobs.a]\ninput = "x"\n', "[jobs.a] has no kind"),
    "misspelt kind": ('[jobs.a]\nkind = "event"\ninput = "x"\n', 'kind = "event" is not known'),
    "near kind": ('[jobs.a]\nkind = "event"\ninput = "x"\n', 'Did you mean "events"?'),
    "kind is no text": ('[jobs.a]\nkind = ["users"]\ninput = "x"\n', 'kind = ["users"] is not known'),
    "no input": ('[jobs.a]\nkind = "users"\n', "[jobs.a] has no input"),
    "empty input": ('[jobs.a]\nkind = "users"\ninput = []\n', "input = [] must be a text"),
    "input is a number": ('[jobs.a]\nkind = "users"\ninput = 5\n', "input = 5 must be a text"),
    "misspelt key": (f"{USERS}inptu = 5\n", '[jobs.users] does not take "inptu". Did you mean "input"?'),
    "misspelt option": (f"{USERS}max_rejcted = 5\n", 'Did you mean "max_rejected"?'),
    "as on the command line": (f"{USERS}max-rejected = 5\n", 'Did you mean "max_rejected"?'),
    "by its flag": (f'{USERS}app = "x"\n', 'Did you mean "application"?'),
    "unknown key": (f"{USERS}xyzzy = 5\n", '[jobs.users] does not take "xyzzy". It takes kind, input,'),
    "misspelt in load": (f"[load]\nrat = 5\n{USERS}", '[load] does not take "rat". Did you mean "rate"?'),
    "load of a job": (f"{USERS}[jobs.users.load]\nrate = 5\n", "stand in its own table"),
    "checkpoint of all": (f'[load]\ncheckpoint = "x"\n{USERS}', "[load] checkpoint is of one job alone"),
    "report of all": (f'[load]\nreport = "x"\n{USERS}', "[load] report is of one job alone"),
    "input of all": (f'[load]\ninput = "x"\n{USERS}', "[load] input is of one job alone"),
    "summary of one": (f'{USERS}summary = "x"\n', "there is one summary for all jobs"),
    "text file": (f'{USERS}delimiter = ";"\n', "stands in [source] of the mapping"),
    "of the command": (f"{USERS}sandbox = true\n", "Give it to the command: --sandbox"),
    "yes": (f"[load]\nyes = true\n{USERS}", "Give it to the command: --yes"),
    "bad value": (f"{USERS}rate = 0\n", "[jobs.users] rate = 0: rate is 0; it must be more than 0"),
    "bad type": (f'{USERS}limit = "5"\n', '[jobs.users] limit = "5": limit is a str'),
    "a truth as a number": (f"{USERS}limit = true\n", "limit = true: limit is a bool"),
    "bad word": (f'{EVENTS}on_doubt = "resnd"\n', 'it must be "hold" or "resend"'),
    "bad threshold": (f'{USERS}max_rejected = "half"\n', 'max_rejected = "half": max_rejected: '),
    "bad duration": (f'{USERS}max_duration = "6"\n', 'max_duration = "6": max_duration: '),
    "empty text": (f'{USERS}application = " "\n', "application is empty"),
    "endpoint": (f'{USERS}endpoint = "ftp://x"\n', "is not a URL like"),
    "proxy": (f'{USERS}proxy = "x"\n', "is not a URL of a proxy"),
    "certificates": (f'{USERS}ca_bundle = "no.pem"\n', "no.pem is not a file"),
    "path is a number": (f"{USERS}report = 5\n", "report is a int; it must be the path of a file"),
    "needless": (f'{USERS}order = "device"\n', "[jobs.users] order is for events alone"),
    "two tokens": (
        f'{USERS}token_file = "x"\ntoken_command = "y"\n',
        "token_file and token_command exclude each other",
    ),
    "two rates": (f'{USERS}rate = 5\nrate_file = "x"\n', "rate and rate_file exclude each other"),
    "standard input": ('[jobs.a]\nkind = "users"\ninput = "-"\n', "standard input is not for a job"),
    "variable": ('[jobs.a]\nkind = "users"\ninput = "${NOPE}.csv"\n', "NOPE is not set"),
    "variable without name": ('[jobs.a]\nkind = "users"\ninput = "${}.csv"\n', "is not set"),
    "variable of an option": (f'{USERS}report = "${{NOPE}}.html"\n', "NOPE is not set"),
    "no mapping": (f'{USERS}mapping = "no.toml"\n', "no.toml: the mapping file cannot be read"),
    "mapping of another kind": (f'{USERS}mapping = "events.toml"\n', "this load is for users"),
    "mistake in a mapping": (
        f'{EVENTS}mapping = "bad.toml"\n',
        'does not take "evnt". Did you mean "event"?',
    ),
    "mapping with load": (f'{EVENTS}mapping = "night.toml"\n', "has a [load] of its own"),
    "unknown job": (f'{EVENTS}after = ["user"]\n{USERS}', 'no job "user". Did you mean "users"?'),
    "after itself": (f'{USERS}after = "users"\n', "a job cannot wait for itself"),
    "after is a number": (f"{USERS}after = 5\n", "after = 5 must be a text"),
    "circle": (f'{USERS}after = "events"\n{EVENTS}', "users waits for events, events waits for users"),
    "same checkpoint": (f"{USERS}{USERS.replace('.users]', '.again]')}", "have the same checkpoint"),
    "named checkpoint": (f'{USERS}checkpoint="c"\n{EVENTS}checkpoint="./c"\n', "have the same checkpoint"),
    "report on an input": (f'{USERS}report = "events.csv"\n{EVENTS}', "events.csv would be overwritten"),
    "report on a mapping": (f'{USERS}report = "events.toml"\n{EVENTS}mapping="events.toml"\n', "overwritten"),
    "report on the job file": (f'{USERS}report = "jobs.toml"\n', "jobs.toml would be overwritten"),
    "report on a checkpoint": (f'{USERS}report = "c-wire"\n{EVENTS}checkpoint = "c"\n', "overwritten"),
    "summary on an input": (f'[load]\nsummary = "users.csv"\n{USERS}', "users.csv would be overwritten"),
    "two reports": (f'{USERS}report = "r"\n{EVENTS}report = "r"\n', "r would be overwritten"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place(mistake: str) -> None:
    """Whatever is misspelt is told with its table, its key and what was meant."""
    Path("events.toml").write_text(MAPPING)
    Path("night.toml").write_text(f'{MAPPING}[load]\ninput = "x"\n')
    Path("bad.toml").write_text(MAPPING.replace("event =", "evnt ="))
    text, told = MISTAKES[mistake]
    assert any(told in problem for problem in problems(text)), problems(text)


def test_all_mistakes_are_told_at_once() -> None:
    """The user edits the file once."""
    apart = ("misspelt in load", "misspelt option", "bad word", "variable")
    text = f'[load]\nrat = 5\n{USERS}max_rejcted = 5\n{EVENTS}on_doubt = "resnd"\n'
    found = problems(text + '[jobs.a]\nkind = "users"\ninput = "${NOPE}.csv"\n')
    assert [any(MISTAKES[each][1] in problem for problem in found) for each in apart] == [True] * len(apart)
    assert len(found) == len(apart)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (MAPPING, "[load] is missing"),
        (f"{MAPPING}[load]\nrate = 5\n", "[load] has no input"),
        (f'{MAPPING}[load]\ninput = "x"\nrat = 5\n', 'does not take "rat". Did you mean "rate"?'),
        (f'{MAPPING}[load]\ninput = "x"\nafter = "y"\n', '[load] does not take "after"'),
        (f"{MAPPING.replace('event =', 'evnt =')}[load]\nrat = 5\n", 'does not take "evnt"'),
        (f"{MAPPING.replace('event =', 'evnt =')}[load]\nrat = 5\n", 'does not take "rat"'),
        (f"load = 5\n{MAPPING}", "load must be a table"),
        (f'{MAPPING}[load]\ninput = "x"\nreport = "night.toml"\n', "would be overwritten"),
    ],
)
def test_mistakes_beside_a_mapping_are_told_too(text: str, told: str) -> None:
    """A mapping file with [load] is read as a whole."""
    assert any(told in problem for problem in problems(text, "night.toml"))


@pytest.mark.parametrize("table", ["[load]\n{}\n" + USERS, USERS + "{}\n"])
@pytest.mark.parametrize(
    "key", ["token", "api_token", "password", "apikey", "Authorization", "secret", "bearer", "token_value"]
)
def test_a_secret_is_refused_and_not_shown(table: str, key: str) -> None:
    """Nobody shares a file with a token in it, and the way to give one is named."""
    (found,) = problems(table.format(f'{key} = "TOP-SECRET"'))
    assert NO_SECRETS in found
    assert "TOP-SECRET" not in found
    for way in ("PUSHWOOSH_API_TOKEN", "PUSHWOOSH_TOKEN_FILE", "--token-command"):
        assert way in found


def test_no_message_shows_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password of a proxy or an endpoint, and the token from the environment, are in no message."""
    monkeypatch.setenv("PUSHWOOSH_API_TOKEN", "TOP-SECRET")
    text = USERS.replace("users.csv", "${PUSHWOOSH_API_TOKEN}/x")
    found = problems(
        f'[load]\nproxy = "http://u:TOP-SECRET@p.example"\nendpoint = "https://u:TOP-SECRET@x/"\n{text}'
        f'tokn = "TOP-SECRET"\nprxy = "http://u:TOP-SECRET@p"\n'
    )
    assert len(found) == 5
    assert "TOP-SECRET" not in "".join(found)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff", "it is not UTF-8 text"), (b"[jobs", "it is not valid TOML"), (None, "cannot be read")],
)
def test_a_file_that_is_none_is_a_sentence(content: bytes | None, told: str) -> None:
    """What cannot be read is told as such."""
    if content is not None:
        Path("jobs.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=told):
        read_job_file(Path("jobs.toml"))


def test_every_option_of_a_load_is_a_key() -> None:
    """A new option is in the job file by itself; its place is decided by what it does with a file.

    A canary is not: it ends a job as planned, night after night, and nobody would be asked for the rest.
    """
    own = {each.name for each in fields(LoadOptions)}
    assert own - set(list_keys()) == {"canary"}
    assert {name for name, key in list_keys().items() if key.scope is Scope.ALL} == {"summary"}
    assert {"checkpoint", "report", "rejects"} <= {
        name for name, key in list_keys().items() if key.scope is Scope.ONE
    }


def test_options_of_one_kind_in_load_hold_for_that_kind() -> None:
    """`order` for all jobs is that of the events; the users have none."""
    users, events = read(f'[load]\norder = "device"\n{USERS}{EVENTS}').jobs
    assert ("order" in users.values, "order" in events.values) == (False, True)


def test_a_job_has_its_own_rate() -> None:
    """A rate in the job takes the place of the file for all, and the other way round."""
    Path("rate").write_text("5")
    users, events = read(f'[load]\nrate_file = "rate"\n{USERS}{EVENTS}rate = 9\n').jobs
    assert ("rate" in users.values, users.values["rate_file"]) == (False, Path("rate"))
    assert ("rate" in events.values, "rate_file" in events.values) == (True, False)


def test_a_job_has_its_own_token() -> None:
    """A file in the job takes the place of the command for all."""
    users, events = read(f'[load]\ntoken_command = "pass x"\n{USERS}{EVENTS}token_file = "t"\n').jobs
    assert "token_file" not in users.values
    assert "token_command" not in events.values


def test_a_name_that_no_job_has_is_refused() -> None:
    """A misspelt name runs nothing."""
    file = read(USERS + EVENTS)
    assert [job.name for job in choose_jobs(file, ["events", "users", "events"])] == ["users", "events"]
    assert [job.name for job in choose_jobs(file, [])] == ["users", "events"]
    with pytest.raises(ConfigError, match=r'no job "usrs"\. Did you mean "users"\?'):
        choose_jobs(file, ["events", "usrs"])


def test_names_and_summary_are_found_in_a_file_with_mistakes() -> None:
    """The shell completes, and a refusal is written, before the file is right."""
    Path("jobs.toml").write_text(f'[load]\nrat = 5\nsummary = "s"\n{USERS}{EVENTS}')
    assert (list_names(Path("jobs.toml")), find_summary(Path("jobs.toml"))) == (
        ["users", "events"],
        Path("s"),
    )
    for text in ("[", "", "load = 5", "[load]\nsummary = 5", '[load]\nsummary = "${NOPE}"'):
        Path("jobs.toml").write_text(text)
        assert find_summary(Path("jobs.toml")) is None
    assert os.sep not in "".join(list_names(Path("jobs.toml")))
