"""/proc/slabinfo, by option: what the kernel keeps objects in; only root may read it, and it is long."""

from appliance.collect.sources import Source, now_and_then, reader

SECONDS = 60


def source(root: str) -> Source:
    read = reader(f"{root}/slabinfo")
    return now_and_then(Source("/proc/slabinfo", lambda: in_use(read())), SECONDS)


def in_use(text: str) -> str:
    """Leave out the caches that hold nothing, and of the others what a kernel is tuned by."""
    lines = [line.partition(" : ")[0] for line in text.splitlines()]
    kept = [line for line in lines if line.startswith(("slabinfo", "#")) or line.split()[2:3] != ["0"]]
    return "\n".join(kept) + "\n"
