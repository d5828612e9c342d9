"""What a load and a check give back: frames that add up, and a page that shows itself."""

from __future__ import annotations

import html
import re
import threading
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

import loader
from tests import faultserver
from tests.api.conftest import Vendor, counts, purchases


@pytest.fixture
def mixed(vendor: Vendor) -> loader.LoadResult:
    """Six rows: two confirmed, two rejected (by the mapping, by the vendor), one in doubt, one never sent."""
    vendor.refuse, vendor.cut = {"u1"}, {"u3"}
    frame = purchases(6).assign(user_id=["u0", "u1", None, "u3", "u4", "u5"])
    return loader.load_events(frame, **vendor.account, limit=5, progress=False)


def test_the_frame_adds_up_to_the_account(mixed: loader.LoadResult) -> None:
    """Every row of the input is in the frame once, under its label, in the state that the account counts."""
    assert counts(mixed.account) == (2, 2, 1, 1)
    assert list(mixed.frame.index) == [f"row-{n}" for n in range(6)]
    assert list(mixed.frame["state"]) == [
        "confirmed",
        "rejected",
        "rejected",
        "in_doubt",
        "confirmed",
        "never_sent",
    ]
    assert mixed.frame["state"].value_counts().to_dict() == {
        state.value: getattr(mixed.account, state) for state in loader.State
    }


def test_the_frame_says_why(mixed: loader.LoadResult) -> None:
    """Code, message, status and attempts of what failed; the vendor's words as it said them."""
    refused, unmapped, doubt = (mixed.frame.loc[f"row-{n}"] for n in (1, 2, 3))
    assert (refused["code"], refused["http_status"], refused["attempts"]) == (210, 200, 1)
    assert "not today" in refused["message"]
    assert unmapped["message"].startswith("DataFrame, row 3")
    assert (unmapped["attempts"], mixed.frame.loc["row-5", "attempts"]) == (0, 0)
    assert doubt["message"]
    assert mixed.frame.loc[["row-0", "row-4"], ["code", "message", "attempts"]].isna().all(axis=None)


def test_reasons_are_counted_without_the_rows(mixed: loader.LoadResult) -> None:
    """A reason holds for many rows: neither row nor cell stands in it, and the numbers are the account's."""
    assert mixed.reasons.groupby("state")["rows"].sum().to_dict() == {"in_doubt": 1, "rejected": 2}
    assert not mixed.reasons["reason"].str.contains("row ").any()
    assert mixed.reasons["reason"].str.contains("not today").sum() == 1
    assert mixed.reasons["state"].is_monotonic_decreasing


def test_failed_rows_come_with_their_cells_and_reasons(mixed: loader.LoadResult) -> None:
    """Rejected rows and doubts are the caller's own rows, types and labels kept, with the reason beside."""
    assert list(mixed.rejected.index) == ["row-1", "row-2"]
    assert list(mixed.in_doubt.index) == ["row-3"]
    assert mixed.rejected["timestamp"].dtype == purchases(1)["timestamp"].dtype
    assert (
        mixed.rejected["_loader_message"].tolist() == mixed.frame.loc[["row-1", "row-2"], "message"].tolist()
    )
    assert list(mixed.rejected["_loader_phase"]) == ["vendor", "local"]


def test_work_on_the_frame_goes_on_while_its_result_is_looked_at(vendor: Vendor) -> None:
    """Columns that are added or removed after the load take nothing from the result."""
    vendor.refuse = {"u1"}
    frame = purchases(3)
    result = loader.load_events(frame, **vendor.account, progress=False)
    frame["more"] = 1
    del frame["amount"]
    assert list(result.rejected["user_id"]) == ["u1"]
    assert "more" not in result.rejected
    assert list(result.rejected["amount"]) == [1.5]
    assert list(result.frame.index) == ["row-0", "row-1", "row-2"]


def test_a_frame_that_was_changed_since_gives_no_wrong_rows(vendor: Vendor) -> None:
    """Where a cell itself was changed since, the rows are not those that were loaded, and that is said."""
    vendor.refuse = {"u1"}
    cells = [{"n": n} for n in range(3)]
    result = loader.load_events(purchases(3).assign(amount=cells), **vendor.account, progress=False)
    cells[1]["n"] = -1
    with pytest.raises(loader.SourceError, match="its content has changed"):
        result.rejected  # noqa: B018 - the access is the test


