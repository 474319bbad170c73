"""The rows of a file of measurements, one JSON object a line: what is written, and how it is read again."""

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from kvdesk.errors import OptionError
from kvdesk.memory.report import Device
from kvdesk.plan.load_record import BufferAccount
from kvdesk.plan.options import LoadOptions

Stage = Literal["nothing", "greeted", "listed", "loaded", "used"]


class Failure(msgspec.Struct, frozen=True):
    """An error's class name and its message with the hint, in English."""

    kind: str
    message: str


class DeviceReading(msgspec.Struct, frozen=True):
    """A device's memory in bytes; what cannot be read is None.

    `used_bytes` and `process_bytes` are the vendor's (NVML): everything in use there, and our engine's share;
    for an RPC device `process_bytes` is its server's own memory. `free_bytes` is what ggml says inside the
    engine (ggml_backend_dev_memory).
    """

    name: str
    used_bytes: int | None = None
    process_bytes: int | None = None
    free_bytes: int | None = None


class Reading(msgspec.Struct, frozen=True):
    """All devices at one stage of an engine's life.

    nothing: no engine yet; greeted: llama.cpp is loaded; listed: the devices have been asked for their
    memory, which makes the driver's context; loaded: the model is; used: a prompt of more than a ubatch and
    some tokens have been computed. `engine_bytes` is the engine's host memory, mapped files aside.
    """

    stage: Stage
    devices: tuple[DeviceReading, ...]
    engine_bytes: int | None = None

    def of(self, name: str) -> DeviceReading:
        """The reading of one device."""
        return next((each for each in self.devices if each.name == name), DeviceReading(name))


class _Row(msgspec.Struct, frozen=True, kw_only=True, tag_field="row"):
    date: datetime
    run: int  # of the machine's row above it


class MachineRow(_Row, frozen=True, tag="machine"):
    """Where and with what the rows after it were measured; each start of the command writes one.

    `device` is the accelerator's name, `cuda` the toolkit's version, `library` llama-cpp-python's, `build`
    llama.cpp's system information, `cpu` what decides about repacking (kvdesk.memory.cpu.Cpu).
    """

    accelerator: str
    device: str
    total_bytes: int | None
    driver: str
    cuda: str
    library: str
    build: str
    program: str
    python: str
    system: str
    cpu: str


class _Measurement(_Row, frozen=True, kw_only=True):
    key: str  # what was measured; a key that is there is not measured again
    elapsed_s: float
    failure: Failure | None = None  # why there is no more in the row


class DeviceContextRow(_Measurement, frozen=True, tag="device_context"):
    """A process that only initialises the device: nothing, greeted, listed."""

    readings: tuple[Reading, ...] = ()


class KernelsRow(_Measurement, frozen=True, tag="kernels"):
    """For each device the pairs ("q8_0/q8_0") whose attention it computes itself, of all 81."""

    model: str
    kind: str
    head_dims: tuple[tuple[int, int], ...] = ()
    supported: dict[str, tuple[str, ...]] = {}


class MemoryRow(_Measurement, frozen=True, tag="memory"):
    """One model under one set of options, by all degrees of truth.

    `options` are those that differ from the defaults. `devices` are those there were before, the host last.
    `needed_bytes` is what the estimate of then said must fit on each device. `refused` names the options our
    rules refuse; `refusal` is llama.cpp's own, in the dry run, and then nothing is loaded. `failure` is the
    load's, `turn_failure` that of the turn after it.
    """

    model: str
    kind: str
    options: dict[str, Any]
    cpu: str
    devices: tuple[Device, ...] = ()
    needed_bytes: dict[str, int] = {}
    buffers: tuple[BufferAccount, ...] = ()
    refused: tuple[str, ...] = ()
    refusal: Failure | None = None
    readings: tuple[Reading, ...] = ()
    turn_failure: Failure | None = None
    notes: tuple[str, ...] = ()

    def reading(self, stage: Stage) -> Reading | None:
        """The reading at a stage; None when it did not come that far."""
        return next((each for each in self.readings if each.stage == stage), None)

    def taken_bytes(self, device: str, stage: Stage = "loaded") -> int | None:
        """What the device had more in use at a stage than before the engine; None where it was not read."""
        before, after = self.reading("nothing"), self.reading(stage)
        if before is None or after is None:
            return None
        was, now = before.of(device).used_bytes, after.of(device).used_bytes
        return None if was is None or now is None else now - was


class SpeedPoint(msgspec.Struct, frozen=True):
    """One turn: `read_tokens` evaluated on top of `reused_tokens`, then `written_tokens` after them."""

    reused_tokens: int
    read_tokens: int
    read_s: float
    written_tokens: int
    written_s: float

    @property
    def depth_tokens(self) -> int:
        """Tokens in the cache when writing began."""
        return self.reused_tokens + self.read_tokens

    @property
    def prefill_tokens_per_s(self) -> float | None:
        """Speed of reading the part that was new."""
        return self.read_tokens / self.read_s if self.read_s > 0 else None

    @property
    def decode_tokens_per_s(self) -> float | None:
        """Speed of writing; the first token comes out of the prompt's last evaluation."""
        return (self.written_tokens - 1) / self.written_s if self.written_tokens > 1 else None


class SpeedRow(_Measurement, frozen=True, tag="speed"):
    """Speed against depth, one engine and one load for all points."""

    model: str
    kind: str
    options: dict[str, Any]
    points: tuple[SpeedPoint, ...] = ()


Measurement = DeviceContextRow | KernelsRow | MemoryRow | SpeedRow
Row = MachineRow | DeviceContextRow | KernelsRow | MemoryRow | SpeedRow

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Row] = msgspec.json.Decoder(Row)


def read_rows(path: Path) -> list[Row]:
    """Every row of a file, none of a file that is not there; a last line cut short is left out.

    Raises OptionError for any other line that is no row.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    return list(_decoded(path, lines))


def _decoded(path: Path, lines: list[bytes]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError as error:
            if number == len(lines) and not line.endswith(b"\n"):
                return
            raise OptionError(
                "Line {number} of {path} is no row of measurements: {reason}",
                "Take the line out, or name another file.",
                number=number,
                path=path,
                reason=error,
            ) from error


def append_row(path: Path, row: Row) -> None:
    """Add a row and see it on the disk: a machine that is lent may be gone the next moment."""
    with open(path, "ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":  # the last line was cut short
                whole = path.read_bytes().rpartition(b"\n")
                file.truncate(len(whole[0]) + len(whole[1]))
        file.write(_encoder.encode(row) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def measured_keys(rows: Iterable[Row]) -> set[str]:
    """What need not be measured again."""
    return {row.key for row in rows if not isinstance(row, MachineRow)}


def changed_options(options: LoadOptions) -> dict[str, Any]:
    """The options that differ from their defaults."""
    default = msgspec.structs.asdict(LoadOptions())
    return {name: value for name, value in msgspec.structs.asdict(options).items() if value != default[name]}


def options_of(row: MemoryRow | SpeedRow) -> LoadOptions:
    """The options of a row, complete."""
    return msgspec.convert(row.options, LoadOptions)
