"""A format is named to the user only if it reads the whole sample."""

from __future__ import annotations

import pyarrow as pa
import pytest

from loader.mapping.usual_formats import list_fitting


@pytest.mark.parametrize(
    ("cells", "forms"),
    [
        (["3/4/2024 9:05:06 AM", "3/24/2024 9:05:06 PM"], ["%m/%d/%Y %I:%M:%S %p"]),
        (["01/02/2024", None], ["%d/%m/%Y", "%m/%d/%Y"]),
        (["04-MAR-24 09.37.41.000000000 PM +00:00"], ["%d-%b-%y %I.%M.%S.%f %p %z"]),
        (["Mon Mar 04 2024 22:37:41 GMT+0100 (CET)"], ["%a %b %d %Y %H:%M:%S GMT%z"]),
        (["31/01/2024", "02/13/2024"], []),
        (["soon"], []),
        ([None], []),
    ],
)
def test_the_formats_that_fit_each_value_are_listed(cells: list[str | None], forms: list[str]) -> None:
    """Two that fit are both named, so that nobody takes the first for the right one."""
    assert list_fitting(pa.array(cells, pa.string())) == forms
