import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from static_site import names


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("web-1", "web-1"),
        ("Web 1", "web-1"),
        ("azure_b1s", "azure-b1s"),
        ("café", "cafe"),
        ("/", "root"),
        ("../../etc/passwd", "etc-passwd"),
        ("con", "con-x"),
        ("NUL.txt", "nul.txt-x"),
        ("日本", "unnamed"),
        ("", "unnamed"),
        ("x" * 4096, "x" * 64),
    ],
)
def test_a_slug_is_small_ascii_that_every_file_system_takes(name: str, slug: str) -> None:
    assert names.slug(name) == slug


@given(st.text())
def test_no_text_makes_a_slug_that_leaves_its_folder(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9](?:[a-z0-9.-]{0,62}[a-z0-9])?", names.slug(name))


@given(st.lists(st.text(), unique=True))
def test_different_names_have_different_slugs(given_names: list[str]) -> None:
    found = names.slugs(given_names)

    assert list(found) == given_names
    assert len(set(found.values())) == len(given_names)


def test_a_name_that_is_its_own_slug_keeps_it() -> None:
    found = names.slugs(["Web-1", "web-1", "WEB-1"])

    assert found["web-1"] == "web-1"
    assert re.fullmatch(r"web-1-[0-9a-f]{4}", found["Web-1"])


def test_a_shown_name_cannot_rearrange_the_page() -> None:
    shown = names.shown("a\nb\u202egnp.exe\x1b[31m")

    assert shown == r"a\nb\u202egnp.exe\x1b[31m"
    assert names.shown("x" * 4096) == "x" * 80 + "…"
