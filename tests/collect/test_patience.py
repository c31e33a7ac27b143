"""Patience: a question that hangs costs one short wait and one thread, and its late answer is no loss."""

import threading
import time

import pytest

from appliance.collect.patience import Patience


def until_answered(patience: "Patience[int]") -> None:
    with patience.changed:
        assert patience.changed.wait_for(lambda: not patience.asking, 10)


def test_an_answer_that_comes_at_once_is_given() -> None:
    answers = iter([1, 2])
    patience = Patience(lambda: next(answers), 10)

    assert [patience.ask(), patience.ask()] == [1, 2]

    patience.end()


def test_an_error_is_that_of_the_question_and_no_end() -> None:
    answers = iter([OSError(5, "Input/output error"), 7])

    def question() -> int:
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    patience = Patience(question, 10)
    with pytest.raises(OSError, match="Input/output error"):
        patience.ask()

    assert patience.ask() == 7

    patience.end()


def test_a_question_that_hangs_has_one_thread_and_comes_back() -> None:
    free, asked = threading.Event(), []

    def question() -> int:
        asked.append(threading.current_thread())
        free.wait()
        return len(asked)

    patience = Patience(question, 0.01)
    for reason in ("no answer within 0.01 s", "still no answer", "still no answer"):
        with pytest.raises(TimeoutError, match=reason):
            patience.ask()
    assert asked == [patience.thread]

    free.set()
    until_answered(patience)
    patience.wait_seconds = 10

    assert patience.ask() == 2
    patience.end()


def test_an_answer_that_came_late_is_given_while_it_is_young() -> None:
    free = threading.Event()
    answers = iter([1, 2])

    def question() -> int:
        answer = next(answers)
        if answer == 2:
            free.wait()
        return answer

    patience = Patience(question, 10)
    patience.ask()
    patience.wait_seconds = 0.01

    assert patience.ask() == 1
    patience.answered = time.monotonic() - 3
    with pytest.raises(TimeoutError):
        patience.ask()

    free.set()
    patience.end()
