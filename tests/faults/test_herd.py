"""A thousand collectors come back at once to a receiver that was away: it serves them all, and everyone else."""

import herd
from long_road import Receiver

COUNT, MORE_THAN_CONNECTIONS, FEW = 1000, 700, 60
SAMPLES = herd.BATCHES * herd.PACE.batch_samples
STAYING = """
import sys
from appliance.__main__ import main
from appliance.receive import server
server.CROWDED_SHARE, server.ROOM_SECONDS = 2, 0
sys.exit(main())
"""


def test_a_thousand_that_come_back_are_all_served(real: Receiver) -> None:
    back = herd.come_back(real, COUNT)

    print(f"{COUNT} senders, batches by second {back.by_second}, /health at most {back.slowest_health_seconds:.1f} s")
    assert back.stored == {SAMPLES}
    assert back.failed == 0


def test_they_begin_slowly(real: Receiver) -> None:
    back = herd.come_back(real, FEW)

    print(f"{FEW} senders, batches by second {back.by_second}, /health at most {back.slowest_health_seconds:.2f} s")
    assert (back.stored, back.failed) == ({SAMPLES}, 0)
    assert back.first <= FEW * (1 + 2)


def test_control_senders_without_patience_bring_all_at_once(real: Receiver) -> None:
    back = herd.come_back(real, FEW, herd.Impatient)

    print(f"without patience by second {back.by_second}, /health at most {back.slowest_health_seconds:.2f} s")
    assert back.first > FEW * (1 + 2)


def test_control_where_all_connections_stay_and_nobody_may_wait_others_are_kept_out(
    real: Receiver,
) -> None:
    real.program = ["-c", STAYING]

    back = herd.come_back(real, MORE_THAN_CONNECTIONS)

    print(f"with connections that stay, {back.failed} requests failed")
    assert back.failed > 100
