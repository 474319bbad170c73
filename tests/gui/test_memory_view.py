"""Rows, bar and table of a device's memory."""

from dataclasses import replace

import msgspec
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.desk.device_memory import DeviceMemory
from kvdesk.gui.desk.memory_bar import MemoryBar
from kvdesk.gui.desk.memory_rows import device_title, device_uses, is_loaded_as_chosen
from kvdesk.gui.desk.memory_table import MemoryTable
from kvdesk.memory.report import Device, Item, Kind
from kvdesk.session.state import DeskState
from kvdesk.units import MIB
from tests.gui import fakes


def test_rows_say_what_each_degree_says() -> None:
    gpu, host = device_uses(fakes.qwen_loaded())
    assert [row.label for row in gpu.rows] == [
        "Weights",
        "K cache, 32,768 cells",
        "V cache",
        "Compute",
        "Other",
    ]
    assert gpu.rows[3].sizes == (317 * MIB, 321 * MIB, 321 * MIB)
    assert gpu.rows[4].sizes == (None, None, 166 * MIB)  # not known before it is measured
    assert [row.kind for row in host.rows] == [Kind.WEIGHTS, Kind.COMPUTE, Kind.OUTPUT]


def test_only_differences_that_show_are_marked() -> None:
    compute = device_uses(fakes.qwen_loaded())[0].rows[3]
    assert compute.differs(1)
    assert not compute.differs(2)


def test_the_limit_is_free_memory_less_the_reserve() -> None:
    gpu = device_uses(fakes.qwen_opened(), 512 * MIB)[0]
    assert gpu.limit_bytes == (8054 - 512) * MIB
    assert gpu.needed_bytes == (4455 + 1224 * 2 + 321) * MIB
    assert not gpu.is_over


def test_what_is_loaded_is_credited_once_by_the_devices_and_not_again() -> None:
    loaded = device_uses(fakes.qwen_loaded())[0]
    assert loaded.device.free_bytes is not None
    assert loaded.limit_bytes == loaded.device.free_bytes


def test_the_reserve_is_kept_free_on_the_host_too() -> None:
    host = device_uses(fakes.demo_opened(), 512 * MIB)[0]
    assert host.device.free_bytes is not None
    assert host.limit_bytes == host.device.free_bytes - 512 * MIB


def test_a_measured_margin_is_needed_like_the_rest_and_says_where_it_comes_from() -> None:
    state = fakes.qwen_opened()
    margin = Item(Kind.MARGIN, "CUDA0", 166 * MIB, "table", "from 3 loads on this device")
    assert state.plan is not None
    plan = msgspec.structs.replace(state.plan, items=(*state.plan.items, margin))
    before, after = device_uses(state)[0], device_uses(replace(state, plan=plan))[0]
    assert after.needed_bytes == before.needed_bytes + 166 * MIB
    assert after.limit_bytes == before.limit_bytes
    (row,) = (row for row in after.rows if row.kind is Kind.MARGIN)
    assert (row.label, row.sizes) == ("Margin", (None, 166 * MIB, None))
    assert "from 3 loads on this device" in row.whys[1]


def test_too_much_is_over() -> None:
    gpu = device_uses(fakes.qwen_over(), 512 * MIB)[0]
    assert gpu.is_over


def test_a_measurement_of_other_options_is_not_taken_for_these() -> None:
    state = fakes.qwen_loaded()
    assert is_loaded_as_chosen(state)
    other = msgspec.structs.replace(state.options, ctx_size=8192)
    state = replace(state, options=other, plan_options=other, plan=fakes.qwen_report("plan", other))
    assert not is_loaded_as_chosen(state)
    assert device_uses(state)[0].needed_bytes == (4455 + 306 * 2 + 321) * MIB


def test_without_a_model_the_devices_are_there_with_nothing_in_them() -> None:
    uses = device_uses(DeskState(devices=(fakes.GPU, fakes.HOST)))
    assert [(use.device.name, use.rows, use.needed_bytes) for use in uses] == [
        ("CUDA0", (), 0),
        ("CPU", (), 0),
    ]


@pytest.mark.parametrize(
    ("description", "title"),
    [
        ("NVIDIA GeForce RTX 4060 Laptop GPU", "RTX 4060 Laptop"),
        ("NVIDIA H200", "H200"),
        ("AMD Radeon RX 7900 XTX", "AMD Radeon RX 7900 XTX"),
        ("", "CUDA0"),
    ],
)
def test_devices_are_called_as_people_call_them(description: str, title: str) -> None:
    assert device_title(Device("CUDA0", "gpu", "cuda", description=description)) == title


@pytest.fixture
def bar(qtbot: QtBot) -> MemoryBar:
    widget = MemoryBar()
    qtbot.addWidget(widget)
    widget.resize(340, 26)
    return widget


def test_segments_are_in_proportion(bar: MemoryBar) -> None:
    bar.show_use(device_uses(fakes.qwen_opened(), 512 * MIB)[0])
    rects = {kind: rect for kind, _, rect in bar.segment_rects()}
    assert rects[Kind.WEIGHTS].width() == pytest.approx(340 * 4455 / 8188, abs=0.01)
    assert rects[Kind.K].left() == pytest.approx(rects[Kind.WEIGHTS].right())
    assert rects[Kind.K].width() == pytest.approx(rects[Kind.V].width())
    assert bar.limit_x() == pytest.approx(340 * 7542 / 8188, abs=0.01)


