"""Texts that the rooms below give in English, put into the language of the window (context "core")."""

from PySide6.QtCore import QCoreApplication

from kvdesk.errors import KvDeskError, fill
from kvdesk.session.state import Notice


def translated(text: str) -> str:
    """Translate a sentence, a label or a template that comes from the rooms below."""
    return QCoreApplication.translate("core", text) if text else ""


def error_words(error: KvDeskError) -> tuple[str, str]:
    """Return an error's message and hint; its templates are translated before they are filled."""
    message, hint = translated(error.message_template), translated(error.hint_template)
    return fill(message, error.values), fill(hint, error.values)


def notice_words(notice: Notice) -> tuple[str, str]:
    """Return a notice's message and hint."""
    if notice.error is not None:
        return error_words(notice.error)
    return translated(notice.message), translated(notice.hint)
