"""The style sheet: contrast in light and dark, and no address in it."""

import re

import pytest

from static_site.colours import SERIES, VARIABLES
from static_site.environment import ASSETS

CSS = (ASSETS / "pa.css").read_text()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", CSS, re.S)[:2]
)
SCRIPT = (ASSETS / "receiver.js").read_text()
RECEIVER = (ASSETS / "receiver.css").read_text()
OWN_LIGHT, OWN_DARK = (
    dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\}", RECEIVER, re.S)
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


@pytest.mark.parametrize("variables", [{**LIGHT, **OWN_LIGHT}, {**DARK, **OWN_DARK}], ids=["light", "dark"])
def test_buttons_and_fields_of_the_receivers_pages_can_be_seen(variables: dict[str, str]) -> None:
    assert contrast(variables["on-button"], variables["link"]) >= 4.5
    assert contrast(variables["field"], variables["ground"]) >= 3


def test_the_receivers_pages_are_small_and_fetch_nothing() -> None:
    for name in ("receiver.css", "receiver.js"):
        assert len((ASSETS / name).read_text()) < 10_000
    assert "url(" not in RECEIVER
    assert "@import" not in RECEIVER
    # What is a stranger's is only ever written as text.
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", SCRIPT)


def test_a_chosen_theme_has_the_colours_of_the_systems() -> None:
    for theme, colours in (("light", {name: LIGHT[name] for name in DARK}), ("dark", DARK)):
        block = re.search(rf':root\[data-theme="{theme}"\] \{{(.*?)\}}', CSS, re.S)
        assert block is not None
        assert dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", block[1])) == colours


def test_the_style_sheet_is_small_and_fetches_nothing() -> None:
    assert len(CSS) < 20_000
    assert "url(" not in CSS
    assert "@import" not in CSS