def test_failures_are_raised_with_what_to_do(mixed: loader.LoadResult) -> None:
    """A script that continues only if all is well gets one sentence: counts, reasons, and what to do."""
    with pytest.raises(loader.RowsFailed) as error:
        mixed.raise_for_failures()
    said = str(error.value)
    assert said.startswith("2 of 6 rows confirmed.")
    assert all(words in said for words in ("not today", "loader.retry", "loader.resolve", "without limit"))
    counts = {"confirmed": 2, "rejected": 2, "in_doubt": 1, "never_sent": 1, "left_out": 0}
    assert error.value.counts == counts
    assert error.value.counts.items() <= mixed.summary.items()
    assert isinstance(error.value, loader.LoaderError)


def test_a_canary_that_went_well_is_no_failure(vendor: Vendor) -> None:
    """Rows that `limit` left out are not raised for; rows that the load did not get to are."""
    result = loader.load_events(purchases(9), **vendor.account, limit=3, progress=False)
    assert (result.exit_code, counts(result.account)) == (0, (3, 0, 0, 6))
    result.raise_for_failures()


def test_a_stopped_load_is_raised_for() -> None:
    """A revoked token stops the load; the result says so, in its text, its page and its error."""
    with faultserver.FaultServer([faultserver.answer(401, b"")]) as server:
        where: dict[str, Any] = {"application": "AAAAA-BBBBB", "endpoint": server.url}
        result = loader.load_events(purchases(3), **where, progress=False)
    assert result.stopped
    assert result.stopped in repr(result)
    assert html.escape(result.stopped) in result._repr_html_()
    with pytest.raises(loader.RowsFailed, match="Stopped: "):
        result.raise_for_failures()


def test_pages_escape_what_others_wrote(vendor: Vendor) -> None:
    """Column names and cells cannot run in a notebook, nor turn its text round."""
    evil = "<script>alert(1)</script>\u202e"
    frame = purchases(2).assign(user_id=[evil, None], amount=evil)
    checked = loader.check_events(frame)
    result = loader.load_events(frame, **vendor.account, checkpoint="c", progress=False)
    for page in (checked._repr_html_(), result._repr_html_(), checked.mapping._repr_html_()):
        assert "<script" not in page
        assert "\u202e" not in page
    assert "&lt;script&gt;" in checked._repr_html_()


def test_a_result_shows_itself(mixed: loader.LoadResult) -> None:
    """Text and page have the four counts, the reasons, and the next call for each."""
    for shown in (repr(mixed), mixed._repr_html_()):
        for words in (
            "confirmed",
            "rejected",
            "in doubt",
            "never sent",
            "not today",
            "result.rejected",
            "loader.resolve(",
        ):
            assert words in html.unescape(shown)


def test_a_finished_load_says_so(vendor: Vendor) -> None:
    """Nothing is left to do, and that is said."""
    result = loader.load_events(purchases(2), **vendor.account, progress=False)
    assert result.exit_code == 0
    assert "Every row is confirmed." in repr(result)
    assert str(Path.cwd()) not in repr(result) + repr(loader.Checkpoint(result.checkpoint))
    result.raise_for_failures()


def test_a_check_says_what_would_be_sent(tmp_path: Path) -> None:
    """Counts, reasons, bodies and the rows themselves; nothing is written and nothing is sent."""
    checked = loader.check_events(
        purchases(4).assign(user_id=["a", None, "c", None]), application="AAAAA-BBBBB"
    )
    assert (checked.ok, checked.exit_code, checked.read) == (False, 3, 4)
    assert (checked.would_send, checked.would_reject) == (2, 2)
    assert list(checked.rejected.index) == ["row-1", "row-3"]
    assert list(checked.rejected["_loader_remedy"].unique()) == ["Fill it."]
    assert '"application":"AAAAA-BBBBB"' in checked.bodies[0]
    assert checked.profile["times"]["by_month"] == {"2024-02": 1, "2024-03": 1}
    assert "2 × " in repr(checked)
    assert checked.mapping.kind == "events"
    assert not list(tmp_path.iterdir())


