"""Files of a few numbers: open files, hung tasks, connections that the packet filter follows."""

from appliance.collect.sources import Source, now_and_then, whole_file

LIMIT_SECONDS = 60
HUNG_SECONDS = 10
"""The kernel itself looks once in two minutes."""


def file_handles(root: str) -> Source:
    return whole_file(root, "sys/fs/file-nr")


def hung_tasks(root: str) -> Source:
    return now_and_then(whole_file(root, "sys/kernel/hung_task_detect_count"), HUNG_SECONDS)


def conntrack_count(root: str) -> Source:
    return whole_file(root, "sys/net/netfilter/nf_conntrack_count")


def conntrack_max(root: str) -> Source:
    return now_and_then(whole_file(root, "sys/net/netfilter/nf_conntrack_max"), LIMIT_SECONDS)
