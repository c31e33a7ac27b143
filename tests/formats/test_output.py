"""Files that appear whole or not at all."""

import os
from pathlib import Path

import pytest

from appliance.errors import CannotCreate, InputOutput, NoPermission
from appliance.formats.output import replaced


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file.csv"

    with replaced(path) as stream:
        stream.write("a\r\n")
        assert not path.exists()

    assert path.read_bytes() == b"a\r\n"
    assert list(path.parent.iterdir()) == [path]


def test_what_goes_wrong_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_text("before")

    with pytest.raises(ZeroDivisionError), replaced(path) as stream:
        stream.write("half")
        raise ZeroDivisionError

    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_has_the_rights_that_the_user_gives_to_new_ones(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with replaced(tmp_path / "file"):
            pass
    finally:
        os.umask(before)

    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(CannotCreate, match="a part of its path is no folder"), replaced(tmp_path / "file" / "x"):
        pass
    with pytest.raises(CannotCreate, match="is no regular file"), replaced(tmp_path):
        pass
    with pytest.raises(InputOutput, match="No space left on device"), replaced(tmp_path / "full") as stream:
        stream.write("x")
        raise OSError(28, "No space left on device")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(NoPermission, match="check the rights"), replaced(tmp_path / "x"):
        pass