CHECKED = {
    "users": "hwid,userId\nD1,U1\nD1,U2\nD2,U2\nD2,U2\n,U9\n",
    "tags": "hwid,plan\nD1,gold\nD1,gold\n,silver\nD2,\n",
    "events": (
        "user_id,device_id,event,timestamp\n1,D1,buy,2024-02-29T10:00Z\n1,D1,Buy,2024-03-29T10:00Z\n"
        "1,D1,Buy,2024-03-29T10:00Z\n,,buy,2024-03-29T10:00Z\n1,D1,buy,2031-10-27T03:30Z\n"
        f"1,D1,{'x' * 300},2024-03-29T10:00Z\n"
    ),
}


@pytest.mark.parametrize("kind", CHECKED)
def test_a_notebook_shows_what_the_command_line_shows(kind: str, command: Any, tmp_path: Path) -> None:
    """Devices that change users, users that vanish, names, months, distinct values, bodies and reasons.

    The plain text is the same line for line; the page has each of its words and numbers.
    """
    (tmp_path / "rows.csv").write_text(CHECKED[kind])
    told = command.run("check", kind, "rows.csv").out
    # What gives the list is written as each has it.
    told = told.replace("check users --vanishing FILE", "loader.CheckResult.vanishing")
    checked = getattr(loader, f"check_{kind}")("rows.csv")
    found = told[told.index("Values, as they would be sent") :].strip().splitlines()
    curl = [line for line in found if "curl" in line or line.startswith("The first, sent by hand")]
    assert "\n".join(line for line in found if line not in curl) in repr(checked)
    page = html.unescape(re.sub("<[^>]+>", " ", checked._repr_html_()))
    missing = {
        word
        for line in found[:-1]
        for word in line.replace("by month", "").split()
        if line not in curl and word.strip("×█:,") not in page
    }
    assert not missing


def test_reasons_of_a_check_are_a_table() -> None:
    """Each reason has its number of rows and the first of them; together they are the rejected rows."""
    checked = loader.check_events(purchases(4).assign(user_id=["a", None, "c", None]))
    assert list(checked.reasons.columns) == ["rows", "reason", "example"]
    assert checked.reasons["rows"].sum() == checked.would_reject == 2
    assert checked.reasons["example"].str.startswith("DataFrame, row 2").all()
    assert loader.check_events(purchases(2)).reasons.empty


def test_reasons_of_a_load_are_a_table_of_its_page(mixed: loader.LoadResult) -> None:
    """The page has a line for each reason, with its rows and its state, and says each once."""
    rows = re.findall("<tr>(.*?)</tr>", html.unescape(mixed._repr_html_()))
    cells = [re.findall("<td[^>]*>(.*?)</td>", row) for row in rows]
    for state, number, reason in mixed.reasons.itertuples(index=False):
        assert [f"{number}", state.replace("_", " "), reason.rstrip(".")] in cells
        assert mixed._repr_html_().count(html.escape(reason.rstrip("."))) == 1


def test_a_checkpoint_is_looked_at_without_the_frame(mixed: loader.LoadResult) -> None:
    """Another process sees the account and the reasons; with the same frame also the rows."""
    seen = loader.Checkpoint(mixed.checkpoint)
    assert (seen.kind, seen.application, seen.running) == ("events", "AAAAA-BBBBB", False)
    assert seen.account == mixed.account
    assert list(seen.rejected.index) == [2, 3]
    assert "not today" in str(seen.rejected.loc[2, "_loader_message"])
    assert list(seen.frame["state"]) == list(mixed.frame["state"])
    assert len(seen.runs) == 1
    frame = purchases(6).assign(user_id=["u0", "u1", None, "u3", "u4", "u5"])
    with_cells = loader.Checkpoint.open(mixed.checkpoint, frame)
    assert list(with_cells.rejected["amount"]) == [1.5, 2.5]
    assert list(with_cells.in_doubt.index) == ["row-3"]
    with pytest.raises(loader.SourceError, match="content has changed"):
        loader.Checkpoint(mixed.checkpoint, frame[::-1]).rejected  # noqa: B018 - the access is the test


