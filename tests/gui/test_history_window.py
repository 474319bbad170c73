"""The live graph in large: all quantities, the table that can be read aloud, the files."""

from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from pytestqt.qtbot import QtBot

from kvdesk.gui.charts.history_window import HistoryWindow
from kvdesk.gui.charts.quantities import Lane
from kvdesk.monitor.sample import DeviceSample, HostSample, ProcessUse, Sample, Throttle
from kvdesk.units import GIB
from tests.gui import fakes


@pytest.fixture
def window(qtbot: QtBot, desk: fakes.FakeDesk) -> HistoryWindow:
    desk.state = fakes.qwen_loaded()
    fakes.fill_history(desk.history, desk.state)
    widget = HistoryWindow(desk)
    qtbot.addWidget(widget)
    widget.show_state(desk.state)
    widget.show()
    return widget


def column(window: HistoryWindow, title: str) -> int:
    """The place of a quantity in the table, which is filled while it shows."""
    window.tabs.setCurrentWidget(window.table)
    titles = [
        window.items.headerData(place, Qt.Orientation.Horizontal)
        for place in range(window.items.columnCount())
    ]
    return titles.index(title)


def test_the_engine_and_its_neighbours_are_told_apart(window: HistoryWindow) -> None:
    own = column(window, "RTX 4060 Laptop: the engine (GiB)")
    others = column(window, "RTX 4060 Laptop: other programs (GiB)")
    both = column(window, "RTX 4060 Laptop: in use (GiB)")
    figures = [float(window.items.index(0, place).data()) for place in (own, others, both)]
    assert figures[1] == 1.31
    assert figures[0] + figures[1] == pytest.approx(figures[2], abs=0.011)


