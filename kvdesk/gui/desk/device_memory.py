"""One device on the desk: its name and size, its bar, and the figures under it."""

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from kvdesk.gui.controls import set_role, text_label
from kvdesk.gui.desk.memory_bar import MemoryBar
from kvdesk.gui.desk.memory_rows import DeviceUse, device_title
from kvdesk.gui.desk.memory_table import MemoryTable
from kvdesk.gui.theme import Space, TextSize
from kvdesk.units import GIB, format_bytes, format_mib


class DeviceMemory(QWidget):
    """Headline, bar, table."""

    def __init__(self) -> None:
        super().__init__()
        self.title = text_label(bold=True)
        self.headline = text_label(role="muted", size=TextSize.TABLE, figures=True)
        self.bar = MemoryBar()
        self.table = MemoryTable()
        head = QHBoxLayout()
        head.setSpacing(Space.SMALL)
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.headline)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.TINY)
        column.addLayout(head)
        column.addWidget(self.bar)
        column.addWidget(self.table)

    def show_use(self, use: DeviceUse, *, is_measured_stale: bool) -> None:
        """Show one device."""
        self.title.setText(device_title(use.device))
        self.title.setToolTip(use.device.name)
        self.headline.setText(self._headline(use))
        set_role(self.headline, role="bad" if use.is_over else "muted")
        self.bar.show_use(use)
        self.table.setVisible(bool(use.rows))
        self.table.show_use(use, is_measured_stale=is_measured_stale)

    def _headline(self, use: DeviceUse) -> str:
        total, free = use.device.total_bytes, use.device.free_bytes
        if use.is_over and use.limit_bytes is not None:
            missing = format_bytes(use.needed_bytes - use.limit_bytes)
            return self.tr("{missing} more than the {limit} free").format(
                missing=missing, limit=format_bytes(use.limit_bytes)
            )
        if total is None:
            return self.tr("size not known")
        size = (
            self.tr("{size} MiB").format(size=format_mib(total)) if total < 32 * GIB else format_bytes(total)
        )
        if use.margin_bytes:
            kept = format_mib(use.margin_bytes)
            return self.tr("{size} · {kept} kept for other programs").format(size=size, kept=kept)
        if free is None:
            return size
        return self.tr("{size} · {free} free").format(size=size, free=format_bytes(free))
