"""Fonts, colours and measures of conversation text, taken from the theme once and not for every paint."""

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QTextCharFormat

from kvdesk.gui.blocks.highlight import Lexers
from kvdesk.gui.icons import make_icon
from kvdesk.gui.spans import Span
from kvdesk.gui.theme import TextSize, Theme

LINE_CHARACTERS = 86  # of the sample; of real text with its longer words about 78
_HEADING_PX = {1: 20, 2: 17, 3: 15}
_LINE_RATIO = 1.5
_SCRIPTS = {
    0: QTextCharFormat.VerticalAlignment.AlignNormal,
    1: QTextCharFormat.VerticalAlignment.AlignSuperScript,
    -1: QTextCharFormat.VerticalAlignment.AlignSubScript,
}
_SAMPLE = "the quick brown fox jumps over the lazy dog and reads on, then rests a while. "


class Style:
    """What blocks need to know to measure and paint themselves; a new one is made when the theme changes."""

    def __init__(self, theme: Theme, lexers: Lexers) -> None:
        self.lexers = lexers
        self.body = theme.font(TextSize.READING)
        self.code = theme.font(TextSize.TABLE, code=True)
        self.note = theme.font(TextSize.NOTE)
        self.line = theme.font(TextSize.TABLE)
        self.scale = theme.text_scale
        self.figures = theme.font(TextSize.TABLE, figures=True)
        self.theme = theme
        self.text = theme.colour("text")
        self.muted = theme.colour("muted")
        self.accent = theme.colour("accent")
        self.bubble = theme.colour("accent_tint")
        self.panel = theme.colour("panel")
        self.window = theme.colour("window")
        self.rule = theme.colour("line")
        self.hover = theme.colour("hover")
        self.copy_icon = make_icon("copy", "muted", 13)
        self.selection = QColor(self.accent)
        self.selection.setAlpha(90 if theme.is_dark else 60)
        self.found = QColor(theme.colour("warn"))
        self.found.setAlpha(70)
        self.found_current = QColor(theme.colour("warn"))
        self.found_current.setAlpha(150)
        self.bar = QColor(self.muted)
        self.bar.setAlpha(110)
        self.pitch = self.line_pitch(self.body)
        metrics = QFontMetricsF(self.body)
        self.character_px = metrics.horizontalAdvance(_SAMPLE) / len(_SAMPLE)
        self.reading_width = round(self.character_px * LINE_CHARACTERS)
        self.code_metrics = QFontMetricsF(self.code)
        self.code_pitch = float(round(QFontMetricsF(self.code).height() * 1.2))
        self.char_format = lru_cache(maxsize=256)(self._char_format)

    def px(self, length: float) -> float:
        """Return a length that grows with the text, in pixels."""
        return float(round(length * self.scale))

    @staticmethod
    def line_pitch(font: QFont) -> float:
        """Return the distance from one line to the next, in pixels."""
        return float(round(font.pixelSize() * _LINE_RATIO))

    def heading_font(self, level: int) -> QFont:
        """Return the font of a heading; level 0 is running text."""
        font = QFont(self.body)
        if level == 0:
            return font
        font.setPixelSize(round(_HEADING_PX.get(level, TextSize.READING) * self.scale))
        font.setWeight(QFont.Weight.DemiBold)
        return font

    def code_colour(self, role: str) -> QColor:
        """Return the colour of a syntax role such as "keyword"."""
        return self.theme.colour(f"code_{role}")

    def _char_format(self, span: Span, level: int) -> QTextCharFormat:
        """Return the format of a span (asked for without its text, so that equal styles share one)."""
        form = QTextCharFormat()
        font = self.heading_font(level)
        if span.code:
            size = font.pixelSize()
            font = QFont(self.code)
            font.setPixelSize(round(size * 0.92))
        if span.bold:
            font.setWeight(QFont.Weight.DemiBold)
        font.setItalic(span.italic)
        form.setFont(font)
        form.setFontStrikeOut(span.struck)
        if span.href:
            form.setForeground(self.accent)
            form.setFontUnderline(True)
            form.setUnderlineColor(self.accent)
            form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)
        form.setVerticalAlignment(_SCRIPTS[span.script])
        return form


ALIGNMENTS = {
    "left": Qt.AlignmentFlag.AlignLeft,
    "center": Qt.AlignmentFlag.AlignHCenter,
    "right": Qt.AlignmentFlag.AlignRight,
}
