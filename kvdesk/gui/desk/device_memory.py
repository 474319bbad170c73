"""One device on the desk: its name and size, its bar, and the figures under it."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import icon_button, set_role, text_label
from kvdesk.gui.desk.memory_bar import MemoryBar
from kvdesk.gui.desk.memory_rows import DeviceUse, device_title
from kvdesk.gui.desk.memory_table import MemoryTable
from kvdesk.gui.elided_label import ElidedLabel
from kvdesk.gui.icons import set_icon
from kvdesk.gui.theme import Space, TextSize
from kvdesk.units import GIB, format_bytes, format_mib


class DeviceMemory(QWidget):
    """Headline, bar, table. A device beside the main one starts folded: its figures are one click away."""

    def __init__(self, *, is_folded: bool = False) -> None:
        super().__init__()
        self._is_folded = is_folded
        self._use: DeviceUse | None = None
        self.title = ElidedLabel(bold=True)
        self.headline = text_label(role="muted", size=TextSize.NOTE, figures=True)
        self.fold_button = icon_button("chevron-right", self.tr("Show or hide the figures of this device"))
        self.fold_button.clicked.connect(self._toggle)
        self.fold_button.setVisible(is_folded)
        self.bar = MemoryBar()
        self.table = MemoryTable()
        head = QHBoxLayout()
        head.setSpacing(Space.TINY)
        head.addWidget(self.title)
        head.addWidget(self.fold_button)
        head.addStretch(1)
        head.addWidget(self.headline)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.table)
        self.bar.set_low(is_folded)

    def show_use(self, use: DeviceUse, *, is_measured_stale: bool) -> None:
        """Show one device."""
        self._use = use
        self.title.setText(device_title(use.device))
        self.title.setToolTip(" · ".join({use.device.name: 0, use.device.description: 0}).strip(" ·"))
        self.headline.setText(self._headline(use))
        set_role(self.headline, role="bad" if use.is_over else "muted")
        self.bar.show_use(use)
        self.table.show_use(use, is_measured_stale=is_measured_stale)
        self.table.setVisible(bool(use.rows) and not self._is_folded)

    def _toggle(self) -> None:
        self._is_folded = not self._is_folded
        set_icon(self.fold_button, "chevron-right" if self._is_folded else "chevron-down")
        self.bar.set_low(self._is_folded)
        if self._use is not None:
            self.table.setVisible(bool(self._use.rows) and not self._is_folded)
            self.headline.setText(self._headline(self._use))

    def _headline(self, use: DeviceUse) -> str:
        total, free = use.device.total_bytes, use.device.free_bytes
        if use.is_over and use.limit_bytes is not None:
            missing = format_bytes(use.needed_bytes - use.limit_bytes)
            if self._is_folded:  # beside the button the name has little room
                return self.tr("{missing} too much").format(missing=missing)
            return self.tr("{missing} more than the {limit} free").format(
                missing=missing, limit=format_bytes(use.limit_bytes)
            )
        if total is None:
            return self.tr("size not known")
        if self._is_folded and not use.needed_bytes and free is not None:
            return self.tr("{free} free").format(free=format_bytes(free))
        if self._is_folded and free is not None:
            return self.tr("takes {needed} · {free} free").format(
                needed=format_bytes(use.needed_bytes), free=format_bytes(free)
            )
        if use.margin_bytes:
            size, kept = _size(total), format_mib(use.margin_bytes)
            if not size.endswith("MiB"):  # beside MiB the unit goes without saying
                kept += " MiB"
            return self.tr("{size} · {kept} kept for other programs").format(size=size, kept=kept)
        if free is None:
            return _size(total)
        return self.tr("{size} · {free} free").format(size=_size(total), free=_size(free, like=total))


def _size(size_bytes: int, like: int | None = None) -> str:
    """A device's size, in MiB as vendors' tools print it; GiB from 20 GiB up (of `like`)."""
    if (like or size_bytes) < 20 * GIB:
        return f"{format_mib(size_bytes)} MiB"
    return f"{size_bytes / GIB:.1f} GiB"
