"""The help: a list of pages, the page, and a picture of the user's own model with its figures as a table."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeySequence, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QListWidget,
    QListWidgetItem,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from kvdesk.gui import theme
from kvdesk.gui.controls import push_button, size_window, text_label
from kvdesk.gui.desk.memory_rows import kind_label
from kvdesk.gui.help.picture import Picture
from kvdesk.gui.help_pages import FIRST, PAGES, read_page, title_of
from kvdesk.gui.own_language import translated
from kvdesk.gui.rows import TextRow
from kvdesk.gui.rows_view import RowsView
from kvdesk.gui.theme import Space, TextSize
from kvdesk.plan.options import HelpPage
from kvdesk.session.desk import Desk
from kvdesk.session.teaching import Bars, bars_for
from kvdesk.units import format_bytes

KEYS = "keys"
_LIST_WIDTH = 190
_UNDRAWN: tuple[HelpPage, ...] = (FIRST, "sampling")  # what they tell of takes no memory of its own

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class PageView(RowsView):
    """A page of Markdown, by the blocks of the conversation; a link leads to another page."""

    pageWanted = Signal(str)
    grows = False

    def show_text(self, text: str) -> None:
        """Show a text from its beginning."""
        self._stack.set_rows([TextRow(0, text)], 0)
        self._stack.scroll_to(0)
        self._stack.follows = False
        self.drop_stale_selection()
        self.setAccessibleDescription(text)
        self.settle()

    def link_clicked(self, address: str, event: QMouseEvent) -> None:
        """Go to the page; help has no links to the outside."""
        self.pageWanted.emit(address.removesuffix(".md"))


class HelpWindow(QDialog):
    """Stands beside the window. `keys` are (key, what it does) of the real shortcuts."""

    tourWanted = Signal()

    def __init__(self, desk: Desk, keys: Sequence[tuple[str, str]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.dress(self)
        self._desk, self._keys = desk, keys
        self.page: str = FIRST
        self.setWindowTitle(self.tr("Help"))
        size_window(self, 860, 640)
        self.pages = QListWidget()
        self.pages.setAccessibleName(self.tr("Pages"))
        self.pages.setFixedWidth(theme.px(_LIST_WIDTH))
        for page in PAGES:
            self._add_page(page, title_of(page))
        self._add_page(KEYS, self.tr("Keys"))
        self.view = PageView()
        self.view.setAccessibleName(self.tr("Page"))
        self.view.pageWanted.connect(self.show_page)
        self.picture = Picture()
        self.table = QTableWidget()
        self._title = text_label("", bold=True, wrap=True)
        self.table_button = push_button(self.tr("As a table"), "flat", TextSize.NOTE)
        self.table_button.setCheckable(True)
        self.tour_button = push_button(self.tr("Show me around"))
        self.tour_button.clicked.connect(self.tourWanted)
        self.close_button = push_button(self.tr("Close"), "primary")
        self.close_button.clicked.connect(self.accept)
        self._lay_out()
        self.pages.currentItemChanged.connect(self._chosen)
        self.table_button.toggled.connect(lambda is_table: self._stack.setCurrentIndex(int(is_table)))
        self.show_page(FIRST)
        self.pages.setFocus()

    def _add_page(self, page: str, title: str) -> None:
        item = QListWidgetItem(title)
        item.setSizeHint(QSize(theme.px(_LIST_WIDTH), theme.px(30)))
        item.setData(Qt.ItemDataRole.UserRole, page)
        self.pages.addItem(item)

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        self._stack.addWidget(self.picture)
        self._stack.addWidget(self.table)
        self.table.setFont(theme.current().font(TextSize.TABLE, figures=True))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.table_button)
        self._own = QWidget()
        own = QVBoxLayout(self._own)
        own.setContentsMargins(Space.HUGE, 0, Space.HUGE, 0)
        own.addLayout(head)
        own.addWidget(self._stack)
        buttons = QHBoxLayout()
        buttons.addWidget(self.tour_button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        right = QVBoxLayout()
        right.setSpacing(Space.MEDIUM)
        right.addWidget(self.view, 1)
        right.addWidget(self._own)
        right.addLayout(buttons)
        row = QHBoxLayout(self)
        row.setContentsMargins(Space.WIDE, Space.LARGE, Space.WIDE, Space.LARGE)
        row.setSpacing(Space.LARGE)
        row.addWidget(self.pages)
        row.addLayout(right, 1)

    def show_page(self, page: str) -> None:
        """Show a page by its name; one that there is not leaves the present one."""
        for index in range(self.pages.count()):
            if self.pages.item(index).data(Qt.ItemDataRole.UserRole) == page:
                self.pages.setCurrentRow(index)
                return

    def _chosen(self, item: QListWidgetItem) -> None:
        self.page = item.data(Qt.ItemDataRole.UserRole)
        known = next((page for page in PAGES if page == self.page), None)
        self.view.show_text(read_page(known) if known else self._keys_page())
        self._show_own(known)

    def _show_own(self, page: HelpPage | None) -> None:
        is_drawn = page is not None and page not in _UNDRAWN
        bars = bars_for(self._desk, page) if page is not None and is_drawn else None
        self._own.setVisible(is_drawn)
        for part in (self._stack, self.table_button):
            part.setVisible(bars is not None)
        if bars is None:
            self._title.setText(self.tr("Open a model, and its own figures are drawn here."))
            return
        self._title.setText(translated(bars.title))
        self.picture.setAccessibleName(translated(bars.title))
        self.table.setAccessibleName(translated(bars.title))
        self.picture.show_bars(bars)
        self._fill_table(bars)
        self._fit_picture()

    def _fit_picture(self) -> None:
        self._stack.setFixedHeight(max(self.picture.sizeHint().height(), 120))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The picture's legend may need other lines."""
        super().resizeEvent(event)
        self._fit_picture()

    def _fill_table(self, bars: Bars) -> None:
        kinds = self.picture.kinds()
        self.table.setColumnCount(len(kinds) + 1)
        self.table.setRowCount(len(bars.rows))
        for column, title in enumerate(("", *map(kind_label, kinds))):
            head = QTableWidgetItem(title)
            head.setTextAlignment(_RIGHT)
            self.table.setHorizontalHeaderItem(column, head)
        for line, row in enumerate(bars.rows):
            sizes = dict(row.pieces)
            texts = [
                translated(row.label),
                *(format_bytes(sizes[kind]) if kind in sizes else "–" for kind in kinds),
            ]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(_RIGHT)
                self.table.setItem(line, column, item)

    def _keys_page(self) -> str:
        """The keys as Markdown, each as it is written on this system."""
        native = QKeySequence.SequenceFormat.NativeText
        lines = [f"| `{QKeySequence(keys).toString(native)}` | {words} |" for keys, words in self._keys]
        title, key, does = self.tr("Keys"), self.tr("Key"), self.tr("What it does")
        return f"# {title}\n\n| {key} | {does} |\n| --- | --- |\n" + "\n".join(lines) + "\n"
