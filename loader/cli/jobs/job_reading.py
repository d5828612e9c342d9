"""The content of a job file on its way to jobs."""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from itertools import combinations, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, cast

from loader.cli.jobs.job import Circle, Job, JobFile, arrange, list_waits
from loader.cli.jobs.job_claims import find_checkpoint, find_shared_checkpoints, list_claims
from loader.cli.jobs.job_keys import EXCLUSIVE, OWN, Scope, displace, explain, find_clash, list_keys, locate
from loader.cli.jobs.job_words import explain_key, suggest
from loader.errors import ConfigError, MappingError
from loader.load_options import say_who_needs
from loader.mapping.canonical_text import VERSION, toml
from loader.mapping.file import KINDS, build_mapping, read_document, read_mapping, refuse_other_kind
from loader.methods import Kind
from loader.queries.query import is_file
from loader.queries.tables import split_name
from loader.stores.address import as_place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loader.cli.jobs.job_keys import Key
    from loader.stores.address import Address

Table = dict[str, object]

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class JobReading:
    """One job file on its way to jobs; collects what is wrong with it.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.problems: list[str] = []

    def read(self, document: Table) -> JobFile | None:
        """The jobs of the file; None if it has mistakes, which are then in `problems`."""
        summary = self._options("[load]", self._table(document, "load"), Scope.ALL).get("summary")
        jobs: list[Job] | None
        if "jobs" in document:
            jobs = self._read_jobs(document)
        elif "kind" in document or "fields" in document:
            jobs = self._read_mapping_file(document)
        else:
            self._refuse_keys("The file", document, ("version", "load", "jobs"))
            self.problems.append(
                "it names no job. Write a table [jobs.NAME] with kind and input for each; or, in a mapping "
                "file, a table [load] with input."
            )
            return None
        if self.problems or jobs is None:
            return None
        return self._arrange(jobs, summary if isinstance(summary, Path) else None)

    def _read_mapping_file(self, document: Table) -> list[Job] | None:
        """The one job of a mapping file with a table ``[load]``."""
        try:
            kind = build_mapping(document, str(self.path)).kind
        except MappingError as error:
            self.problems += error.problems
            kind = None
        if "load" not in document:
            self.problems.append('[load] is missing. Write [load] and below it input = "FILE".')
            return None
        table = self._table(document, "load")
        files = self._inputs("[load]", table)
        self._refuse_keys("[load]", table, ("input", *list_keys()))
        values = self._options("[load]", table, Scope.BOTH, Scope.ONE)
        if kind is None:
            return None
        self._refuse_needless("[load]", kind, table)
        self._refuse_clash("[load]", values)
        return [Job(self.path.stem, kind, files, self.path, (), values)]

    def _read_jobs(self, document: Table) -> list[Job]:
        """The jobs of a file that has several."""
        self._refuse_keys("The file", document, ("version", "load", "jobs"))
        if document.get("version", VERSION) != VERSION:
            told = toml(document["version"])
            self.problems.append(f"version = {told} is not known; this loader reads version {VERSION}.")
        load, tables = self._table(document, "load"), self._table(document, "jobs")
        if not tables:
            self.problems.append(
                "[jobs] names no job. Write a table [jobs.NAME] with kind and input for each."
            )
        of_one = [name for name, key in list_keys().items() if key.scope is Scope.ONE]
        for name in [*OWN, *of_one]:
            if name in load:
                self.problems.append(f"[load] {name} is of one job alone: write it in [jobs.NAME].")
        self._refuse_keys("[load]", load, [*list_keys(), *OWN])
        shared = self._options("[load]", load, Scope.BOTH)
        jobs = [self._read_job(name, table, shared, tables) for name, table in tables.items()]
        return [job for job in jobs if job is not None]

    def _read_job(self, name: str, table: object, shared: Table, tables: Table) -> Job | None:
        where = f"[jobs.{name}]"
        if not isinstance(table, dict):
            self.problems.append(f"jobs.{name} must be a table: write {where} on a line of its own.")
            return None
        if not NAME.fullmatch(name):
            self.problems.append(f"{where}: a job's name is letters, digits, dots and hyphens.")
        if "summary" in table:
            self.problems.append(f"{where} summary: there is one summary for all jobs. Write it in [load].")
        self._refuse_keys(where, table, [*OWN, *list_keys()])
        kind, files = self._kind(where, table), self._inputs(where, table)
        mapping = self._mapping(where, table, kind)
        after = self._after(where, name, table, tables)
        own = self._options(where, table, Scope.BOTH, Scope.ONE)
        if kind is None or not (files or "query" in table):
            return None
        self._refuse_needless(where, kind, table)
        values = {key: value for key, value in shared.items() if is_needed(list_keys()[key], kind)}
        values = displace(values, own) | own
        self._refuse_clash(where, values)
        return Job(name, kind, files, mapping, after, values)

    def _arrange(self, jobs: list[Job], summary: Path | None) -> JobFile | None:
        try:
            order = arrange(jobs)
        except Circle as circle:
            pairs = pairwise(circle.names)
            told = ", ".join(f"{one} waits for {other}" for one, other in pairs)
            self.problems.append(
                f"jobs wait for each other: {told}. Say what each waits for with after = [...]."
            )
            return None
        by_name = {job.name: job for job in jobs}
        placed = [by_name[name] for name in order]
        file = JobFile(self.path, tuple(with_waits(job, jobs) for job in placed), summary)
        self.problems += find_shared_checkpoints({job.name: find_checkpoint(job) for job in file.jobs})
        self._refuse_conflicts(file)
        return file

    def _refuse_conflicts(self, file: JobFile) -> None:
        """Refuse outputs that would take the place of what any of the jobs needs."""
        from loader.claims import refuse_conflicts  # noqa: PLC0415 - bare `--help` needs no SQL

        for pair in combinations(list_claims(file, file.jobs), 2):
            try:
                refuse_conflicts(pair)
            except ConfigError as error:
                self.problems.append(explain(error))

    # One key each

    def _kind(self, where: str, table: Table) -> Kind | None:
        try:
            return Kind(cast("str", table["kind"]))
        except KeyError:
            self.problems.append(f"{where} has no kind. Write kind = {KINDS}.")
        except ValueError:
            said = table["kind"]
            near = get_close_matches(said, list(Kind), 1) if isinstance(said, str) else []
            meant = f' Did you mean "{near[0]}"?' if near else ""
            self.problems.append(f"{where} kind = {toml(said)} is not known; it must be {KINDS}.{meant}")
        return None

    def _inputs(self, where: str, table: Table) -> tuple[str, ...]:
        """The files of a job, which are the tables of its query if it has one."""
        if "query" not in table:
            if "database" in table:
                self.problems.append(f'{where} database goes with query: write query = "SELECT ...".')
            return self._files(where, table)
        if not is_file(str(table["query"])) and "checkpoint" not in table:
            self.problems.append(
                f'{where} query: a query that is written here has no name. Write checkpoint = "FILE" to say '
                'where progress is saved; or put the query into a file, query = "FILE.sql".'
            )
        if "database" in table and "input" in table:
            self.problems.append(
                f"{where} input: a query with database reads the tables of the database, and no files."
            )
        given = self._texts(where, "input", table.get("input")) or ()
        return tuple(self._located_table(where, each) for each in given)

    def _located_table(self, where: str, text: str) -> str:
        """The path of a table of a query; a name before it stays."""
        name, path = split_name(text)
        located = self._located(where, "input", path)
        return f"{name}={located}" if name else located

    def _files(self, where: str, table: Table) -> tuple[str, ...]:
        given = self._texts(where, "input", table.get("input"))
        if given is None:
            self.problems.append(
                f'{where} has no input. Write input = "FILE", or a list of files or patterns.'
            )
        elif "-" in given:
            self.problems.append(
                f"{where} input: standard input is not for a job, which may run again. Name a file."
            )
        return tuple(self._located(where, "input", each) for each in given or ())

    def _mapping(self, where: str, table: Table, kind: Kind | None) -> Path | Address | None:
        if "mapping" not in table:
            return None
        given = table["mapping"]
        if not isinstance(given, str) or not given:
            self.problems.append(f"{where} mapping = {toml(given)} must be the path of a mapping file.")
            return None
        path = self._place(where, "mapping", given)
        if path is None:
            return None
        try:
            mapping = read_mapping(path)
            if kind is not None:
                refuse_other_kind(mapping.kind, kind, str(path))
        except MappingError as error:
            self.problems += [f"{where} mapping, {path}: {problem}" for problem in error.problems]
        else:
            if "load" in tomllib.loads(read_document(path)):
                self.problems.append(
                    f"{where} mapping, {path}: it has a [load] of its own, which would not be used. Move its "
                    f"keys to {where}, or run that file by itself."
                )
        return path

    def _place(self, where: str, key: str, text: str) -> Path | Address | None:
        """A path or an address, or None if it is of a kind that is not read."""
        try:
            return as_place(self._located(where, key, text))
        except ConfigError as error:
            self.problems.append(f"{where} {key} = {toml(text)}: {explain(error)}")
            return None

    def _after(self, where: str, name: str, table: Table, tables: Table) -> tuple[str, ...] | None:
        if "after" not in table:
            return None
        given = self._texts(where, "after", table["after"]) if table["after"] != [] else ()
        for each in given or ():
            if each == name:
                self.problems.append(f"{where} after: a job cannot wait for itself.")
            elif each not in tables:
                others = [other for other in tables if other != name]
                told = suggest(each, others) if others else "There is no other job."
                self.problems.append(f'{where} after: there is no job "{each}". {told}')
        return given or ()

    def _texts(self, where: str, key: str, given: object) -> tuple[str, ...] | None:
        """A text, or a list of texts; None if there is none."""
        texts = (given,) if isinstance(given, str) else given
        if texts is None:
            return None
        if (
            isinstance(texts, list | tuple)
            and texts
            and all(isinstance(each, str) and each for each in texts)
        ):
            return tuple(texts)
        self.problems.append(f"{where} {key} = {toml(given)} must be a text in quotes, or a list of them.")
        return ()

    def _located(self, where: str, key: str, text: str) -> str:
        try:
            return locate(text, self.folder)
        except ConfigError as error:
            self.problems.append(f"{where} {key} = {toml(text)}: {explain(error)}")
            return text

    def _options(self, where: str, table: Table, *scopes: Scope) -> Table:
        """The options of a table that may stand there, read."""
        for one, other in EXCLUSIVE:
            if {one, other} <= set(table) and Scope.BOTH in scopes:
                self.problems.append(f"{where} {one} and {other} exclude each other. Keep one of them.")
        read: Table = {}
        for name, key in list_keys().items():
            if name not in table or key.scope not in scopes:
                continue
            try:
                read[name] = key.read(table[name], self.folder)
            except ConfigError as error:
                value = f" = {toml(table[name])}" if key.shown else ""
                self.problems.append(f"{where} {name}{value}: {explain(error)}")
        return read

    def _refuse_needless(self, where: str, kind: Kind, table: Table) -> None:
        for name, key in list_keys().items():
            if name in table and not is_needed(key, kind):
                self.problems.append(f"{where} {name} is {say_who_needs(key.option)}.")

    def _refuse_clash(self, where: str, values: Table) -> None:
        """Refuse options that are right one by one and do not go together."""
        if not self.problems and (clash := find_clash(values)):
            self.problems.append(f"{where} {clash}")

    # Keys that are none

    def _refuse_keys(self, where: str, table: Table, allowed: Iterable[str]) -> None:
        known = list(allowed)
        self.problems += [f"{where} {explain_key(name, known)}" for name in table if name not in known]

    def _table(self, document: Table, name: str) -> Table:
        table = document.get(name, {})
        if isinstance(table, dict):
            return table
        problem = f"{name} must be a table: write [{name}] on a line of its own."
        self.problems += [problem] if problem not in self.problems else []
        return {}


def is_needed(key: Key, kind: Kind) -> bool:
    """Whether an option means anything for a kind of load."""
    return key.option.needed(kind.method)


def with_waits(job: Job, jobs: list[Job]) -> Job:
    """The job, with the jobs that it waits for."""
    return Job(job.name, job.kind, job.files, job.mapping, list_waits(job, jobs), job.values)
