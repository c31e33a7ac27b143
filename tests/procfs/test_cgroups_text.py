"""The text of control groups: counters of services, and what containers have beside their own record."""

import pytest

from appliance.procfs import cgroups

TEXT = (
    '{"groups":2,"not_read":1}\n'
    '{"group":"nginx.service","cpu_usage_usec":1000,"cpu_quota":-1,"memory_max":18446744073709551615,"new_key":5}\n'
    '{"group":"docker/7892fa5ced3d","oom_kills":3,"io_full_usec":70}\n'
)


def test_groups_are_counted_and_each_has_its_numbers() -> None:
    values = {(value.metric.name, value.instance): value.number for value in cgroups.parse(TEXT)}

    # What is the largest number there is means no limit, and is not collected.
    assert values == {
        ("cgroups", ""): 2,
        ("cgroups_not_read", ""): 1,
        ("cgroup_cpu_seconds_total", "nginx.service"): 1000,
        ("cgroup_cpu_quota_seconds", "nginx.service"): -1,
        ("cgroup_oom_kills_total", "docker/7892fa5ced3d"): 3,
        ("cgroup_io_stalled_seconds_total", "docker/7892fa5ced3d"): 70,
    }


@pytest.mark.parametrize("text", ["[]", "{", '{"group":7}', '{"group":"x","oom_kills":1.5}', '{"groups":NaN}'])
def test_odd_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"object|group|whole|NaN|Expecting"):
        list(cgroups.parse(text))
