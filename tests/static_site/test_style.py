"""The style sheet: contrast in light and dark, and no address in it."""

import re

import pytest

from static_site.colours import SERIES, VARIABLES
from static_site.environment import ASSETS

CSS = (ASSETS / "pa.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
)
TEXT = ("ink", "muted", "link", "critical", "high", "medium", "clear", "info")


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2, from relative luminance."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("variables", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
def test_text_has_a_contrast_of_4_5_and_lines_of_3(variables: dict[str, str]) -> None:
    for name in TEXT:
        for ground in ("ground", "raised", "shade"):
            assert contrast(variables[name], variables[ground]) >= 4.5, (name, ground)
    for name in SERIES.values():
        assert contrast(variables[name], variables["ground"]) >= 3, name


def test_cells_of_heat_have_text_that_can_be_read() -> None:
    for level in range(7):
        assert contrast(LIGHT[f"h{level}"], "#000000" if level < 5 else "#ffffff") >= 4.5


def test_every_colour_of_a_chart_is_a_variable_in_light_and_dark() -> None:
    assert set(VARIABLES.values()) <= LIGHT.keys()
    assert set(VARIABLES.values()) <= DARK.keys()
    assert {variable: LIGHT[variable] for variable in SERIES.values()} == {v: k for k, v in SERIES.items()}


def test_the_style_sheet_is_small_and_fetches_nothing() -> None:
    assert len(CSS) < 20_000
    assert "url(" not in CSS
    assert "@import" not in CSS
