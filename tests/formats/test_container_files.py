"""Containers: their names and containers.csv."""

import io
import json
from pathlib import Path

import pytest

from appliance.analysis.run import Run
from appliance.errors import BadData, NoInput
from appliance.formats import containers, reading


def written(path: Path, names: Path | None = None) -> str:
    parsed = reading.read_recording(path, names=names)
    stream = io.StringIO(newline="")
    containers.write(Run("m", parsed.samples, parsed.facts), stream)
    return stream.getvalue()


@pytest.mark.parametrize("name", ["azure_d4s_diskload_containers", "oci_e5_cpu_containers"])
def test_containers_csv_is_what_the_original_wrote(recordings: Path, name: str) -> None:
    expected = (recordings / name / "containers.csv").read_bytes().decode()

    assert written(recordings / name / "containers.json") == expected


def test_names_come_from_the_file_that_is_named(recordings: Path, tmp_path: Path) -> None:
    container = "942b476921d8001bc53b35e48954a3a280e4a4cdceee8f13dc9396caf72de7f7"
    names = tmp_path / "names.json"
    names.write_text(json.dumps({container: "=shop"}))

    text = written(recordings / "oci_e5_cpu_containers" / "containers.json", names)

    assert f",{container},'=shop,docker," in text


def container_line(timestamp: int, **record: object) -> str:
    text = json.dumps({"container_id": "a1", "runtime": "podman", "memory_current": 1000, **record})
    return json.dumps({"timestamp": timestamp, "subsystem": "container/podman/a1", "measurement": text}) + "\n"


def test_what_is_not_known_of_a_container_is_an_empty_cell(tmp_path: Path) -> None:
    path = tmp_path / "web.json"
    # No limit, a counter that starts again, and no number of tasks.
    path.write_text(
        container_line(1704067200, cpu_usage_usec=5_000_000, memory_max=9223372036854771712)
        + container_line(1704067210, cpu_usage_usec=1_000_000, memory_max=4000)
    )

    lines = written(path).splitlines()

    assert lines[1:] == ["1704067200,a1,,podman,,,,1000,,,,,,,", "1704067210,a1,,podman,,,,1000,4000,25.00,,,,,"]


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": 1}'])
def test_names_that_cannot_be_read_are_an_error_if_named_and_a_warning_if_beside(
    recordings: Path, tmp_path: Path, content: str
) -> None:
    beside = tmp_path / "container_names.json"
    beside.write_text(content)
    path = tmp_path / "containers.json"
    path.write_bytes((recordings / "oci_e5_cpu_containers" / "containers.json").read_bytes())

    parsed = reading.read_recording(path)

    assert any("is no list of container names" in warning for warning in parsed.warnings)
    with pytest.raises(BadData, match="is no list of container names"):
        reading.read_recording(path, names=beside)
    with pytest.raises(NoInput, match="cannot be read"):
        reading.read_recording(path, names=tmp_path / "none")
