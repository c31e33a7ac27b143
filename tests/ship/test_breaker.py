"""The circuit breaker: held against a model of it, whatever happens in whatever order."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from appliance.ship.breaker import FAILURES, Breaker, State


class Calls(RuleBasedStateMachine):
    """A sender that asks before each batch, as the real one does: what it was told, and when it was last told."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(open_seconds=60)
        self.now = 0.0
        self.failures = 0
        self.failed_at = 0.0
        self.under_way = False

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        if self.under_way:
            return
        rested = self.now >= self.failed_at + 60

        may = self.breaker.may_send(self.now)

        assert may == (self.failures < FAILURES or rested)
        self.under_way = may

    @rule()
    def insist(self) -> None:
        if not self.under_way:
            self.breaker.probe()
            self.under_way = True

    @rule(worked=st.booleans())
    def answer(self, worked: bool) -> None:
        if not self.under_way:
            return
        self.under_way = False
        if worked:
            self.failures = 0
            self.breaker.succeeded()
        else:
            self.failures += 1
            self.failed_at = self.now
            self.breaker.failed(self.now)

    @invariant()
    def it_is_open_after_so_many_failures_in_a_row(self) -> None:
        closed = self.failures < FAILURES
        assert (self.breaker.state is State.CLOSED) == closed
        assert self.breaker.failures == self.failures

    @invariant()
    def half_open_is_one_batch_under_way(self) -> None:
        if self.breaker.state is State.HALF_OPEN:
            assert self.under_way
            assert not self.breaker.may_send(self.now)

    @invariant()
    def it_is_never_stuck(self) -> None:
        """Whatever state it is in, waiting long enough is enough."""
        if self.breaker.state is State.OPEN:
            assert self.breaker.until <= self.now + 60


TestCalls = Calls.TestCase


def test_it_counts_how_often_it_opened_and_not_how_often_it_stayed_so() -> None:
    breaker = Breaker(failures=2, open_seconds=10)
    for now in (0, 1):
        breaker.failed(now)
    assert breaker.may_send(11)
    breaker.failed(12)
    assert not breaker.may_send(21)

    assert (breaker.opened, breaker.state) == (1, State.OPEN)
    assert breaker.may_send(22)
    breaker.succeeded()
    assert (breaker.state, breaker.state.number) == (State.CLOSED, 0)
