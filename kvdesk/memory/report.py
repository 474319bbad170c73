"""What a model takes, item by item: the one structure behind estimate, plan and measurement."""

from enum import StrEnum
from typing import Literal

import msgspec

from kvdesk.phrases import Phrase

Degree = Literal["estimate", "plan", "measurement"]
Exactness = Literal["exact", "formula", "table"]
DeviceKind = Literal["gpu", "cpu", "rpc"]


class Kind(StrEnum):
    """What a piece of memory is for. The first six are the columns of every table of totals."""

    WEIGHTS = "weights"
    K = "k"
    V = "v"
    RECURRENT = "recurrent"
    COMPUTE = "compute"
    OUTPUT = "output"
    # Beyond llama.cpp's own buffers; not part of `total_bytes`, but part of what must fit.
    WORK_BUFFER = "work_buffer"
    VOCABULARY = "vocabulary"
    PROCESS = "process"
    DEVICE_CONTEXT = "device_context"
    MARGIN = "margin"


TOTAL_KINDS = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.COMPUTE, Kind.OUTPUT)


class Margin(msgspec.Struct, frozen=True):
    """What the last `loads` loads on a device were measured to take beyond their plans, at most."""

    bytes: int
    loads: int


class Device(msgspec.Struct, frozen=True):
    """A place where memory is: a GPU, an RPC device or the host.

    `name` is llama.cpp's ("CUDA0", "Metal", "RPC0[127.0.0.1:50052]", "CPU") or, for a GPU that is not here,
    the one the user gave. `backend` is ggml's registry name in lower case ("cuda", "metal", "vulkan", "rpc",
    "cpu"). The host is always the last device of a list and is named "CPU". `driver` is the driver's version
    where the vendor's library tells it; `margin` is None where nothing was measured yet. `pci_bus_id` is
    "0000:01:00.0" where ggml tells it. An integrated GPU has no memory but the host's.
    """

    name: str
    kind: DeviceKind
    backend: str
    total_bytes: int | None = None
    free_bytes: int | None = None
    description: str = ""
    driver: str = ""
    margin: Margin | None = None
    pci_bus_id: str = ""
    is_integrated: bool = False


HOST = Device("CPU", "cpu", "cpu")


class Item(msgspec.Struct, frozen=True):
    """One piece of memory on one device. `why` says in a phrase what it is, with the figures behind it.

    `is_reclaimable` marks pages of a mapped file: the system may drop them and read them again.
    """

    kind: Kind
    device: str
    bytes: int
    exactness: Exactness
    why: Phrase
    is_reclaimable: bool = False


class MemoryReport(msgspec.Struct, frozen=True):
    """All items of one model under one set of options, by one degree of truth."""

    degree: Degree
    items: tuple[Item, ...]
    devices: tuple[Device, ...]
    elapsed_ms: float = 0.0

    def bytes_of(self, kind: Kind | None = None, device: str | None = None) -> int:
        """Sum the items of a kind (None: the six total kinds) on a device (None: all)."""
        return sum(
            item.bytes
            for item in self.items
            if (item.kind == kind if kind else item.kind in TOTAL_KINDS)
            and (device is None or item.device == device)
        )

    def needed_bytes(self, device: str) -> int:
        """Everything that must fit on a device: the six total kinds and what lies beyond them."""
        return sum(item.bytes for item in self.items if item.device == device)

    def fits(self, device: Device) -> bool | None:
        """Whether the device's free memory holds it; None when its free memory is not known."""
        if device.free_bytes is None:
            return None
        return self.needed_bytes(device.name) <= device.free_bytes


def completed(plan: MemoryReport, estimated: MemoryReport) -> MemoryReport:
    """llama.cpp's plan with what it leaves out: what lies beyond its buffers, and the host's free memory.

    For ggml all of the host's memory is always free.
    """
    beyond = [item for item in estimated.items if item.kind not in TOTAL_KINDS]
    own = [item for item in plan.items if item.kind in TOTAL_KINDS]
    hosts = [device for device in estimated.devices if device.kind == "cpu"]
    others = [device for device in plan.devices if device.kind != "cpu"]
    return msgspec.structs.replace(plan, items=(*own, *beyond), devices=(*others, *hosts))


class Refusal(msgspec.Struct, frozen=True):
    """A configuration that llama.cpp refuses (or, with `is_warning`, regrets): which option, why, the fix."""

    option: str
    message: Phrase
    hint: Phrase
    is_warning: bool = False
