"""Device types."""

from __future__ import annotations

import pytest

from loader.errors import MappingError
from loader.mapping.fields import DEVICE_TYPES, device_type
from tests.mapping.samples import chunk_of, mapped, mapper_of, messages, requests, text_frame


@pytest.mark.parametrize("code", DEVICE_TYPES)
def test_every_device_type_is_known_by_its_number_and_by_its_name_in_any_case(code: int) -> None:
    """A person may write the vendor's name or number, however it is spelled."""
    name = DEVICE_TYPES[code]
    assert {
        device_type(text) for text in (str(code), name, name.upper(), name.lower().replace(" ", "_"))
    } == {code}


@pytest.mark.parametrize("text", ["0", "6", "99", "-1", "3.0", "", "Symbian", "³", "1000000000000"])
def test_what_the_vendor_does_not_know_is_no_device_type(text: str) -> None:
    """An unknown platform is never sent as some other one."""
    assert device_type(text) is None


@pytest.mark.parametrize("text", ["LINE", "line", "22"])
def test_line_is_a_device_type(text: str) -> None:
    """The messenger is one of the vendor's platforms."""
    assert device_type(text) == 22


DEVICES = 'kind = "users"\n[fields]\nhwid = "h"\ndevice_type = {}'


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        ("{ const = 30 }", [30, 30]),
        ('{ const = "30" }', [30, 30]),
        ('{ column = "d", values = { x = 30, y = "Android" } }', [30, 3]),
        ('{ column = "d", values = { x = 30, y = "" }, default = 31 }', [30, 31]),
    ],
)
def test_a_number_that_the_table_lacks_is_sent_if_the_mapping_says_it(rule: str, sent: list[int]) -> None:
    """The vendor adds platforms; a note names each such number."""
    mapper = mapper_of(DEVICES.format(rule), frame := text_frame(h=["1", "2"], d=["x", "y"]))
    assert [one["device_type"] for one in requests(mapper.map(chunk_of(frame)))] == sent
    unknown = {number for number in sent if number not in DEVICE_TYPES}
    assert {int(note.split()[1]) for note in mapper.notices if note.startswith("device_type")} == unknown


@pytest.mark.parametrize("constant", ["0", "-1", "1000", "30.5", "true", '"Symbian"'])
def test_what_can_be_no_number_of_a_platform_is_refused(constant: str) -> None:
    """A mistake in the mapping is refused before the first row."""
    with pytest.raises(MappingError, match="is not a device type"):
        mapped(DEVICES.format(f"{{ const = {constant} }}"), text_frame(h=["1"]))


def test_a_number_in_a_cell_is_not_the_mappings() -> None:
    """A column of another vendor's numbers is never taken for new platforms of this one."""
    result = mapped(DEVICES.format('"d"'), text_frame(h=["1", "2"], d=["30", "22"]))
    assert [one["device_type"] for one in requests(result)] == [22]
    assert '"30" is not a device type' in messages(result)[0]
