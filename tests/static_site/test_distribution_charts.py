"""The distribution chart of a resource's page, read back from its path."""

import re
from pathlib import Path

import numpy as np
import pytest
from drawn_machines import built, interface, machine
from page_reader import points, read

from static_site import ecdf, units
from static_site.site import build


def test_the_curve_rises_from_zero_to_one_in_steps_at_the_values() -> None:
    curve = ecdf.Curve("CPU busy", units.PERCENT, np.array([10.0, 20.0, 80.0]), np.array([0.25, 0.5, 1.0]))

    picture = ecdf.draw([curve], "A title", ecdf.WIDE)

    (path,) = re.findall(r'd="([^"]+)" fill="none" stroke="var\(--s1\)"', picture)
    width, bottom = 960 - ecdf.LEFT - ecdf.RIGHT, ecdf.TOP + ecdf.HEIGHT
    # The axis ends at 100.
    read = [((x - ecdf.LEFT) / width * 100, (bottom - y) / ecdf.HEIGHT) for x, y in points(path)]
    assert np.array(read) == pytest.approx(
        np.array([[10, 0], [10, 0.25], [20, 0.25], [20, 0.5], [80, 0.5], [80, 1]]), abs=0.02
    )


def test_twenty_values_have_a_distribution_and_nineteen_have_none(tmp_path: Path) -> None:
    pages = built(tmp_path, *(machine([0.0, *map(float, range(n))], f"of-{n}") for n in (19, 20)))

    assert "cpu-distribution" not in pages["m/of-19/cpu.html"].ids
    assert "cpu-distribution" in pages["m/of-20/cpu.html"].ids
    assert "CPU busy was at or below 9.50 % half of the time" in pages["m/of-20/cpu.html"].text


def test_a_value_that_never_changes_has_no_distribution(tmp_path: Path) -> None:
    assert "cpu-distribution" not in built(tmp_path, machine([7.0] * 60))["m/web-1/cpu.html"].ids


def test_the_distribution_of_a_device_bears_its_name_apart_from_our_words(tmp_path: Path) -> None:
    sources = {"/proc/net/dev": [interface("<b>", 1000 * number**2) for number in range(60)]}

    index = build([machine([1.0] * 60, sources=sources)], tmp_path / "site")
    page = index.parent / "m/web-1/network.html"

    assert "network-distribution" in read(page).ids
    assert "<h3><bdi>&lt;b&gt;</bdi>: received was at or below" in page.read_text()
    assert "<b>" not in page.read_text()
