"""The catalogue, continued: TCP and UDP, sockets, the kernel's network queues, connection tracking."""

from appliance.metrics import Group, Kind, Metric, Unit, declare

SNMP, NETSTAT = "/proc/net/snmp", "/proc/net/netstat"
SOCKSTAT, SOCKSTAT6 = "/proc/net/sockstat", "/proc/net/sockstat6"
SOFTNET = "/proc/net/softnet_stat"
CONNTRACK_COUNT = "/proc/sys/net/netfilter/nf_conntrack_count"
CONNTRACK_MAX = "/proc/sys/net/netfilter/nf_conntrack_max"
TCP_STATES = "tcp_states[*]"


# /proc/net/snmp and /proc/net/netstat: counters by protocol and field.


def protocol(
    source: str, family: str, field: str, name: str, sentence: str, kind: Kind = Kind.COUNTER, unit: Unit = Unit.COUNT
) -> Metric:
    prefix = "udp_" if family == "Udp" else "tcp_"
    metric = declare(
        Metric(
            prefix + name + ("_total" if kind is Kind.COUNTER else ""), unit, kind, Group.PROTOCOL, source, sentence,
            "machine", alias=f"node_netstat_{family}_{field}",
        )
    )  # fmt: skip
    PROTOCOL_FIELDS[family, field] = metric
    return metric


def tcp(field: str, name: str, sentence: str, kind: Kind = Kind.COUNTER) -> Metric:
    return protocol(SNMP, "Tcp", field, name, sentence, kind)


def udp(field: str, name: str, sentence: str) -> Metric:
    return protocol(SNMP, "Udp", field, name, sentence)


def tcp_extension(field: str, name: str, sentence: str) -> Metric:
    return protocol(NETSTAT, "TcpExt", field, name, sentence)


PROTOCOL_FIELDS: dict[tuple[str, str], Metric] = {}
"""The metric of each (protocol, field) that is kept."""
TCP_ACTIVE_OPENS = tcp("ActiveOpens", "active_opens", "Connections that this machine opened.")
TCP_PASSIVE_OPENS = tcp("PassiveOpens", "passive_opens", "Connections that others opened.")
TCP_FAILED = tcp("AttemptFails", "failed_attempts", "Connections that did not come about.")
TCP_RESETS = tcp("EstabResets", "connection_resets", "Connections that were broken off.")
TCP_CONNECTIONS = tcp("CurrEstab", "connections", "Connections that stand.", Kind.GAUGE)
TCP_RECEIVED = tcp("InSegs", "received_segments", "Segments received.")
TCP_SENT = tcp("OutSegs", "sent_segments", "Segments sent, without those sent again.")
TCP_RETRANSMITTED = tcp("RetransSegs", "retransmitted_segments", "Segments sent again.")
TCP_ERRORS = tcp("InErrs", "received_errors", "Segments received broken.")
TCP_SENT_RESETS = tcp("OutRsts", "sent_resets", "Resets sent.")
TCP_CHECKSUM_ERRORS = tcp("InCsumErrors", "checksum_errors", "Segments received with a false checksum.")
UDP_RECEIVED = udp("InDatagrams", "received_datagrams", "Datagrams received.")
UDP_SENT = udp("OutDatagrams", "sent_datagrams", "Datagrams sent.")
UDP_NO_PORT = udp("NoPorts", "no_port", "Datagrams for a port at which nobody listens.")
UDP_ERRORS = udp("InErrors", "received_errors", "Datagrams that could not be delivered.")
UDP_RECEIVE_FULL = udp("RcvbufErrors", "receive_buffer_errors", "Datagrams lost because a program read too slowly.")
UDP_SEND_FULL = udp("SndbufErrors", "send_buffer_errors", "Datagrams lost because a send buffer was full.")
UDP_CHECKSUM_ERRORS = udp("InCsumErrors", "checksum_errors", "Datagrams received with a false checksum.")
LISTEN_OVERFLOWS = tcp_extension("ListenOverflows", "listen_overflows", "Connections that found an accept queue full.")
LISTEN_DROPS = tcp_extension("ListenDrops", "listen_drops", "Connection requests dropped by a listener.")
SYN_RETRANSMITTED = tcp_extension("TCPSynRetrans", "retransmitted_syns", "Requests for a connection sent again.")
TCP_TIMEOUTS = tcp_extension("TCPTimeouts", "timeouts", "Waits for an acknowledgement that came to nothing.")
SYN_QUEUE_DROPS = tcp_extension("TCPReqQFullDrop", "syn_queue_drops", "Requests dropped because their queue was full.")
SYN_QUEUE_COOKIES = tcp_extension("TCPReqQFullDoCookies", "syn_queue_cookies", "Requests answered by a cookie instead.")
SYN_COOKIES_SENT = tcp_extension("SyncookiesSent", "syn_cookies_sent", "Cookies sent in place of a queue entry.")
SYN_COOKIES_FAILED = tcp_extension("SyncookiesFailed", "syn_cookies_failed", "Cookies that came back false.")
BACKLOG_DROPS = tcp_extension("TCPBacklogDrop", "backlog_drops", "Segments dropped: their socket was busy too long.")
RECEIVE_QUEUE_DROPS = tcp_extension("TCPRcvQDrop", "receive_queue_drops", "Segments that found a receive queue full.")
OUT_OF_ORDER = tcp_extension("TCPOFOQueue", "out_of_order_segments", "Segments that came out of order.")
PRUNED = tcp_extension("PruneCalled", "prunes", "Times that a socket's buffers had to be squeezed.")
MEMORY_PRESSURES = tcp_extension("TCPMemoryPressures", "memory_pressures", "Times that TCP's memory ran short.")
MEMORY_ABORTS = tcp_extension("TCPAbortOnMemory", "memory_aborts", "Connections broken off for want of memory.")
LOST_RETRANSMITS = tcp_extension("TCPLostRetransmit", "lost_retransmits", "Segments sent again that were lost again.")


