"""Memory that spills over and a speed that breaks down are told once, with the step that helps."""

from types import SimpleNamespace
from typing import Any

import pytest

from kvdesk.memory.report import Device, Item, Kind, MemoryReport
from kvdesk.monitor.sample import DeviceSample, HostSample
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resource_path
from kvdesk.session import alarms
from kvdesk.session.alarm_state import Alarms
from kvdesk.session.arithmetic import open_source
from kvdesk.settings.rows import Settings
from kvdesk.units import GIB, MIB

GPU = Device("CUDA0", "gpu", "cuda", 8 * GIB, 7 * GIB, "a GPU")
HOST = Device("CPU", "cpu", "cpu", 32 * GIB, 20 * GIB, "a CPU")


def report(device: Device = GPU, size: int = 6 * GIB) -> MemoryReport:
    context = Item(Kind.DEVICE_CONTEXT, device.name, GIB, "exact", "")
    return MemoryReport(
        "measurement", (Item(Kind.WEIGHTS, device.name, size, "exact", ""), context), (device, HOST), 0.0
    )


def reading(**values: Any) -> dict[str, DeviceSample]:
    return {"CUDA0": DeviceSample("nvidia", 0, "a GPU", **values)}


def test_what_is_not_on_the_device_has_spilled() -> None:
    def spilled(readings: dict[str, DeviceSample], device: Device = GPU) -> int:
        return alarms.spilled_bytes(report(device), HostSample(), readings)

    assert spilled(reading(process_bytes=4 * GIB)) == 2 * GIB
    assert spilled(reading(used_bytes=5 * GIB)) == GIB
    assert spilled(reading(process_bytes=6 * GIB - 100 * MIB)) == 0
    assert spilled(reading(process_bytes=7 * GIB)) == 0
    assert spilled(reading()) == 0
    assert spilled({}) == 0
    metal = Device("CUDA0", "gpu", "metal", 8 * GIB, 7 * GIB, "a shared one")
    assert spilled(reading(process_bytes=0), metal) == 0
    integrated = Device("CUDA0", "gpu", "vulkan", 8 * GIB, 7 * GIB, "a shared one", is_integrated=True)
    assert spilled(reading(process_bytes=0), integrated) == 0


def test_what_windows_counts_beyond_llama_cpp_s_own_host_buffers_has_spilled() -> None:
    pinned = Item(Kind.COMPUTE, "CPU", GIB, "exact", "")
    mapped = Item(Kind.WEIGHTS, "CPU", 5 * GIB, "exact", "", is_reclaimable=True)
    loaded = report()
    loaded = MemoryReport("measurement", (*loaded.items, pinned, mapped), loaded.devices)

    def spilled(shared: int | None, of: MemoryReport = loaded) -> int:
        return alarms.spilled_bytes(of, HostSample(gpu_shared_bytes=shared), reading(process_bytes=7 * GIB))

    assert spilled(None) == 0
    assert spilled(GIB + 100 * MIB) == 0
    assert spilled(3 * GIB) == 2 * GIB
    integrated = Device("CUDA0", "gpu", "vulkan", 8 * GIB, 7 * GIB, "a shared one", is_integrated=True)
    assert spilled(6 * GIB + 100 * MIB, report(integrated)) == 0  # all of it belongs there
    both = alarms.spilled_bytes(loaded, HostSample(gpu_shared_bytes=3 * GIB), reading(process_bytes=5 * GIB))
    assert both == 2 * GIB  # the same bytes, seen from both sides


def test_a_knee_is_less_than_half_at_a_like_depth() -> None:
    speeds = [(1000, 40.0), (9000, 30.0), (10000, 32.0)]
    assert alarms.fell_off(speeds, 11000, 10.0) == 31.0
    assert alarms.fell_off(speeds, 11000, 16.0) is None
    assert alarms.fell_off(speeds, 40000, 5.0) is None  # nothing was so deep: it may be only that
    assert alarms.fell_off([], 10, 1.0) is None


@pytest.fixture
def parts() -> Any:
    told: list[Any] = []
    model = open_source(str(resource_path("demo/demo.f16.gguf")))
    return SimpleNamespace(
        alarms=Alarms(),
        state=SimpleNamespace(
            measured=report(), engine=SimpleNamespace(loaded=object()), devices=(GPU, HOST)
        ),
        settings=Settings(),
        last_load=(model, LoadOptions(ctx_size=4096)),
        take=told.append,
        told=told,
    )


def test_a_spill_that_stays_is_told_once_with_a_way_out(parts: Any) -> None:
    spilling = reading(process_bytes=4 * GIB)
    for _ in range(alarms.SPILL_SAMPLES - 1):
        alarms.sampled(parts, HostSample(), spilling)
    alarms.sampled(parts, HostSample(), reading(process_bytes=7 * GIB))
    for _ in range(alarms.SPILL_SAMPLES - 1):
        alarms.sampled(parts, HostSample(), spilling)
    assert parts.told == []
    for _ in range(5):
        alarms.sampled(parts, HostSample(), spilling)
    (event,) = parts.told
    assert "2,048 MiB" in event.notice.message
    assert event.notice.remedy is not None
    alarms.loaded(parts)
    assert parts.alarms == Alarms()


def test_windows_count_tells_the_same(parts: Any) -> None:
    for _ in range(alarms.SPILL_SAMPLES):
        assert parts.told == []
        alarms.sampled(parts, HostSample(gpu_shared_bytes=2 * GIB), reading(used_bytes=8 * GIB))
    (event,) = parts.told
    assert "2,048 MiB" in event.notice.message
    assert event.notice.remedy is not None


def test_a_break_of_the_speed_is_told(parts: Any) -> None:
    for depth in (100, 200, 300):
        alarms.answered(parts, depth, 100, 2.0)
    alarms.answered(parts, 320, 8, 8.0)  # too short to mean anything
    assert parts.told == []
    alarms.answered(parts, 350, 100, 10.0)
    (event,) = parts.told
    assert "10.0 tokens a second" in event.notice.message
    assert "50.0" in event.notice.message
    assert event.notice.remedy is not None
