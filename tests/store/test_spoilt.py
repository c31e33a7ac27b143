"""Bits that flip are never read as values; a thousand of them in tests/faults."""

from pathlib import Path

import pytest
from spoilt import decode_unchecked, read_after_flips

from appliance.store import codec


def test_no_flipped_bit_is_read_as_another_value(data: Path) -> None:
    counted = read_after_flips(data, 60, 1)

    assert counted["wrong"] == 0
    assert counted["refused"] > 20


def test_control_without_the_checksum_wrong_values_are_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "decode", decode_unchecked)

    assert read_after_flips(data, 60, 1)["wrong"] > 5
