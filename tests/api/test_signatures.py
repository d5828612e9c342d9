"""Derived keywords look and behave as if they were written out."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, TypedDict

import pandas as pd
import pytest

import loader
from loader.api.signatures import with_keywords
from loader.load_options import LoadOptions
from loader.methods import Kind
from loader.option import offered

if TYPE_CHECKING:
    from pathlib import Path


def test_the_signature_of_a_load_is_explicit() -> None:
    """A notebook shows every keyword with its type and its default, and nothing starred."""
    shown = {name: str(each) for name, each in inspect.signature(loader.load_events).parameters.items()}
    assert shown["max_in_doubt"] == "max_in_doubt: 'str | int | None' = None"
    assert shown["concurrency"] == "concurrency: 'str | int' = 'auto'"
    assert shown["on_doubt"] == "on_doubt: 'str' = 'hold'"
    assert not [text for text in shown.values() if text.startswith("**")]


def test_users_are_not_offered_what_matters_to_events_alone() -> None:
    """`load_users` and `retry` show only keywords that do something there."""
    events, users, retry = (
        set(inspect.signature(call).parameters)
        for call in (loader.load_events, loader.load_users, loader.retry)
    )
    assert events - users == {"on_doubt", "order"}
    assert users - events == {"report_gone"}
    assert events - retry == {
        "application",
        "endpoint",
        "limit",
        "canary",
        "min_rows",
        "fail_if_empty",
        "grown",
        "checkpoint_dir",
        "keep",
        "query",
        "database",
        "requery",
    }


def test_an_unknown_keyword_is_answered_as_python_does() -> None:
    """A typo is a TypeError that names the call and the nearest keyword; nothing is read."""
    message = (
        r"^load_events\(\) got an unexpected keyword argument 'max_doubt'\. Did you mean 'max_in_doubt'\?$"
    )
    with pytest.raises(TypeError, match=message):
        loader.load_events("nowhere.csv", max_doubt=1)  # type: ignore[call-arg] # on purpose


@pytest.mark.parametrize("name", [each.name for each in offered(LoadOptions) if each.option.needless])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_keyword_of_other_rows_is_refused_for_what_it_is(kind: Kind, name: str) -> None:
    """No other option is offered in its place: it would do something else."""
    (option,) = (each.option for each in offered(LoadOptions) if each.name == name)
    if option.needed(kind.method):
        return
    call, needed = getattr(loader, f"load_{kind}"), {"report_gone": "users and tags"}.get(name, "events")
    with pytest.raises(TypeError, match=rf"argument '{name}'\. It is for {needed} alone: [a-z]"):
        call("nowhere.csv", **{name: "device"})


@pytest.mark.parametrize(("name", "value"), [("order", "device"), ("on_doubt", "resend")])
@pytest.mark.parametrize("kind", ["users", "tags"])
def test_a_retry_refuses_an_option_that_its_rows_do_not_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, name: str, value: str
) -> None:
    """It would be ignored: which kind the rows are is known only from the checkpoint."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"hwid": ["d", None], "plan": ["gold", "gold"]})
    with loader.Sandbox() as sandbox:
        result = getattr(loader, f"load_{kind}")(frame, sandbox=sandbox, progress=False)
        with pytest.raises(loader.ConfigError, match=rf"^{name} is for events alone: other rows"):
            loader.retry(frame, result.checkpoint, sandbox=sandbox, **{name: value})  # type: ignore[arg-type] # a parametrised name


def test_a_keyword_that_no_option_has_is_an_error_at_import() -> None:
    """A field that was renamed cannot leave its keyword behind."""

    class Wrong(TypedDict, total=False):
        max_doubts: int

    with pytest.raises(TypeError, match="Wrong names max_doubts"):

        @with_keywords(Wrong)
        def load() -> None: ...


def test_a_keyword_explained_by_the_call_keeps_its_explanation() -> None:
    """The mapping of a retry is the corrected one, and is explained once."""
    text = inspect.getdoc(loader.retry) or ""
    assert text.count("\n    mapping: ") == 1
    assert "mapping: a corrected `Mapping`" in text
