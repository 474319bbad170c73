"""The graph's columns: bounded, contiguous, missing readings as NaN."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kvdesk.engine.protocol import CacheReport
from kvdesk.monitor.sample import DeviceSample
from kvdesk.plan.options import LoadOptions
from kvdesk.session.history import History
from kvdesk.session.state import DeskState, EngineState, LoadedModel, Phase, Streaming
from tests.session.fakes import sample


def gpu(used_bytes: int | None, **readings: float) -> DeviceSample:
    return DeviceSample("nvidia", 0, "RTX", used_bytes=used_bytes, **readings)


LOADED = LoadedModel("/m.gguf", LoadOptions(), 4096, True, True, 0.1)


@given(st.integers(1, 7), st.integers(0, 40))
def test_the_newest_rows_are_kept_in_order(capacity: int, rows: int):
    history = History(capacity)
    for row in range(rows):
        history.add(sample(float(row)), DeskState(), {})
    times = history.columns().time_s
    assert times.tolist() == [float(row) for row in range(max(0, rows - capacity), rows)]
    assert len(history) == len(times)


def test_missing_readings_are_nan_also_of_a_device_that_came_later():
    history = History(8)
    history.add(sample(0.0), DeskState(), {})
    history.add(sample(1.0, process_bytes=7), DeskState(), {"CUDA0": gpu(5), "CUDA1": gpu(None)})
    columns = history.columns()
    np.testing.assert_array_equal(columns.device_bytes["CUDA0"], [np.nan, 5])
    np.testing.assert_array_equal(columns.device_bytes["CUDA1"], [np.nan, np.nan])
    np.testing.assert_array_equal(columns.process_bytes, [np.nan, 7])
    np.testing.assert_array_equal(columns.cells_used, [np.nan, np.nan])


def test_a_device_is_known_by_its_power_and_temperature_too():
    history = History(8)
    history.add(sample(0.0), DeskState(), {"CUDA0": gpu(5, power_w=61.5, process_bytes=3)})
    columns = history.columns()
    np.testing.assert_array_equal(columns.device_power_w["CUDA0"], [61.5])
    np.testing.assert_array_equal(columns.device_process_bytes["CUDA0"], [3])
    np.testing.assert_array_equal(columns.device_temperature_c["CUDA0"], [np.nan])


def test_a_device_that_went_away_has_no_old_readings():
    history = History(2)
    history.add(sample(0.0), DeskState(), {"CUDA0": gpu(5)})
    for row in range(1, 6):
        history.add(sample(float(row)), DeskState(), {})
    np.testing.assert_array_equal(history.columns().device_bytes["CUDA0"], [np.nan, np.nan])


def test_speeds_belong_to_their_phase_and_cells_grow_while_it_runs():
    idle = EngineState(phase=Phase.READY, loaded=LOADED, tokens_per_s=9.0)
    reading = replace(
        idle, phase=Phase.PREFILL, tokens_per_s=400.0, prefill_done_tokens=512, prefill_total_tokens=700
    )
    writing = replace(reading, phase=Phase.DECODE, tokens_per_s=50.0, prefill_done_tokens=700)
    done = replace(idle, cache=CacheReport(cells_used=720, n_ctx=4096, k_bytes=1, v_bytes=1))
    history = History(8)
    for row, engine in enumerate((idle, reading, writing, done)):
        history.add(sample(float(row)), DeskState(engine=engine, streaming=Streaming(1, tokens=3)), {})
    columns = history.columns()
    np.testing.assert_array_equal(columns.prefill_tokens_per_s, [np.nan, 400, np.nan, np.nan])
    np.testing.assert_array_equal(columns.decode_tokens_per_s, [np.nan, np.nan, 50, np.nan])
    np.testing.assert_array_equal(columns.cells_used, [0, 515, 703, 720])


def test_marks_go_with_the_rows_they_stand_among():
    history = History(2)
    history.add(sample(0.0), DeskState(), {})
    history.mark(0.5, "load", "demo")
    for row in range(1, 4):
        history.add(sample(float(row)), DeskState(), {})
    history.mark(3.5, "turn", "")
    assert [(mark.kind, mark.text) for mark in history.marks] == [("turn", "")]
