"""The intake: who samples never waits for a disk, and nothing is lost or changes its order for that."""

import threading

import pytest

from appliance.ship.intake import Intake


def test_who_puts_does_not_wait_for_a_slow_sink() -> None:
    goes_on = threading.Event()
    came: list[tuple[int, bytes]] = []

    def slow(run: int, lines: bytes) -> None:
        goes_on.wait(20)
        came.append((run, lines))

    intake = Intake([slow])
    intake.start()
    # Were it to wait, this would never end.
    told = [intake.put(7, b"%d" % at) for at in range(100)]
    assert came == []
    goes_on.set()
    intake.finish(20)

    assert came == [(7, b"%d" % at) for at in range(100)]
    assert (intake.dropped, any(told), intake.is_alive()) == (0, False, False)


def test_it_is_bounded_and_says_when_samples_had_to_go() -> None:
    came: list[bytes] = []
    intake = Intake([lambda _, lines: came.append(lines)], max_bytes=30)

    told = [intake.put(7, b"%010d" % at) for at in range(5)]
    intake.start()
    intake.finish(20)

    assert told == [False, False, False, True, True]
    assert came == [b"%010d" % at for at in (2, 3, 4)]
    assert intake.dropped == 2


def test_a_defect_of_a_sink_reaches_who_puts() -> None:
    def broken(_: int, __: bytes) -> None:
        raise ZeroDivisionError

    intake = Intake([broken])
    intake.start()
    intake.put(7, b"x")
    intake.join(20)

    with pytest.raises(ZeroDivisionError):
        intake.put(7, b"y")
    with pytest.raises(ZeroDivisionError):
        intake.finish(1)
