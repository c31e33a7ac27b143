"""A site of all recordings, built once for all tests that look at it."""

from pathlib import Path

import pytest
from drawn_machines import recorded

from static_site.site import build


@pytest.fixture(scope="session")
def built_recordings(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [recorded(folder) for folder in sorted(recordings.iterdir()) if folder.is_dir()]
    return build(runs, tmp_path_factory.mktemp("recordings") / "site").parent
