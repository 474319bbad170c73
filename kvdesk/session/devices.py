"""Joins llama.cpp's list of devices with what the vendors' libraries read from them now."""

import msgspec

from kvdesk.memory.report import HOST, Device, Item, Kind, MemoryReport
from kvdesk.monitor.sample import DeviceSample, HostSample, Sample
from kvdesk.phrases import Phrase

_VENDORS = {"cuda": "nvidia", "hip": "amd", "rocm": "amd", "metal": "apple"}
_PINNED = (Kind.WEIGHTS, Kind.COMPUTE, Kind.OUTPUT)
_DRIVERS_SHARE = Phrase(
    "held by the engine beyond all buffers, by the driver's own count: its context, kernels"
)


def match(listed: tuple[Device, ...], sample: Sample) -> dict[str, DeviceSample]:
    """Return the reading of each device that has one, by llama.cpp's name.

    The PCI address says which is which. Where a backend does not tell it: ggml lists CUDA devices fastest
    first, NVML in PCI order; the model's name tells them apart, and among equal ones both keep PCI order.
    """
    left = list(sample.devices)
    found: dict[str, DeviceSample] = {}
    for device in listed:
        reading = next((r for r in left if _is_same(device, r)), None)
        if device.kind == "gpu" and reading is not None:
            found[device.name] = reading
            left.remove(reading)
    return found


def merge(listed: tuple[Device, ...], sample: Sample, measured: MemoryReport | None) -> tuple[Device, ...]:
    """Return the devices, the host last, with the memory that a load could have now.

    What our own engine holds counts as free, because the next load replaces it. A device without a reading
    keeps what llama.cpp said of it.
    """
    readings = match(listed, sample)
    devices = [
        _with_reading(device, readings.get(device.name), measured)
        for device in listed
        if device.kind != "cpu"
    ]
    host = next((device for device in listed if device.kind == "cpu"), HOST)
    return (*devices, _with_host(host, sample.host))


def with_drivers_share(measured: MemoryReport, listed: tuple[Device, ...], sample: Sample) -> MemoryReport:
    """Return what a load took, with all that the vendors' libraries say our engine holds beyond its buffers.

    The engine itself cannot see the driver's context: asking for a GPU's free memory already makes one.
    """
    beyond: dict[str, Item] = {}
    by_name = {device.name: device for device in listed}
    for name, reading in match(listed, sample).items():
        rest = (engine_bytes(by_name[name], reading, measured) or 0) - measured.bytes_of(device=name)
        if rest > 0:  # less is a reading from before the load
            beyond[name] = Item(Kind.DEVICE_CONTEXT, name, rest, "exact", _DRIVERS_SHARE)
    items = [
        item for item in measured.items if item.kind is not Kind.DEVICE_CONTEXT or item.device not in beyond
    ]
    return msgspec.structs.replace(measured, items=(*items, *beyond.values()))


def engine_bytes(device: Device, reading: DeviceSample, measured: MemoryReport) -> int | None:
    """What our engine holds on a GPU, by the driver's count; None where it does not tell.

    For a GPU within the processor amdgpu also counts what llama.cpp put into the host's memory and pinned for
    it (ggml_backend_dev_host_buffer_type). That is on the host's side of the report.
    """
    held = reading.process_bytes
    if held is None or reading.vendor != "amd" or not device.is_integrated:
        return held
    hosts = {other.name for other in (HOST, *measured.devices) if other.kind == "cpu"}
    pinned = sum(
        item.bytes
        for item in measured.items
        if item.device in hosts and item.kind in _PINNED and not item.is_reclaimable
    )
    return max(0, held - pinned)


def with_drivers(listed: tuple[Device, ...], sample: Sample) -> tuple[Device, ...]:
    """Return the devices with the versions of their drivers, as far as a vendor's library tells them."""
    drivers = {name: reading.driver for name, reading in match(listed, sample).items()}
    return tuple(
        msgspec.structs.replace(device, driver=drivers.get(device.name, device.driver)) for device in listed
    )


def _is_same(device: Device, reading: DeviceSample) -> bool:
    if device.pci_bus_id and reading.pci_bus_id:
        return _address(device.pci_bus_id) == _address(reading.pci_bus_id)
    return _is_vendor(device, reading) and bool(reading.name) and reading.name in device.description


def _address(pci_bus_id: str) -> str:
    """NVML writes the domain with eight digits, ggml and Linux with four."""
    domain, _, place = pci_bus_id.lower().partition(":")
    return f"{domain[-4:]}:{place}"


def _is_vendor(device: Device, reading: DeviceSample) -> bool:
    vendor = _VENDORS.get(device.backend)
    return vendor is None or vendor == reading.vendor  # Vulkan and SYCL drive devices of several vendors


def _with_reading(device: Device, reading: DeviceSample | None, measured: MemoryReport | None) -> Device:
    if reading is None:
        return device
    device = msgspec.structs.replace(device, driver=reading.driver)
    if reading.free_bytes is None or device.is_integrated:
        return device  # how much of the host's memory an integrated GPU can have, ggml says
    own = reading.process_bytes
    if own is None:
        own = measured.needed_bytes(device.name) if measured else 0
    total = reading.total_bytes if reading.total_bytes is not None else device.total_bytes
    return msgspec.structs.replace(device, free_bytes=reading.free_bytes + own, total_bytes=total)


def _with_host(host: Device, reading: HostSample) -> Device:
    if reading.available_bytes is None:
        return host
    # Mapped weights are page cache, which the system already counts as available.
    free = reading.available_bytes + (reading.process_private_bytes or 0)
    return msgspec.structs.replace(host, free_bytes=free, total_bytes=reading.total_bytes)