def test_what_no_device_tells_has_no_plot(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    widget = HistoryWindow(desk)
    qtbot.addWidget(widget)
    for half in range(20):
        desk.history.add(
            Sample(half / 2, HostSample()),
            desk.state,
            {"Metal": DeviceSample("apple", 0, "M3", used_bytes=1)},
        )
    widget.redraw(desk.state)
    assert not widget.plots[Lane.DEVICE].isVisible()
    assert widget.plots[Lane.MEMORY].isVisible()


def test_the_table_s_latest_sample_comes_first_and_gaps_are_dashes(window: HistoryWindow) -> None:
    assert window.items.rowCount() == 0
    window.tabs.setCurrentWidget(window.table)
    assert window.items.rowCount() == 300
    assert window.items.index(0, 0).data() > window.items.index(1, 0).data()
    assert window.items.index(0, column(window, "Reading (t/s)")).data() == "–"
    cells = window.items.index(0, column(window, "Cells"))
    assert cells.data(Qt.ItemDataRole.AccessibleTextRole).startswith("Cells: 26,")


def test_it_follows_until_it_is_moved(window: HistoryWindow, desk: fakes.FakeDesk) -> None:
    window.tabs.setCurrentWidget(window.table)
    window.plots[Lane.MEMORY].box.sigRangeChangedManually.emit([True, False])
    assert not window.follow_button.isChecked()
    fakes.fill_history(desk.history, desk.state, seconds=5, start_s=150)
    later = replace(desk.state, samples=999)
    window.show_state(later)
    assert window.items.rowCount() == 300
    desk.state = later
    window.follow_button.setChecked(True)
    assert window.items.rowCount() == 310


def test_what_is_zoomed_into_keeps_its_shape(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    for row in range(7200):
        reading = DeviceSample("nvidia", 0, "RTX", used_bytes=(1 + row % 2) << 30)
        desk.history.add(Sample(row / 2, HostSample()), desk.state, {"CUDA0": reading})
    widget = HistoryWindow(desk)
    qtbot.addWidget(widget)
    widget.show_state(desk.state)
    widget.show()
    (line,) = (line for name, line in widget._lines.items() if name.endswith("in use"))
    assert 1000 <= len(line.xData) <= 2100
    box = widget.plots[Lane.MEMORY].box
    box.setXRange(-200, -100, padding=0)
    box.sigRangeChangedManually.emit([True, False])
    within = line.xData[(line.xData >= -200) & (line.xData <= -100)]
    assert within.tolist() == [-200 + half / 2 for half in range(201)]
    widget.follow_button.setChecked(True)
    assert line.xData[0] == -3599.5


def test_an_hour_is_drawn_when_it_has_moved_by_a_pixel(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    reading = DeviceSample("nvidia", 0, "RTX", used_bytes=1 << 30)

    def add(time_s: float) -> None:
        desk.history.add(Sample(time_s, HostSample()), desk.state, {"CUDA0": reading})
        desk.show(samples=desk.state.samples + 1)
        widget.show_state(desk.state)

    desk.history.add(Sample(0.0, HostSample()), desk.state, {"CUDA0": reading})
    desk.history.add(Sample(3600.0, HostSample()), desk.state, {"CUDA0": reading})
    widget = HistoryWindow(desk)
    qtbot.addWidget(widget)
    widget.show_state(desk.state)
    assert widget._now_s == 3600.0
    add(3600.5)
    assert widget._now_s == 3600.0
    add(3602.0)
    assert widget._now_s == 3602.0


def test_the_values_at_a_moment_are_said(window: HistoryWindow) -> None:
    window._read_off(-100.0)
    assert window.readout.text().startswith("100.0 s ago: ")
    assert "power 78.0 W" in window.readout.text()
    assert window.graph.accessibleDescription() == window.readout.text()


def test_what_slows_a_device_down_is_said_and_drawn(window: HistoryWindow, desk: fakes.FakeDesk) -> None:
    slowed = DeviceSample("nvidia", 0, "RTX", throttle=Throttle.POWER | Throttle.HEAT, gpu_clock_mhz=1950)
    for half in range(2):
        desk.history.add(Sample(150.0 + half / 2, HostSample()), desk.state, {"CUDA0": slowed})
        slowed = replace(slowed, throttle=Throttle(0))
    window.redraw(desk.state)
    place = column(window, "RTX 4060 Laptop: slowed down")
    assert [window.items.index(row, place).data() for row in range(3)] == ["no", "power limit, too hot", "–"]
    assert window.items.index(0, column(window, "RTX 4060 Laptop: clock (MHz)")).data() == "1,950"
    window._read_off(-0.5)
    assert "slowed down power limit, too hot" in window.readout.text()
    drawn = window._lines["RTX 4060 Laptop: slowed down"].yData
    assert drawn[-2] == 0
    assert np.isnan(drawn[[-1, -3]]).all()


def test_the_neighbours_of_now_have_their_names(window: HistoryWindow, desk: fakes.FakeDesk) -> None:
    reading = DeviceSample("nvidia", 0, "RTX", neighbours=(ProcessUse("Xorg", 104857600),))
    desk.history.add(Sample(150.0, HostSample()), desk.state, {"CUDA0": reading})
    window.redraw(desk.state)
    assert window.readout.text().endswith("Xorg on RTX 4060 Laptop 100 MiB")
    window._read_off(-100.0)
    assert "Xorg" not in window.readout.text()


def test_two_devices_differ_in_their_dashes(window: HistoryWindow, desk: fakes.FakeDesk) -> None:
    reading = DeviceSample("nvidia", 0, "RTX", used_bytes=1 << 30, process_bytes=1 << 29)
    desk.history.add(Sample(150.0, HostSample()), desk.state, {"CUDA0": reading, "CUDA1": reading})
    window.redraw(desk.state)
    styles = [line.opts["pen"].style() for name, line in window._lines.items() if name.endswith("in use")]
    assert len(set(styles)) == len(styles) == 2


def test_each_gpu_has_its_ceiling_and_its_reserve(window: HistoryWindow, desk: fakes.FakeDesk) -> None:
    limit = (fakes.GPU.total_bytes - desk.settings.reserve_bytes) / GIB
    levels = {name: line.value() for name, line in window._levels.items()}
    assert levels.keys() == {"planned ceiling", "above this: kept for other programs"}
    assert levels["above this: kept for other programs"] == limit
    assert 0 < levels["planned ceiling"] < limit
    other = msgspec.structs.replace(fakes.GPU, name="CUDA1", total_bytes=24 * GIB, description="RTX 3090")
    window.redraw(replace(desk.state, devices=(fakes.GPU, other, fakes.HOST)))
    names = set(window._levels)
    assert "RTX 4060 Laptop: planned ceiling" in names
    assert "RTX 3090: above this: kept for other programs" in names
    window.redraw(desk.state)
    assert window._levels.keys() == levels.keys()


def test_it_becomes_a_picture_and_a_table(
    window: HistoryWindow, desk: fakes.FakeDesk, tmp_path: Path
) -> None:
    window.save_picture(str(tmp_path / "graph.png"))
    assert QImage(str(tmp_path / "graph.png")).width() == window.graph.width()
    window.save_csv(str(tmp_path / "graph.csv"))
    assert desk.calls == [("export_history", tmp_path / "graph.csv")]
    window.save_picture(str(tmp_path / "nowhere" / "graph.png"))
    assert desk.calls[1:] == [("tell_not_written", tmp_path / "nowhere" / "graph.png")]
