"""Writes the live graph's history as a table in CSV, for a spreadsheet."""

import csv
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.monitor.sample import Throttle
from kvdesk.session.history import FIXED, Column, Columns, Mark

Say = Callable[[float], str]


def export_csv(columns: Columns, marks: tuple[Mark, ...], path: Path, now_s: float, now: datetime) -> None:
    """Write a row for each sample, with what happened since the one before as its last cell.

    `now_s` is the monotonic clock's time at `now`. Missing readings are empty. Raises StoreError.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    named = list(_named(columns))
    writer.writerow(["time", *(name for name, _, _ in named), "marks"])
    happened = list(marks)
    for row, time_s in enumerate(columns.time_s):
        told = []
        while happened and happened[0].time_s <= time_s:
            told.append(str(happened.pop(0).text))
        moment = now - timedelta(seconds=now_s - float(time_s))
        figures = [say(values[row]) for _, values, say in named]
        writer.writerow([moment.isoformat(timespec="milliseconds"), *figures, "; ".join(told)])
    try:
        replace_file(path, text.getvalue().encode())
    except OSError as error:
        raise StoreError(
            "The history could not be written to {path}: {reason}.",
            "Choose another folder, or make room on the disk.",
            path=str(path),
            reason=error.strerror or str(error),
        ) from error


def _named(columns: Columns) -> Iterator[tuple[str, Column, Say]]:
    for quantity in (field.name for field in fields(columns) if field.name.startswith("device_")):
        for device, values in getattr(columns, quantity).items():
            say = _throttle if quantity == "device_throttle" else _figure
            yield f"{device} {quantity.removeprefix('device_')}", values, say
    for quantity in FIXED[1:]:  # after the time
        yield quantity, getattr(columns, quantity), _figure


def _figure(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(round(value)) if value == round(value) else f"{value:.2f}"


def _throttle(value: float) -> str:
    if math.isnan(value):
        return ""
    return ", ".join(Throttle(int(value)).reasons()) or "none"
