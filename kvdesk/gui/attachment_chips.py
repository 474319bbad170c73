"""The texts attached to a draft, above what is written: name, tokens, and a button that takes each away."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.figures import attachment_line
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import Attachment

_COLUMNS = 2


class AttachmentChips(QWidget):
    """A chip for each attached text; hidden where there is none."""

    removeWanted = Signal(int)  # place of the text

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName(self.tr("Attached texts"))
        self._shown: tuple[Attachment, ...] = ()
        self._chips: list[QFrame] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(Space.SMALL)
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, 1)
        self.hide()

    def show_attachments(self, attachments: tuple[Attachment, ...]) -> None:
        """Show these texts."""
        if attachments == self._shown:
            return
        self._shown = attachments
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = [self._chip(place, each) for place, each in enumerate(attachments)]
        for place, chip in enumerate(self._chips):
            self._grid.addWidget(chip, place // _COLUMNS, place % _COLUMNS)
        self.setVisible(bool(attachments))

    def _chip(self, place: int, attachment: Attachment) -> QFrame:
        chip = QFrame()
        chip.setProperty("surface", "chip")
        label = ElidedLabel(size=TextSize.TABLE, elide=Qt.TextElideMode.ElideMiddle)
        label.setText(attachment_line(attachment))
        chip.setAccessibleName(label.text())
        remove = icon_button("close", self.tr("Remove {name}").format(name=attachment.name))
        remove.setFixedSize(theme.px(22), theme.px(22))
        remove.clicked.connect(partial(self.removeWanted.emit, place))
        row = QHBoxLayout(chip)
        row.setContentsMargins(Space.MEDIUM, 1, 2, 1)
        row.setSpacing(Space.TINY)
        row.addWidget(label, 1)
        row.addWidget(remove)
        return chip
