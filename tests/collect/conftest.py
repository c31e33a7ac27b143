"""A small machine's /proc as files, which a test may change between two samples."""

from pathlib import Path

import pytest

FILES = {
    "cpuinfo": "processor\t: 0\nmodel name\t: Test CPU\ncpu MHz\t\t: 2600.000\n\n",
    "stat": (
        "cpu  100 0 50 800 5 0 1 0 0 0\ncpu0 100 0 50 800 5 0 1 0 0 0\nintr 5000 1 2 0 0 7\nctxt 9000\n"
        "btime 1767970000\nprocesses 300\nprocs_running 1\nprocs_blocked 0\nsoftirq 700 0 1 2 3 4 5 6 7 8 9\n"
    ),
    "meminfo": "MemTotal:        1000000 kB\nMemFree:          400000 kB\nMemAvailable:     600000 kB\n",
    "net/dev": "Inter-|   Receive\n face |bytes\n  eth0: 1000 10 0 0 0 0 0 0 2000 20 0 0 0 0 0 0\n",
    "diskstats": "   8       0 sda 10 0 80 5 20 0 160 9 0 12 14 0 0 0 0 0 0\n",
    "vmstat": "pgpgin 100\npgpgout 200\npswpin 0\npswpout 0\n",
    "loadavg": "0.06 0.09 0.03 1/79 3511\n",
    "uptime": "1000.00 1800.00\n",
    "pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234\n",
    "pressure/memory": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "pressure/io": "some avg10=0.00 avg60=0.00 avg300=0.00 total=99\n",
    "net/snmp": (
        "Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: RtoAlgorithm ActiveOpens RetransSegs\nTcp: 1 17796 93\n"
        "Udp: InDatagrams NoPorts\nUdp: 9210 6\n"
    ),
    "net/netstat": "TcpExt: SyncookiesSent ListenOverflows Unknown\nTcpExt: 1 2 3\nIpExt: InOctets\nIpExt: 5\n",
    "net/sockstat": "sockets: used 13\nTCP: inuse 1 orphan 0 tw 4 alloc 1 mem 2\n",
    "net/sockstat6": "TCP6: inuse 3\n",
    "net/softnet_stat": "0001de9b 00000000 00000001 0 0 0 0 0 0 0 0 00000000 00000000\n",
    "sys/fs/file-nr": "2196\t0\t2466165\n",
    "filesystems": "nodev\tproc\n\text4\n\tsquashfs\n",
    "self/mounts": "/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw 0 0\n",
    "../sys/fs/cgroup/cgroup.controllers": "cpu io memory pids\n",
    "sys/kernel/random/boot_id": "11111111-2222-3333-4444-555555555555\n",
}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """The folder of a recorded /proc; a kernel without irq pressure."""
    root = tmp_path / "proc"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
