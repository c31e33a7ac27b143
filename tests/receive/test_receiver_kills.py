"""A receiver that is killed under load keeps what it acknowledged, once; `make faults` kills it 2,000 times."""

from pathlib import Path

from hard_life import Forked, live, stored

ROUNDS = 10


def test_what_was_acknowledged_is_there_once_however_often_the_receiver_is_killed(data: Path) -> None:
    receiver = Forked(data)

    oracle = live(receiver, ROUNDS, seed=1)

    found = stored(data)
    assert set(oracle.answers) == {200}
    assert len(oracle.acknowledged) > ROUNDS
    assert oracle.acknowledged <= found.keys() <= oracle.sent
    assert set(found.values()) == {1}


def test_control_a_receiver_that_answers_before_it_commits_is_found_out(data: Path) -> None:
    oracle = live(Forked(data, "early"), ROUNDS, seed=2)

    assert oracle.acknowledged - stored(data).keys()


def test_control_a_receiver_that_forgets_its_batches_is_found_out(data: Path) -> None:
    live(Forked(data, "forgetful"), ROUNDS, seed=3)

    assert max(stored(data).values()) > 1
