"""What every kind of block can do, so that a row of the conversation need not know which kinds there are."""

from abc import ABC, abstractmethod

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from kvdesk.gui.blocks.marks import Marks


class BlockView(ABC):
    """A block on the screen. Coordinates are its own, from its top left corner."""

    height: float = 0.0
    laid_width: float = -1.0  # the width that the height is for; -1 before layout
    comfortable: float = 0.0  # the width that it takes even when its content needs less
    text: str = ""  # what copying the whole block gives
    length: int = 0  # of the text, in UTF-16 units

    @abstractmethod
    def lay_out(self, width: float) -> float:
        """Arrange for a width; return the height."""

    @abstractmethod
    def paint(self, painter: QPainter, at: QPointF, clip: QRectF, colour: QColor, marks: Marks) -> None:
        """Draw with the top left corner at a point; `clip` and the point are in the painter's coordinates."""

    @abstractmethod
    def position_at(self, x: float, y: float) -> int:
        """Return the position of the text nearest to a point."""

    def top_of(self, position: int) -> float:
        """Return where the line with a position of the text begins."""
        return 0.0

    @property
    def baseline(self) -> float:
        """Where the first line of text stands, for the marker of a list item beside it."""
        return 0.0

    def link_at(self, x: float, y: float) -> str:
        """Return the address under a point, or ""."""
        return ""

    def is_copy_button(self, x: float, y: float) -> bool:
        """Whether a point is on the block's own copy button."""
        return False

    def end_rect(self) -> QRectF | None:
        """Return where the streaming caret stands; None for a block that shows none."""
        return None

    def scroll_sideways(self, pixels: float) -> bool:
        """Move content that is wider than the block; False when nothing moved."""
        return False

    def work(self, budget_s: float) -> bool:
        """Do some of what can wait (highlighting); True when the block has to be painted again."""
        return False
