"""What tables of figures have in common: titles over columns, figures to the right, rows close together."""

from collections.abc import Collection, Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView

from kvdesk.gui import theme
from kvdesk.gui.theme import TextSize

Index = QModelIndex | QPersistentModelIndex
_INVALID = QModelIndex()


class FigureItems(QAbstractTableModel):
    """Rows under titles; `data` is the subclass's. `figures` are the columns that stand to the right."""

    def __init__(self, figures: Collection[int]) -> None:
        super().__init__()
        self._figures = figures
        self._titles: tuple[str, ...] = ()
        self._rows: Sequence[object] = ()

    def rowCount(self, parent: Index = _INVALID) -> int:
        """Rows of the table."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _INVALID) -> int:
        """Columns of the table."""
        return 0 if parent.isValid() else len(self._titles)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        """A column's title, on the side of its figures."""
        if orientation is Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self.side(section)
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def side(self, column: int) -> Qt.AlignmentFlag:
        """Where a column's texts stand."""
        side = Qt.AlignmentFlag.AlignRight if column in self._figures else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


def figures_table(items: FigureItems, name: str, row_height: int, wide: Collection[int]) -> QTableView:
    """Return a view of one row's choice, without a grid; the `wide` columns share the room that is left."""
    table = QTableView()
    table.setModel(items)
    table.setAccessibleName(name)
    table.setFont(theme.current().font(TextSize.TABLE, figures=True))
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(theme.px(row_height))
    header = table.horizontalHeader()
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    for column in wide:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
    return table
