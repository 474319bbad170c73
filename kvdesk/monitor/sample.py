"""What the probes read, with units in the names; a counter that cannot be read is None, never 0."""

from dataclasses import dataclass
from enum import IntFlag

from kvdesk.phrases import Phrase


class Throttle(IntFlag):
    """What holds a GPU's clocks down; 0 when it runs freely."""

    POWER = 1
    HEAT = 2
    CURRENT = 4
    HARDWARE = 8

    def reasons(self) -> tuple[Phrase, ...]:
        """Each reason in words."""
        return tuple(words for reason, words in _REASONS if reason in self)


_REASONS = (
    (Throttle.POWER, Phrase("power limit")),
    (Throttle.HEAT, Phrase("too hot")),
    (Throttle.CURRENT, Phrase("current limit")),
    (Throttle.HARDWARE, Phrase("slowed down by the hardware")),
)


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """Another process that holds memory of a GPU."""

    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class DeviceSample:
    """One GPU at one moment, by its vendor's own library.

    `index` is the vendor's, in PCI order; `process_bytes` is what the watched process holds on it. The
    memory of a GPU within a processor of AMD's is its corner of the host's and all the rest that it reaches.
    `driver` is the driver's version.
    `neighbours` are the other processes on it, the largest first, as far as the driver tells.
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
    throttle: Throttle | None = None
    neighbours: tuple[ProcessUse, ...] = ()
    driver: str = ""


@dataclass(frozen=True, slots=True)
class HostSample:
    """The host's memory and the watched process. `process_private_bytes` leaves mapped files out.

    `process_cpu_percent` is 100 for each core kept busy. `gpu_shared_bytes` is what the process's GPUs use of
    the host's memory, which Windows alone counts.
    """

    total_bytes: int | None = None
    available_bytes: int | None = None
    process_bytes: int | None = None
    process_private_bytes: int | None = None
    process_cpu_percent: float | None = None
    gpu_shared_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of all probes. `time_s` is of the monotonic clock."""

    time_s: float
    host: HostSample
    devices: tuple[DeviceSample, ...] = ()
