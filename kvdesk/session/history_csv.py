"""Writes the live graph's history as a table in CSV, for a spreadsheet."""

import csv
import io
import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from kvdesk.durable import replace_file
from kvdesk.errors import StoreError
from kvdesk.session.history import Column, Columns, Mark


def export_csv(columns: Columns, marks: tuple[Mark, ...], path: Path, now_s: float, now: datetime) -> None:
    """Write a row for each sample, with what happened since the one before as its last cell.

    `now_s` is the monotonic clock's time at `now`. Missing readings are empty. Raises StoreError.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    named = list(_named(columns))
    writer.writerow(["time", *(name for name, _ in named), "marks"])
    happened = list(marks)
    for row, time_s in enumerate(columns.time_s):
        told = []
        while happened and happened[0].time_s <= time_s:
            told.append(str(happened.pop(0).text))
        moment = now - timedelta(seconds=now_s - float(time_s))
        figures = [_figure(values[row]) for _, values in named]
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


def _named(columns: Columns) -> Iterator[tuple[str, Column]]:
    for quantity in ("device_bytes", "device_process_bytes", "device_power_w", "device_temperature_c"):
        for device, values in getattr(columns, quantity).items():
            yield f"{device} {quantity.removeprefix('device_')}", values
    for quantity in ("process_bytes", "cells_used", "prefill_tokens_per_s", "decode_tokens_per_s"):
        yield quantity, getattr(columns, quantity)


def _figure(value: float) -> str:
    if math.isnan(value):
        return ""
    return str(round(value)) if value == round(value) else f"{value:.2f}"
