"""Tells when a loaded model has become slow for want of memory, and offers the step that helps."""

from collections.abc import Sequence
from statistics import median

from kvdesk.memory.report import TOTAL_KINDS, Device, Kind, MemoryReport
from kvdesk.monitor.sample import DeviceSample, HostSample
from kvdesk.phrases import Phrase
from kvdesk.plan.remedy import smaller
from kvdesk.session import events
from kvdesk.session.alarm_state import Alarms
from kvdesk.session.parts import Parts
from kvdesk.session.state import Notice
from kvdesk.units import MIB, format_bytes

SPILL_BYTES = 256 * MIB  # readings of drivers are rounded and late
SPILL_SAMPLES = 4  # in a row: the first after a load are from before it
FEWEST_TOKENS = 32  # a shorter answer says little of the speed
KNEE = 0.5  # of the speed that there was
_NEAR = 2 / 3  # answers from this share of the depth on should have been hardly faster


def spilled_bytes(measured: MemoryReport, host: HostSample, readings: dict[str, DeviceSample]) -> int:
    """What was allocated on devices and, by their own readings or by Windows' count, does not lie there.

    Windows' drivers, and ROCm's with shared memory, put what does not fit into the host's memory without an
    error. Devices that share the host's memory have nothing to spill.
    """
    return max(_missing_bytes(measured, readings), _shared_bytes(measured, host))


def _shares_host(device: Device) -> bool:
    return device.kind == "cpu" or device.is_integrated or device.backend == "metal"


def _shared_bytes(measured: MemoryReport, host: HostSample) -> int:
    """What GPUs use of the host's memory by Windows' count, beyond what llama.cpp itself put there.

    Its buffers in the host's memory are pinned for the GPU (ggml_backend_dev_host_buffer_type) and counted
    with the rest; mapped weights are not.
    """
    own = {device.name for device in measured.devices if _shares_host(device)}
    meant = sum(
        item.bytes
        for item in measured.items
        if item.device in own and item.kind in TOTAL_KINDS and not item.is_reclaimable
    )
    beyond = (host.gpu_shared_bytes or 0) - meant
    return beyond if beyond >= SPILL_BYTES else 0


def _missing_bytes(measured: MemoryReport, readings: dict[str, DeviceSample]) -> int:
    spilled = 0
    for device in measured.devices:
        reading = readings.get(device.name)
        if reading is None or device.kind != "gpu" or _shares_host(device):
            continue
        there = reading.process_bytes if reading.process_bytes is not None else reading.used_bytes
        allocated = sum(
            item.bytes
            for item in measured.items
            if item.device == device.name and item.kind is not Kind.DEVICE_CONTEXT
        )
        if there is not None and allocated - there >= SPILL_BYTES:
            spilled += allocated - there
    return spilled


def fell_off(speeds: Sequence[tuple[int, float]], depth: int, now: float) -> float | None:
    """The speed that there was at such a depth, where the present one is less than half of it; else None."""
    before = [speed for at, speed in speeds if at >= depth * _NEAR]
    return median(before) if before and now < KNEE * median(before) else None


def loaded(parts: Parts) -> None:
    """A model was loaded: what was seen before is of another one."""
    parts.alarms = Alarms()


def sampled(parts: Parts, host: HostSample, readings: dict[str, DeviceSample]) -> None:
    """Look for memory that has spilled over."""
    measured, alarms = parts.state.measured, parts.alarms
    if measured is None or parts.state.engine.loaded is None:
        return
    spilled = spilled_bytes(measured, host, readings)
    alarms.spilling_samples = alarms.spilling_samples + 1 if spilled else 0
    if alarms.spilling_samples >= SPILL_SAMPLES:
        said = Phrase(
            "The graphics driver keeps {size} of the model in the host’s memory.", size=format_bytes(spilled)
        )
        why = Phrase("More memory is asked of a device than it has free, so each token waits for the host.")
        _tell(parts, said, why)


def answered(parts: Parts, depth: int, tokens: int, time_s: float) -> None:
    """Look whether an answer, `depth` tokens deep, was written much slower than those before it."""
    if tokens < FEWEST_TOKENS or time_s <= 0:
        return
    now, alarms = tokens / time_s, parts.alarms
    before = fell_off(alarms.speeds, depth, now)
    alarms.speeds.append((depth, now))
    if before is not None:
        said = Phrase(
            "Answers come at {now} tokens a second; at this depth it was {before}.",
            now=f"{now:.1f}",
            before=f"{before:.1f}",
        )
        why = Phrase("Something else may be using the device, or the memory no longer fits.")
        _tell(parts, said, why)


def _tell(parts: Parts, said: Phrase, why: Phrase) -> None:
    if parts.alarms.has_told or parts.last_load is None:
        return
    parts.alarms.has_told = True
    model, options = parts.last_load
    remedy = smaller(model.shape, options, parts.state.devices, parts.settings.reserve_bytes)
    parts.take(events.NoticeChanged(Notice(said, why, remedy=remedy)))
