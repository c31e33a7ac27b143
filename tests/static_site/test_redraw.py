"""Only what changed is drawn again, and what is kept has the bytes that a full redraw would give."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from drawn_machines import full, machine
from page_reader import read

from appliance.analysis.run import Run
from static_site.settings import DEFAULTS, MachineSettings
from static_site.site import build


def content(site: Path) -> dict[str, bytes]:
    return {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()}


def drawn(runs: list[Run], site: Path, **options: object) -> int:
    """Build a site and return how many machines were drawn."""
    told: list[int] = []
    build(runs, site, tell=lambda number, _: told.append(number), **options)  # type: ignore[arg-type]
    return told[0]


def longer(n: int) -> list[Run]:
    return [full("a"), full("b", n=n), machine([1.0] * 30, "c")]


def test_only_a_machine_with_new_samples_is_drawn_again_to_the_same_bytes(tmp_path: Path) -> None:
    assert drawn(longer(30), tmp_path / "site") == 3
    assert drawn(longer(30), tmp_path / "site") == 0
    assert drawn(longer(40), tmp_path / "site") == 1

    assert drawn(longer(40), tmp_path / "fresh") == 3
    assert content(tmp_path / "site") == content(tmp_path / "fresh")


def test_another_name_theme_or_device_draws_again(tmp_path: Path) -> None:
    run = [full("a")]
    assert drawn(run, tmp_path / "site") == 1

    named = replace(DEFAULTS, machines={"a": MachineSettings(name="shop")})
    assert drawn(run, tmp_path / "site", settings=named) == 1
    assert drawn(run, tmp_path / "site", settings=named) == 0
    busiest = replace(DEFAULTS, machines={"a": MachineSettings(name="shop", primary_disk="busiest")})
    assert drawn(run, tmp_path / "site", settings=busiest) == 1
    assert drawn(run, tmp_path / "site", settings=replace(busiest, theme="dark")) == 1


@pytest.mark.parametrize("harm", ["changed", "gone", "summary"])
def test_a_page_that_is_not_as_it_was_written_is_drawn_again(tmp_path: Path, harm: str) -> None:
    run = [full("a"), full("b")]
    build(run, tmp_path / "site")
    whole = content(tmp_path / "site")

    if harm == "changed":
        (tmp_path / "site/m/a/cpu.html").write_bytes(b"x")
    elif harm == "gone":
        (tmp_path / "site/m/a/cpu.html").unlink()
    else:
        (tmp_path / "site/m/a/summary.json").write_bytes(b"{}")

    assert drawn(run, tmp_path / "site") == 1
    assert content(tmp_path / "site") == whole


BUILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from drawn_machines import full, machine
from static_site.site import build
build([full("a"), full("b", device="$x$ <b>"), machine([1.0] * 3000, "c")], Path(sys.argv[2]))
"""


def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    for number in range(2):
        subprocess.run(
            [sys.executable, "-c", BUILD, str(Path(__file__).parent), str(tmp_path / str(number))],
            check=True, env={"PYTHONHASHSEED": str(number)}, cwd=Path(__file__).parents[2],
        )  # fmt: skip

    assert content(tmp_path / "0") == content(tmp_path / "1")


def test_drawing_at_once_gives_the_bytes_of_drawing_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [full("a"), full("b"), machine([1.0] * 3000, "c")]
    build(runs, tmp_path / "one")

    monkeypatch.setattr("static_site.parallel.LEAST_ROWS", 0)
    build(runs, tmp_path / "many")

    assert content(tmp_path / "one") == content(tmp_path / "many")


def test_an_address_that_a_machine_had_leads_to_the_one_it_has(tmp_path: Path) -> None:
    build([full("web_1")], tmp_path / "site")
    # Another machine takes the address, as its id is the address itself: the first gets one of its own.
    build([full("web_1"), full("web-1")], tmp_path / "site")
    build([full("web_1")], tmp_path / "site")

    manifest = json.loads((tmp_path / "site/site.json").read_text())
    assert manifest["machines"][0]["path"] == "m/web-1/index.html"
    ((old, new),) = manifest["redirects"].items()
    assert old.startswith("web-1-")
    assert new == "web-1"
    page = read(tmp_path / f"site/m/{old}/disk.html")
    assert "../web-1/disk.html" in page.links
    for name in ("index", "cpu", "memory", "disk", "network", "filesystem", "pressure", "process", "system"):
        assert (tmp_path / f"site/m/{old}/{name}.html").exists()


def test_old_addresses_of_pages_sections_and_findings_lead_somewhere_a_day_later(tmp_path: Path) -> None:
    def addresses(n: int) -> set[tuple[str, str]]:
        site = build([full("a", n=n)], tmp_path / "site").parent
        return {(str(path.relative_to(site)), ident) for path in site.rglob("*.html") for ident in read(path).ids}

    before, after = addresses(30), addresses(60)

    assert before <= after
