"""TCP, UDP, sockets and the kernel's network queues, on text as kernels write it."""

from appliance.procfs import Value, numbers, parsers, snmp, sockstat, softnet, tcp_states
from appliance.protocol_metrics import CONNTRACK_ENTRIES

SNMP = """\
Ip: Forwarding DefaultTTL InReceives InHdrErrors
Ip: 2 64 307326 0
IcmpMsg: InType3 OutType3
IcmpMsg: 2 6
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
Tcp: 1 200 120000 -1 17796 17438 274 615 3 311511 298441 93 0 818 0
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
Udp: 9210 6 1 9406 2 0 0 0 0
UdpLite: InDatagrams NoPorts
UdpLite: 7 8
"""


def by_name(values: list[Value]) -> dict[tuple[str, str], int]:
    return {(value.metric.name, value.instance): value.number for value in values}


def test_tcp_and_udp_counters_are_found_by_the_names_of_their_fields() -> None:
    values = by_name(list(snmp.parse(SNMP)))

    assert values["tcp_active_opens_total", ""] == 17796
    assert values["tcp_retransmitted_segments_total", ""] == 93
    assert values["tcp_connections", ""] == 3
    assert values["udp_received_datagrams_total", ""] == 9210
    assert values["udp_receive_buffer_errors_total", ""] == 2
    assert len(values) == 11 + 7


def test_fields_of_other_kernels_are_passed_over_or_not_collected() -> None:
    values = by_name(list(snmp.parse("TcpExt: New SyncookiesSent ListenDrops\nTcpExt: 9 1 2\n")))

    assert values == {("tcp_syn_cookies_sent_total", ""): 1, ("tcp_listen_drops_total", ""): 2}


def test_sockets_in_use() -> None:
    text = "sockets: used 13\nTCP: inuse 1 orphan 0 tw 4 alloc 1 mem 2\nUDP: inuse 5 mem 0\nUDPLITE: inuse 9\nFRAG: inuse 6 memory 0\n"

    values = by_name(list(sockstat.parse(text)))

    assert values["sockets_used", ""] == 13
    assert values["sockets_tcp_time_wait", ""] == 4
    assert values["sockets_tcp_pages", ""] == 2
    assert values["sockets_udp", ""] == 5
    assert values["sockets_fragments", ""] == 6
    assert len(values) == 9
    assert by_name(list(sockstat.parse("TCP6: inuse 7\n"))) == {("sockets_tcp6", ""): 7}


def test_softnet_lines_are_hexadecimal_and_say_their_cpu() -> None:
    text = (
        "0001de9b 00000000 00000002 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n"
        "00030801 0000000a 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000003 00000007 00000000 00000000\n"
    )

    values = by_name(list(softnet.parse(text)))

    assert values["softnet_processed_total", "0"] == 0x1DE9B
    assert values["softnet_squeezed_total", "0"] == 2
    assert values["softnet_dropped_total", "7"] == 10
    assert values["softnet_backlog", "7"] == 3


def test_softnet_lines_of_an_old_kernel_are_numbered() -> None:
    text = "00000001 00000000 00000000 0 0 0 0 0 0 00000000\n00000002 00000000 00000000 0 0 0 0 0 0 00000000\n"

    values = by_name(list(softnet.parse(text)))

    assert (values["softnet_processed_total", "0"], values["softnet_processed_total", "1"]) == (1, 2)
    assert ("softnet_backlog", "0") not in values


def test_connections_followed_and_tcp_states() -> None:
    assert by_name(list(numbers.parser(CONNTRACK_ENTRIES)("17\n"))) == {("conntrack_entries", ""): 17}
    states = by_name(list(tcp_states.parse('{"established":4,"listen":2}\n')))
    assert states["tcp_connections_established", ""] == 4
    assert states["tcp_connections_close_wait", ""] == 0
    assert parsers.find("/proc/net/netstat") is not None
