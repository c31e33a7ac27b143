"""/proc/schedstat: how long tasks waited for each CPU; without the lines of scheduling domains, most of the file."""

from appliance.collect.sources import Source, reader


def source(root: str) -> Source:
    read = reader(f"{root}/schedstat")
    return Source("/proc/schedstat", lambda: only_cpus(read()))


def only_cpus(text: str) -> str:
    return "".join([line for line in text.splitlines(keepends=True) if not line.startswith("domain")])
