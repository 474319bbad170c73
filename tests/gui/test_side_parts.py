"""The parts beside the conversation: those that are wanted, as far as there is room."""

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.side_parts import CENTRE_WIDTH, SideParts


@pytest.fixture
def parts(qtbot: QtBot) -> Iterator[SideParts]:
    chats, centre, desk = QWidget(), QWidget(), QWidget()
    chats.setMinimumWidth(160)
    frame = QWidget()
    qtbot.addWidget(frame)
    widget = SideParts(chats, centre, desk)
    widget.setParent(frame)
    frame.show()
    widget.show()
    widget.resize(1280, 400)
    yield widget
    frame.close()


@pytest.fixture
def large_text(qapp: object) -> Iterator[None]:
    theme.current().set_text_size(200)
    yield
    theme.current().set_text_size(100)


def there(parts: SideParts) -> str:
    names = ("chats", "conversation", "desk")
    return " ".join(name for at, name in enumerate(names) if not parts.widget(at).isHidden())


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (1280, "chats conversation desk"),
        (800, "conversation desk"),
        (600, "chats conversation"),
        (480, "conversation"),
    ],
)
def test_a_narrow_window_leaves_out_the_chats_then_the_desk(
    parts: SideParts, width: int, expected: str
) -> None:
    parts.resize(width, 400)
    assert there(parts) == expected
    assert sum(parts.sizes()) <= width  # nothing beyond its edge
    parts.resize(1280, 400)
    assert there(parts) == "chats conversation desk"


def test_what_does_not_fit_stays_wanted(parts: SideParts) -> None:
    parts.resize(480, 400)
    assert parts.wants(parts.widget(0))
    assert parts.wants(parts.widget(2))


def test_the_one_that_is_asked_for_comes_and_the_other_gives_way(qtbot: QtBot, parts: SideParts) -> None:
    parts.resize(800, 400)
    with qtbot.waitSignal(parts.changed):
        parts.toggle(parts.widget(0))
    assert there(parts) == "chats conversation"
    parts.toggle(parts.widget(0))
    assert there(parts) == "conversation desk"
    parts.toggle(parts.widget(2))
    assert there(parts) == "conversation"


def test_a_part_that_was_put_away_keeps_its_width(parts: SideParts) -> None:
    parts.setSizes([250, 600, 430])
    parts.want(chats=False, desk=True)
    assert parts.known_widths((250, 600, 430))[0] == 250


def test_with_large_text_the_desk_takes_what_the_conversation_leaves(
    qtbot: QtBot, large_text: None, parts: SideParts
) -> None:
    parts.resize(1280, 400)
    assert there(parts) == "chats conversation"
    parts.toggle(parts.widget(2))
    assert there(parts) == "conversation desk"
    qtbot.waitUntil(lambda: parts.sizes()[2] == 2 * 372)
    parts.resize(900, 400)
    assert there(parts) == "conversation desk"
    assert parts.sizes()[1] >= CENTRE_WIDTH
