"""The themes: complete, live, with digits of one width."""

import re
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontMetricsF, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button
from kvdesk.gui.icons import make_icon, set_icon
from kvdesk.memory.report import Kind
from kvdesk.settings.rows import TEXT_SIZES

NAMES = ["light", "dark", "high contrast"]


def test_all_themes_have_the_same_roles_and_each_choice_a_file() -> None:
    assert read("light").keys() == read("dark").keys() == read("high contrast").keys()
    assert [choice.value for choice in theme.Choice] == ["system", *NAMES]


def read(name: str) -> dict[str, str]:
    return {role: value for role, value in theme.read_colours(name).items() if value.startswith("#")}


@pytest.mark.parametrize("name", NAMES)
def test_every_colour_is_a_colour_and_the_style_sheet_uses_only_known_ones(name: str) -> None:
    colours = read(name)
    assert all(len(value) == 7 for value in colours.values())
    sheet = theme.style_sheet(name, theme.read_colours(name))
    assert "$" not in sheet
    assert all(Path(icon).is_file() for icon in re.findall(r"url\((.*?)\)", sheet))


def test_high_contrast_is_high() -> None:
    colours = read("high contrast")
    for text in ("text", "muted", "accent", "good", "bad", "warn"):
        assert contrast(colours[text], colours["panel"]) >= 7, text
    assert contrast(colours["line"], colours["window"]) >= 4.5


def test_the_system_s_wish_for_contrast_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    current = theme.current()
    current.set_choice(theme.Choice.SYSTEM)
    monkeypatch.setattr(theme, "system_wants_contrast", lambda: True)
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert theme.colour("window").name() == read("high contrast")["window"]


@pytest.mark.parametrize(
    ("name", "text"), [("light", "text"), ("dark", "text"), ("light", "muted"), ("dark", "muted")]
)
def test_text_can_be_read(name: str, text: str) -> None:
    colours = read(name)
    for ground in ("window", "panel"):
        assert contrast(colours[text], colours[ground]) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize(("points", "scale"), [(9, 1.0), (14, 19 / 13), (20, 27 / 13)])
def test_text_is_as_large_as_the_desktop_s_and_never_smaller_than_ours(
    qapp: QApplication, points: int, scale: float
) -> None:
    font = QFont()
    font.setPointSize(points)  # at 96 dots an inch
    assert theme.desktop_text_scale(font) == pytest.approx(scale)


def test_lengths_of_the_style_sheet_grow_with_the_text() -> None:
    colours = theme.read_colours("light")
    once, twice = (theme.style_sheet("light", colours, scale) for scale in (1.0, 2.0))
    heights = [re.findall(r"min-height: (\d+)px", sheet) for sheet in (once, twice)]
    assert "28" in heights[0]
    assert "56" in heights[1]
    assert "56" not in heights[0]
    assert "tx" not in re.sub(r"/\*.*?\*/|[a-z]+tx|tx[a-z]+", "", once, flags=re.DOTALL)


@pytest.mark.parametrize("percent", TEXT_SIZES)
def test_corners_are_round_in_every_size_of_text(percent: int) -> None:
    """Qt draws square ones where two radii are more than the height."""
    sheet = theme.style_sheet("light", theme.read_colours("light"), percent / 100)
    pills = 0
    for rule in re.findall(r"\{[^}]*\}", sheet):
        radius, height = (re.search(rf"{name}: (\d+)px", rule) for name in ("border-radius", "min-height"))
        if radius and height:
            border = 2 if "border: 1px" in rule else 0
            assert 2 * int(radius[1]) <= int(height[1]) + border, rule
            pills += 1
    assert pills > 3


def test_a_change_of_theme_reaches_palette_listeners_and_what_is_dressed(
    qtbot: QtBot, qapp: QApplication
) -> None:
    current = theme.current()
    window, part = QWidget(), QWidget()
    part.setParent(window)
    qtbot.addWidget(window)
    current.dress(part)
    assert read("light")["accent"] in part.styleSheet()
    with qtbot.waitSignal(current.changed, timeout=1000):
        current.set_choice(theme.Choice.DARK)
    assert current.is_dark
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == read("dark")["window"]
    assert not window.updatesEnabled()  # until all parts wear it
    qtbot.waitUntil(window.updatesEnabled)
    assert read("dark")["accent"] in part.styleSheet()
    assert theme.colour("k").name() == read("dark")["k"]


def test_the_system_choice_follows_the_scheme_while_running(monkeypatch: pytest.MonkeyPatch) -> None:
    current = theme.current()
    current.set_choice(theme.Choice.SYSTEM)
    hints = QGuiApplication.styleHints()
    # The offscreen platform has no scheme of its own: the desktop is played here.
    for scheme in (Qt.ColorScheme.Dark, Qt.ColorScheme.Light):
        is_dark = scheme is Qt.ColorScheme.Dark
        monkeypatch.setattr(theme, "system_is_dark", lambda is_dark=is_dark: is_dark)
        hints.colorSchemeChanged.emit(scheme)
        assert current.is_dark is is_dark


def test_a_chosen_theme_does_not_follow_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theme, "system_is_dark", lambda: True)
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Dark)
    assert not theme.current().is_dark


def test_a_kind_of_memory_has_one_colour(qapp: QApplication) -> None:
    current = theme.current()
    kinds = (Kind.WEIGHTS, Kind.K, Kind.V, Kind.RECURRENT, Kind.COMPUTE, Kind.OUTPUT)
    assert len({current.kind_colour(kind).name() for kind in kinds}) == len(kinds)
    assert current.kind_colour(Kind.PROCESS) == current.kind_colour(Kind.DEVICE_CONTEXT)


def test_figures_have_one_width(qapp: QApplication) -> None:
    metrics = QFontMetricsF(theme.current().font(figures=True))
    assert metrics.horizontalAdvance("1111") == pytest.approx(metrics.horizontalAdvance("8888"))


def test_an_icon_takes_the_theme_s_colour(qtbot: QtBot) -> None:
    button = icon_button("plus", "New")
    qtbot.addWidget(button)
    light = button.icon().pixmap(16, 16).toImage()
    theme.current().set_choice(theme.Choice.DARK)
    dark = button.icon().pixmap(16, 16).toImage()
    assert light != dark
    assert dark == make_icon("plus").pixmap(16, 16).toImage()
    assert button.accessibleName() == "New"
    set_icon(button, "close")
    theme.current().set_choice(theme.Choice.LIGHT)
    assert button.icon().pixmap(16, 16).toImage() == make_icon("close").pixmap(16, 16).toImage()
