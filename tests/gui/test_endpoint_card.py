"""The switch that opens the model to other programs."""

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui.endpoint_card import EndpointCard
from kvdesk.session.state import OpenEndpoint
from tests.gui import fakes


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def card(parent: QWidget) -> EndpointCard:
    button = QPushButton(parent)
    card = EndpointCard(parent)
    card.show_state(fakes.qwen_loaded())
    parent.show()
    card.toggle_below(button)
    return card


def test_it_opens_for_this_computer_alone_without_a_token(qtbot: QtBot, card: EndpointCard) -> None:
    card.port.setText("9001")
    with qtbot.waitSignal(card.openWanted) as said:
        card.open_button.click()
    assert said.args == ["127.0.0.1", 9001, ""]


def test_others_need_a_token_that_nobody_guesses(qtbot: QtBot, card: EndpointCard) -> None:
    card.wide.setChecked(True)
    tokens = []
    for _ in range(2):
        with qtbot.waitSignal(card.openWanted) as said:
            card.open_button.click()
        assert said.args is not None
        assert said.args[0] == "0.0.0.0"
        tokens.append(said.args[2])
    assert len(tokens[0]) >= 32
    assert tokens[0] != tokens[1]


def test_open_it_says_where_and_can_be_closed(qtbot: QtBot, card: EndpointCard, qapp: QApplication) -> None:
    open_state = replace(fakes.qwen_loaded(), endpoint=OpenEndpoint("http://127.0.0.1:8080/v1", "s3cret"))
    card.show_state(open_state)
    assert not card.open_button.isVisible()
    assert card.url.text() == "http://127.0.0.1:8080/v1"
    card.url_copy.click()
    assert qapp.clipboard().text() == "http://127.0.0.1:8080/v1"
    card.token_copy.click()
    assert qapp.clipboard().text() == "s3cret"
    with qtbot.waitSignal(card.closeWanted):
        card.close_button.click()
    card.show_state(fakes.qwen_loaded())
    assert card.open_button.isVisible()


def test_without_a_model_there_is_nothing_to_serve(card: EndpointCard) -> None:
    assert card.open_button.isEnabled()
    card.show_state(fakes.qwen_opened())
    assert not card.open_button.isEnabled()
    assert card.open_button.toolTip() == "Load a model first."


def test_escape_puts_it_away(qtbot: QtBot, card: EndpointCard) -> None:
    qtbot.keyClick(card.open_button, Qt.Key.Key_Escape)
    assert card.isHidden()


def test_a_port_that_is_none_cannot_be_opened(card: EndpointCard) -> None:
    card.port.setText("80")
    assert not card.open_button.isEnabled()
    card.port.setText("8081")
    assert card.open_button.isEnabled()


def test_a_click_beside_it_puts_it_away(qtbot: QtBot, parent: QWidget, card: EndpointCard) -> None:
    qtbot.mouseClick(card.port, Qt.MouseButton.LeftButton)
    assert not card.isHidden()
    parent.resize(800, 600)
    qtbot.mouseClick(parent, Qt.MouseButton.LeftButton, pos=QPoint(700, 550))
    assert card.isHidden()
