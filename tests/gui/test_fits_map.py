"""The map of largest contexts."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from kvdesk.gui.desk.fits_items import tabulate
from kvdesk.gui.desk.fits_map import FitsMap
from kvdesk.phrases import Phrase
from kvdesk.plan.fits import Speed
from kvdesk.session.state import PairFit
from kvdesk.units import GIB
from tests.gui import fakes

Q8 = ("q8_0", "q8_0")


@pytest.fixture
def fits_map(qtbot: QtBot) -> FitsMap:
    widget = FitsMap()
    qtbot.addWidget(widget)
    widget.resize(340, 200)
    widget.show_state(fakes.qwen_opened())
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def test_a_rough_architecture_is_called_rough(fits_map: FitsMap) -> None:
    assert not fits_map.roughness.isVisible()
    state = fakes.qwen_opened()
    assert state.model
    fits_map.show_state(replace(state, model=replace(state.model, is_rough=True)))
    assert fits_map.roughness.isVisible()


def test_contexts_reach_one_past_the_longest() -> None:
    table = tabulate(fakes.qwen_fits(), Q8, 262144)
    assert table.contexts[-1] > max(fit.max_ctx_size or 0 for fit in table.fits) >= table.contexts[-2]
    assert len(table.contexts) == 7


def test_nothing_stands_beyond_the_training() -> None:
    fit = PairFit("f16", "f16", 4096, GIB, 8 * GIB, "gpu", 2560, "")
    table = tabulate([fit] * 3, ("f16", "f16"), 4096)
    assert table.contexts == (1024, 2048, 4096)
    assert not table.is_tight(0, 2)  # the training ends there, not the memory


def test_room_shrinks_with_the_context_and_ends() -> None:
    table = tabulate(fakes.qwen_fits(), Q8, 262144)
    row = next(i for i, fit in enumerate(table.fits) if (fit.cache_type_k, fit.cache_type_v) == Q8)
    rooms = [table.room(row, column) for column in range(len(table.contexts))]
    known = [room for room in rooms if room is not None]
    assert known == sorted(known, reverse=True)
    assert [context for context, room in zip(table.contexts, rooms, strict=True) if room is not None][
        -1
    ] == 32768
    assert table.is_tight(row, table.contexts.index(32768))
    assert not table.is_tight(row, table.contexts.index(16384))


def test_an_unusual_pair_is_there_when_it_is_chosen() -> None:
    odd = PairFit("q4_0", "q8_0", 30000, GIB, 0, "gpu", 60000, "")
    fits = (*fakes.qwen_fits(), odd)
    assert odd not in tabulate(fits, Q8, 40960).fits
    assert odd in tabulate(fits, ("q4_0", "q8_0"), 40960).fits


def cell_of(fits_map: FitsMap, pair: tuple[str, str], context: int) -> tuple[int, int]:
    table = fits_map.items.table
    row = next(i for i, fit in enumerate(table.fits) if (fit.cache_type_k, fit.cache_type_v) == pair)
    return row, 1 + table.contexts.index(context)


def click(qtbot: QtBot, fits_map: FitsMap, cell: tuple[int, int]) -> None:
    rect = fits_map.view.visualRect(fits_map.items.index(*cell))
    where = QPoint(rect.center().x(), rect.center().y())
    qtbot.mouseClick(fits_map.view.viewport(), Qt.MouseButton.LeftButton, pos=where)


def test_a_click_takes_pair_and_context(qtbot: QtBot, fits_map: FitsMap) -> None:
    with qtbot.waitSignal(fits_map.chosen) as chosen:
        click(qtbot, fits_map, cell_of(fits_map, ("q4_0", "q4_0"), 48 * 1024))
    assert chosen.args == ["q4_0", "q4_0", 48 * 1024]


def test_what_does_not_fit_cannot_be_taken(qtbot: QtBot, fits_map: FitsMap) -> None:
    with qtbot.assertNotEmitted(fits_map.chosen):
        click(qtbot, fits_map, cell_of(fits_map, ("f16", "f16"), 48 * 1024))
        click(qtbot, fits_map, (0, 0))


def test_enter_takes_the_current_cell(qtbot: QtBot, fits_map: FitsMap) -> None:
    fits_map.view.setCurrentIndex(fits_map.items.index(*cell_of(fits_map, Q8, 16384)))
    with qtbot.waitSignal(fits_map.chosen) as chosen:
        qtbot.keyClick(fits_map.view, Qt.Key.Key_Return)
    assert chosen.args == ["q8_0", "q8_0", 16384]


def test_a_pair_without_a_gpu_kernel_says_so(fits_map: FitsMap) -> None:
    row, _ = cell_of(fits_map, ("q8_0", "q5_1"), 16384)
    words = fits_map.items.index(row, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "attention would run on the CPU" in words
    row, _ = cell_of(fits_map, Q8, 16384)
    words = fits_map.items.index(row, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert "at most 34,560 tokens" in words
    assert "CPU" not in words


def test_without_a_gpu_its_kernels_are_no_matter(fits_map: FitsMap) -> None:
    fits_map.show_state(replace(fakes.qwen_opened(), devices=(fakes.HOST,)))
    row, column = cell_of(fits_map, ("q8_0", "q5_1"), 16384)
    assert not fits_map.items.is_slow(row)
    assert "CPU" not in fits_map.items.index(row, column).data(Qt.ItemDataRole.ToolTipRole)
    assert fits_map.scope.text() == "this computer"


def test_all_pairs_are_shown_on_request(qtbot: QtBot, fits_map: FitsMap) -> None:
    odd = PairFit("q4_0", "q8_0", 30000, GIB, 0, "gpu", 60000, Phrase(""))
    fits_map.show_state(replace(fakes.qwen_opened(), fits=(*fakes.qwen_fits(), odd)))
    usual = fits_map.items.rowCount()
    fits_map.all_button.setFocus()
    qtbot.keyClick(fits_map.all_button, Qt.Key.Key_Space)
    assert fits_map.items.rowCount() == len(fakes.qwen_fits()) + 1 > usual
    assert fits_map.all_button.text() == "Usual pairs"
    fits_map.all_button.click()
    assert fits_map.items.rowCount() == usual


def test_pairs_of_the_cpu_come_last() -> None:
    fits = fakes.qwen_fits()
    kernels = [fit.kernel for fit in tabulate(fits, Q8, 40960, has_gpu=True).fits]
    assert kernels == sorted(kernels, key=lambda kernel: kernel == "cpu")
    assert "cpu" in kernels
    sizes = [fit.bytes_per_token for fit in tabulate(fits, Q8, 40960).fits]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("source", "words"), [("measured", "About 41.5 tokens/s"), ("specification", "At most 41.5 tokens/s")]
)
def test_the_speed_is_said_with_where_it_is_from(fits_map: FitsMap, source: str, words: str) -> None:
    speed = Speed(41.5, 16384, source)
    fits = tuple(replace(fit, speed=speed) for fit in fakes.qwen_fits())
    fits_map.show_state(replace(fakes.qwen_opened(), fits=fits))
    said = fits_map.items.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert words in said
    assert "16,384" in said
    fits_map.show_state(fakes.qwen_opened())
    assert "tokens/s" not in fits_map.items.index(0, 1).data(Qt.ItemDataRole.ToolTipRole)


def test_the_last_map_stays_while_the_next_is_searched_for(fits_map: FitsMap) -> None:
    fits_map.show_state(replace(fakes.qwen_opened(), fits=()))
    assert fits_map.isVisible()
    assert fits_map.items.rowCount() > 0


def test_without_fits_it_takes_no_room(fits_map: FitsMap) -> None:
    fits_map.show_state(replace(fakes.qwen_opened(), model=None, fits=()))
    assert not fits_map.isVisible()


def test_where_options_are_refused_no_map_is_shown(fits_map: FitsMap) -> None:
    fits_map.show_state(replace(fakes.qwen_refused(), fits=()))
    assert not fits_map.isVisible()
