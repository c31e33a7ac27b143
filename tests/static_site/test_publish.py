import json
import os
import threading
from pathlib import Path

import pytest

from appliance.errors import InputOutput, UsageError
from static_site.publish import publish

FILES = {
    "site.json": json.dumps({"generator": "perfanalysis"}).encode(),
    "index.html": b"first",
    "m/a/index.html": b"a",
}


def test_a_site_is_written_with_its_folders(tmp_path: Path) -> None:
    publish(FILES, tmp_path / "deep" / "site")

    site = tmp_path / "deep" / "site"
    assert {str(path.relative_to(site)): path.read_bytes() for path in site.rglob("*") if path.is_file()} == FILES
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["site"]


def test_an_older_site_is_replaced_whole(tmp_path: Path) -> None:
    publish(FILES, tmp_path / "site")

    publish({"site.json": FILES["site.json"], "index.html": b"second"}, tmp_path / "site")

    assert (tmp_path / "site" / "index.html").read_bytes() == b"second"
    assert not (tmp_path / "site" / "m").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_a_reader_never_finds_half_a_site(tmp_path: Path) -> None:
    site = tmp_path / "site"
    versions = [{**FILES, "index.html": b"%d" % number, "m/a/index.html": b"%d" % number} for number in range(2)]
    publish(versions[0], site)
    seen, done = [], threading.Event()

    def look() -> None:
        while not done.is_set():
            folder = os.open(site, os.O_RDONLY)
            pair = []
            for name in ("index.html", "m/a/index.html"):
                try:
                    descriptor = os.open(name, os.O_RDONLY, dir_fd=folder)
                except FileNotFoundError:
                    # The folder was replaced and taken away between: the next look finds the new one.
                    break
                pair.append(os.read(descriptor, 10))
                os.close(descriptor)
            os.close(folder)
            if len(pair) == 2:
                seen.append(tuple(pair))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(30):
        publish(versions[number % 2], site)
    done.set()
    reader.join()

    assert set(seen) <= {(b"0", b"0"), (b"1", b"1")}
    assert seen


@pytest.mark.parametrize(
    "content",
    [
        {"notes.txt": b"mine"},
        {"site.json": b"{}"},
        {"site.json": b"[1]"},
        {"site.json": b"\xff"},
        {"index.html": b"other"},
    ],
)
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, content: dict[str, bytes]) -> None:
    (tmp_path / "site").mkdir()
    for name, body in content.items():
        (tmp_path / "site" / name).write_bytes(body)

    with pytest.raises(UsageError, match="is not a site of ours"):
        publish(FILES, tmp_path / "site")

    assert {path.name: path.read_bytes() for path in (tmp_path / "site").iterdir()} == content


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("mine")

    with pytest.raises(UsageError, match="is not a site of ours"):
        publish(FILES, tmp_path / "site")


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()

    publish(FILES, tmp_path / "site")

    assert (tmp_path / "site" / "index.html").exists()


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "site").symlink_to(tmp_path / "real")

    publish(FILES, tmp_path / "site")

    assert (tmp_path / "site").is_symlink()
    assert (tmp_path / "real" / "index.html").exists()


def test_a_place_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputOutput, match="the site cannot be written to .*file/site: "):
        publish(FILES, tmp_path / "file" / "site")

    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_others_may_read_a_site(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        publish(FILES, tmp_path / "site")
    finally:
        os.umask(before)

    assert (tmp_path / "site").stat().st_mode & 0o777 == 0o755
