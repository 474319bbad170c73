"""The history as a file for a spreadsheet."""

import csv
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kvdesk.errors import StoreError
from kvdesk.monitor.sample import DeviceSample, Throttle
from kvdesk.session.history import History
from kvdesk.session.history_csv import export_csv
from kvdesk.session.state import DeskState
from tests.session.fakes import sample

NOW = datetime(2026, 11, 20, 12, 0, 10, tzinfo=UTC)


@pytest.fixture
def history() -> History:
    held = History(8)
    held.mark(99.6, "load", "demo loaded")
    reading = DeviceSample("nvidia", 0, "RTX", used_bytes=5, process_bytes=3, power_w=61.25)
    slowed = replace(reading, throttle=Throttle.POWER | Throttle.HEAT, gpu_clock_mhz=1950)
    held.add(sample(99.5, process_bytes=7), DeskState(), {})
    held.add(sample(100.0, process_bytes=8), DeskState(), {"CUDA0": slowed, "CUDA1": reading})
    held.add(sample(100.5), DeskState(), {"CUDA0": replace(slowed, throttle=Throttle(0))})
    return held


def test_a_row_for_each_sample_with_its_time_and_marks(history: History, tmp_path: Path):
    path = tmp_path / "history.csv"
    export_csv(history.columns(), history.marks, path, 100.0, NOW)
    first, second, third = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    assert first["time"] == "2026-11-20T12:00:09.500+00:00"
    assert first["CUDA0 bytes"] == ""
    assert first["process_bytes"] == "7"
    assert (first["marks"], second["marks"]) == ("", "demo loaded")
    assert (second["CUDA0 bytes"], second["CUDA0 process_bytes"]) == ("5", "3")
    assert second["CUDA0 power_w"] == "61.25"
    assert second["CUDA0 temperature_c"] == ""
    assert second["CUDA0 gpu_clock_mhz"] == "1950"
    throttles = [row["CUDA0 throttle"] for row in (first, second, third)]
    assert throttles == ["", "power limit, too hot", "none"]
    assert second["CUDA1 throttle"] == ""


def test_a_copy_does_not_change_with_the_next_rows(history: History):
    copied = history.columns()
    history.add(sample(101.0), DeskState(), {})
    assert len(copied.time_s) == 3
    copied.process_bytes[0] = 1
    assert history.columns().process_bytes[0] == 7


def test_a_folder_that_is_not_there_is_told(history: History, tmp_path: Path):
    with pytest.raises(StoreError, match="could not be written"):
        export_csv(history.columns(), (), tmp_path / "no" / "h.csv", 100.0, NOW)
