"""Energy, batteries and graphics by option: what /sys says of them, recorded and read back."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from appliance import hardware_metrics
from appliance.collect import loop
from appliance.collect.sources import gpu, nvidia, power_supply, rapl
from appliance.measurement import from_object
from appliance.metrics import Metric
from appliance.procfs import parsers
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


CARDS = {
    "card0/device/gpu_busy_percent": "37\n",
    "card0/device/mem_info_vram_used": "1553772544\n",
    "card0/device/mem_info_vram_total": "8573157376\n",
    "card0/device/power/runtime_status": "active\n",
    "card0/device/hwmon/hwmon3/power1_average": "86000000\n",
    "card0/device/hwmon/hwmon3/temp1_input": "54000\n",
    "card0/device/hwmon/hwmon3/freq1_input": "1750000000\n",
    "card0-HDMI-A-1/status": "connected\n",
    "card1/gt_act_freq_mhz": "350\n",
    "card1/device/power/runtime_status": "active\n",
    "card2/device/gpu_busy_percent": "0\n",
    "card2/device/power/runtime_status": "suspended\n",
    "card3/device/power/runtime_status": "active\n",
}
DRIVERS = {"card0": "amdgpu", "card1": "i915", "card2": "amdgpu", "card3": "bochs-drm"}


@pytest.fixture
def cards(sys: Path) -> Path:
    """What Linux says of an AMD card, Intel graphics, an AMD card that sleeps, and a screen that is only emulated."""
    write(sys / "class/drm", CARDS)
    for card, driver in DRIVERS.items():
        (sys / "bus/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (sys / "class/drm" / card / "device/driver").symlink_to(sys / "bus/drivers" / driver)
    return sys


def test_what_drivers_say_of_graphics_is_read_back(proc: Path, cards: Path) -> None:
    reading = recorded(proc, "gpu")

    found = {(metric.name, name): number for (metric, name), number in reading.items() if metric.per == "gpu"}
    assert {key: number for key, number in found.items() if "NVIDIA" not in key[1]} == {
        ("gpu_busy_percent", "0 amdgpu"): 37,
        ("gpu_memory_used_bytes", "0 amdgpu"): 1_553_772_544,
        ("gpu_memory_bytes", "0 amdgpu"): 8_573_157_376,
        ("gpu_power_watts", "0 amdgpu"): 86_000_000,
        ("gpu_temperature_celsius", "0 amdgpu"): 54_000,
        ("gpu_frequency_hertz", "0 amdgpu"): 1_750_000_000,
        ("gpu_frequency_hertz", "1 i915"): 350_000_000,
    }


def test_a_card_whose_driver_says_nothing_is_none(cards: Path) -> None:
    for card in ("card0", "card1", "card2"):
        shutil.rmtree(cards / "class/drm" / card)

    with pytest.raises(FileNotFoundError, match="this machine has none"):
        list(gpu.cards(cards))


def test_without_the_library_of_nvidia_it_is_said_which_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing-ml.so.1"):
        list(nvidia.Gpus("libnothing-ml.so.1").look(tmp_path))


NVML = """
#include <string.h>
typedef struct { unsigned index; } Device;
static Device devices[2] = {{0}, {1}};
int nvmlInit_v2(void) { return FAILS; }
const char *nvmlErrorString(int code) { return code == 9 ? "Driver Not Loaded" : "Not Supported"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, Device **device) { *device = &devices[index]; return 0; }
int nvmlDeviceGetName(Device *device, char *name, unsigned length) { strncpy(name, "NVIDIA A2", length); return 0; }
int nvmlDeviceGetUtilizationRates(Device *device, unsigned *gpu_and_memory) {
    if (device->index) return 3;
    gpu_and_memory[0] = 91; gpu_and_memory[1] = 40; return 0;
}
int nvmlDeviceGetMemoryInfo(Device *device, unsigned long long *total_free_used) {
    total_free_used[0] = 16101933056ULL; total_free_used[1] = 15000000000ULL; total_free_used[2] = 1101933056ULL;
    return 0;
}
int nvmlDeviceGetPowerUsage(Device *device, unsigned *milliwatts) { *milliwatts = 58123; return 0; }
int nvmlDeviceGetTemperature(Device *device, int sensor, unsigned *degrees) { *degrees = 63 + sensor; return 0; }
int nvmlDeviceGetClockInfo(Device *device, int kind, unsigned *megahertz) { *megahertz = 1770 + kind; return 0; }
"""


def library(folder: Path, fails: int) -> str:
    """Make a library of two devices, of which the second does not say how busy it is."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    built = folder / f"libnvidia-ml-{fails}.so.1"
    command = [compiler, "-shared", "-fPIC", f"-DFAILS={fails}", "-x", "c", "-", "-o", str(built)]
    subprocess.run(command, input=NVML, text=True, check=True)
    return str(built)


def test_what_the_library_of_nvidia_says_is_read_back(tmp_path: Path) -> None:
    records = "".join(json.dumps(each) + "\n" for each in nvidia.Gpus(library(tmp_path, 0)).look(tmp_path))

    known = parsers.find("nvidia[*]")
    assert known is not None
    found = {(value.metric.name, value.instance): value.number for value in known[1](records)}
    every = {
        "gpu_memory_used_bytes": 1_101_933_056,
        "gpu_memory_bytes": 16_101_933_056,
        "gpu_power_watts": 58_123_000,
        "gpu_temperature_celsius": 63_000,
        "gpu_frequency_hertz": 1_770_000_000,
    }
    assert found == {
        ("gpu_busy_percent", "0 NVIDIA A2"): 91,
        **{(name, f"{index} NVIDIA A2"): number for name, number in every.items() for index in (0, 1)},
    }


def test_why_the_library_of_nvidia_cannot_be_used_is_said_in_its_own_words(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="NVIDIA's library: Driver Not Loaded"):
        list(nvidia.Gpus(library(tmp_path, 9)).look(tmp_path))
