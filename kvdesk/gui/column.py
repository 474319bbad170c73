"""The column that the conversation, the gauge and the composer share, so that their edges align."""

from kvdesk.gui import theme
from kvdesk.gui.theme import Space

_WIDEST = 720


def column_of(width: int) -> tuple[int, int]:
    """Return left edge and width of the column in a part of the window that is `width` pixels wide."""
    column = max(160, min(theme.px(_WIDEST), width - 2 * Space.HUGE))
    return max(Space.MEDIUM, (width - column) // 2), column
