"""The settings, one control for each row of the settings table that has a label, and where the data lies."""

from collections.abc import Iterator
from functools import partial

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from kvdesk.gui import theme
from kvdesk.gui.choice_box import ChoiceBox
from kvdesk.gui.controls import push_button, separator, size_window, text_label
from kvdesk.gui.data_folder import DataFolder
from kvdesk.gui.in_steps import InSteps
from kvdesk.gui.setting_control import SettingControl
from kvdesk.gui.theme import Choice, Space, TextSize
from kvdesk.session import actions
from kvdesk.session.desk import Desk
from kvdesk.settings.rows import SETTINGS, SettingRow

_WIDTH, _HEIGHT = 560, 640
_IN_VIEW = 4  # rows made at once; the others follow while these are being drawn


class SettingsDialog(QDialog):
    """Changes take effect as they are made; there is nothing to confirm."""

    renewWanted = Signal()  # the window, in another language or size of text
    moveWanted = Signal(str)  # the data, to a folder

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk = desk
        self.setWindowTitle(self.tr("Settings"))
        size_window(self, _WIDTH, _HEIGHT)
        self.rows: dict[str, SettingControl] = {}
        self.problem = text_label(role="bad", size=TextSize.TABLE, wrap=True)
        self.problem.hide()
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search the settings"))
        self.search.setAccessibleName(self.tr("Search the settings"))
        self.search.setClearButtonEnabled(True)
        self.search.textChanged.connect(self._find)
        self._none_found = text_label(self.tr("No setting is called so."), "muted")
        self._none_found.hide()
        self.folder = DataFolder(desk.data_folder)
        self.folder.openWanted.connect(
            lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(desk.data_folder)))
        )
        self.folder.moveWanted.connect(self.moveWanted)
        self.reset_button = push_button(self.tr("Reset all"), "plain")
        self.reset_button.setAutoDefault(False)
        self.reset_button.setToolTip(self.tr("Every setting on this page back to its default"))
        self.reset_button.clicked.connect(self._reset_all)
        self._list = QVBoxLayout()
        self._lay_out()
        self.search.setFocus()
        rows = self._make_rows()
        for _ in range(_IN_VIEW):
            next(rows)
        self.filling = InSteps(self, rows)

    @property
    def controls(self) -> dict[str, ChoiceBox | QLineEdit]:
        """What each setting is changed with, as far as the dialog is filled."""
        return {name: row.control for name, row in self.rows.items()}

    def _make_rows(self) -> Iterator[SettingControl]:
        before: QWidget = self.search
        for row in SETTINGS:
            if row.spec.label:
                control = self.rows[row.name] = SettingControl(row, getattr(self._desk.settings, row.name))
                control.chosen.connect(partial(self._set, row))
                control.refused.connect(self._show_problem)
                self._list.addWidget(control)
                QWidget.setTabOrder(before, control.control)
                QWidget.setTabOrder(control.control, before := control.reset_button)
                yield control

    def _lay_out(self) -> None:
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(0, 0, Space.SMALL, 0)
        rows.setSpacing(Space.LARGE)
        self._list.setSpacing(Space.LARGE)
        rows.addLayout(self._list)
        rows.addWidget(self._none_found)
        rows.addWidget(self.folder)
        rows.addStretch(1)
        area = QScrollArea()
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        close = push_button(self.tr("Close"), "primary")
        close.setAutoDefault(False)  # Enter finishes an entry here
        close.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(self.reset_button)
        buttons.addWidget(self.problem, 1)
        buttons.addStretch(0)
        buttons.addWidget(close)
        private = text_label(
            self.tr(
                "Nothing is sent anywhere: no account, no telemetry, no search for updates. The only"
                " connections are those you ask for, to a model’s web address or to your own endpoint."
            ),
            "muted",
            TextSize.NOTE,
            wrap=True,
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        column.setSpacing(Space.MEDIUM)
        column.addWidget(text_label(self.tr("Settings"), size=TextSize.TITLE, bold=True))
        column.addWidget(self.search)
        column.addWidget(area, 1)
        column.addWidget(separator())
        column.addWidget(private)
        column.addLayout(buttons)

    def _find(self, words: str) -> None:
        self.filling.finish()
        found = [control for control in self.rows.values() if control.is_found_by(words)]
        for control in self.rows.values():
            control.setVisible(control in found)
        self.folder.setVisible(self.folder.is_found_by(words))
        self._none_found.setVisible(not found and self.folder.isHidden())

    def _reset_all(self) -> None:
        self.filling.finish()
        for control in self.rows.values():
            control.reset()

    def _show_problem(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.setVisible(bool(text))

    def _set(self, row: SettingRow, value: object) -> None:
        actions.set_setting(self._desk, row.name, value)
        if row.name == "theme":
            theme.current().set_choice(Choice(str(value)))
        elif row.name in ("language", "text_percent"):
            self.renewWanted.emit()
