"""Each parser on text as kernels write it, old and new."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from appliance import metrics
from appliance.procfs import (
    Value,
    container,
    cpuinfo,
    diskstats,
    loadavg,
    meminfo,
    netdev,
    parsers,
    pressure,
    stat,
    statfs,
    vmstat,
)
from appliance.procfs import uptime as uptime_text


def by_name(values: "list[Value]") -> dict[tuple[str, str], int]:
    return {(value.metric.name, value.instance): value.number for value in values}


def test_stat_gives_ticks_by_mode_in_all_and_per_cpu() -> None:
    values = by_name(
        list(
            stat.parse(
                "cpu  10 1 2 30 4 5 6 7 8 9\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 99 1 2 3\nctxt 5\nbtime 1767134306\n"
            )
        )
    )

    assert values["cpu_user_seconds_total", "all"] == 10
    assert values["cpu_steal_seconds_total", "0"] == 8
    assert values["cpu_guest_nice_seconds_total", "0"] == 10
    assert values["interrupts_total", ""] == 99
    assert values["boot_time_seconds", ""] == 1767134306


def test_an_old_kernel_without_steal_has_no_steal() -> None:
    values = by_name(list(stat.parse("cpu  10 1 2 30 4 5 6\n")))

    assert ("cpu_steal_seconds_total", "all") not in values


def test_meminfo_is_in_bytes_but_huge_pages_are_counted() -> None:
    values = by_name(
        list(
            meminfo.parse(
                "MemTotal:         868988 kB\nActive(anon):     96856 kB\nHugePages_Total:       3\nNew:  1 kB\n"
            )
        )
    )

    assert values == {
        ("memory_total_bytes", ""): 868988 * 1024,
        ("memory_active_anon_bytes", ""): 96856 * 1024,
        ("huge_pages_total", ""): 3,
    }


def test_netdev_reads_names_with_colons_and_numbers_that_touch_them() -> None:
    text = (
        "Inter-|   Receive                                                |  Transmit\n"
        " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
        "  eth0:562392902 2076323    1    2    0     0          0         0 702643688 2458789    3    4    0     0       0          0\n"
        "eth0:1: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n"
    )

    values = by_name(list(netdev.parse(text)))

    assert values["network_received_bytes_total", "eth0"] == 562392902
    assert values["network_sent_drops_total", "eth0"] == 4
    assert values["network_sent_bytes_total", "eth0:1"] == 6


@pytest.mark.parametrize("name", ["a|b", "face |x", "a\x1cb", "\u2028", "a\x85", "%s", "\u202eeth0", "\\xff", "a.b-c"])
def test_netdev_reads_names_of_any_letters(name: str) -> None:
    text = f"Inter-|  Receive |  Transmit\n face |bytes |bytes\n{name}: 5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0\n    lo: 7 1\n"

    values = by_name(list(netdev.parse(text)))

    assert values["network_received_bytes_total", name] == 5
    assert values["network_received_bytes_total", "lo"] == 7


def test_diskstats_turns_sectors_into_bytes() -> None:
    text = "   8       0 sda 189318 7168 42661674 763344 1535865 553140 62179066 6906771 2 1760241 8517341 95432 1070 138785252 270193 770041 577032\n"

    values = by_name(list(diskstats.parse(text)))

    assert values["disk_read_bytes_total", "sda"] == 42661674 * 512
    assert values["disk_in_flight", "sda"] == 2
    assert values["disk_busy_seconds_total", "sda"] == 1760241
    assert values["disk_flush_seconds_total", "sda"] == 577032


def test_diskstats_of_an_old_kernel_has_no_discards() -> None:
    values = by_name(list(diskstats.parse("8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n")))

    assert values["disk_weighted_seconds_total", "sda"] == 11
    assert ("disk_discards_total", "sda") not in values


def test_statfs_keeps_each_mount_and_refuses_what_is_no_record() -> None:
    record = '{"mount_point":"/","block_size":4096,"blocks_total":7574544,"blocks_free":7065728,"blocks_available":7061632}\n'

    values = by_name(list(statfs.parse(record)))

    assert values["filesystem_blocks_available", "/"] == 7061632
    for bad in (
        "[]",
        '{"mount_point":1}',
        '{"mount_point":"/","blocks_total":1.5}',
        '{"mount_point":"/","blocks_total":NaN}',
    ):
        with pytest.raises(ValueError, match="mount_point|whole|NaN"):
            list(statfs.parse(bad))


def test_vmstat_loadavg_uptime_and_pressure() -> None:
    assert by_name(list(vmstat.parse("pswpin 5\npgpgin 7\nnr_free_pages 3\n"))) == {
        ("swap_in_pages_total", ""): 5,
        ("paged_in_bytes_total", ""): 7 * 1024,
    }
    assert by_name(list(loadavg.parse("0.06 10.29 0.03 1/79 3511\n"))) == {
        ("load_1m", ""): 6,
        ("load_5m", ""): 1029,
        ("load_15m", ""): 3,
        ("tasks_runnable", ""): 1,
        ("tasks", ""): 79,
    }
    assert by_name(list(uptime_text.parse("428.29 799.74\n"))) == {("uptime_seconds", ""): 42829}
    text = (
        "some avg10=0.00 avg60=0.22 avg300=0.37 total=2549522\nfull avg10=0.00 avg60=0.22 avg300=0.37 total=2448746\n"
    )
    assert by_name(list(pressure.parser("io")(text))) == {
        ("pressure_io_waiting_seconds_total", ""): 2549522,
        ("pressure_io_stalled_seconds_total", ""): 2448746,
    }


def test_a_container_without_a_limit_has_none() -> None:
    values = by_name(
        list(container.parse('{"container_id":"ab","cpu_usage_usec":7,"memory_max":18446744073709551615,"pids_max":9}'))
    )

    assert values == {("container_cpu_seconds_total", "ab"): 7, ("container_tasks_max", "ab"): 9}


def test_cpuinfo_counts_processors_and_sockets() -> None:
    text = "processor\t: 0\nvendor_id\t: X\nphysical id\t: 0\ncpu cores\t: 2\nflags\t\t: a b\n\nprocessor\t: 1\nphysical id\t: 1\n\n"

    assert cpuinfo.parse(text) == {
        "vendor_id": "X",
        "cpu_cores": 2,
        "total_cpus": 2,
        "physical_cpus": 2,
        "flags": "a b",
    }


@given(st.text(max_size=300))
@example("infinity")
def test_no_text_makes_a_parser_fail_in_an_unexpected_way(text: str) -> None:
    """`samples` turns these errors, and no others, into a sentence."""
    for _, _, parse in parsers.PARSERS:
        with contextlib.suppress(ValueError, IndexError, KeyError, OverflowError, RecursionError):
            list(parse(text))


def test_metrics_have_a_sentence_and_are_named_for_their_unit() -> None:
    for metric in metrics.METRICS.values():
        assert metric.sentence.endswith("."), metric.name
        if metric.unit is metrics.Unit.BYTES:
            assert "bytes" in metric.name, metric.name
        if metric.unit is metrics.Unit.SECONDS:
            assert "seconds" in metric.name, metric.name
        assert (metric.kind is metrics.Kind.COUNTER) == metric.name.endswith("_total") or metric.name in {
            "memory_total_bytes",
            "memory_swap_total_bytes",
            "huge_pages_total",
            "filesystem_blocks_total",
        }, metric.name
