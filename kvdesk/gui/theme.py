"""How the program looks: colours by role, spacing, radii and fonts; light, dark or in high contrast, at the
size of text that the desktop has and the user wants.

The one `Theme` belongs to the application object, so that every widget finds it and no module keeps state.
Widgets ask for colours while they paint and repaint by themselves when the palette changes. Windows, and the
parts of a large one, are dressed in the one style sheet each for itself: Qt takes three times as long to give
all widgets another sheet of the application, and cannot do it in steps.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from enum import IntEnum, StrEnum
from string import Template
from weakref import WeakSet

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from kvdesk.gui.in_steps import InSteps
from kvdesk.memory.report import Kind
from kvdesk.resources import resource_path


class Space(IntEnum):
    """Steps of spacing, in device-independent pixels."""

    TINY = 4
    SMALL = 8
    MEDIUM = 12
    LARGE = 16
    WIDE = 20
    HUGE = 28


class Radius(IntEnum):
    """Corner radii."""

    BAR = 5
    CONTROL = 8
    CARD = 12


class TextSize(IntEnum):
    """Heights of text, in pixels at 100 %."""

    NOTE = 11
    TABLE = 12
    TEXT = 13
    READING = 14  # running text of a conversation
    TITLE = 15
    HEADING = 20


_TEXT_LENGTH = re.compile(r"(\d+)tx")  # in the style sheet: pixels that grow with the text


class Choice(StrEnum):
    """The theme setting."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    HIGH_CONTRAST = "high contrast"


_INTERFACE_FAMILIES = (
    "Inter",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Color Emoji",
    "DejaVu Sans",
)
_CODE_FAMILIES = (
    "JetBrains Mono",
    "SF Mono",
    "Cascadia Mono",
    "Noto Sans Mono",
    "DejaVu Sans Mono",
    "Menlo",
    "Consolas",
    "Noto Sans Mono CJK SC",
)
_KIND_ROLES = {
    Kind.WEIGHTS: "weights",
    Kind.K: "k",
    Kind.V: "v",
    Kind.RECURRENT: "recurrent",
    Kind.COMPUTE: "compute",
}


def read_colours(name: str) -> dict[str, str]:
    """Read a theme's file into role -> "#rrggbb"."""
    tables = tomllib.loads(resource_path(f"themes/{_file_name(name)}.toml").read_text("utf-8"))
    return {
        role: value for table in tables.values() if isinstance(table, dict) for role, value in table.items()
    }


def _file_name(theme: str) -> str:
    return theme.replace(" ", "-")


