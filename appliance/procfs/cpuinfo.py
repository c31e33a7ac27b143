"""/proc/cpuinfo: what the processors are. A fact, not a sample: it is stored once and on change."""

SYSTEM_INFO = (
    "vendor_id", "model_name", "cpu_cores", "siblings", "cpu_mhz", "cache_size", "total_cpus", "physical_cpus",
    "bogomips", "flags",
)  # fmt: skip


def parse(text: str) -> dict[str, object]:
    """Return the facts of the first processor and how many there are; keys that it does not have are left out."""
    processors = [
        {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in block.splitlines())}
        for block in text.strip().split("\n\n")
    ]
    first = processors[0]
    facts: dict[str, object] = {}
    for name, key, kind in (
        ("vendor_id", "vendor_id", str),
        ("model_name", "model name", str),
        ("cpu_cores", "cpu cores", int),
        ("siblings", "siblings", int),
        ("cpu_mhz", "cpu MHz", float),
        ("cache_size", "cache size", str),
        ("bogomips", "bogomips", float),
        ("flags", "flags", str),
    ):
        if first.get(key):
            facts[name] = kind(first[key])
    facts["total_cpus"] = sum("processor" in processor for processor in processors)
    sockets = {processor["physical id"] for processor in processors if "physical id" in processor}
    if sockets:
        facts["physical_cpus"] = len(sockets)
    return {name: facts[name] for name in SYSTEM_INFO if name in facts}
