"""What the path of a control group says."""

import pytest

from appliance.collect.control_groups import container, own_path, unit

ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("0::/system.slice/nginx.service\n", "/system.slice/nginx.service"),
        ("9:name=systemd:/system.slice/nginx.service\n4:memory:/system.slice\n0::/\n", "/system.slice/nginx.service"),
        # Without systemd it is the deepest that says something; here that of version 2 is unused.
        (f"8:pids:/\n4:memory:/docker/{ID}\n2:cpu,cpuacct:/docker\n0::/\n", f"/docker/{ID}"),
        ("0::/a:b/c\n", "/a:b/c"),
        ("1:name=systemd:/\n0::/\n", "/"),
        ("", "/"),
    ],
)
def test_the_path_of_a_process_is_the_one_that_says_most(text: str, path: str) -> None:
    assert own_path(text) == path


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (f"/system.slice/docker-{ID}.scope", ("docker", ID)),
        (f"/system.slice/docker-{ID}.scope/init.scope", ("docker", ID)),
        (f"/docker/{ID}", ("docker", ID)),
        (f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{ID}.scope", ("podman", ID)),
        (f"/kubepods/burstable/pod7/{ID}", ("containerd", ID)),
        (f"/something/{ID}", ("container", ID)),
        (f"/machine.slice/libpod-conmon-{ID}.scope", None),
        ("/system.slice/nginx.service", None),
        (f"/docker/{ID[:12]}", None),
        ("/", None),
    ],
)
def test_a_container_is_known_by_its_whole_id(path: str, found: tuple[str, str] | None) -> None:
    assert container(path) == found


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/system.slice/nginx.service", "nginx.service"),
        ("/system.slice/nginx.service/worker", "nginx.service"),
        ("/system.slice/system-postgresql.slice/postgresql@15-main.service", "postgresql@15-main.service"),
        ("/user.slice/user-1000.slice/session-3.scope", "user.slice"),
        ("/init.scope", "init.scope"),
        ("/docker", ""),
        ("/", ""),
    ],
)
def test_a_unit_is_the_innermost_service(path: str, found: str) -> None:
    assert unit(path) == found
