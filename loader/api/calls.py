"""The four calls: two loads, two checks."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from loader import pipeline
from loader.api.fates import beside, labels, source_rows
from loader.api.given import Given
from loader.api.options import Options, in_python, spell_keyword, stoppable
from loader.api.results import CheckResult, LoadResult
from loader.errors import MappingError, ProblemCode
from loader.methods import Kind
from loader.model import OWN_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from requests_futures.sessions import FuturesSession

    from loader.api.given import Path, Source
    from loader.api.mapping import Mapping
    from loader.api.sandbox import Sandbox
    from loader.model import Result
    from loader.planning import Plan


def load_users(  # noqa: PLR0913 - its keywords are the contract, and a notebook shows them
    source: Source,
    *,
    mapping: Mapping | Path | None = None,
    application: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    checkpoint: Path | None = None,
    sandbox: Sandbox | None = None,
    concurrency: str | int = "auto",
    processes: int = 1,
    rate: float | None = None,
    limit: int | None = None,
    max_rejected: str | int | None = None,
    max_in_doubt: str | int | None = None,
    transport: str = "curl",
    session: FuturesSession | None = None,
    proxy: str | None = None,
    ca_bundle: Path | None = None,
    progress: bool = True,
) -> LoadResult:
    """Load users: tie user ids to devices with registerUser.

    Rows of one device keep their order, and a row in doubt is sent again, because the call is repeatable. The
    same call again resumes; see `load_events`, whose keywords these are.

    Args:
        source: a row for each device: path, list of paths, pandas.DataFrame, polars.DataFrame, pyarrow.Table.
        mapping: a `Mapping` or the path of a mapping file; without one, columns are recognised by name.
        application: application code; otherwise PUSHWOOSH_APPLICATION.
        token: API token; otherwise PUSHWOOSH_API_TOKEN.
        endpoint: base URL of the API; otherwise PUSHWOOSH_ENDPOINT, or the vendor's.
        checkpoint: where progress is written down; beside the first file, or ``frame.users.ckpt`` in the
            working directory.
        sandbox: a running `Sandbox` to send to, in place of an account.
        concurrency: requests on the wire at a time: a number, "auto", or bounds as in "auto:4-64".
        processes: put the requests on the wire from N processes, each on a core of its own.
        rate: at most N requests a second, retries included.
        limit: load only the first N rows.
        max_rejected: stop when more rows than this are rejected: a number, or a percentage such as "0.5%".
        max_in_doubt: the same for rows in doubt.
        transport: "curl", or the slower "requests".
        session: a requests-futures session of your own, over which all requests go; it stays open.
        proxy: URL of a proxy; those of the environment are not used.
        ca_bundle: certificates to trust, in place of the usual ones.
        progress: show the load while it runs.

    Returns:
        How it ended, also after an interrupt.

    Raises:
        ConfigError, MappingError, SourceError, CheckpointError: nothing was sent.
    """
    options = Options(
        mapping=mapping,
        application=application,
        token=token,
        endpoint=endpoint,
        checkpoint=checkpoint,
        sandbox=sandbox,
        concurrency=concurrency,
        processes=processes,
        rate=rate,
        limit=limit,
        max_rejected=max_rejected,
        max_in_doubt=max_in_doubt,
        transport=transport,
        session=session,
        proxy=proxy,
        ca_bundle=ca_bundle,
        progress=progress,
    )
    return _load(Kind.USERS, source, options)


def load_events(  # noqa: PLR0913 - its keywords are the contract, and a notebook shows them
    source: Source,
    *,
    mapping: Mapping | Path | None = None,
    application: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
    checkpoint: Path | None = None,
    sandbox: Sandbox | None = None,
    concurrency: str | int = "auto",
    processes: int = 1,
    rate: float | None = None,
    limit: int | None = None,
    on_doubt: str = "hold",
    order: str = "none",
    max_rejected: str | int | None = None,
    max_in_doubt: str | int | None = None,
    transport: str = "curl",
    session: FuturesSession | None = None,
    proxy: str | None = None,
    ca_bundle: Path | None = None,
    progress: bool = True,
) -> LoadResult:
    """Load historical events with postEvent, each with the time at which it happened.

    The same call again resumes: it sends only what was never sent, also after a crash or in a new kernel
    that has made the same frame again. It refuses, before anything is sent, if the input, the mapping, the
    application or the endpoint has changed. Of a DataFrame the content counts: names, types and values of
    the columns; the index is kept for the result and never sent. From pandas 3 on, what is written into the
    frame while it is loaded does not reach the load; with older ones the load stops there.

    Works in a notebook, in a running event loop and in any thread. The first interrupt lets what is on the
    wire be answered and returns a true account; the second gives up what is on the wire, in doubt.

    Args:
        source: a row for each event: the path of a file, a list of paths, a pandas.DataFrame, a
            polars.DataFrame, a pyarrow.Table. Have `read_csv` read ids as text (dtype=str): as numbers they
            have lost their leading zeros.
        mapping: a `Mapping` or the path of a mapping file; without one, columns are recognised by name.
        application: application code; otherwise PUSHWOOSH_APPLICATION.
        token: API token; otherwise PUSHWOOSH_API_TOKEN. It is shown and kept nowhere.
        endpoint: base URL of the API; otherwise PUSHWOOSH_ENDPOINT, or the vendor's.
        checkpoint: where progress is written down. Of files the default is beside the first, of a frame
            ``frame.events.ckpt`` in the working directory; name one for each frame that you load.
        sandbox: a running `Sandbox` to send to, in place of an account.
        concurrency: requests on the wire at a time: a number, "auto" to find what the vendor can take, or
            bounds as in "auto:4-64".
        processes: put the requests on the wire from N processes, each on a core of its own.
        rate: at most N requests a second, retries included.
        limit: load only the first N rows; a call without it sends the rest.
        on_doubt: an event whose fate is unknown: "hold" it for your decision, or "resend" it at once, which
            may record it twice.
        order: "device": events of one device, or of one user without a device, go one after the other.
        max_rejected: stop when more rows than this are rejected: a number, or a percentage such as "0.5%".
        max_in_doubt: the same for rows in doubt.
        transport: "curl", or the slower "requests".
        session: a requests-futures session of your own, over which all requests go; it stays open.
        proxy: URL of a proxy; those of the environment are not used.
        ca_bundle: certificates to trust, in place of the usual ones.
        progress: show the load while it runs.

    Returns:
        How it ended, also after an interrupt or a stop before its end.

    Raises:
        ConfigError: a keyword is missing or wrong.
        MappingError: the mapping is wrong, or does not fit the columns: every mistake is listed.
        SourceError: the input cannot be read, or a column cannot be sent.
        CheckpointError: the checkpoint cannot be used; `CheckpointLocked`: a load is running with it;
            `CheckpointDiffers`: it is of another load. In all these cases nothing was sent.
    """
    options = Options(
        mapping=mapping,
        application=application,
        token=token,
        endpoint=endpoint,
        checkpoint=checkpoint,
        sandbox=sandbox,
        concurrency=concurrency,
        processes=processes,
        rate=rate,
        limit=limit,
        on_doubt=on_doubt,
        order=order,
        max_rejected=max_rejected,
        max_in_doubt=max_in_doubt,
        transport=transport,
        session=session,
        proxy=proxy,
        ca_bundle=ca_bundle,
        progress=progress,
    )
    return _load(Kind.EVENTS, source, options)


def check_users(
    source: Source,
    *,
    mapping: Mapping | Path | None = None,
    application: str | None = None,
    limit: int | None = None,
) -> CheckResult:
    """Map every user and send nothing: no socket is opened.

    Args:
        source: as for `load_users`.
        mapping: as for `load_users`.
        application: application code, for the bodies that are shown.
        limit: load only the first N rows.

    Returns:
        What would be sent, and what would be rejected and why.

    Raises:
        ConfigError, MappingError, SourceError: the input cannot be mapped at all.
    """
    return _check(Kind.USERS, source, Options(mapping=mapping, application=application, limit=limit))


def check_events(
    source: Source,
    *,
    mapping: Mapping | Path | None = None,
    application: str | None = None,
    limit: int | None = None,
) -> CheckResult:
    """Map every event and send nothing: no socket is opened.

    Args:
        source: as for `load_events`.
        mapping: as for `load_events`.
        application: application code, for the bodies that are shown.
        limit: load only the first N rows.

    Returns:
        What would be sent, and what would be rejected and why.

    Raises:
        ConfigError, MappingError, SourceError: the input cannot be mapped at all.
    """
    return _check(Kind.EVENTS, source, Options(mapping=mapping, application=application, limit=limit))


def _load(kind: Kind, source: Source, options: Options) -> LoadResult:
    with in_python():
        given = Given.of(source)
        settings = options.loading(kind, given)
        with frame_hints(given):
            plan = pipeline.prepare(settings, mapping=options.rules(kind), watch=(watch := options.watch()))
        with stoppable() as brake:
            result = pipeline.load(plan, brake=brake, watch=watch, session=options.session)
    return LoadResult(in_words(result), plan, given, keep=options.sandbox)


def _check(kind: Kind, source: Source, options: Options) -> CheckResult:
    with in_python():
        given = Given.of(source)
        with frame_hints(given):
            plan = pipeline.prepare(options.checking(kind, given), mapping=options.rules(kind))
        frames: list[pd.DataFrame] = []
        profile = pipeline.check(plan, frames.extend)
    return CheckResult(profile, plan, given, rejected_of(frames, plan, given))


def in_words(result: Result) -> Result:
    """The result, with keywords of Python in the reason for which it stopped."""
    return replace(result, stop=result.stop and result.stop.spell(spell_keyword))


@contextmanager
def frame_hints(given: Given) -> Iterator[None]:
    """If a frame does not fit, say what can be done about that in pandas."""
    try:
        yield
    except MappingError as error:
        if not isinstance(given.table, pd.DataFrame):
            raise
        hints = list(_hints(given.table, error.codes))
        raise MappingError([*error.problems, *hints], error.where, error.codes) from None


def _hints(frame: pd.DataFrame, codes: Collection[ProblemCode]) -> Iterator[str]:
    names = ", ".join(f'"{name}"' for name in frame.index.names if name is not None)
    if names and ProblemCode.NO_COLUMN in codes:
        yield f"The index {names} is not read; frame.reset_index() makes it a column."
    if ProblemCode.TYPE in codes and any(dtype.kind == "m" for dtype in frame.dtypes):
        yield 'A span of time becomes a number of seconds: frame["its name"].dt.total_seconds().'
    if ProblemCode.NO_ZONE in codes:
        yield 'Or give a column its zone in pandas: frame["its name"].dt.tz_localize("Europe/Berlin").'


def rejected_of(frames: list[pd.DataFrame], plan: Plan, given: Given) -> pd.DataFrame:
    """The rows that would be rejected, under the caller's labels, of a table with its own types."""
    found = pd.concat(frames, ignore_index=True)
    if given.table is None:
        return found.set_axis(labels(found, single=len(plan.survey.files) == 1))
    places = (found[f"{OWN_COLUMNS}row"].astype("int64") - 1).tolist()
    return beside(source_rows(given.table, places), found.filter(regex=f"^{OWN_COLUMNS}"))
