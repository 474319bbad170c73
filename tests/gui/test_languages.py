"""The window speaks the language of its setting, down to what the rooms below it hand up."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialogButtonBox, QLabel, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui import run
from kvdesk.gui.main_window import MainWindow
from kvdesk.gui.settings_dialog import SettingsDialog
from kvdesk.phrases import Phrase
from kvdesk.resources import resource_path
from kvdesk.session.state import Notice
from tests.gui import fakes

CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH_WORDS = re.compile(r"[a-z]{2,} [a-z]{2,}")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("translations")
    source = resource_path("translations/kvdesk_zh_CN.ts")
    lrelease = shutil.which("pyside6-lrelease", path=str(Path(sys.executable).parent))
    assert lrelease is not None
    subprocess.run([lrelease, "-silent", source, "-qm", folder / "kvdesk_zh_CN.qm"], check=True)
    return folder


@pytest.fixture
def speak(qapp: QApplication, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.setattr(run, "resource_path", lambda name: compiled)
    yield lambda language: run.translate(qapp, language)
    for translator in qapp.findChildren(QTranslator):
        qapp.removeTranslator(translator)
        translator.deleteLater()


def shown_texts(widget: QWidget) -> list[str]:
    parts = [*widget.findChildren(QLabel), *widget.findChildren(QAbstractButton)]
    return [part.text() for part in parts if part.isVisibleTo(widget) and part.text()]


def test_the_main_parts_are_chinese_and_nothing_of_theirs_is_english(qtbot: QtBot, desk, speak) -> None:
    speak("zh_CN")
    card = replace(desk.state.model, anatomy=Phrase("{count} layers", count=36))
    desk.state = replace(desk.state, model=card)
    window = MainWindow(desk)
    qtbot.addWidget(window)
    window.show()
    window.show_state(desk.state)
    for part in (window.chats, window.conversation, window.desk_panel, window.top_bar):
        assert any(CHINESE.search(text) for text in shown_texts(part)), part
        assert [text for text in shown_texts(part) if ENGLISH_WORDS.search(text)] == []
    assert "36 层" in window.desk_panel.card.anatomy.text().replace("\u00a0", " ")
    assert CHINESE.search(window.conversation.composer.edit.placeholderText())


def test_what_lower_rooms_say_is_chinese_with_its_values(qtbot: QtBot, desk, speak) -> None:
    speak("zh_CN")
    window = MainWindow(desk)
    qtbot.addWidget(window)
    purpose = Phrase("the compute buffer")
    error = Notice(Phrase("Not enough memory for {purpose}.", purpose=purpose), Phrase("Try again."))
    window.show_state(replace(desk.state, notice=error))
    assert "内存不足，无法用于计算缓冲区。" in shown_texts(window)


def test_settings_are_explained_in_the_windows_language_and_languages_in_their_own(
    qtbot: QtBot, desk, speak
) -> None:
    speak("zh_CN")
    dialog = SettingsDialog(desk)
    qtbot.addWidget(dialog)
    fakes.fill(dialog)
    theme, language = dialog.controls["theme"], dialog.controls["language"]
    assert [theme.itemText(index) for index in range(theme.count())] == [
        "跟随系统",
        "浅色",
        "深色",
        "高对比度",
    ]
    assert [language.itemText(index) for index in (1, 2)] == ["English", "简体中文"]


def test_qts_own_buttons_are_translated_too(qtbot: QtBot, speak) -> None:
    speak("zh_CN")
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
    qtbot.addWidget(box)
    assert box.button(QDialogButtonBox.StandardButton.Cancel).text() == "取消"


@pytest.mark.parametrize(
    ("system", "language", "is_chinese"),
    [("zh_CN", "system", True), ("en_GB", "system", False), ("zh_CN", "en", False), ("de_DE", "zh_CN", True)],
)
def test_the_setting_decides_and_by_default_the_desktop(
    qapp: QApplication, speak, monkeypatch: pytest.MonkeyPatch, system: str, language: str, is_chinese: bool
) -> None:
    monkeypatch.setattr(run.QLocale, "system", lambda: QLocale(system))
    speak(language)
    assert (qapp.translate("LoadBar", "Load") == "加载") is is_chinese


def test_a_fake_desk_is_english_without_a_translation(qtbot: QtBot) -> None:
    window = MainWindow(fakes.FakeDesk(fakes.qwen_opened()))
    qtbot.addWidget(window)
    assert not any(CHINESE.search(text) for text in shown_texts(window.desk_panel))
