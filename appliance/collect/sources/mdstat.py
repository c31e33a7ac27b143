"""/proc/mdstat: software RAID, where there is an array."""

from appliance.collect.sources import Source, now_and_then, reader

SECONDS = 10


def source(root: str) -> Source:
    read = reader(f"{root}/mdstat")
    return now_and_then(Source("/proc/mdstat", lambda: with_an_array(read())), SECONDS)


def with_an_array(text: str) -> str | None:
    return text if " : " in text.replace("Personalities : ", "", 1) else None
