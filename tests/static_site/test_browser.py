"""Pages in a real browser, from disk: no complaint, nothing fetched that is not there, no sideways scrolling."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from drawn_machines import HOSTILE, full, machine

from static_site.site import build

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The page is looked at from a frame as wide as a phone: a window cannot be made that narrow.
FRAME = """<!doctype html><body><iframe id="frame" src="{page}" width="{width}" height="900"></iframe>
<pre id="found"></pre><script>
addEventListener("load", () => {{
  const inner = document.getElementById("frame").contentDocument, root = inner.documentElement;
  const texts = [...inner.querySelectorAll(".chart text")].map((text) => {{
    const svg = text.ownerSVGElement;
    return parseFloat(getComputedStyle(text).fontSize) * svg.clientWidth / svg.viewBox.baseVal.width;
  }});
  document.getElementById("found").textContent = JSON.stringify({{
    width: root.scrollWidth, title: inner.title, colour: getComputedStyle(inner.body).backgroundColor,
    family: getComputedStyle(inner.body).fontFamily, smallest: Math.min(99, ...texts),
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


def look(browser: str, page: Path, folder: Path, width: int = 390, *options: str) -> tuple[dict[str, object], str]:
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
        assert found["small"] == []


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
