"""Texts that the rooms below give in English, put into the language of the window (context "core")."""

from PySide6.QtCore import QCoreApplication

from kvdesk.errors import KvDeskError
from kvdesk.phrases import spoken


def translated(text: str) -> str:
    """Translate a phrase, or a word that comes from the rooms below."""
    return spoken(text, lambda template: QCoreApplication.translate("core", template))


def error_words(error: KvDeskError) -> str:
    """Say in one paragraph what happened and what to do about it."""
    return f"{translated(error.message)} {translated(error.hint)}".strip()
