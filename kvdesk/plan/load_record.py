"""What is written down of each real load: what was estimated, what llama.cpp planned, what it really took."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from kvdesk.memory.report import Device, Item, Kind, Margin, MemoryReport
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.proof import Proof

# What a driver takes for each model differs a little, so the largest of the last ten loads is expected.
MARGIN_LOADS = 10
# No part of what a load is to take: the process is there before it, the others are what is to be learned.
_BEYOND = (Kind.PROCESS, Kind.DEVICE_CONTEXT, Kind.MARGIN)


class ModelIdentity(msgspec.Struct, frozen=True):
    """A model, wherever its file lies; `header_hash` is of its metadata."""

    name: str
    architecture: str
    file_bytes: int
    header_hash: str


class Failure(msgspec.Struct, frozen=True):
    """Why a load failed: an error's class name or the cause of the process's end, and the message."""

    kind: str
    message: Phrase


class BufferAccount(msgspec.Struct, frozen=True):
    """One kind of memory on one device by each degree of truth, in bytes; None where a degree is silent."""

    kind: Kind
    device: str
    estimated_bytes: int | None
    planned_bytes: int | None
    measured_bytes: int | None


class DeviceAccount(msgspec.Struct, frozen=True):
    """One device: what it was expected to give, and what it gave, in bytes.

    Expected are llama.cpp's own buffers, on the host the vocabulary and work buffers too, but no pages of
    mapped files, which the system may drop. `measured_bytes` is what the load took by the vendor's library,
    with the driver's own share, and on the host what the process grew by; `difference_bytes` is that less the
    plan (less the loaded buffers where there was no plan). None is not known.
    """

    name: str
    description: str
    backend: str
    driver: str
    estimated_bytes: int | None
    planned_bytes: int | None
    measured_bytes: int | None
    difference_bytes: int | None


class DecodeAccount(msgspec.Struct, frozen=True):
    """How fast the first answer came, with `depth_tokens` in the cache on average, and what by the arithmetic
    each of its tokens read of each device, in bytes.
    """

    tokens_per_s: float
    depth_tokens: int
    read_bytes: dict[str, int]


Outcome = Literal["loaded", "failed", "cancelled", "died"]


class LoadRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One load. A later record with the same `id` takes the place of an earlier one.

    `options` are normalised as llama.cpp takes them, `library` is llama-cpp-python's version and `build`
    llama.cpp's system information. `process_bytes` is the engine's resident memory after the load, `command`
    the same launch for llama-server on one line, `took_s` the time to the end of the load. `death` is why the
    engine ended by itself with the model loaded.
    """

    id: str
    date: datetime
    model: ModelIdentity
    options: LoadOptions
    library: str
    build: str
    program: str
    system: str
    buffers: tuple[BufferAccount, ...] = ()
    devices: tuple[DeviceAccount, ...] = ()
    process_bytes: int | None = None
    failure: Failure | None = None
    decode: DecodeAccount | None = None
    proof: Proof | None = None  # of the last rehearsal
    command: str = ""
    took_s: float | None = None
    is_cancelled: bool = False
    death: Failure | None = None

    @property
    def outcome(self) -> Outcome:
        """What became of the load."""
        if self.failure is not None:
            return "failed"
        if self.is_cancelled:
            return "cancelled"
        return "loaded" if self.death is None else "died"

    @property
    def fault(self) -> Failure | None:
        """Why it failed, or why its engine ended."""
        return self.failure or self.death


class Degrees(msgspec.Struct, frozen=True):
    """The reports of one load; one that there is not is None."""

    estimated: MemoryReport | None
    planned: MemoryReport | None
    measured: MemoryReport | None = None


def buffer_accounts(degrees: Degrees) -> tuple[BufferAccount, ...]:
    """Every kind on every device that one of the reports names."""
    sums = [_sums(report) for report in (degrees.estimated, degrees.planned, degrees.measured)]
    keys = dict.fromkeys(key for each in sums if each is not None for key in each)
    return tuple(
        BufferAccount(kind, device, *(None if each is None else each.get((kind, device)) for each in sums))
        for kind, device in keys
    )


def device_accounts(
    degrees: Degrees, devices: Sequence[Device], taken: Mapping[str, int]
) -> tuple[DeviceAccount, ...]:
    """The devices that a load was to use; `taken` is what each gave, by name, in bytes."""
    found = []
    for device in devices:
        estimated, planned, measured = (
            _expected(report, device.name)
            for report in (degrees.estimated, degrees.planned, degrees.measured)
        )
        if not (estimated or planned or measured):
            continue
        before = planned if planned is not None else measured
        took = taken.get(device.name)
        difference = None if took is None or before is None else took - before
        found.append(
            DeviceAccount(
                device.name,
                device.description,
                device.backend,
                device.driver,
                estimated,
                planned,
                took,
                difference,
            )
        )
    return tuple(found)


MarginKey = tuple[str, str, str]


def margins_of(records: Iterable[LoadRecord], library: str) -> dict[MarginKey, Margin]:
    """What the next plan adds on each device and driver, under this version of llama-cpp-python.

    It is the largest difference of the last `MARGIN_LOADS` loads, and never less than nothing: buffers that
    are reserved and not touched yet can make a load smaller than its plan.
    """
    differences: dict[MarginKey, list[int]] = {}
    for record in records:
        for device in record.devices if record.library == library else ():
            if device.difference_bytes is not None:
                differences.setdefault(key_of(device), []).append(device.difference_bytes)
    latest = {key: found[-MARGIN_LOADS:] for key, found in differences.items()}
    return {key: Margin(max(0, *found), len(found)) for key, found in latest.items()}


def with_margins(devices: Iterable[Device], margins: Mapping[MarginKey, Margin]) -> tuple[Device, ...]:
    """The devices, each with its margin; every estimate on them then counts it."""
    return tuple(
        msgspec.structs.replace(device, margin=margins.get(key_of(device)))
        if margins or device.margin
        else device
        for device in devices
    )


def key_of(device: Device | DeviceAccount) -> MarginKey:
    """What a measurement belongs to: a product under a driver. This computer is one, whatever its CPU."""
    product = "" if device.backend == "cpu" else device.description or device.name
    return (device.backend, product, device.driver)


def proof_for(
    records: Iterable[LoadRecord],
    header_hash: str,
    options: LoadOptions,
    devices: Sequence[Device],
    library: str,
) -> Proof | None:
    """The latest proof of a model with these options, as llama.cpp normalises them, on these devices under
    their present drivers and this version of llama-cpp-python; another driver or version proves nothing.
    """
    here = {key_of(device) for device in devices}
    found: Proof | None = None
    for record in records:
        proof = record.proof
        if (
            proof is not None
            and record.library == library
            and record.model.header_hash == header_hash
            and proof.options == options
            and all(key_of(device) in here for device in record.devices)
            and (found is None or proof.date >= found.date)
        ):
            found = proof
    return found


def _sums(report: MemoryReport | None) -> dict[tuple[Kind, str], int] | None:
    if report is None:
        return None
    sums: dict[tuple[Kind, str], int] = {}
    for item in report.items:
        sums[item.kind, item.device] = sums.get((item.kind, item.device), 0) + item.bytes
    return sums


def _expected(report: MemoryReport | None, device: str) -> int | None:
    if report is None:
        return None
    return sum(item.bytes for item in report.items if item.device == device and _is_expected(item))


def _is_expected(item: Item) -> bool:
    return item.kind not in _BEYOND and not item.is_reclaimable
