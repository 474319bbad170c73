"""The thread of jobs: order, the newest of a key, errors, the end."""

import threading

import pytest

from kvdesk.session.background import Background


class Bench:
    """A background thread that is held up until the test lets it go."""

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.done: list[object] = []
        self.gate = threading.Event()
        self.thread = Background("test", self.errors.append)
        self.thread.submit(self.gate.wait)

    def job(self, name: object, key: str = "") -> None:
        self.thread.submit(lambda: self.done.append(name), key)

    def finish(self) -> list[object]:
        self.gate.set()
        assert self.thread.close(10)
        return self.done


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_jobs_are_done_in_order(bench: Bench):
    for number in range(20):
        bench.job(number)
    assert bench.finish() == list(range(20))


def test_only_the_newest_of_a_key_is_done_in_the_first_ones_place(bench: Bench):
    bench.job("estimate 1", "estimate")
    bench.job("fits 1", "fits")
    bench.job("estimate 2", "estimate")
    bench.job("plain")
    bench.job("estimate 3", "estimate")
    assert bench.finish() == ["estimate 3", "fits 1", "plain"]


def test_a_dropped_key_is_not_done(bench: Bench):
    bench.job("kept")
    bench.job("dropped", "key")
    bench.thread.drop("key")
    assert bench.finish() == ["kept"]


def test_a_failing_job_is_reported_and_the_next_is_done(bench: Bench):
    bench.thread.submit(lambda: 1 / 0)
    bench.job("after")
    assert bench.finish() == ["after"]
    assert [type(error) for error in bench.errors] == [ZeroDivisionError]


def test_after_the_end_nothing_is_taken(bench: Bench):
    bench.finish()
    bench.job("late")
    assert bench.done == []


def test_a_job_that_lasts_is_not_waited_for_forever(bench: Bench):
    assert not bench.thread.close(0.01)
    bench.gate.set()
    assert bench.thread.close(10)