# Sockets in use: /proc/net/sockstat and sockstat6.


def sockets(section: str, field: str, name: str, sentence: str, unit: Unit = Unit.COUNT) -> Metric:
    metric = declare(
        Metric(
            name, unit, Kind.GAUGE, Group.PROTOCOL, SOCKSTAT6 if section.endswith("6") else SOCKSTAT, sentence,
            "machine", alias=f"node_sockstat_{section}_{field}",
        )
    )  # fmt: skip
    SOCKET_FIELDS[section, field] = metric
    return metric


SOCKET_FIELDS: dict[tuple[str, str], Metric] = {}
"""The metric of each (line, field) of /proc/net/sockstat."""
SOCKETS_USED = sockets("sockets", "used", "sockets_used", "Sockets of all kinds.")
TCP_IN_USE = sockets("TCP", "inuse", "sockets_tcp", "TCP sockets in use.")
TCP_ORPHANS = sockets("TCP", "orphan", "sockets_tcp_orphans", "TCP sockets that no program has any more.")
TCP_TIME_WAIT = sockets("TCP", "tw", "sockets_tcp_time_wait", "TCP sockets that wait after their end.")
TCP_ALLOCATED = sockets("TCP", "alloc", "sockets_tcp_allocated", "TCP sockets that have memory.")
TCP_MEMORY = sockets("TCP", "mem", "sockets_tcp_pages", "Memory of TCP's buffers.", Unit.PAGES)
UDP_IN_USE = sockets("UDP", "inuse", "sockets_udp", "UDP sockets in use.")
UDP_MEMORY = sockets("UDP", "mem", "sockets_udp_pages", "Memory of UDP's buffers.", Unit.PAGES)
RAW_IN_USE = sockets("RAW", "inuse", "sockets_raw", "Raw sockets in use.")
FRAGMENTS = sockets("FRAG", "inuse", "sockets_fragments", "Packets that are being put together.")
TCP6_IN_USE = sockets("TCP6", "inuse", "sockets_tcp6", "TCP sockets in use over IPv6.")
UDP6_IN_USE = sockets("UDP6", "inuse", "sockets_udp6", "UDP sockets in use over IPv6.")
RAW6_IN_USE = sockets("RAW6", "inuse", "sockets_raw6", "Raw sockets in use over IPv6.")


# Received packets that wait for a CPU: /proc/net/softnet_stat, a line per CPU, by the number of the field.


PACKETS_A_CPU = 20_000_000
"""More packets a second than one CPU can take from its queue."""


def softnet(field: int, name: str, sentence: str, alias: str, kind: Kind = Kind.COUNTER) -> Metric:
    metric = declare(
        Metric(
            f"softnet_{name}", Unit.COUNT, kind, Group.SOFTNET, SOFTNET, sentence, "cpu", bits=32,
            alias=f"node_softnet_{alias}", most_per_second=PACKETS_A_CPU,
        )
    )  # fmt: skip
    SOFTNET_FIELDS[field] = metric
    return metric


SOFTNET_FIELDS: dict[int, Metric] = {}
SOFTNET_PROCESSED = softnet(0, "processed_total", "Packets handled.", "processed_total")
SOFTNET_DROPPED = softnet(1, "dropped_total", "Packets that found the queue of a CPU full.", "dropped_total")
SOFTNET_SQUEEZED = softnet(
    2, "squeezed_total", "Times that work was left when its time was up.", "times_squeezed_total"
)
SOFTNET_STEERED = softnet(9, "steered_total", "Packets handed over by another CPU.", "received_rps_total")
SOFTNET_LIMITED = softnet(10, "flow_limited_total", "Packets of a flow that had its share.", "flow_limit_count_total")
SOFTNET_BACKLOG = softnet(11, "backlog", "Packets that wait for the CPU.", "backlog_len", Kind.GAUGE)


# Connections that the packet filter follows.


def conntrack(source: str, name: str, sentence: str, alias: str) -> Metric:
    return declare(Metric(name, Unit.COUNT, Kind.GAUGE, Group.PROTOCOL, source, sentence, "machine", alias=alias))


CONNTRACK_ENTRIES = conntrack(
    CONNTRACK_COUNT, "conntrack_entries", "Connections followed by the packet filter.", "node_nf_conntrack_entries"
)
CONNTRACK_LIMIT = conntrack(
    CONNTRACK_MAX, "conntrack_limit", "Connections that it can follow.", "node_nf_conntrack_entries_limit"
)


# By option: how many TCP connections are in which state.


def tcp_state(state: str) -> Metric:
    metric = declare(
        Metric(
            f"tcp_connections_{state}", Unit.COUNT, Kind.GAUGE, Group.PROTOCOL, TCP_STATES,
            f"TCP connections in state {state}.", "machine", alias=f'node_tcp_connection_states{{state="{state}"}}',
        )
    )  # fmt: skip
    TCP_STATE_METRICS[state] = metric
    return metric


TCP_STATE_METRICS: dict[str, Metric] = {}
STATES = (
    "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close", "close_wait", "last_ack",
    "listen", "closing", "new_syn_recv",
)  # fmt: skip
"""In the order of the kernel's numbers, which begin with 1."""
for _state in STATES:
    tcp_state(_state)
