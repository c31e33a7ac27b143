import hashlib
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from drawn_machines import HOSTILE, built, full, machine

from appliance.analysis.run import Run
from appliance.errors import NoInput
from static_site import pages, sections
from static_site.chapters import RESOURCES
from static_site.site import build


def test_every_link_and_reference_of_a_site_resolves(tmp_path: Path) -> None:
    pages = built(tmp_path, full("a"), full("b"), machine([1.0] * 30, "c"))

    site = tmp_path / "site"
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), f"{name} has an id twice"
        assert set(page.references) <= set(page.ids)
        for link in page.links:
            path, _, anchor = link.partition("#")
            target = ((site / name).parent / path).resolve() if path else site / name
            assert target.is_file(), f"{name}: {link}"
            assert target.is_relative_to(site)
            if anchor:
                assert anchor in pages[str(target.relative_to(site))].ids, f"{name}: {link}"


def test_a_site_asks_for_nothing_from_anywhere(tmp_path: Path) -> None:
    pages = built(tmp_path, full())

    for path in (tmp_path / "site").rglob("*"):
        if path.is_file():
            assert not re.search(rb"https?:|//[a-z]|@import|url\((?!#)", path.read_bytes()), path
    for page in pages.values():
        policy = next(values["content"] for tag, values in page.tags if values.get("http-equiv"))
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert not {"script", "img", "iframe", "style"} & {tag for tag, _ in page.tags}
        assert not any("style" in values or any(name.startswith("on") for name in values) for _, values in page.tags)


def test_pages_have_what_a_screen_reader_needs(tmp_path: Path) -> None:
    for page in built(tmp_path, full()).values():
        tags = [tag for tag, _ in page.tags]
        assert next(values for tag, values in page.tags if tag == "html") == {"lang": "en"}
        assert [tags.count(tag) for tag in ("h1", "main", "header", "footer", "title")][:4] == [1, 1, 1, 1]
        assert tags.count("table") == tags.count("caption")
        levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        assert all(values.get("scope") in ("col", "row") for tag, values in page.tags if tag == "th")
        skip = next(values for tag, values in page.tags if tag == "a")
        assert skip == {"class": "skip", "href": "#content"}
        for tag, values in page.tags:
            if tag == "svg" and "aria-hidden" not in values:
                assert values["role"] == "img"
                assert "aria-labelledby" in values or values["aria-label"]
            if "scroll" in values.get("class", ""):
                assert values["tabindex"] == "0"
                assert values["role"] == "region"


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first", "second"):
        build([full("a"), machine([1.0] * 1000, "b")], tmp_path / name)

    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("first", "second")
    )
    assert first == second


