"""Files of a few numbers: open files, hung tasks, connections that the packet filter follows."""

from appliance.collect.sources import Source, whole_file


def file_handles(root: str) -> Source:
    return whole_file(root, "sys/fs/file-nr")


def hung_tasks(root: str) -> Source:
    return whole_file(root, "sys/kernel/hung_task_detect_count")


def conntrack_count(root: str) -> Source:
    return whole_file(root, "sys/net/netfilter/nf_conntrack_count")


def conntrack_max(root: str) -> Source:
    return whole_file(root, "sys/net/netfilter/nf_conntrack_max")