def test_segments_have_the_colour_of_their_kind(bar: MemoryBar) -> None:
    bar.show_use(device_uses(fakes.qwen_opened())[0])
    picture = bar.grab().toImage()
    for kind, _, rect in bar.segment_rects():
        colour = picture.pixelColor(rect.center().toPoint())
        assert colour == theme.current().kind_colour(kind)


def test_beyond_the_line_it_is_bad_and_the_bar_holds_everything(bar: MemoryBar) -> None:
    bar.show_use(device_uses(fakes.qwen_over())[0])
    limit = bar.limit_x()
    assert limit is not None
    last = bar.segment_rects()[-1][2].right()
    assert limit < last < 340
    picture = bar.grab().toImage()
    assert picture.pixelColor(round((limit + last) / 2), 13) == theme.colour("bad")
    assert "needed of" in bar.accessibleDescription()


def test_the_pointer_is_told_the_figures(bar: MemoryBar) -> None:
    bar.show_use(device_uses(fakes.qwen_opened())[0])
    rects = {kind: rect for kind, _, rect in bar.segment_rects()}
    assert bar.text_at(rects[Kind.K].center().x()) == "K cache: 1,224 MiB, 17 % of what is needed"
    assert bar.text_at(339) == "Used by other programs or kept for them"


def cells(table: MemoryTable) -> list[list[str]]:
    items = table.items
    return [
        [items.index(row, column).data() for column in range(items.columnCount())]
        for row in range(items.rowCount())
    ]


def test_the_table_prints_mebibytes(qtbot: QtBot) -> None:
    table = MemoryTable()
    qtbot.addWidget(table)
    table.show_use(device_uses(fakes.qwen_loaded())[0], is_measured_stale=False)
    assert cells(table) == [
        ["Weights", "4,455", "4,455", "4,455"],
        ["K cache, 32,768 cells", "1,224", "1,224", "1,224"],
        ["V cache", "1,224", "1,224", "1,224"],
        ["Compute", "317", "321", "321"],
        ["Together", "7,220", "7,224", "7,224"],
        ["Other", "–", "–", "166"],
    ]
    items = table.items
    assert items.index(0, 1).data(Qt.ItemDataRole.TextAlignmentRole) & Qt.AlignmentFlag.AlignRight
    assert items.index(3, 2).data(Qt.ItemDataRole.ForegroundRole) == theme.colour("warn")
    assert items.index(3, 1).data(Qt.ItemDataRole.ForegroundRole) == theme.colour("text")
    assert "+4.00 MiB against the column before" in items.index(3, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert "f16 scratch" in items.index(3, 0).data(Qt.ItemDataRole.ToolTipRole)


def test_only_the_compute_buffer_of_a_rough_architecture_is_approximate(qtbot: QtBot) -> None:
    table = MemoryTable()
    qtbot.addWidget(table)
    state = fakes.qwen_loaded()
    assert state.model
    rough = replace(state, model=replace(state.model, is_rough=True))
    table.show_use(device_uses(rough)[0], is_measured_stale=False)
    assert cells(table)[0] == ["Weights", "4,455", "4,455", "4,455"]
    assert cells(table)[3] == ["Compute", "≈ 317", "321", "321"]


def test_small_models_have_decimals(qtbot: QtBot) -> None:
    table = MemoryTable()
    qtbot.addWidget(table)
    table.show_use(device_uses(fakes.demo_opened())[0], is_measured_stale=False)
    assert cells(table)[0] == ["Weights", "9.77", "9.77", "–"]
    assert cells(table)[4] == ["Output", "0.01", "0.01", "–"]


def test_a_figure_can_be_copied(qtbot: QtBot, qapp: QApplication) -> None:
    table = MemoryTable()
    qtbot.addWidget(table)
    table.show_use(device_uses(fakes.qwen_loaded())[0], is_measured_stale=False)
    table.setCurrentIndex(table.items.index(3, 2))
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert qapp.clipboard().text() == "321"


def test_headlines_say_size_margin_and_what_is_missing(qtbot: QtBot) -> None:
    view = DeviceMemory()
    qtbot.addWidget(view)
    view.show_use(device_uses(fakes.qwen_opened(), 512 * MIB)[0], is_measured_stale=False)
    assert view.title.text() == "RTX 4060 Laptop"
    assert view.headline.text() == "8,188 MiB · 512 kept for other programs"
    view.show_use(device_uses(fakes.qwen_over(), 512 * MIB)[0], is_measured_stale=False)
    assert view.headline.text() == "2,981 MiB more than the 7,542 MiB free"
    assert view.headline.property("role") == "bad"


def test_a_folded_device_opens(qtbot: QtBot) -> None:
    view = DeviceMemory(is_folded=True)
    qtbot.addWidget(view)
    view.show()
    view.show_use(device_uses(fakes.qwen_opened())[1], is_measured_stale=False)
    assert not view.table.isVisible()
    assert view.headline.text() == "takes 406 MiB · 21.0 GiB free"
    view.fold_button.click()
    assert view.table.isVisible()
    assert view.headline.text() == "32.0 GiB · 21.0 GiB free"
