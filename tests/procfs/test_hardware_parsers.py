"""The scheduler, limits, hardware and software RAID, on text as kernels write it, and the records of our recorder."""

import pytest

from appliance import hardware_metrics
from appliance.collect.sources.slabinfo import in_use
from appliance.procfs import Value, buddyinfo, interrupts, mdstat, numbers, parsers, recorder, schedstat, slabinfo

MDSTAT = """\
Personalities : [raid1] [raid6] [raid5] [raid4]
md0 : active raid1 sdb1[1] sda1[0](F)
      1046528 blocks super 1.2 [2/1] [_U]
      bitmap: 0/1 pages [0KB], 65536KB chunk

md127 : inactive sdc[0](S)
      5120 blocks super external:imsm

unused devices: <none>
"""


def by_name(values: list[Value]) -> dict[tuple[str, str], int]:
    return {(value.metric.name, value.instance): value.number for value in values}


def parse(subsystem: str, text: str) -> dict[tuple[str, str], int]:
    known = parsers.find(subsystem)
    assert known is not None
    return by_name(list(known[1](text)))


def test_schedstat_gives_the_time_that_tasks_ran_and_waited() -> None:
    text = (
        "version 15\ntimestamp 4295025637\ncpu0 0 0 0 0 0 0 40156823 7456312 412\n"
        "domain0 3 9 5 4 0 0 0\ncpu1 0 0 0 0 0 0 5 6 7\n"
    )

    values = by_name(list(schedstat.parse(text)))

    assert values["scheduler_running_seconds_total", "0"] == 40156823
    assert values["scheduler_waiting_seconds_total", "0"] == 7456312
    assert values["scheduler_timeslices_total", "1"] == 7
    assert len(values) == 6


def test_no_limit_of_open_files_is_no_number() -> None:
    assert by_name(list(numbers.file_handles("2196\t0\t2466165\n"))) == {
        ("file_handles", ""): 2196, ("file_handles_limit", ""): 2466165,
    }  # fmt: skip
    assert by_name(list(numbers.file_handles("2196\t0\t9223372036854775807\n"))) == {("file_handles", ""): 2196}


def test_a_failed_disk_of_an_array() -> None:
    assert by_name(list(mdstat.parse(MDSTAT))) == {
        ("array_active", "md0"): 1, ("array_disks", "md0"): 2, ("array_disks_working", "md0"): 1,
        ("array_disks_failed", "md0"): 1, ("array_active", "md127"): 0, ("array_disks_failed", "md127"): 0,
    }  # fmt: skip


def test_deferred_interrupts_are_summed_over_cpus() -> None:
    text = "                    CPU0       CPU1       \n          HI:          0          0\n      NET_RX:        372        302\n"

    assert by_name(list(interrupts.parse_deferred(text))) == {
        ("softirq_kind_total", "HI"): 0, ("softirq_kind_total", "NET_RX"): 674,
    }  # fmt: skip


def test_of_kernel_objects_the_used_ones_and_their_room_are_known() -> None:
    text = (
        "slabinfo - version: 2.1\n# name <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>\n"
        "dentry             4500   5040    192   21    1 : tunables    0    0    0 : slabdata    240    240      0\n"
        "nothing               0      0    312   13    1 : tunables    0    0    0 : slabdata      0      0      0\n"
    )

    kept = in_use(text)

    assert "tunables" not in kept
    assert by_name(list(slabinfo.parse(kept))) == {
        ("slab_objects", "dentry"): 4500, ("slab_bytes", "dentry"): 5040 * 192,
    }  # fmt: skip
    assert by_name(list(slabinfo.parse(text))) == {
        **by_name(list(slabinfo.parse(kept))), ("slab_objects", "nothing"): 0, ("slab_bytes", "nothing"): 0,
    }  # fmt: skip


def test_interrupts_are_summed_over_cpus_and_named_by_their_device() -> None:
    text = (
        "           CPU0       CPU1       \n 36:          2    1520541 PCI-MSIX-0000:00:02.0   1-edge      virtio1-req.0\n"
        "LOC:     786631    1081238   Local timer interrupts\nERR:          3\n"
    )

    assert by_name(list(interrupts.parse(text))) == {
        ("interrupt_line_total", "36 virtio1-req.0"): 1520543,
        ("interrupt_line_total", "LOC"): 786631 + 1081238,
        ("interrupt_line_total", "ERR"): 3,
    }


def test_free_pieces_of_memory_by_zone_and_order() -> None:
    values = by_name(list(buddyinfo.parse("Node 0, zone      DMA      0      1\nNode 1, zone   Normal   8   3   5\n")))

    assert values["free_blocks", "0 DMA 1"] == 1
    assert values["free_blocks", "1 Normal 2"] == 5


@pytest.mark.parametrize(
    ("subsystem", "text", "value"),
    [
        ("cpufreq[*]", '{"name":"3","hertz":2600000000}\n', ("cpu_frequency_hertz", "3", 2600000000)),
        ("thermal_throttle[*]", '{"name":"0","core":2}\n', ("cpu_core_throttles_total", "0", 2)),
        ("hwmon[*]", '{"name":"nvme 0 Composite","millidegrees":38850}\n', ("temperature_celsius", "nvme 0 Composite", 38850)),
        ("edac[*]", '{"name":"mc0","corrected":4,"uncorrected":0}\n', ("memory_errors_corrected_total", "mc0", 4)),
        ("numa[*]", '{"node":1,"MemFree":4096,"numa_miss":7,"new":1}\n', ("numa_misses_total", "1", 7)),
        ("perfanalysis[filesystems]", '{"mount_point":"/","inodes_free":9,"read_only":0}\n', ("filesystem_inodes_free", "/", 9)),
    ],
)  # fmt: skip
def test_records_of_our_recorder(subsystem: str, text: str, value: tuple[str, str, int]) -> None:
    name, instance, number = value

    assert parse(subsystem, text)[name, instance] == number


@pytest.mark.parametrize("text", ["[]\n", '{"hertz":1}\n', '{"name":"0","hertz":1.5}\n', '{"name":true}\n', "x\n"])
def test_what_is_no_such_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="whole|name|object|Expecting"):
        parse(hardware_metrics.CPUFREQ, text)


def test_the_recorder_tells_its_cost() -> None:
    text = '{"cpu_us":5000,"samples":3,"unheard_of":"x","sources":{"/proc/stat":{"ns":70,"unread":1}}}\n'

    assert by_name(list(recorder.parse(text))) == {
        ("recorder_cpu_seconds_total", ""): 5000,
        ("recorder_samples_total", ""): 3,
        ("recorder_source_seconds_total", "/proc/stat"): 70,
        ("recorder_source_unread_total", "/proc/stat"): 1,
    }


def test_events_say_how_much_and_unknown_ones_are_passed_over() -> None:
    text = '{"kind":"late","ticks":2}\n{"kind":"clock","milliseconds":-3600000}\n{"kind":"new"}\n'

    assert by_name(list(recorder.parse_events(text))) == {
        ("event_late_ticks", ""): 2,
        ("event_clock_step_seconds", ""): -3600000,
    }


def test_samples_that_a_spool_dropped_are_counted_where_they_are_missing() -> None:
    values = parse("perfanalysis[gap]", '{"from":1767977160,"to":1767977260,"dropped":100}')

    assert values == {("event_dropped_samples", ""): 100}
