"""Energy, batteries and graphics by option: what /sys says of them, recorded and read back."""

import json
import os
import tempfile
from pathlib import Path

import pytest

from appliance import hardware_metrics
from appliance.collect import loop
from appliance.collect.sources import power_supply, rapl
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


SUPPLIES = {
    "BAT0/type": "Battery\n",
    "BAT0/status": "Discharging\n",
    "BAT0/capacity": "81\n",
    "BAT0/energy_now": "36580000\n",
    "BAT0/energy_full": "45070000\n",
    "BAT0/power_now": "4830000\n",
    "BAT1/type": "Battery\n",
    "BAT1/status": "Charging\n",
    "BAT1/capacity": "48\n",
    "BAT1/charge_now": "2290000\n",
    "BAT1/charge_full": "4733000\n",
    "BAT1/current_now": "-1250000\n",
    "BAT1/voltage_now": "12229000\n",
    "hidpp_battery_0/type": "Battery\n",
    "hidpp_battery_0/status": "Unknown\n",
    "hidpp_battery_0/capacity": "",
    "hidpp_battery_0/online": "1\n",
    "AC/type": "Mains\n",
    "AC/online": "0\n",
    "ucsi-source-psy-1/type": "USB\n",
    "ucsi-source-psy-1/online": "1\n",
    "ucsi-source-psy-1/current_now": "3000000\n",
    "ucsi-source-psy-1/voltage_now": "20000000\n",
}
NAMES = {name.partition("/")[0] for name in SUPPLIES}


def test_batteries_and_mains_are_read_back(proc: Path, sys: Path) -> None:
    write(sys / "class/power_supply", SUPPLIES)

    reading = recorded(proc, "battery")

    found = {(metric.name, instance): number for (metric, instance), number in reading.items() if instance in NAMES}
    assert found == {
        ("battery_percent", "BAT0"): 81,
        ("battery_energy_watt_hours", "BAT0"): 36_580_000,
        ("battery_energy_full_watt_hours", "BAT0"): 45_070_000,
        ("battery_power_watts", "BAT0"): 4_830_000,
        ("battery_charging", "BAT0"): 0,
        ("battery_discharging", "BAT0"): 1,
        ("battery_percent", "BAT1"): 48,
        ("battery_charge_ampere_hours", "BAT1"): 2_290_000,
        ("battery_charge_full_ampere_hours", "BAT1"): 4_733_000,
        ("battery_power_watts", "BAT1"): 15_286_250,
        ("battery_charging", "BAT1"): 1,
        ("battery_discharging", "BAT1"): 0,
        ("power_supply_online", "hidpp_battery_0"): 1,
        ("power_supply_online", "AC"): 0,
        ("power_supply_online", "ucsi-source-psy-1"): 1,
    }


def test_a_machine_without_a_battery_says_so(proc: Path, sys: Path) -> None:
    (sys / "class/power_supply").mkdir(parents=True)

    with pytest.raises(FileNotFoundError, match="this machine has none"):
        power_supply.source(str(proc)).read()
