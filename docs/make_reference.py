"""Writes what the code says into the pages of the reference: ``python -m docs.make_reference``.

A page is written by hand, but for what stands between ``<!-- made: NAME -->`` and ``<!-- end -->``: that is
what the function of this name returns. A test asserts that what is committed is what is made.
"""

from __future__ import annotations

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from benchmarks.sizing import read_constants, write_check, write_sizes
from docs.make_commands import VARIABLE_IN_HELP, commands, exit_codes, glance
from docs.make_python import python, summary
from docs.tables import code, table
from loader.cli.jobs.job_keys import list_keys
from loader.delivery.verdicts import classify
from loader.journal.checkpoint_files import Files
from loader.mapping.fields import DEVICE_TYPES, SYNONYMS
from loader.mapping.keys import EXPAND_KEYS, MEMBER_KEYS, field_keys
from loader.mapping.proposing.presets import PRESETS
from loader.methods import MAX_EVENT_LENGTH, METHODS
from loader.model import OWN_COLUMNS, Answer, NoAnswer, NotSent, StopCode
from loader.own_columns import COLUMNS
from loader.sandbox.faults.kinds import FACTS
from loader.sandbox.faults.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loader.methods import Method
    from loader.model import Attempt
    from loader.option import Offered, Option

DOCS = Path(__file__).parent
PAGES = [*sorted((DOCS / "reference").glob("*.md")), DOCS / "scaling.md"]
REGION = re.compile(r"(<!-- made: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


# The mapping file


def fields() -> str:
    """The fields of each method, as a mapping names them, and the keys that each takes."""
    return "\n\n".join(
        f"`{method.kind}`, sent with `{method.name}`:\n\n"
        + table(
            ("field", "", "keys"),
            (
                (f"`{name}`", describe_field(method, name), code(*keys))
                for name, keys in field_keys(method).items()
            ),
        )
        for method in METHODS.values()
    )


def describe_field(method: Method, name: str) -> str:
    """What the API says of a field."""
    api = {field.name: field for field in method.fields}
    if name == "timestamp":
        return "needed; becomes `timestampUTC` and `timestampCurrent`"
    for need in method.needs:
        if name in need.fields and len(need.fields) > 1:
            return (
                f"this or {code(*(other for other in need.fields if other != name))} is needed; both if known"
            )
    words = ["needed"] if api[name].required else []
    words += [f"at most {api[name].longest} characters"] if api[name].longest else []
    words += {"tz_offset": ['seconds, `"+05:45"` or a zone\'s name'], "device_type": [DEVICE_NOTE]}.get(
        name, []
    )
    return ", ".join(words)


DEVICE_NOTE = "the vendor's number, or a name in any case"


def mapping_keys() -> str:
    """The keys of an attribute and of `expand`."""
    containers = [method.container for method in METHODS.values() if method.container]
    rows = (
        (" or ".join(container.a for container in containers), code(*MEMBER_KEYS)),
        *((f"`type` of {container.a}", code(*container.types)) for container in containers),
        ("an entry of `expand`", code(*EXPAND_KEYS)),
    )
    return table(("", "takes"), rows)


def limits() -> str:
    """What the vendor allows."""
    rows = [("name of an event", f"{MAX_EVENT_LENGTH} characters")]
    for container in (method.container for method in METHODS.values()):
        if container is not None and container.longest_name is not None:
            reserved = f"; not {code(*sorted(container.reserved))}" if container.reserved else ""
            rows.append((f"name of {container.a}", f"{container.longest_name} characters{reserved}"))
        if container is not None and container.most is not None:
            rows.append((f"{container.many} of a row", str(container.most)))
    return table(("", "at most"), rows)


def synonyms() -> str:
    """The names of columns that are recognised without a mapping."""
    return table(
        ("for", "columns, the surest first"),
        ((f"`{name}`", code(*names)) for name, names in SYNONYMS.items()),
    )


def device_types() -> str:
    """The vendor's numbers."""
    return table(("number", "name"), DEVICE_TYPES.items())


def presets() -> str:
    """By which columns an export is recognised."""
    rows = (
        (
            preset.name,
            preset.kind,
            ", ".join(" or ".join(f"`{name}`" for name in sign) for sign in preset.signs),
        )
        for preset in PRESETS
    )
    return table(("export of", "kind", "recognised by its columns"), rows)


# Verdicts: not copied from the source, but asked of it


def verdicts() -> str:
    """What each answer means, found out by judging every one."""
    plain = [(str(status), answer(status)) for status in range(100, 600) if status != 200]
    inside = [(str(number), answer(200, f'{{"status_code": {number}}}')) for number in range(1000)]
    rows = [
        *judged("HTTP 200 and `status_code`", inside),
        ("HTTP 200 without a readable `status_code`", verdict(answer(200, "<html>"))),
        ("HTTP 503 with `Retry-After`", verdict(answer(503, retry_after="30"))),
        *judged("HTTP", plain),
        ("an answer that is cut, or longer than 64 KiB", verdict(Answer(200, b"", complete=False))),
        ("no answer, after a part of the request had left", verdict(NoAnswer(""))),
        ("no connection: no byte of the request left", verdict(NotSent(""))),
        ("a certificate that is not trusted", verdict(NotSent("", StopCode.CERTIFICATE))),
    ]
    return table(("answer", "verdict"), rows)


def answer(status: int, body: str = "", retry_after: str | None = None) -> Answer:
    """An answer of the vendor, or of something before it."""
    return Answer(status, body.encode(), retry_after)


def verdict(attempt: Attempt) -> str:
    """The verdict's name."""
    name = type(classify(attempt, 0.0)).__name__
    return {"InDoubt": "in doubt", "Stop": "stop", "Retry": "wait, then again"}.get(name, name.lower())


def judged(what: str, cases: list[tuple[str, Answer]]) -> Iterator[tuple[str, str]]:
    """A row for each verdict, with the numbers that get it; the most frequent are "any other"."""
    by_verdict: dict[str, list[int]] = {}
    for number, attempt in cases:
        by_verdict.setdefault(verdict(attempt), []).append(int(number))
    *few, most = sorted(by_verdict.items(), key=lambda entry: len(entry[1]))
    for name, numbers in sorted(few, key=lambda entry: entry[1]):
        yield f"{what} {ranges(numbers)}", name
    yield f"{what}: any other", most[0]


def ranges(numbers: list[int]) -> str:
    """Ascending numbers in words: ``400 to 402, 404``."""
    runs = [list(group) for _, group in groupby(numbers, key=lambda number: number - numbers.index(number))]
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


# The checkpoint's files


def checkpoint_files() -> str:
    """The files beside an input, from the properties that name them."""
    files = Files(Path("purchases.csv.events.ckpt"))
    named = {name: member for name, member in vars(Files).items() if isinstance(member, property)}
    rows = (
        (f"`{getattr(files, name).name}`", summary(member))
        for name, member in named.items()
        if isinstance(getattr(files, name), Path) and not name.startswith("unfinished")
    )
    return table(("file", ""), [(f"`{files.path}`", "The checkpoint itself: an SQLite database."), *rows])


# Failed rows


def failed_columns() -> str:
    """The columns that the loader adds to rows that failed."""
    kinds = {pa.int64(): "integer"}
    rows = (
        (f"`{OWN_COLUMNS}{name}`", kinds.get(column.kind, "text"), column.meaning)
        for name, column in COLUMNS.items()
    )
    return table(("column", "type", ""), rows)


# The job file


def job_keys() -> str:
    """What a job may set, from the options of a load."""
    rows = (
        (f"`{name}`", key.scope, key.option.without or default_text(key.offered), job_key_text(key.option))
        for name, key in list_keys().items()
    )
    return table(("key", "of", "default", ""), rows)


def default_text(offered: Offered) -> str:
    """The default of an option, as a job file would have it."""
    written = offered.written
    return "" if written is None or written is False else f"`{written}`"


def job_key_text(option: Option) -> str:
    """What an option does, and its variable."""
    told = VARIABLE_IN_HELP.sub("", option.description)
    variable = VARIABLE_IN_HELP.search(option.description)
    name = variable[1] if variable else option.variable
    return f"{told} Environment: `{name}`." if name else told


# The faults of the sandbox


def faults() -> str:
    """What the caller sees of each fault, and whether the call is stored."""
    return table(
        ("fault", "the caller sees", "the call is stored"),
        ((f"`{fault}`", facts.seen, facts.stored) for fault, facts in FACTS.items()),
    )


def fault_profiles() -> str:
    """What the names of profiles stand for."""
    return table(
        ("profile", "what it is like", "the spec that it stands for"),
        ((f"`{name}`", profile.description, f"`{profile.text}`") for name, profile in PROFILES.items()),
    )


# The sizes of loads


def sizing() -> str:
    """How long loads take, by the model of the benchmarks and its last constants."""
    constants = read_constants()
    return f"{write_sizes(constants)}\n\n{write_check(constants)}"


MADE: dict[str, Callable[[], str]] = {
    made.__name__: made
    for made in (
        glance, commands, exit_codes, fields, mapping_keys, limits, synonyms, device_types, presets, verdicts,
        checkpoint_files, python, job_keys, faults, fault_profiles, failed_columns, sizing,
    )
}  # fmt: skip


def made(text: str) -> str:
    """The text of a page, with its regions as they are to be."""
    return REGION.sub(lambda region: f"{region[1]}\n{MADE[region[2]]()}\n\n{region[3]}", text)


def main() -> None:
    """Write the pages; with ``--check`` only say which are not as they would be made."""
    stale = [page for page in PAGES if made(page.read_text("utf-8")) != page.read_text("utf-8")]
    for page in stale:
        if "--check" not in sys.argv:
            page.write_text(made(page.read_text("utf-8")), encoding="utf-8")
    sys.stdout.write("".join(f"{page.name} was not what the code says\n" for page in stale))
    sys.exit(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