def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path) -> None:
    """A wrong path, and a file that is something else, are sentences."""
    with pytest.raises(loader.CheckpointError, match="there is no such checkpoint"):
        loader.Checkpoint("nothing")
    (tmp_path / "csv").write_text("a,b\n")
    with pytest.raises(loader.CheckpointError, match="is not a checkpoint"):
        loader.Checkpoint("csv")


def test_the_command_line_points_to_python(mixed: loader.LoadResult, command: Any) -> None:
    """`failures` of a frame's checkpoint cannot show rows that are in no file: it says where they are."""
    said = command.run("failures", mixed.checkpoint)
    assert said.code == 2
    assert "loader.Checkpoint(path, source=frame)" in said.err
    shown = command.run("status", mixed.checkpoint)
    assert shown.code == 0
    assert "loader.retry and the same call again" in " ".join(shown.out.split())


def test_possible_duplicates_are_marked(vendor: Vendor) -> None:
    """A row that was sent again after a doubt is confirmed, and its message says what it may be."""
    vendor.cut = {"u1"}
    result = loader.load_events(purchases(3), **vendor.account, progress=False)
    loader.resolve(result.checkpoint, "resend")
    vendor.cut = set()
    again = loader.load_events(purchases(3), **vendor.account, progress=False)
    assert (counts(again.account), again.account.possible_duplicates) == ((3, 0, 0, 0), 1)
    assert "possible duplicate" in str(again.frame.loc["row-1", "message"])
    assert isinstance(again.frame["message"], pd.Series)


def test_a_running_load_is_looked_at_from_outside() -> None:
    """While a load waits for its answers, its rows are in flight, and the counts add up all the same."""
    end = threading.Event()

    def slow(visit: faultserver.Visit) -> None:
        visit.peek()
        assert end.wait(30)
        faultserver.answer()(visit)

    with faultserver.FaultServer([slow]) as server:
        where: dict[str, Any] = {"application": "AAAAA-BBBBB", "endpoint": server.url, "progress": False}
        load = threading.Thread(target=lambda: loader.load_events(purchases(3), checkpoint="c", **where))
        load.start()
        while not (seen := looked_at("c")) or not seen.account.in_flight:
            assert load.is_alive()
        assert seen.running
        states = seen.frame["state"].value_counts()
        assert (states["in_flight"], states.sum()) == (seen.account.in_flight, 3)
        end.set()
        load.join(30)
    assert list(loader.Checkpoint("c").frame["state"]) == ["confirmed"] * 3


def looked_at(path: str) -> loader.Checkpoint | None:
    """The checkpoint, once it is there."""
    try:
        return loader.Checkpoint(path)
    except loader.CheckpointError:
        return None


@pytest.mark.parametrize(
    ("kind", "columns", "one"),
    [
        ("users", {}, "1 user"),
        ("events", {"event": ["buy"], "timestamp": ["2024-01-01T00:00Z"]}, "1 event"),
        ("tags", {"plan": ["gold"]}, "1 row of tags"),
    ],
)
def test_rows_are_named_by_what_they_are(kind: str, columns: dict[str, list[str]], one: str) -> None:
    """One row is one user, one event or one row of tags: in a result, a check, a checkpoint and a report."""
    frame = pd.DataFrame({"hwid": ["d"], "userId": ["u"], **columns})
    with loader.Sandbox() as sandbox:
        result = getattr(loader, f"load_{kind}")(frame, sandbox=sandbox, progress=False)
        checkpoint = loader.Checkpoint(result.checkpoint)
        page = checkpoint.report("page.html").read_text()
    checked = getattr(loader, f"check_{kind}")(frame)
    for shown in (result, checkpoint, checked):
        assert f"{one}>" in repr(shown)
        assert f"{one}<" in shown._repr_html_() or f"{one}:" in shown._repr_html_()
    assert f"<h1>{one} for" in page


