"""Control groups: containers and services, of version 2 and 1, whatever comes and goes."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from people import seconds

from appliance.analysis.run import Run
from appliance.cgroup_metrics import CGROUP_CPU, CGROUP_IO_STALLED, CGROUP_OOM_KILLS
from appliance.collect import loop
from appliance.collect.loop import Plan
from appliance.collect.sources import NOT_NOW, Source, cgroups
from appliance.formats import containers
from appliance.measurement import Measurement
from appliance.samples import from_measurements

ID = "7892fa5ced3d519c03dd549df61bf62d084d6a13aa185493b05259d75ce8b13d"
OTHER = "ab" * 32
GROUP_2 = {
    "cpu.stat": (
        "usage_usec {usage}\nuser_usec 600\nsystem_usec 400\nnr_periods 50\nnr_throttled 5\nthrottled_usec 9000\n"
    ),
    "cpu.max": "50000 100000\n",
    "cpu.weight": "250\n",
    "memory.current": "4096000\n",
    "memory.peak": "5000000\n",
    "memory.max": "max\n",
    "memory.high": "4500000\n",
    "memory.swap.current": "0\n",
    "memory.stat": "anon 1000\nfile 2000\nkernel 300\nkernel_stack 1\nslab 40\nsock 0\n",
    "memory.events": "low 0\nhigh 2\nmax 3\noom 1\noom_kill 1\noom_group_kill 0\n",
    "io.stat": "8:0 rbytes=100 wbytes=200 rios=3 wios=4 dbytes=0 dios=0\n253:0 rbytes=1 wbytes=2 rios=3 wios=4\n",
    "pids.current": "7\n",
    "pids.max": "100\n",
    "io.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=70\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=60\n",
}
GROUP_1 = {
    "cpu/cpu.stat": "nr_periods 50\nnr_throttled 5\nthrottled_time 9000000\n",
    "cpu/cpu.cfs_quota_us": "-1\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "cpu/cpu.shares": "2048\n",
    "cpuacct/cpuacct.usage": "1000999\n",
    "cpuacct/cpuacct.stat": "user 6\nsystem 4\n",
    "memory/memory.usage_in_bytes": "4096000\n",
    "memory/memory.max_usage_in_bytes": "5000000\n",
    "memory/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/memory.stat": "cache 1\nrss 1\ntotal_cache 2000\ntotal_rss 1000\ntotal_swap 50\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
    "memory/memory.kmem.usage_in_bytes": "300\n",
    "blkio/blkio.throttle.io_service_bytes": "8:0 Read 100\n8:0 Write 200\n8:0 Total 300\n253:0 Read 1\nTotal 301\n",
    "blkio/blkio.throttle.io_serviced": "8:0 Read 3\n8:0 Write 4\nTotal 7\n",
    "pids/pids.current": "7\n",
    "pids/pids.max": "max\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The folder of control groups, beside /proc; version 2 with nothing in it."""
    root = tmp_path / "sys" / "fs" / "cgroup"
    root.mkdir(parents=True)
    (root / "cgroup.controllers").write_text("cpu io memory pids\n")
    return root


def put(tree: Path, path: str, usage: int = 1000, without: str = "") -> None:
    """Make a group of version 2, or change it."""
    folder = tree / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in GROUP_2.items():
        if name != without:
            (folder / name).write_text(text.replace("{usage}", str(usage)))


def put_version_1(tree: Path, path: str) -> None:
    (tree / "cgroup.controllers").unlink(missing_ok=True)
    for name, text in GROUP_1.items():
        controller, _, file = name.partition("/")
        folder = tree / controller / path
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def made(tree: Path, step: float = 10) -> Source:
    """The source, on a clock that goes on by a step each time it is asked."""
    return cgroups.source(str(tree.parents[2] / "proc"), seconds(step))


