"""The history as a table that can be read aloud: a row for each sample, the latest first."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from kvdesk.gui.charts.quantities import Quantity
from kvdesk.gui.charts.thinning import Values

Index = QModelIndex | QPersistentModelIndex
_INVALID = QModelIndex()


class HistoryItems(QAbstractTableModel):
    """Holds one moment's copy of the history; another replaces it whole."""

    def __init__(self) -> None:
        super().__init__()
        self._quantities: list[Quantity] = []
        self._columns: list[Values] = []
        self._ages_s: Values | None = None
        self._now = datetime.now()

    def show_rows(self, ages_s: Values, quantities: Sequence[Quantity], now: datetime) -> None:
        """Show these quantities; `ages_s` are seconds before `now`, oldest first."""
        self.beginResetModel()
        self._quantities = list(quantities)
        self._columns = [quantity.values.copy() for quantity in quantities]
        self._ages_s, self._now = ages_s.copy(), now
        self.endResetModel()

    def rowCount(self, parent: Index = _INVALID) -> int:
        """Rows of the table."""
        return 0 if parent.isValid() or self._ages_s is None else len(self._ages_s)

    def columnCount(self, parent: Index = _INVALID) -> int:
        """Columns of the table: the time and each quantity."""
        return 0 if parent.isValid() else 1 + len(self._quantities)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """A quantity's name with its unit, on the side of its figures."""
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._side(section)
        return self._title(section) if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """A figure, or a dash where there is no reading."""
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return self._text(index.row(), index.column())
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{self._title(index.column())}: {self._text(index.row(), index.column())}"
            case Qt.ItemDataRole.TextAlignmentRole:
                return self._side(index.column())
            case _:
                return None

    @staticmethod
    def _side(column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter

    def _title(self, column: int) -> str:
        if column == 0:
            return self.tr("Time")
        quantity = self._quantities[column - 1]
        return f"{quantity.name} ({quantity.unit})" if quantity.unit else quantity.name

    def _text(self, row: int, column: int) -> str:
        assert self._ages_s is not None
        place = len(self._ages_s) - 1 - row
        if column == 0:
            moment = self._now - timedelta(seconds=float(self._ages_s[place]))
            return moment.strftime("%H:%M:%S.%f")[:-5]
        return self._quantities[column - 1].text(self._columns[column - 1][place])
