"""The sampler: reads all probes, survives bad ones, ends when asked."""

import queue

import pytest

from kvdesk.errors import ProbeUnavailable
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample
from kvdesk.monitor.sampler import Sampler


class FakeHost:
    def __init__(self) -> None:
        self.pids: list[int | None] = []

    def read(self, pid: int | None) -> HostSample:
        self.pids.append(pid)
        return HostSample(total_bytes=100, available_bytes=50, process_bytes=pid)


class GoodProbe:
    is_closed = False

    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        return (DeviceSample("good", 0, "card"),)

    def close(self) -> None:
        self.is_closed = True


class BadProbe(GoodProbe):
    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        raise ProbeUnavailable("away")


class BrokenProbe(GoodProbe):
    def read(self, pid: int | None) -> tuple[DeviceSample, ...]:
        raise RuntimeError("nobody thought of this")


@pytest.fixture
def samples() -> "queue.SimpleQueue[Sample]":
    return queue.SimpleQueue()


@pytest.mark.parametrize("bad", [BadProbe, BrokenProbe])
def test_one_bad_probe_does_not_stop_the_others(samples, bad):
    good = GoodProbe()
    sampler = Sampler(samples.put, FakeHost, (bad, lambda: good), interval_s=0.001)
    sampler.start()
    for _ in range(3):
        assert [device.vendor for device in samples.get(timeout=10).devices] == ["good"]
    assert sampler.close(10)
    assert good.is_closed


def test_a_probe_that_cannot_be_made_is_left_out(samples):
    def broken() -> GoodProbe:
        raise RuntimeError("no library")

    sampler = Sampler(samples.put, FakeHost, (broken, GoodProbe), interval_s=0.001)
    sampler.start()
    assert [device.vendor for device in samples.get(timeout=10).devices] == ["good"]
    assert sampler.close(10)


def test_it_watches_the_process_it_is_told_to(samples):
    sampler = Sampler(samples.put, FakeHost, (), interval_s=0.001)
    sampler.start()
    assert samples.get(timeout=10).host.process_bytes is None
    sampler.watch(77)
    while samples.get(timeout=10).host.process_bytes != 77:
        pass
    assert sampler.close(10)


def test_time_rises(samples):
    sampler = Sampler(samples.put, FakeHost, (), interval_s=0.001)
    sampler.start()
    times = [samples.get(timeout=10).time_s for _ in range(5)]
    assert times == sorted(set(times))
    assert sampler.close(10)


def test_one_that_never_began_is_closed_at_once(samples):
    assert Sampler(samples.put, FakeHost, ()).close(0)
