import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_reader import points

from static_site import svg

PLACE = st.floats(-2000, 2000)


@given(st.lists(st.lists(st.tuples(PLACE, PLACE), min_size=2, max_size=50), min_size=1, max_size=3))
def test_a_path_of_steps_leads_through_the_same_points(pieces: list[list[tuple[float, float]]]) -> None:
    data = "\n".join(
        "M {} {} \n".format(*piece[0]) + "".join(f"L {x} {y} \n" for x, y in piece[1:]) for piece in pieces
    )

    found = points(svg.path(data))

    expected = [point for piece in pieces for point in piece]
    assert len(found) == len(expected)
    for (x, y), (to_x, to_y) in zip(found, expected, strict=True):
        assert math.hypot(x - to_x, y - to_y) < 0.08


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ("M 1 2 \nL 3 4 \nz\n", "M1 2l2 2z"),
        ("M 0 0.26 \nL -0.04 -7.9 \n", "M0 .3l0-8.2"),
        ("M 1 1 \nL 2 2 \nM 5 5 \nL 6 4 \n", "M1 1l1 1M5 5l1-1"),
        ("M 1.04 2 \nC 3 4.06 5 6 7 8 \nz\n", "M1 2C3 4.1 5 6 7 8z"),
    ],
)
def test_a_path_is_written_with_few_letters(data: str, path: str) -> None:
    assert svg.path(data) == path
