"""Notices, the error dialog and what their buttons copy."""

import sys

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.errors import NotGguf
from kvdesk.gui.copy_button import CopyButton
from kvdesk.gui.error_dialog import ErrorDialog, notice_of, show_unexpected_errors
from kvdesk.gui.notice_bar import NoticeBar
from kvdesk.gui.own_language import error_words
from kvdesk.phrases import Phrase
from kvdesk.plan.options import LoadOptions
from kvdesk.session.state import Notice, RemedyOffer


def test_a_notice_is_shown_told_and_dismissed(qtbot: QtBot, qapp: QApplication) -> None:
    bar = NoticeBar("Notice")
    qtbot.addWidget(bar)
    bar.show_notice(Notice("It broke.", "Mend it.", "line 1"))
    assert bar.isVisibleTo(None)
    assert bar.accessibleDescription() == "It broke. Mend it."
    bar.copy_button.click()
    assert qapp.clipboard().text() == "It broke.\nMend it.\nline 1"
    assert bar.copy_button.text() == "Copied"
    with qtbot.waitSignal(bar.dismissed):
        bar.dismiss_button.click()
    bar.show_notice(None)
    assert bar.isHidden()


def test_the_step_that_is_offered_is_one_click_away(qtbot: QtBot) -> None:
    bar = NoticeBar("Notice")
    qtbot.addWidget(bar)
    offer = RemedyOffer(LoadOptions(ubatch_size=256), Phrase("Load it with -ub 256 and go on."))
    bar.show_notice(Notice(Phrase("It broke."), remedy=offer))
    assert bar.step_button.text() == bar.step_button.accessibleName() == "Load it with -ub 256 and go on"
    with qtbot.waitSignal(bar.stepTaken):
        bar.step_button.click()
    bar.show_notice(Notice(Phrase("It broke.")))
    assert bar.step_button.isHidden()


def test_a_copy_button_returns_to_its_name(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    button = CopyButton("Copy")
    qtbot.addWidget(button)
    button._timer.setInterval(1)
    button.click()
    assert button.text() == "Copied"
    qtbot.waitUntil(lambda: button.text() == "Copy", timeout=1000)


def test_errors_of_ours_are_told_as_they_are() -> None:
    notice = notice_of(NotGguf("{path} is not a GGUF file.", "Choose another.", path="a.bin"))
    assert (notice.message, notice.hint) == ("a.bin is not a GGUF file.", "Choose another.")


def test_an_error_that_nobody_caught_becomes_one_dialog(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    window = QWidget()
    qtbot.addWidget(window)
    show_unexpected_errors(window)
    for _ in range(2):  # as when the same slot fails at every tick
        try:
            raise ValueError("secret details")
        except ValueError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    (dialog,) = window.findChildren(ErrorDialog)
    texts = [
        label.text()
        for label in dialog.findChildren(type(dialog.findChild(QWidget)))
        if hasattr(label, "text")
    ]
    assert not any("Traceback" in text for text in texts)
    assert "Traceback" in capsys.readouterr().err
    dialog.close()


class Pseudo(QTranslator):
    """Shouts what it translates, so that a text which goes around it is seen."""

    def isEmpty(self) -> bool:
        return False

    def translate(self, context: str, source: str, disambiguation: str = "", n: int = -1) -> str:
        return source.replace("is not", "IS NOT") if context == "core" else ""


def test_errors_are_translated_before_their_values_are_filled_in(qtbot: QtBot, qapp: QApplication) -> None:
    pseudo = Pseudo(qapp)
    qapp.installTranslator(pseudo)
    try:
        error = NotGguf("{path} is not a GGUF file.", "Choose another.", path="what is not.bin")
        assert error_words(error) == "what is not.bin IS NOT a GGUF file. Choose another."
        bar = NoticeBar("Notice")
        qtbot.addWidget(bar)
        bar.show_notice(Notice(error.message, error.hint))
        assert bar.accessibleDescription() == "what is not.bin IS NOT a GGUF file. Choose another."
    finally:
        qapp.removeTranslator(pseudo)