def test_a_cell_shows_a_check_once(tmp_path: Path) -> None:
    """In a real kernel, a check is the one output of its cell, as text and as a page."""
    cell = nbformat.v4.new_code_cell(  # type: ignore[no-untyped-call]
        'import loader, pandas as pd\nloader.check_users(pd.DataFrame({"hwid": ["d"], "userId": ["u"]}))'
    )
    notebook = nbformat.v4.new_notebook(cells=[cell])  # type: ignore[no-untyped-call]
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=60, kernel_name="python3", resources=resources).execute()
    (output,) = notebook.cells[0].outputs
    assert "distinct" in output.data["text/plain"]
    assert "distinct" in output.data["text/html"]


def test_a_result_says_in_which_folder_its_checkpoint_is(vendor: Vendor, tmp_path: Path) -> None:
    """Who reads an exported page finds the checkpoint, without a path of the machine if it is near."""
    (tmp_path / "runs").mkdir()
    places = {
        "a.ckpt": "a.ckpt, in the working directory",
        "runs/b.ckpt": f"{Path('runs/b.ckpt')}, below the working directory",
    }
    for path, said in places.items():
        result = loader.load_events(purchases(1), **vendor.account, checkpoint=path, progress=False)
        for shown in (repr(result), result._repr_html_(), loader.Checkpoint(path)._repr_html_()):
            assert said in shown
            assert str(tmp_path) not in shown


def test_row_numbers_are_not_taken_for_the_index(mixed: loader.LoadResult, tmp_path: Path) -> None:
    """Of a frame, whose index mostly begins at 0, it is said what a row number counts; of a file, not."""
    frame = purchases(3).assign(user_id=["a", None, "c"])
    checked = loader.check_events(frame)
    reason = checked.reasons["example"][0]
    assert reason.startswith("DataFrame, row 2")
    assert pd.isna(frame.iloc[1]["user_id"])
    for shown in (checked, mixed):
        assert "row 1 is frame.iloc[0]" in repr(shown)
        assert "row 1 is frame.iloc[0]" in shown._repr_html_()
    (tmp_path / "users.csv").write_text("hwid,userId\n,u\n")
    assert "iloc" not in repr(loader.check_users("users.csv"))


def test_code_on_a_page_has_the_font_of_code(mixed: loader.LoadResult) -> None:
    """A page that is exported brings its own fonts: what is to be typed says its font and where it wraps."""
    for shown in (
        mixed._repr_html_(),
        mixed.mapping._repr_html_(),
        loader.check_events(purchases(1))._repr_html_(),
    ):
        styles = re.findall("<pre([^>]*)>", shown)
        assert styles
        assert all("monospace" in style and "pre-wrap" in style for style in styles)


def test_rows_that_are_left_out_stand_in_every_view_of_a_result(vendor: Vendor) -> None:
    """The account, the frame, a frame of their own with the reasons under the caller's index, the text."""
    frame = purchases(4).assign(kind=["buy", "view", "buy", "view"]).set_axis(list("wxyz"))
    mapping = loader.Mapping(
        "events",
        fields={"userId": "user_id", "event": "event", "timestamp": "timestamp"},
        rows={"only": {"kind": "buy"}},
        unique=["user_id"],
    )
    result = loader.load_events(frame, mapping=mapping, **vendor.account, progress=False)
    assert (result.account.confirmed, result.account.left_out, result.exit_code) == (2, 2, 0)
    assert result.frame["state"].to_dict() == dict.fromkeys("wy", "confirmed") | dict.fromkeys(
        "xz", "left_out"
    )
    assert result.left_out["_loader_message"].to_dict() == dict.fromkeys("xz", 'selection: kind is "view"')
    assert result.left_out["kind"].to_list() == ["view", "view"]
    assert result.reasons.to_dict("records") == [
        {"state": "left_out", "rows": 2, "reason": "selection: kind is not listed in only"}
    ]
    assert "left out" in repr(result)
    assert "selection: kind is not listed in only" in result._repr_html_()
    result.raise_for_failures()
    again = loader.Checkpoint(result.checkpoint, source=frame)
    assert again.left_out.equals(result.left_out)