def test_the_manifest_holds_machines_and_digests(tmp_path: Path) -> None:
    run = full("Web_1", "The shop")
    index = build([run], tmp_path / "site", generated_ms=1_767_225_600_000)

    manifest = json.loads((index.parent / "site.json").read_text())
    assert manifest["generator"] == "perfanalysis"
    assert manifest["generated_ms"] == 1_767_225_600_000
    (found,) = manifest["machines"]
    assert (found["id"], found["name"], found["path"]) == ("Web_1", "The shop", "m/web-1/index.html")
    assert (found["samples"], found["start_ms"], found["end_ms"]) == (30, run.start_ms, run.end_ms)
    files = {str(path.relative_to(index.parent)) for path in index.parent.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == files - {"site.json"}
    for path, digest in manifest["files"].items():
        assert hashlib.sha256((index.parent / path).read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path, name: str) -> None:
    pages = built(tmp_path, full("web-1", name, name), problems=(f"{name} cannot be read.",))

    every = {"index.html", *(f"{resource.slug}.html" for resource in RESOURCES)}
    whole = {"index.html", "findings.html", "events.html", "data.html", "method.html"}
    assert set(pages) == whole | {f"m/web-1/{one}" for one in every}
    for path in (tmp_path / "site").rglob("*"):
        assert re.fullmatch(r"[a-z0-9.-]+", path.name)
        assert len(str(path.relative_to(tmp_path / "site"))) <= 160
    for page in pages.values():
        assert not {"script", "img", "iframe"} & {tag for tag, _ in page.tags}
        assert not any(key.startswith("on") for _, values in page.tags for key in values)
        assert not any("javascript:" in link for link in page.links)
        assert not re.search("[\u0000-\u0008\u202a-\u202e\u2066-\u2069]", page.text)
    shown = name.encode("utf-8", "replace").decode() if name.isprintable() else None
    if shown and len(name) < 80:
        assert shown in pages["m/web-1/index.html"].text
        assert shown in pages["m/web-1/disk.html"].text or re.search(r"\s", name)
        assert shown in pages["index.html"].text


def test_machines_that_would_share_an_address_do_not(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([1.0] * 30, "web_1"), machine([1.0] * 30, "web-1"), machine([1.0] * 30, "WEB.1"))

    assert "m/web-1/index.html" in pages
    assert "m/web.1/index.html" in pages
    assert len([name for name in pages if name.startswith("m/") and name.endswith("/index.html")]) == 3


def test_machines_of_one_name_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    pages = built(
        tmp_path, machine([99.0] * 30, "web-1", name="vm"), machine([99.0] * 30, "vm"), full("alone", "alone")
    )

    index = pages["index.html"]
    assert {row[0].strip() for row in index.tables["machines-table"][1:]} == {"vm web-1", "vm vm", "alone"}
    assert "vm web-1 · CPU" in index.text
    assert "Machine id web-1" in pages["m/web-1/index.html"].text
    assert "vm (web-1) · perfanalysis" in pages["m/web-1/index.html"].text
    assert "Machine id vm" in pages["m/vm/index.html"].text
    assert "Machine id" not in pages["m/alone/index.html"].text


def test_nothing_to_report_is_said_and_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoInput, match="nothing to report"):
        build([], tmp_path / "site")

    assert not list(tmp_path.iterdir())


def test_what_could_not_be_read_stands_on_the_fleet_page(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([1.0] * 30), problems=("web-2.json line 3 is not a measurement.",))

    assert "web-2.json line 3 is not a measurement." in pages["index.html"].text
    assert "1 input could not be read." in pages["index.html"].text


def test_a_finding_seen_often_is_one_card_with_all_its_times(tmp_path: Path) -> None:
    busy = ([99.0] * 12 + [5.0] * 12) * 4

    pages = built(tmp_path, machine([5.0, *busy]))

    page = pages["m/web-1/index.html"]
    cards = [values for tag, values in page.tags if tag == "article"]
    assert len(cards) == 1
    assert "4 times, 8 min in all" in page.text
    assert len([ident for ident in page.ids if ident.startswith("f-cpu-saturated-web-1-20260101T00")]) >= 4
    assert "the longest of 4 times" in page.text
    assert "1 machine. The CPU was 99 % busy" in pages["index.html"].text


def test_a_longer_episode_keeps_its_address(tmp_path: Path) -> None:
    short, long = (machine([5.0] * 10 + [99.0] * n) for n in (20, 40))

    links = [built(tmp_path, run)["index.html"].links for run in (short, long)]

    assert [link for link in links[0] if "#f-" in link] == [link for link in links[1] if "#f-" in link] != []


def test_machines_and_findings_stand_worst_first(tmp_path: Path) -> None:
    pages = built(tmp_path, machine([1.0] * 30, "calm"), machine([99.0] * 30, "hot"), Run("silent", []))

    page = pages["index.html"]
    assert [row[0] for row in page.tables["machines-table"][1:]] == ["hot", "calm", "silent"]
    assert page.row("machines-table", "hot")["worst finding"] == "▲ high: cpu saturated"
    assert page.row("machines-table", "calm")["worst finding"] == "○ clear"
    assert "3 machines: 1 needs attention, 1 clear, 1 without samples." in page.text


def test_every_section_and_page_is_on_its_list() -> None:
    """Of a machine's sections, those that are no resource of their own are placed by its first page by hand."""
    modules = {path.stem for path in Path(sections.__file__).parent.glob("*.py")} - {"__init__"}
    listed = {section.__module__.rpartition(".")[2] for resource in RESOURCES for section in resource.sections}
    assert modules - listed == {"event", "finding", "key_metric", "method", "timeline", "use"}
    files = {path.stem for path in Path(pages.__file__).parent.glob("*.py")} - {"__init__"}
    assert {make.__module__.rpartition(".")[2] for make in [*pages.PAGES, *pages.MACHINE_PAGES]} == files
