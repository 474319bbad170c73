"""Long work in steps: one in each turn of the event loop, and never again once its owner is gone."""

from PySide6.QtCore import QObject, QTimer
from pytestqt.qtbot import QtBot

from kvdesk.gui.in_steps import InSteps


def test_each_turn_takes_one_step(qtbot: QtBot, qapp: QObject) -> None:
    taken: list[int] = []
    steps = InSteps(qapp, (taken.append(n) for n in range(3)))
    turns: list[int] = []  # steps taken at each turn of another timer
    ticks = QTimer(qapp)
    ticks.timeout.connect(lambda: turns.append(len(taken)))
    ticks.start(0)
    with qtbot.waitSignal(steps.finished):
        pass
    ticks.stop()
    assert taken == [0, 1, 2]
    assert {1, 2} <= set(turns)
    ticks.deleteLater()
    steps.deleteLater()


def test_what_is_left_can_be_taken_at_once(qtbot: QtBot, qapp: QObject) -> None:
    taken: list[int] = []
    steps = InSteps(qapp, (taken.append(n) for n in range(3)))
    with qtbot.waitSignal(steps.finished, timeout=0):
        steps.finish()
    assert taken == [0, 1, 2]
    steps.finish()
    assert taken == [0, 1, 2]
    steps.deleteLater()


def test_nothing_is_done_for_an_owner_that_is_gone(qtbot: QtBot) -> None:
    owner, taken = QObject(), []
    InSteps(owner, (taken.append(n) for n in range(3)))
    owner.deleteLater()
    qtbot.wait(30)
    assert taken == []
