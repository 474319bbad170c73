"""Chats, conversation and desk side by side: which of them there is room for, and how wide each is."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter, QWidget

from kvdesk.gui import theme
from kvdesk.gui.desk_panel import DESK_WIDTH

CENTRE_WIDTH = 340  # the least that the conversation is left; at 100 %, what it is left unasked
_WIDTHS = (212, 696, DESK_WIDTH)  # at first, at 100 %


class SideParts(QSplitter):
    """The conversation is always there. A part beside it that is wanted waits until there is room for it: in
    a narrow window, or with large text, the chats go before the desk, unless they were asked for last.
    """

    changed = Signal()  # which parts are there

    def __init__(self, chats: QWidget, centre: QWidget, desk: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._chats, self._desk = chats, desk
        self._wanted = {chats: True, desk: True}
        self._asked: QWidget | None = None  # the part that is to be there before the other
        self._is_laid_out = False  # before that there is no width to go by
        centre.setMinimumWidth(CENTRE_WIDTH)
        self.setHandleWidth(1)
        self.setChildrenCollapsible(False)
        for part in (chats, centre, desk):
            self.addWidget(part)
        for place in (1, 2):
            theme.dress(self.handle(place))
        for place, stretch in enumerate((0, 1, 0)):
            self.setStretchFactor(place, stretch)
        self.setSizes([theme.px(width) for width in _WIDTHS])

    def want(self, *, chats: bool, desk: bool) -> None:
        """Have these parts beside the conversation, as far as there is room."""
        self._wanted = {self._chats: chats, self._desk: desk}
        self._fit()

    def wants(self, part: QWidget) -> bool:
        """Whether a part is wanted, there or waiting for room."""
        return self._wanted[part]

    def toggle(self, part: QWidget) -> None:
        """Hide a part, or show it; where there is room for one only, the other one waits."""
        self._wanted[part] = part.isHidden()
        self._asked = part if part.isHidden() else None
        self._fit()

    def known_widths(self, before: tuple[int, ...]) -> tuple[int, ...]:
        """The widths of the three parts; one that is not there keeps the width that it had `before`."""
        had = before or tuple(theme.px(width) for width in _WIDTHS)
        return tuple(now or then for now, then in zip(self.sizes(), had, strict=True))

    def _fit(self) -> None:
        if not self._is_laid_out:
            for part, is_wanted in self._wanted.items():
                part.setVisible(is_wanted)
            return
        room = self.width() - 2 * self.handleWidth()
        self._desk.setMinimumWidth(max(DESK_WIDTH, min(theme.px(DESK_WIDTH), room - CENTRE_WIDTH)))
        were_hidden = [part.isHidden() for part in self._wanted]
        for part in sorted((self._desk, self._chats), key=lambda part: part is not self._asked):
            centre = CENTRE_WIDTH if part is self._asked else theme.px(CENTRE_WIDTH)
            has_room = self._wanted[part] and room - centre >= part.minimumWidth()
            room -= part.minimumWidth() if has_room else 0
            part.setVisible(has_room)
        if [part.isHidden() for part in self._wanted] != were_hidden:
            self.changed.emit()

    def minimumSizeHint(self) -> QSize:
        """The conversation's: the other parts give way."""
        return QSize(CENTRE_WIDTH, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """See again what there is room for."""
        super().resizeEvent(event)
        self._is_laid_out = True
        self._fit()
