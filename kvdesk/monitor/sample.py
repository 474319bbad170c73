"""What the probes read, with units in the names; a counter that cannot be read is None, never 0."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeviceSample:
    """One GPU at one moment, by its vendor's own library.

    `index` is the vendor's, in PCI order; `process_bytes` is what the watched process holds on it.
    `driver` is the driver's version.
    `throttle_reasons` are English phrases, empty when it runs freely, None when that cannot be read.
    """

    vendor: str
    index: int
    name: str
    pci_bus_id: str = ""
    total_bytes: int | None = None
    free_bytes: int | None = None
    used_bytes: int | None = None
    process_bytes: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    gpu_clock_mhz: int | None = None
    memory_clock_mhz: int | None = None
    utilisation_percent: float | None = None
    throttle_reasons: tuple[str, ...] | None = None
    driver: str = ""


@dataclass(frozen=True, slots=True)
class HostSample:
    """The host's memory and the watched process. `process_private_bytes` leaves mapped files out.

    `process_cpu_percent` is 100 for each core kept busy.
    """

    total_bytes: int | None = None
    available_bytes: int | None = None
    process_bytes: int | None = None
    process_private_bytes: int | None = None
    process_cpu_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of all probes. `time_s` is of the monotonic clock."""

    time_s: float
    host: HostSample
    devices: tuple[DeviceSample, ...] = ()
