"""What a control group's path says: which container it is, or which systemd unit."""

import re

RUNTIMES = {
    "cri-containerd": "containerd",
    "libpod": "podman",
    "crio": "crio",
    "docker": "docker",
    "nerdctl": "containerd",
}
"""What a runtime puts before the id in the name of a systemd scope."""
ID = re.compile(r"(?:(?P<prefix>[a-z-]+)-)?(?P<id>[0-9a-f]{64})(?:\.scope)?")
UNITS = (".service", ".scope", ".socket", ".mount", ".swap")


def container(path: str) -> tuple[str, str] | None:
    """
    Return (runtime, full id) of the innermost container of a path, or None.

    With systemd a container is a scope (docker-ID.scope, cri-containerd-ID.scope, libpod-ID.scope), without it a folder
    named by the id alone below one named for the runtime (/docker/ID, /kubepods/.../ID).
    """
    parts = path.split("/")
    for at in range(len(parts) - 1, -1, -1):
        found = ID.fullmatch(parts[at])
        # Beside each container of podman runs its monitor.
        if found is not None and not (found["prefix"] or "").endswith("conmon"):
            return runtime(found["prefix"], parts[:at]), found["id"]
    return None


def runtime(prefix: str | None, above: list[str]) -> str:
    if prefix in RUNTIMES:
        return RUNTIMES[prefix]
    names = "/".join(above)
    for word, name in (("docker", "docker"), ("podman", "podman"), ("libpod", "podman"), ("kubepods", "containerd")):
        if word in names:
            return name
    return "container"


def unit(path: str) -> str:
    """
    Return the systemd unit of a path, or "" for none: the innermost service, `user.slice` for whatever people run.

    A session is a new scope at each log-in, which says no more than that somebody was there.
    """
    parts = path.strip("/").split("/")
    if parts[0] == "user.slice":
        return "user.slice"
    return next((part for part in reversed(parts) if part.endswith(UNITS)), "")


def own_path(text: str) -> str:
    """
    Return the path in the text of /proc/PID/cgroup that says most: that of version 2, or of systemd, or the deepest.

    A line is "number:controllers:path"; version 2 has the number 0, and is empty where a hybrid does not use it.
    """
    paths = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        paths[controllers] = path
    for controllers in ("", "name=systemd"):
        if paths.get(controllers, "/") != "/":
            return paths[controllers]
    return max(paths.values(), key=len, default="/")
