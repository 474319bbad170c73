"""The ledger of loads as Qt sees it: a row for each device of each load, the latest load first."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, Qt

from kvdesk.gui import theme
from kvdesk.gui.desk.memory_rows import device_title, kind_label
from kvdesk.gui.figures_table import FigureItems, Index
from kvdesk.gui.own_language import translated
from kvdesk.memory.report import Device, DeviceKind
from kvdesk.plan.load_record import DeviceAccount, LoadRecord
from kvdesk.units import format_mib, format_tokens

translate = QCoreApplication.translate

_FIGURES = range(5, 9)  # columns of MiB
_CONTEXT = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One row: its texts by column, the failure's message or the figures of each kind, and its tone."""

    texts: tuple[str, ...]
    details: str
    role: str
    record: LoadRecord | None = None


def lines_of(records: Sequence[LoadRecord]) -> list[Line]:
    """Rows of all loads, the latest first; a load that failed says why where its measurement would stand."""
    return [line for record in reversed(records) for line in _lines(record)]


def _lines(record: LoadRecord) -> list[Line]:
    options, failure = record.options, record.fault
    unmeasured = {
        "failed": translate("LedgerItems", "failed"),
        "cancelled": translate("LedgerItems", "called off"),
    }.get(record.outcome, "")
    load = (
        record.date.astimezone().strftime("%Y-%m-%d %H:%M"),
        record.model.name,
        format_tokens(options.ctx_size),
        f"{options.cache_type_k} / {options.cache_type_v}",
    )
    lines = [
        Line(
            (
                *load,
                _title(device),
                format_mib(device.estimated_bytes),
                format_mib(device.planned_bytes),
                unmeasured or format_mib(device.measured_bytes),
                _difference(device),
            ),
            f"{translated(failure.message)}\n{_details(record, device)}"
            if failure
            else _details(record, device),
            "bad" if failure else "text",
            record,
        )
        for device in record.devices
    ]
    return lines or [
        Line(
            (*load, "–", "–", "–", unmeasured or "–", "–"),
            translated(failure.message) if failure else "",
            "bad" if failure else "muted",
            record,
        )
    ]


def _title(account: DeviceAccount) -> str:
    kind: DeviceKind = "cpu" if account.backend == "cpu" else "gpu"
    return device_title(Device(account.name, kind, account.backend, description=account.description))


def _difference(device: DeviceAccount) -> str:
    size = device.difference_bytes
    return f"+{format_mib(size)}" if size is not None and size > 0 else format_mib(size)


def _details(record: LoadRecord, device: DeviceAccount) -> str:
    """Each kind by the three degrees; the device and the versions under them."""
    kinds = [
        f"{kind_label(each.kind)}: {format_mib(each.estimated_bytes)} · {format_mib(each.planned_bytes)}"
        f" · {format_mib(each.measured_bytes)}"
        for each in record.buffers
        if each.device == device.name
    ]
    versions = [device.description or device.name, f"llama-cpp-python {record.library}"]
    if device.driver:
        versions.insert(1, translate("LedgerItems", "driver {version}").format(version=device.driver))
    return "\n".join([*kinds, ", ".join(versions)])


class LedgerItems(FigureItems):
    """Holds the rows; a new ledger replaces them all."""

    def __init__(self) -> None:
        super().__init__(figures=(_CONTEXT, *_FIGURES))
        self._rows: Sequence[Line] = ()
        self._titles = (
            self.tr("Date"),
            self.tr("Model"),
            self.tr("Context"),
            self.tr("K / V"),
            self.tr("Device"),
            self.tr("Estimated"),
            self.tr("Planned"),
            self.tr("Measured"),
            self.tr("Difference"),
        )

    def show_records(self, records: Sequence[LoadRecord]) -> None:
        """Show these loads."""
        self.beginResetModel()
        self._rows = lines_of(records)
        self.endResetModel()

    def record(self, row: int) -> LoadRecord | None:
        """The load in a row."""
        return self._rows[row].record if 0 <= row < len(self._rows) else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a cell shows; a failed load is in the colour of errors, its message in the tooltip."""
        line, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return line.texts[column]
            case Qt.ItemDataRole.TextAlignmentRole:
                return self.side(column)
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleDescriptionRole:
                return line.details
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{self._titles[column]}: {line.texts[column]}"
            case Qt.ItemDataRole.ForegroundRole:
                return theme.colour(line.role)
            case _:
                return None
