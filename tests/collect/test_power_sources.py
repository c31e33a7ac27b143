"""Energy, batteries and graphics by option: what /sys says of them, recorded and read back."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from appliance import hardware_metrics
from appliance.collect import loop
from appliance.collect.sources import rapl
from appliance.measurement import from_object
from appliance.metrics import Metric
from appliance.samples import from_measurements

NOBODY = 65534
Reading = dict[tuple[Metric, str], int]


@pytest.fixture
def sys(proc: Path) -> Path:
    return proc.parent / "sys"


def write(place: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def recorded(proc: Path, option: str) -> Reading:
    """Take a sample with an option and read it back: the number of each metric and instance."""
    sample = loop.take_one(loop.Plan(1, 0, "m", root=str(proc), optional=(option,)))
    parsed = from_measurements([from_object(json.loads(line)) for line in sample.splitlines()], "m")
    return {
        (column.metric, column.instance): int(samples.columns[column].numbers[-1])
        for samples in parsed.samples
        for column in samples.columns
    }


RAPL = {
    "class/powercap/intel-rapl/enabled": "1\n",
    "class/powercap/intel-rapl:0/name": "package-0\n",
    "class/powercap/intel-rapl:0/energy_uj": "122353450012\n",
    "class/powercap/intel-rapl:0/max_energy_range_uj": "262143328850\n",
    "class/powercap/intel-rapl:0:0/name": "core\n",
    "class/powercap/intel-rapl:0:0/energy_uj": "65213398115\n",
    "class/powercap/intel-rapl:0:0/max_energy_range_uj": "262143328850\n",
    "class/powercap/intel-rapl:0:1/name": "dram\n",
    "class/powercap/intel-rapl:0:1/energy_uj": "",
    "class/powercap/intel-rapl-mmio:0/name": "package-0\n",
    "class/powercap/intel-rapl-mmio:0/energy_uj": "122353450012\n",
}


def test_energy_is_read_back_by_zone(proc: Path, sys: Path) -> None:
    write(sys, RAPL)

    reading = recorded(proc, "rapl")

    energy = {instance: number for (metric, instance), number in reading.items() if metric is hardware_metrics.ENERGY}
    assert energy == {"0 package-0": 122_353_450_012, "0:0 core": 65_213_398_115}
    assert hardware_metrics.ENERGY.per_unit == 1_000_000


@pytest.mark.parametrize(
    ("energies", "totals"),
    [
        ([262_000_000_000, 100_000_000, 200_000_000], [262_000_000_000, 262_243_328_850, 262_343_328_850]),
        (
            [200_000_000_000, 1, 200_000_000_000, 2],
            [200_000_000_000, 262_143_328_851, 462_143_328_850, 524_286_657_702],
        ),
        ([90_000_000, 40_000_000, 50_000_000], [90_000_000, 130_000_000, 140_000_000]),
    ],
    ids=["around once", "around, and on", "set to 0 by a sleep"],
)
def test_a_counter_of_energy_that_begins_again_is_recorded_as_one_that_goes_on(
    sys: Path, energies: list[int], totals: list[int]
) -> None:
    write(sys, RAPL)
    zones, found = rapl.Zones(), []

    for energy in energies:
        write(sys, {"class/powercap/intel-rapl:0/energy_uj": f"{energy}\n"})
        found.append(next(zones.look(sys))["microjoules"])

    assert found == totals


def test_who_is_not_root_is_told_that_only_root_may_read_energy() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write(place, RAPL)
        for file in place.glob("class/powercap/*/energy_uj"):
            file.chmod(0o400)
        place.chmod(0o755)

        user = os.geteuid()
        if user:
            pytest.skip("only root may become somebody else")
        os.seteuid(NOBODY)
        try:
            with pytest.raises(PermissionError, match="only root may read"):
                list(rapl.Zones().look(place))
        finally:
            os.seteuid(user)
