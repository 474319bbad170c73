"""The ledger: a file with a line for each real load, so that later plans know what loads really take."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path

import msgspec

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.phrases import from_wire, to_wire
from kvdesk.plan.load_record import LoadRecord

MOST_LINES = 1000

_encoder = msgspec.json.Encoder(enc_hook=to_wire)
_decoder: msgspec.json.Decoder[LoadRecord] = msgspec.json.Decoder(LoadRecord, dec_hook=from_wire)


class Ledger:
    """A file of JSON lines, the oldest first. A line that cannot be read is skipped, and kept as it is.

    Beyond `most_lines` the oldest are dropped. Every method may block and raises StoreError.
    """

    def __init__(self, path: Path, most_lines: int = MOST_LINES) -> None:
        self._path = path
        self._most_lines = most_lines

    def read(self) -> tuple[LoadRecord, ...]:
        """All loads, each as it was written last; none where there is no file."""
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise _failed("The ledger of loads cannot be read: {reason}.", self._path, error) from error
        found: dict[str, LoadRecord] = {}
        for line in data.splitlines():
            try:
                record = _decoder.decode(line)
            except msgspec.DecodeError:
                continue  # torn by a power cut, or written by another version
            found[record.id] = record
        return tuple(found.values())

    def append(self, record: LoadRecord) -> None:
        """Write a load at the end; it is on the disk when this returns."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab+") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 1))
                is_torn = file.read(1) not in (b"", b"\n")
                file.write((b"\n" if is_torn else b"") + _encoder.encode(record) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._drop_oldest()
        except OSError as error:
            raise _failed("The load could not be written down: {reason}.", self._path, error) from error

    def clear(self) -> None:
        """Forget every load."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _failed("The ledger of loads cannot be cleared: {reason}.", self._path, error) from error

    def _drop_oldest(self) -> None:
        lines = self._path.read_bytes().splitlines(keepends=True)
        if len(lines) > self._most_lines:
            replace_file(self._path, b"".join(lines[-self._most_lines :]))


def export_csv(records: Iterable[LoadRecord], path: Path) -> None:
    """Write loads as a table for other programs. Raises StoreError."""
    try:
        replace_file(path, csv_text(records).encode("utf-8"))
    except OSError as error:
        raise _failed("The table could not be written: {reason}.", path, error) from error


_COLUMNS = (
    "date",
    "model",
    "architecture",
    "file_bytes",
    "header_hash",
    "ctx_size",
    "cache_type_k",
    "cache_type_v",
    "library",
    "program",
    "system",
    "process_bytes",
    "failure",
    "device",
    "description",
    "driver",
    "kind",
    "estimated_bytes",
    "planned_bytes",
    "measured_bytes",
    "difference_bytes",
)


def csv_text(records: Iterable[LoadRecord]) -> str:
    """Rows for each load: each device in all (kind “total”), then each kind of memory on it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for record in records:
        model, options = record.model, record.options
        load = (
            record.date.isoformat(timespec="seconds"),
            model.name,
            model.architecture,
            model.file_bytes,
            model.header_hash,
            options.ctx_size,
            options.cache_type_k,
            options.cache_type_v,
            record.library,
            record.program,
            record.system,
            record.process_bytes,
            record.failure.kind if record.failure else "",
        )
        for device in record.devices:
            place = (device.name, device.description, device.driver)
            sizes = (device.estimated_bytes, device.planned_bytes, device.measured_bytes)
            writer.writerow(map(_cell, (*load, *place, "total", *sizes, device.difference_bytes)))
            for each in record.buffers:
                if each.device == device.name:
                    degrees = (each.estimated_bytes, each.planned_bytes, each.measured_bytes)
                    writer.writerow(map(_cell, (*load, *place, each.kind.value, *degrees, "")))
    return text.getvalue()


def _cell(value: object) -> object:
    """A model's name is a stranger's text: a spreadsheet must not take it for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value


def _failed(message: str, path: Path, error: OSError) -> StoreError:
    return StoreError(
        message,
        "Check that {path} may be written and that the disk is not full.",
        reason=error.strerror or str(error),
        path=str(path),
    )
