"""Device types."""

from __future__ import annotations

import pytest

from loader.mapping.fields import DEVICE_TYPES, device_type


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
