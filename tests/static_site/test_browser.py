"""Pages in a real browser, from disk: no complaint, nothing fetched that is not there, no sideways scrolling."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from drawn_machines import HOSTILE, disk, full, interface, machine
from page_reader import read

from appliance.analysis.run import Run
from static_site.site import build

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The page is looked at from a frame as wide as a phone: a window cannot be made that narrow.
FRAME = """<!doctype html><body><iframe id="frame" src="{page}" width="{width}" height="900"></iframe>
<pre id="found"></pre><script>
addEventListener("load", () => {{
  const inner = document.getElementById("frame").contentDocument, root = inner.documentElement;
  const visible = (one) => one.getClientRects().length > 0;
  const texts = [...inner.querySelectorAll(".chart text")].filter(visible).map((text) => {{
    const svg = text.ownerSVGElement;
    return parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
  }});
  // A box has room for accents and descenders: letters touch when the boxes share more than a quarter.
  const meet = (one, other) => one.left < other.right - 1 && other.left < one.right - 1
    && Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top) > one.height / 4;
  const overlapping = [...inner.querySelectorAll(".chart svg")].filter(visible).flatMap((svg) => {{
    const boxes = [...svg.querySelectorAll("text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
    return boxes.flatMap(([words, box], at) => boxes.slice(at + 1).filter((other) => meet(box, other[1]))
      .map((other) => [words, other[0]]));
  }});
  document.getElementById("found").textContent = JSON.stringify({{
    width: root.scrollWidth, title: inner.title, colour: getComputedStyle(inner.body).backgroundColor,
    family: getComputedStyle(inner.body).fontFamily, overlapping,
    episodes: [...inner.querySelectorAll('[fill="var(--shade)"]')].filter(visible).map((one) => {{
      const box = one.getBoundingClientRect(), around = one.closest(".chart").getBoundingClientRect();
      return [box.left - around.left, around.right - box.right];
    }}),
    wide: [...inner.querySelectorAll(".scroll:has(table)")].filter((one) => one.scrollWidth > one.clientWidth)
      .map((one) => one.querySelector("table").id),
    shown_labels: [...inner.querySelectorAll("#machines-table td")]
      .map((one) => getComputedStyle(one, "::before").content),
    cut: [...inner.querySelectorAll("table, table *")].filter((one) => one.scrollWidth > one.clientWidth + 1
      && getComputedStyle(one).overflow !== "visible").map((one) => one.textContent),
    smallest: Math.min(99, ...texts),
    small: [...inner.querySelectorAll("a, summary")].filter((one) => one.getClientRects().length > 0
      && one.getClientRects()[0].height < 15).map((one) => one.textContent),
  }});
}});
</script>"""


@pytest.fixture(scope="module")
def browser() -> str:
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("needs chromium, to look at pages as people do")
    return found


def look(browser: str, page: Path, folder: Path, width: int = 390, *options: str) -> tuple[dict[str, Any], str]:
    """Return what a page measures, and what the browser had to say about it."""
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(page=page.as_uri(), width=width))
    done = subprocess.run(
        [
            browser,
            "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--allow-file-access-from-files", "--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=5000", *options, "--dump-dom", frame.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    assert found is not None, done.stderr
    said = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line or "ERR_" in line)
    return json.loads(found[1].replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")), said


@pytest.mark.parametrize("width", [390, 1440])
def test_pages_open_from_disk_without_a_word_and_fit_their_window(browser: str, tmp_path: Path, width: int) -> None:
    long = "a-very-long-name-of-a-machine-that-somebody-gave-it-without-a-thought-0001"
    index = build([full(long, long), machine([5.0] * 2000, "web-2")], tmp_path / "site")

    for page in (index, *sorted(index.parent.glob("m/*/index.html"))):
        found, said = look(browser, page, tmp_path, width)

        assert said == ""
        assert found["width"] == width
        assert "system-ui" in str(found["family"]), "the style sheet was not loaded"
        assert found["smallest"] >= 10
        assert found["overlapping"] == []
        assert found["small"] == []


@pytest.mark.parametrize("width", [320, 390, 600, 800, 1024, 1440])
def test_the_whole_window_of_a_finding_is_in_sight(browser: str, tmp_path: Path, width: int) -> None:
    index = build([machine([5.0] * 100 + [99.0] * 60 + [5.0] * 200)], tmp_path / "site")

    found, _ = look(browser, index.parent / "m/web-1/index.html", tmp_path, width)

    ((left, right),) = found["episodes"]
    assert left > 20
    assert right > 20
    assert found["smallest"] >= 10
    assert found["overlapping"] == []
    assert found["width"] == width


@pytest.mark.parametrize("width", [390, 1440])
def test_no_table_of_the_recordings_is_cut(
    browser: str, built_recordings: Path, tmp_path: Path, width: int
) -> None:  # fmt: skip
    for page in ("index.html", "m/oci-e5-cpu-containers/index.html", "m/oci-e5-vm01-dm-swap/index.html"):
        found, _ = look(browser, built_recordings / page, tmp_path, width)

        # On a telephone the percentiles are read down their columns, and the table says that it scrolls.
        wide = [] if width == 1440 else [] if page == "index.html" else ["timeline-table", "metrics-table"]
        assert found["wide"] == wide
        assert found["cut"] == []
        assert found["width"] == width


def test_a_percentile_table_with_every_column_filled_fits_its_page(browser: str, tmp_path: Path) -> None:
    n = 20_202
    moved = [37_000 * number + number % 1000 for number in range(n)]
    sources = {
        "/proc/diskstats": [disk("nvme0n1", sectors) for sectors in moved],
        "/proc/net/dev": [interface("enp0s31f6", 50 * sectors) for sectors in moved],
    }
    whole = machine([float(number * 7 % 100) for number in range(n)], sources=sources)
    cut = whole.at_ms[n // 2]
    now, before = (
        Run("web-1", [table.take((table.at_ms >= cut) == late) for table in whole.tables.values()])
        for late in (True, False)
    )
    index = build([now], tmp_path / "site", earlier=[before])

    page = index.parent / "m/web-1/index.html"
    rows = {row[0]: row for row in read(page).tables["metrics-table"][1:]}
    found, _ = look(browser, page, tmp_path, 1440)

    assert "–" not in rows["CPU busy"]
    assert rows["nvme0n1 written"].count("–") == 1
    assert (found["wide"], found["cut"], found["width"]) == ([], [], 1440)


def test_on_a_telephone_a_machine_is_a_block_of_labelled_values(browser: str, tmp_path: Path) -> None:
    index = build([machine([5.0] * 30)], tmp_path / "site")

    heads = read(index).tables["machines-table"][0]
    labels = [values["data-label"] for tag, values in read(index).tags if tag == "td" and "data-label" in values]
    labels = labels[: len(heads) - 1]
    found, _ = look(browser, index, tmp_path)

    assert labels == heads[1:]
    assert found["shown_labels"] == [f'"{label}"' for label in labels]


def test_pages_follow_a_dark_system(browser: str, tmp_path: Path) -> None:
    index = build([machine([5.0] * 30)], tmp_path / "site")

    light, _ = look(browser, index, tmp_path)
    dark, _ = look(browser, index, tmp_path, 390, "--blink-settings=preferredColorScheme=0")

    assert (light["colour"], dark["colour"]) == ("rgb(255, 255, 255)", "rgb(13, 17, 23)")


def test_hostile_names_run_nothing(browser: str, tmp_path: Path) -> None:
    index = build([full(f"web-{at}", name, name) for at, name in enumerate(HOSTILE)], tmp_path / "site")

    for page in (index, index.parent / "m/web-0/index.html", index.parent / "m/web-6/index.html"):
        found, said = look(browser, page, tmp_path)

        assert said == ""
        assert found["width"] == 390
