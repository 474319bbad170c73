"""All sampler settings of a chat, in groups, from the one table."""

from collections.abc import Iterator

import msgspec
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import push_button, text_label
from kvdesk.gui.in_steps import InSteps
from kvdesk.gui.manner.sampler_control import SamplerControl
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.sampling import SAMPLER_OPTIONS, SamplerGroup, Sampling


class SamplerForm(QWidget):
    """Emits `chosen(sampling)` for every valid change, and `refused(why)` for what is none."""

    chosen = Signal(object)
    resetWanted = Signal()
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._sampling = Sampling()
        self.reset_button = push_button(self.tr("Reset all"), "flat", TextSize.TABLE)
        self.reset_button.setAutoDefault(False)
        self.reset_button.setToolTip(self.tr("Every sampler setting back to llama.cpp’s default"))
        self.reset_button.clicked.connect(self.resetWanted)
        self.controls: dict[str, SamplerControl] = {}
        head = QHBoxLayout()
        head.addWidget(text_label(self.tr("Sampling"), bold=True))
        head.addStretch(1)
        head.addWidget(self.reset_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.MEDIUM)
        column.addLayout(head)
        column.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._column = column
        self.filling = InSteps(self, self._make_controls())

    def _make_controls(self) -> Iterator[None]:
        titles: dict[SamplerGroup, str] = {
            "choice": self.tr("Which tokens may come next"),
            "answer": self.tr("The answer as a whole"),
            "repetition": self.tr("Against repetition"),
        }
        before: QWidget = self.reset_button
        for group, title in titles.items():
            self._column.addSpacing(Space.TINY)
            self._column.addWidget(text_label(title, "muted", TextSize.TABLE, bold=True))
            for row in SAMPLER_OPTIONS:
                if row.spec.group == group:
                    control = self._make(row.name, SamplerControl(row))
                    self._column.addWidget(control)
                    QWidget.setTabOrder(before, control.entry)
                    QWidget.setTabOrder(control.entry, before := control.reset_button)
                    yield

    def show_sampling(self, sampling: Sampling) -> None:
        """Show these settings."""
        self._sampling = sampling
        for name, control in self.controls.items():
            control.show_value(getattr(sampling, name))
        self.reset_button.setEnabled(sampling != Sampling())

    def _make(self, name: str, control: SamplerControl) -> SamplerControl:
        self.controls[name] = control
        control.show_value(getattr(self._sampling, name))
        control.chosen.connect(
            lambda value: self._choose(msgspec.structs.replace(self._sampling, **{name: value}))
        )
        control.refused.connect(self.refused)
        return control

    def _choose(self, sampling: Sampling) -> None:
        self.refused.emit("")
        self.show_sampling(sampling)
        self.chosen.emit(sampling)
