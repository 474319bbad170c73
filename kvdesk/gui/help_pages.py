"""Which help pages there are, where their text lies, and which one belongs to a widget."""

from typing import get_args

from PySide6.QtCore import QLocale, QObject, QTranslator
from PySide6.QtWidgets import QApplication, QWidget

from kvdesk.plan.options import HelpPage
from kvdesk.resources import resource_path

PAGES: tuple[HelpPage, ...] = get_args(HelpPage)
FIRST: HelpPage = "window"
_PROPERTY = "help_page"


def set_page(widget: QWidget, page: HelpPage) -> None:
    """Have F1 on this widget, and on those inside it that have no page of their own, open a page."""
    widget.setProperty(_PROPERTY, page)


def page_of(widget: QObject | None) -> HelpPage:
    """The page of a widget, or of the nearest one around it that has one."""
    while widget is not None:
        found = widget.property(_PROPERTY)
        if found in PAGES:
            return found  # type: ignore[no-any-return]  # a property of Qt has any type
        widget = widget.parent()
    return FIRST


def read_page(page: HelpPage) -> str:
    """A page's Markdown in the window's language."""
    return resource_path(f"help/{_language()}/{page}.md").read_text(encoding="utf-8")


def title_of(page: HelpPage) -> str:
    """A page's heading."""
    return read_page(page).split("\n", 1)[0].lstrip("# ")


def _language() -> str:
    """The language that is spoken: that of the translation in force."""
    application = QApplication.instance()
    spoken = application.findChildren(QTranslator) if application else []
    languages = {QLocale(translator.language()).language() for translator in spoken}
    return "zh_CN" if QLocale.Language.Chinese in languages else "en"
