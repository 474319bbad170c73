"""The live graph and the numbers under it."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.charts.lanes import Lane, highest, latest, line, shown_rows
from kvdesk.gui.charts.live_plot import Curve
from kvdesk.gui.charts.memory_chart import MemoryChart
from kvdesk.gui.charts.thinning import thinned
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


@given(VALUES, st.integers(4, 60))
def test_the_rows_that_show_have_the_extremes_the_gaps_and_the_end(values: list[float], most: int) -> None:
    rows = shown_rows(values, most)
    assert list(rows) == sorted(set(rows))
    assert len(rows) <= most * 1.5 + 2
    shown = [values[row] for row in rows]
    assert highest(shown) == highest(values)
    known = [value for value in values if not math.isnan(value)]
    assert min((value for value in shown if not math.isnan(value)), default=None) == min(known, default=None)
    assert any(map(math.isnan, shown)) == any(map(math.isnan, values))
    if values:
        assert rows[-1] == len(values) - 1


def test_a_line_is_broken_where_a_reading_is_missing() -> None:
    values = [0.0, 50.0, math.nan, math.nan, 100.0, 200.0]
    pieces = line([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], values, 100, Lane(0.4, 1.0), 100)
    assert [[place for place, _ in piece] for piece in pieces] == [[0.0, 0.2], [0.8, 1.0]]
    assert [height for piece in pieces for _, height in piece] == pytest.approx([0.4, 0.7, 1.0, 1.0])
    assert line([0.0], [math.nan], 1, Lane(0, 1), 100) == ()


def test_missing_readings_are_not_zero() -> None:
    assert latest([1.0, math.nan]) is None
    assert latest([]) is None
    assert highest([math.nan]) == 0


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


def test_it_says_when_the_context_will_be_full(chart: MemoryChart) -> None:
    state = fakes.qwen_loaded()
    assert state.chat is not None
    answer = next(message for message in state.chat.messages if message.figures)

    def show(*held: int) -> str:
        figures = (
            replace(answer.figures, prompt_tokens=tokens - 10, completion_tokens=10) for tokens in held
        )
        messages = tuple(replace(answer, figures=each) for each in figures)
        chart.show_state(replace(state, chat=replace(state.chat, messages=messages)))
        return chart.forecast.text()

    assert show(10_000) == ""
    assert not chart.forecast.isVisible()
    assert show(10_000, 13_000) == "Full in about 6 turns, at 3,000 tokens each"
    assert chart.forecast.isVisible()
    assert chart.accessibleDescription().endswith("Full in about 6 turns, at 3,000 tokens each")
    assert show(10_000, 20_000) == "Full in about one turn, at 10,000 tokens each"
    assert show(15_000, 30_000) == "The next turn may not fit: the last ones took 15,000 tokens each"


def curve(chart: MemoryChart, role: str) -> Curve:
    return next(each for each in chart.plot.picture.curves if each.role == role)


def test_two_minutes_are_drawn_and_longer_on_request(chart: MemoryChart) -> None:
    (piece,) = curve(chart, "text").pieces
    assert piece[-1][0] == 1
    assert -1 / 120 <= piece[0][0] <= 0
    chart._choose_span(600)
    (piece,) = curve(chart, "text").pieces
    assert piece[0][0] == pytest.approx(1 - 149.5 / 600)
    assert chart.span_button.text() == "last 10 minutes"


def test_memory_lies_under_its_ceiling(chart: MemoryChart) -> None:
    level = chart.plot.picture.level
    assert level is not None
    assert level.words.startswith("planned ceiling 7,")
    assert max(height for piece in curve(chart, "text").pieces for _, height in piece) <= level.height


def test_what_happened_is_marked_and_said_under_the_mouse(chart: MemoryChart) -> None:
    chart._choose_span(600)
    load, *turns = chart.plot.picture.marks
    assert (load.is_dotted, load.place) == (False, pytest.approx(1 - (149.5 - 24) / 600))
    assert [mark.is_dotted for mark in turns] == [True] * 3
    chart.plot.pointedAt.emit(load.place)
    assert chart.plot.toolTip() == "Qwen3-8B loaded"


def test_the_values_under_the_mouse_are_read_off(chart: MemoryChart, qtbot: QtBot) -> None:
    latest_words = chart.legend.in_words()
    middle = QPoint(chart.plot.width() // 2, 20)
    qtbot.mouseMove(chart.plot, middle)
    QApplication.sendEvent(
        chart.plot,
        QMouseEvent(
            QEvent.Type.MouseMove,
            QPointF(middle),
            QPointF(chart.plot.mapToGlobal(middle)),
            Qt.MouseButton.NoButton,
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
        ),
    )
    # A minute ago: half of the two minutes that are shown; the second turn was just answered.
    there = chart.legend.in_words()
    assert there != latest_words
    assert "Writing 4" in there
    chart.redraw()
    assert chart.legend.in_words() == there
    QApplication.sendEvent(chart.plot, QEvent(QEvent.Type.Leave))
    assert chart.legend.in_words() == latest_words


def test_a_held_graph_stays(chart: MemoryChart) -> None:
    chart.pause_button.click()
    before = chart.plot.picture
    desk = fakes.FakeDesk(fakes.qwen_loaded())
    fakes.fill_history(chart._history, desk.state, seconds=20, start_s=150)
    chart.redraw()
    assert chart.plot.picture == before
    chart.pause_button.click()
    assert chart.plot.picture != before


def pixels_like(chart: MemoryChart, role: str) -> int:
    """How many pixels of the picture have the colour of a role, nearly: lines are smoothed."""
    image, wanted = chart.plot.grab().toImage(), theme.colour(role)
    pixels = (image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height()))
    return sum(
        abs(pixel.red() - wanted.red())
        + abs(pixel.green() - wanted.green())
        + abs(pixel.blue() - wanted.blue())
        < 90
        for pixel in pixels
    )


def test_it_is_drawn_in_the_theme_s_colours(chart: MemoryChart) -> None:
    light = theme.colour("text").rgb()
    assert pixels_like(chart, "text") > 20
    theme.current().set_choice(theme.Choice.DARK)
    assert theme.colour("text").rgb() != light
    assert pixels_like(chart, "text") > 20


def test_without_samples_there_are_dashes(qtbot: QtBot) -> None:
    widget = MemoryChart(fakes.FakeDesk().history)
    qtbot.addWidget(widget)
    widget.redraw()
    assert widget.legend.in_words() == "Memory –, Cells –, Reading –, Writing –"
