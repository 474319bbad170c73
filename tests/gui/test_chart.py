"""The live graph and the numbers under it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import Lane, highest, latest, thinned
from kvdesk.gui.charts.memory_chart import MemoryChart
from tests.gui import fakes

VALUES = st.lists(st.one_of(st.floats(0, 1e9), st.just(float("nan"))), min_size=0, max_size=400)


@given(VALUES, st.integers(4, 60))
def test_thinning_keeps_extremes_ends_and_order(values: list[float], most: int) -> None:
    time_s, column = np.arange(len(values), dtype=float), np.array(values, dtype=float)
    x, y = thinned(time_s, column, most)
    assert len(x) == len(y)
    assert len(x) <= most + math.ceil(len(values) / (most // 2))
    assert (np.diff(x) >= 0).all()
    known = column[~np.isnan(column)]
    if len(known):
        assert np.nanmax(y) == known.max()
        assert np.nanmin(y) == known.min()
    if len(column):
        assert np.array_equal(y[-1], column[-1], equal_nan=True)


def test_few_rows_are_drawn_without_a_copy() -> None:
    values = np.arange(10.0)
    assert thinned(values, values, 100)[1] is values


def test_a_lane_keeps_what_is_missing_missing() -> None:
    heights = Lane(0.4, 1.0).heights(np.array([0.0, 50.0, 100.0, 200.0, np.nan]), 100)
    assert heights[:4] == pytest.approx([0.4, 0.7, 1.0, 1.0])
    assert np.isnan(heights[4])


def test_missing_readings_are_not_zero() -> None:
    assert latest(np.array([1.0, np.nan])) is None
    assert latest(np.array([])) is None
    assert highest(np.array([np.nan])) == 0


@pytest.fixture
def chart(qtbot: QtBot) -> MemoryChart:
    desk = fakes.FakeDesk(fakes.qwen_loaded())
    fakes.fill_history(desk.history, desk.state)
    widget = MemoryChart(desk.history)
    qtbot.addWidget(widget)
    widget.resize(340, 220)
    widget.show()
    widget.show_state(replace(desk.state, samples=300))
    return widget


def test_the_latest_values_are_told_in_words(chart: MemoryChart) -> None:
    words = chart.accessibleDescription()
    assert words.startswith("Memory 7,35")
    assert "Cells 26," in words
    assert "Writing 44" in words


def test_two_minutes_are_drawn_and_longer_on_request(chart: MemoryChart) -> None:
    x, _ = chart._curves["memory"].getData()
    assert x[-1] == 0
    assert -121 <= x[0] <= -120
    chart._choose_span(600)
    x, _ = chart._curves["memory"].getData()
    assert x[0] == pytest.approx(-149.5)
    assert chart.span_button.text() == "last 10 minutes"


def test_memory_lies_under_its_ceiling(chart: MemoryChart) -> None:
    _, y = chart._curves["memory"].getData()
    assert chart._ceiling.isVisible()
    assert np.nanmax(y) <= chart._ceiling.value()


def test_a_held_graph_stays(chart: MemoryChart) -> None:
    chart.pause_button.click()
    before = chart._curves["memory"].getData()[0].copy()
    desk = fakes.FakeDesk(fakes.qwen_loaded())
    fakes.fill_history(chart._history, desk.state, seconds=20, start_s=150)
    chart.redraw()
    assert chart._curves["memory"].getData()[0].tolist() == before.tolist()


def test_it_takes_the_theme_s_colours(chart: MemoryChart) -> None:
    theme.current().set_choice(theme.Choice.DARK)
    assert chart._curves["cells"].opts["pen"].color() == theme.colour("k")


def test_without_samples_there_are_dashes(qtbot: QtBot) -> None:
    widget = MemoryChart(fakes.FakeDesk().history)
    qtbot.addWidget(widget)
    widget.redraw()
    assert widget.legend.in_words() == "Memory –, Cells –, Reading –, Writing –"
