"""Help: every page in both languages, F1 from every option, pictures of the open model, the tour."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from kvdesk.gui.help.tour import Tour
from kvdesk.gui.help.window import KEYS, HelpWindow
from kvdesk.gui.help_pages import PAGES, page_of, read_page
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.markdown import parse
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.memory.kv import cache_bytes
from kvdesk.memory.placement import place
from kvdesk.memory.report import Kind
from kvdesk.plan.configure import configure
from kvdesk.plan.options import OPTIONS
from kvdesk.resources import resolve_model, resource_path
from kvdesk.session.state import Conversation
from kvdesk.session.teaching import bars_for
from kvdesk.settings.rows import SETTINGS
from tests.gui import fakes


@pytest.fixture
def window(qtbot: QtBot, desk: fakes.FakeDesk) -> MainWindow:
    widget = MainWindow(desk)
    qtbot.addWidget(widget)
    widget.show()
    qtbot.waitExposed(widget)
    widget.activateWindow()
    return widget


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_every_page_is_written_in_every_language_and_its_links_lead_somewhere(language: str) -> None:
    folder = resource_path(f"help/{language}")
    assert {path.stem for path in folder.glob("*")} == set(PAGES)
    for path in folder.glob("*.md"):
        text = path.read_text("utf-8")
        assert text.startswith("# ")
        assert len(parse(text)) >= 4
        for link in re.findall(r"\]\((.*?)\)", text):
            assert Path(folder, link).is_file(), f"{path.name}: {link}"


def test_a_page_says_the_same_in_both_languages() -> None:
    """The same blocks in the same order: nothing left out in translating."""
    for page in PAGES:
        english, chinese = (
            parse(resource_path(f"help/{language}/{page}.md").read_text("utf-8"))
            for language in ("en", "zh_CN")
        )
        assert [type(block) for block in english] == [type(block) for block in chinese], page


def test_every_option_and_setting_names_a_page() -> None:
    assert all(row.page in PAGES for row in OPTIONS)
    assert all(row.spec.page in PAGES for row in SETTINGS)
    assert {row.page for row in OPTIONS} >= {"cache-types", "flash-attention", "ubatch", "sliding-windows"}


def test_f1_opens_the_page_of_the_control(qtbot: QtBot, window: MainWindow) -> None:
    for name, page in (("cache_type_v", "cache-types"), ("ubatch_size", "ubatch")):
        window.activateWindow()
        window.desk_panel.options.editors[name].setFocus()
        qtbot.keyClick(window, Qt.Key.Key_F1)
        assert window.findChild(HelpWindow).page == page
    assert page_of(window.conversation.composer.edit) == "kv-cache"
    assert page_of(window.chats) == "window"
    window.findChild(HelpWindow).accept()


def test_a_page_about_no_memory_promises_no_picture(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    help_window = HelpWindow(desk, [])
    qtbot.addWidget(help_window)
    shown = {page: (help_window.show_page(page), help_window._own.isHidden())[1] for page in PAGES}
    assert [page for page, is_hidden in shown.items() if is_hidden] == ["window", "sampling"]


def test_f1_works_in_a_dialog_too(qtbot: QtBot, window: MainWindow) -> None:
    window.others.show_settings()
    dialog = window.findChild(SettingsDialog)
    fakes.fill(dialog)
    qtbot.waitExposed(dialog)
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    dialog.controls["park"].setFocus()
    qtbot.keyClick(dialog, Qt.Key.Key_F1)
    assert window.others.help is not None
    assert window.others.help.page == "kv-cache"
    window.others.help.accept()
    dialog.reject()


def test_links_lead_to_other_pages(qtbot: QtBot, desk: fakes.FakeDesk) -> None:
    help_window = HelpWindow(desk, [])
    qtbot.addWidget(help_window)
    help_window.view.link_clicked("mla.md", None)
    assert help_window.page == "mla"
    assert help_window.view.accessibleDescription() == read_page("mla")
    help_window.show_page(KEYS)
    assert help_window.pages.currentItem().text() == "Keys"
    help_window.show_page("none such")
    assert help_window.page == KEYS


@pytest.fixture
def demo(desk: fakes.FakeDesk) -> fakes.FakeDesk:
    from kvdesk.session.arithmetic import open_source

    desk.opened = open_source(str(resource_path("demo/demo.f16.gguf")))
    return desk


def test_the_picture_sums_to_the_cache_of_the_open_model(demo: fakes.FakeDesk) -> None:
    shape = demo.opened.shape
    config = configure(demo.state.options, shape, demo.state.devices)
    bars = bars_for(demo, "kv-cache")
    assert bars is not None
    assert len(bars.rows) == len(shape.layers)
    total = cache_bytes(shape, config, place(shape, config))
    drawn = {kind: sum(dict(row.pieces).get(kind, 0) for row in bars.rows) for kind in (Kind.K, Kind.V)}
    assert drawn == {Kind.K: total.k.total(), Kind.V: total.v.total()}
    by_type = {row.label: row.n_bytes for row in bars_for(demo, "cache-types").rows}
    assert by_type["q8_0"] / by_type["f16"] == pytest.approx(8.5 / 16, rel=0.01)
    by_device = bars_for(demo, "offloading")
    assert by_device is not None
    report = demo.state.plan
    assert sum(row.n_bytes for row in by_device.rows) == sum(item.bytes for item in report.items)


def test_the_table_says_what_the_picture_draws(qtbot: QtBot, demo: fakes.FakeDesk) -> None:
    help_window = HelpWindow(demo, [])
    qtbot.addWidget(help_window)
    help_window.show()
    help_window.show_page("cache-types")
    assert help_window.picture.isVisible()
    assert "q8_0" in help_window.picture.accessibleDescription()
    help_window.table_button.click()
    assert help_window.table.isVisible()
    assert help_window.table.item(3, 0).text() == "q8_0"
    assert help_window.table.columnCount() == len(help_window.picture.kinds()) + 1


def test_without_a_model_the_page_says_how_to_get_a_picture(qtbot: QtBot) -> None:
    help_window = HelpWindow(fakes.FakeDesk(), [])
    qtbot.addWidget(help_window)
    help_window.show()
    help_window.show_page("kv-cache")
    assert not help_window.picture.isVisible()
    assert "Open a model" in help_window._title.text()


# ------------------------------------------------------------------------------------------------ the tour


def walk(tour: Tour) -> int:
    steps = 0
    while not tour.isHidden():
        steps += 1
        assert tour.parentWidget().rect().contains(tour.geometry())
        tour.next_button.click()
    return steps


def test_the_tour_ends_in_a_chat_with_the_demo(
    window: MainWindow, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.resize(1280, 800)
    window.show_tour()
    assert desk.settings.has_seen_tour
    assert walk(window.tour) == 5
    assert window.tour is None
    assert ("open_model", "demo") in desk.calls
    assert not any(name == "send_message" for name, *_ in desk.calls)  # it is not open yet
    demo = fakes.demo_opened()
    card = replace(demo.model, path=resolve_model("demo"))
    for _ in range(2):
        window.show_state(replace(demo, model=card, chat=Conversation(1, "New")))
    assert [call for call in desk.calls if call[0] == "send_message"] == [
        ("send_message", "What is the KV cache?")
    ]


def test_it_comes_once_and_escape_skips_it(
    qtbot: QtBot, window: MainWindow, desk: fakes.FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.start()
    tour = window.tour
    assert tour is not None
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert window.tour is None
    assert tour.isHidden()
    assert desk.calls == []
    window.start()
    assert window.tour is None
    window.others.show_help()
    window.findChild(HelpWindow).tour_button.click()
    assert window.tour is not None
    window.tour.skip_button.click()