class Theme(QObject):
    """The colours and the size of text now in force; `changed` is emitted after the application has taken
    other ones.
    """

    changed = Signal()

    def __init__(self, application: QApplication, choice: Choice = Choice.SYSTEM) -> None:
        super().__init__(application)
        self._application = application
        self._choice = choice
        self._colours: dict[str, QColor] = {}
        self._name = ""
        self._sheet = ""
        self._dressed: WeakSet[QWidget] = WeakSet()
        self.icons: dict[tuple[str, str, int], QIcon] = {}  # drawn ones, by name, colour and size in pixels
        self.dressing: InSteps | None = None  # under way, or the last there was
        self._desktop_scale = desktop_text_scale(application.font())
        self._percent = 100
        application.setStyle("Fusion")
        application.setFont(self.font())
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._follow)
        if (accessibility := getattr(hints, "accessibility", None)) is not None:  # since Qt 6.10
            accessibility().contrastPreferenceChanged.connect(self._follow)
        self._follow()

    @property
    def is_dark(self) -> bool:
        """Whether text is light on dark."""
        return self._name in (Choice.DARK, Choice.HIGH_CONTRAST)

    @property
    def choice(self) -> Choice:
        """What the user set: a theme, or the system's."""
        return self._choice

    def set_choice(self, choice: Choice) -> None:
        """Take a theme, or the system's, from now on."""
        self._choice = choice
        self._follow()

    @property
    def text_scale(self) -> float:
        """How much larger text is than at 100 % on a desktop with text of 13 pixels."""
        return self._desktop_scale * self._percent / 100

    def set_text_size(self, percent: int) -> None:
        """Write in a size from now on, in per cent of the desktop's; windows that are there keep theirs."""
        if percent != self._percent:
            self._percent = percent
            self._application.setFont(self.font())
            self._sheet = self._style_sheet()

    def colour(self, role: str) -> QColor:
        """Return the colour of a role such as "k" or "muted"; KeyError for a role that no theme has."""
        return self._colours[role]

    def kind_colour(self, kind: Kind) -> QColor:
        """Return the colour that always stands for a kind of memory."""
        return self._colours[_KIND_ROLES.get(kind, "other")]

    def font(
        self, size: TextSize = TextSize.TEXT, *, bold: bool = False, figures: bool = False, code: bool = False
    ) -> QFont:
        """Return an interface font; `figures` has digits of one width, `code` is monospaced."""
        font = QFont(self._application.font())
        if code:
            font.setFamilies([*_CODE_FAMILIES, QFontDatabase.systemFont(_FIXED).family()])
            font.setStyleHint(QFont.StyleHint.Monospace)
        elif sys.platform.startswith("linux"):
            font.setFamilies([*_INTERFACE_FAMILIES, QFontDatabase.systemFont(_GENERAL).family()])
        font.setPixelSize(round(size * self.text_scale))
        font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
        if figures:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def _follow(self) -> None:
        name = self._wanted_name()
        if name == self._name:
            return
        self._name = name
        values = read_colours(name)
        self._colours = {role: QColor(value) for role, value in values.items()}
        if self.dressing is not None:
            self.dressing.deleteLater()
        self._let_windows_paint(False)
        self._application.setPalette(self._palette())
        self._sheet = self._style_sheet()
        self.changed.emit()
        self.dressing = InSteps(self, self._dress_again(list(self._dressed)))

    def dress(self, part: QWidget) -> None:
        """Give a window, or a part of one, the style sheet; it follows the theme for as long as it lives."""
        part.setStyleSheet(self._sheet)
        self._dressed.add(part)

    def _dress_again(self, parts: Sequence[QWidget]) -> Iterator[None]:
        """Dress one part after the other; the windows show what they showed before until all are done."""
        for part in parts:
            if isValid(part):
                part.setStyleSheet(self._sheet)
                yield
        self._let_windows_paint(True)

    def _let_windows_paint(self, is_allowed: bool) -> None:
        for window in self._application.topLevelWidgets():
            window.setUpdatesEnabled(is_allowed)

    def _style_sheet(self) -> str:
        return style_sheet(self._name, read_colours(self._name), self.text_scale)

    def _wanted_name(self) -> str:
        if self._choice is not Choice.SYSTEM:
            return self._choice.value
        if system_wants_contrast():
            return Choice.HIGH_CONTRAST.value
        return Choice.DARK.value if system_is_dark() else Choice.LIGHT.value

    def _palette(self) -> QPalette:
        palette = QPalette()
        group, role = QPalette.ColorGroup, QPalette.ColorRole
        for target, source in (
            (role.Window, "window"),
            (role.Base, "panel"),
            (role.AlternateBase, "window"),
            (role.Button, "panel"),
            (role.Light, "panel"),
            (role.Midlight, "line"),
            (role.Mid, "line"),
            (role.Dark, "line"),
            (role.Shadow, "line"),
            (role.WindowText, "text"),
            (role.Text, "text"),
            (role.ButtonText, "text"),
            (role.BrightText, "bad"),
            (role.PlaceholderText, "muted"),
            (role.Highlight, "accent"),
            (role.HighlightedText, "on_accent"),
            (role.Accent, "accent"),
            (role.Link, "accent"),
            (role.LinkVisited, "accent"),
            (role.ToolTipBase, "panel"),
            (role.ToolTipText, "text"),
        ):
            palette.setColor(target, self._colours[source])
        for target in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(group.Disabled, target, self._colours["muted"])
        return palette


_FIXED = QFontDatabase.SystemFont.FixedFont
_GENERAL = QFontDatabase.SystemFont.GeneralFont


def desktop_text_scale(font: QFont) -> float:
    """How much larger the desktop writes than we do; never less than 1, for that its own default is.

    Qt's font is 9 points where no desktop says anything, which is 12 pixels.
    """
    return max(1.0, QFontInfo(font).pixelSize() / TextSize.TEXT)


def system_is_dark() -> bool:
    """Whether the desktop asks for dark windows."""
    return QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark


def system_wants_contrast() -> bool:
    """Whether the desktop asks for high contrast."""
    accessibility = getattr(QGuiApplication.styleHints(), "accessibility", None)  # since Qt 6.10
    return accessibility is not None and accessibility().contrastPreference().name == "HighContrast"


def style_sheet(name: str, colours: dict[str, str], text_scale: float = 1.0) -> str:
    """Fill the one style sheet with a theme's colours, this installation's icons and the size of text."""
    template = Template(resource_path("themes/style.qss").read_text("utf-8"))
    icons = resource_path("icons").as_posix()
    sizes = {f"radius_{radius.name.lower()}": str(int(radius)) for radius in Radius}
    sheet = template.substitute(colours, icons=icons, theme=_file_name(name), **sizes)
    return _TEXT_LENGTH.sub(lambda found: f"{round(int(found[1]) * text_scale)}px", sheet)


def current() -> Theme:
    """Return the running application's theme, made on first use."""
    application = QApplication.instance()
    assert isinstance(application, QApplication), "a theme needs an application"
    found = application.findChild(Theme, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return found if isinstance(found, Theme) else Theme(application)


def dress(part: QWidget) -> None:
    """Give a window, or a part of one, the style sheet of the current theme, and of those to come."""
    current().dress(part)


def px(length: float) -> int:
    """Return a length in pixels that grows with the text: of what has text in it."""
    return round(length * current().text_scale)


def colour(role: str, alpha: float = 1.0) -> QColor:
    """Return a colour of the current theme, made transparent by `alpha` below 1."""
    found = QColor(current().colour(role))
    found.setAlphaF(alpha)
    return found