def read(source: Source) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the counts, the groups by name and the containers by subsystem."""
    found = source.read()
    assert isinstance(found, dict)
    head, *rows = [json.loads(row) for row in found.pop("perfanalysis[cgroups]").splitlines()]
    return head, {row.pop("group"): row for row in rows}, {name: json.loads(text) for name, text in found.items()}


def test_a_service_has_all_its_numbers_summed_over_disks(tree: Path) -> None:
    put(tree, "system.slice/nginx.service")

    head, groups, records = read(made(tree))

    assert head == {"groups": 1, "not_read": 0}
    assert records == {}
    assert groups["nginx.service"] == {
        "cpu_usage_usec": 1000, "cpu_user_usec": 600, "cpu_system_usec": 400, "cpu_periods": 50, "cpu_throttled": 5,
        "cpu_throttled_usec": 9000, "memory_current": 4096000, "io_read_bytes": 101, "io_write_bytes": 202,
        "io_read_ops": 6, "io_write_ops": 8, "memory_peak": 5000000, "swap_current": 0, "memory_high_events": 2,
        "oom_events": 1, "oom_kills": 1, "pids_current": 7, "io_some_usec": 70, "io_full_usec": 60, "cpu_quota": 50000,
        "cpu_period": 100000, "memory_anon": 1000, "memory_file": 2000, "memory_kernel": 300, "memory_slab": 40,
        "cpu_weight": 250, "memory_max": 2**64 - 1, "memory_high": 4500000, "pids_max": 100,
    }  # fmt: skip


def test_a_container_is_recorded_as_the_original_does(tree: Path, recordings: Path) -> None:
    put(tree, f"system.slice/docker-{ID}.scope")
    with (recordings / "azure_d4s_diskload_containers" / "containers.json").open() as file:
        original = json.loads(next(file))

    _, groups, records = read(made(tree))

    assert list(records) == ["container/docker/7892fa5ced3d"] == [original["subsystem"]]
    # The original leaves no key out, and has them in order.
    assert list(records["container/docker/7892fa5ced3d"]) == list(json.loads(original["measurement"]))
    assert records["container/docker/7892fa5ced3d"]["container_id"] == ID
    assert records["container/docker/7892fa5ced3d"]["memory_slab"] == 40
    # What the original has no key for is in our record.
    assert groups["docker/7892fa5ced3d"]["oom_kills"] == 1
    assert "cpu_usage_usec" not in groups["docker/7892fa5ced3d"]


@pytest.mark.parametrize(
    ("path", "subsystem"),
    [
        (f"system.slice/docker-{ID}.scope", "container/docker/7892fa5ced3d"),
        (f"docker/{ID}", "container/docker/7892fa5ced3d"),
        (f"machine.slice/libpod-{ID}.scope", "container/podman/7892fa5ced3d"),
        (f"machine.slice/libpod-{ID}.scope/container", "container/podman/7892fa5ced3d"),
        (f"libpod_parent/{ID}", "container/podman/7892fa5ced3d"),
        (
            f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/cri-containerd-{ID}.scope",
            "container/containerd/7892fa5ced3d",
        ),
        (f"kubepods/besteffort/pod1/{ID}", "container/containerd/7892fa5ced3d"),
        (f"kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope", "container/crio/7892fa5ced3d"),
    ],
)
def test_containers_of_every_runtime_are_found(tree: Path, path: str, subsystem: str) -> None:
    put(tree, path.removesuffix("/container"))
    put(tree, path)

    _, _, records = read(made(tree))

    assert list(records) == [subsystem]


def test_what_says_nothing_is_no_group(tree: Path) -> None:
    for path in (
        "init.scope", "system.slice/run-u12.service", "system.slice/home.mount", "system.slice/dbus.socket",
        f"machine.slice/libpod-conmon-{ID}.scope",
    ):  # fmt: skip
        put(tree, path)
    for path in (
        "system.slice/system-postgresql.slice/postgresql@15-main.service", "lxc.payload.web",
        "user.slice/user-1000.slice/session-3.scope", "machine.slice/machine-qemu.scope",
    ):  # fmt: skip
        put(tree, path)

    _, groups, _ = read(made(tree))

    assert list(groups) == [
        "/lxc.payload.web",
        "machine-qemu.scope",
        "postgresql@15-main.service",
        "user.slice",
    ]


def test_version_1_says_the_same_in_its_own_words(tree: Path) -> None:
    put_version_1(tree, f"docker/{ID}")

    _, groups, records = read(made(tree))

    record = records["container/docker/7892fa5ced3d"]
    assert (record["cpu_usage_usec"], record["cpu_user_usec"], record["cpu_system_usec"]) == (1000, 60_000, 40_000)
    assert (record["cpu_throttled_usec"], record["cpu_quota"], record["cpu_period"]) == (9000, -1, 100_000)
    assert (record["memory_anon"], record["memory_file"], record["memory_kernel"]) == (1000, 2000, 300)
    assert (record["io_read_bytes"], record["io_write_ops"], record["pids_current"]) == (101, 4, 7)
    assert groups["docker/7892fa5ced3d"] == {
        "memory_peak": 5000000, "oom_kills": 3, "swap_current": 50, "cpu_shares": 2048
    }  # fmt: skip


def test_a_hybrid_has_its_pressure_from_version_2(tree: Path) -> None:
    put_version_1(tree, "system.slice/nginx.service")
    folder = tree / "unified" / "system.slice" / "nginx.service"
    folder.mkdir(parents=True)
    (folder / "cpu.pressure").write_text("some avg10=0.00 avg60=0.00 avg300=0.00 total=33\n")

    _, groups, _ = read(made(tree))

    assert groups["nginx.service"]["cpu_some_usec"] == 33
    assert groups["nginx.service"]["cpu_usage_usec"] == 1000


def test_a_controller_that_is_off_costs_its_own_numbers(tree: Path) -> None:
    put(tree, "system.slice/nginx.service", without="io.stat")

    _, groups, _ = read(made(tree))

    assert "io_read_bytes" not in groups["nginx.service"]
    assert groups["nginx.service"]["pids_current"] == 7


def test_groups_come_and_go(tree: Path) -> None:
    put(tree, "system.slice/nginx.service")
    source = made(tree)
    first = list(read(source)[1])
    put(tree, "system.slice/redis.service")
    second = list(read(source)[1])
    remove(tree / "system.slice" / "nginx.service")

    third = list(read(source)[1])

    assert (first, second, third) == (
        ["nginx.service"], ["nginx.service", "redis.service"], ["redis.service"]
    )  # fmt: skip


def test_a_group_that_did_nothing_is_told_with_what_is_known(tree: Path) -> None:
    put(tree, "system.slice/nginx.service")
    source = made(tree)
    _, before, _ = read(source)
    # Nobody looks at it, because no CPU time was used.
    (tree / "system.slice" / "nginx.service" / "io.stat").write_text("8:0 rbytes=999 wbytes=1 rios=1 wios=1\n")
    _, asleep, _ = read(source)
    (tree / "system.slice" / "nginx.service" / "cpu.stat").write_text("usage_usec 1001\n")

    _, awake, _ = read(source)

    assert asleep == before
    assert awake["nginx.service"]["io_read_bytes"] == 999


def test_a_limit_that_is_changed_is_seen_within_a_minute(tree: Path) -> None:
    put(tree, "system.slice/nginx.service")
    source = made(tree)
    read(source)
    (tree / "system.slice" / "nginx.service" / "cpu.max").write_text("max 100000\n")

    quotas = [read(source)[1]["nginx.service"]["cpu_quota"] for _ in range(7)]

    assert (quotas[0], quotas[-1]) == (50000, -1)


def test_groups_are_read_every_ten_seconds_and_at_each_sample_where_those_are_further_apart(tree: Path) -> None:
    often, seldom = made(tree, step=1), made(tree, step=60)

    assert [at for at in range(25) if often.read() != NOT_NOW] == [0, 10, 20]
    assert [at for at in range(3) if seldom.read() != NOT_NOW] == [0, 1, 2]


def test_too_many_groups_are_bounded_and_counted(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "MOST_GROUPS", 3)
    for number in range(4):
        put(tree, f"system.slice/app{number}.service")
    put(tree, f"system.slice/docker-{ID}.scope")

    head, groups, records = read(made(tree))

    assert head == {"groups": 3, "not_read": 2}
    assert list(groups) == ["docker/7892fa5ced3d", "app0.service", "app1.service"]
    assert len(records) == 1


def test_in_a_container_the_group_at_the_top_is_its_own(tree: Path) -> None:
    put(tree, ".")

    _, groups, _ = read(made(tree))

    assert groups["/"]["cpu_quota"] == 50000


def test_a_machine_without_control_groups_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no control groups"):
        cgroups.source(str(tmp_path / "proc")).read()


def test_our_recordings_give_rates_and_the_containers_file(tree: Path) -> None:
    source = made(tree)
    measurements = []
    for at in range(3):
        put(tree, f"docker/{ID}", usage=1_000_000 + at * 2_500_000)
        put(tree, "system.slice/nginx.service", usage=500_000 * at)
        found = source.read()
        assert isinstance(found, dict)
        measurements += [Measurement(1_767_977_160 + 10 * at, name, text) for name, text in found.items()]

    parsed = from_measurements(measurements, "web-1")

    run = Run("web-1", parsed.samples, parsed.facts)
    assert run.rates(CGROUP_CPU)["nginx.service"].dropna().tolist() == [0.05, 0.05]
    assert set(run.instances(CGROUP_OOM_KILLS)) == {"docker/7892fa5ced3d", "nginx.service"}
    assert run.rates(CGROUP_IO_STALLED)["nginx.service"].dropna().tolist() == [0, 0]
    stream = StringIO()
    assert containers.write(run, stream) == 3
    assert (
        stream.getvalue().splitlines()[2].startswith(f"1767977170,{ID},,docker,25.00,0.00,0.00,4096000,,,101,202,6,8,7")
    )


def test_one_sample_holds_records_of_several_subsystems(proc: Path) -> None:
    tree = proc.parent / "sys" / "fs" / "cgroup"
    put(tree, f"docker/{ID}")
    put(tree, f"docker/{OTHER}")

    sample = loop.take_one(Plan(1, 0, "web-1", root=str(proc)))

    records = [json.loads(each) for each in sample.splitlines()]
    assert {
        "container/docker/7892fa5ced3d", "container/docker/abababababab", "perfanalysis[cgroups]"
    } <= {record["subsystem"] for record in records}  # fmt: skip
    assert len({record["timestamp"] for record in records}) == 1
