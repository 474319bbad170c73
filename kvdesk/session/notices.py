"""Turns errors into what the user is told in place."""

from kvdesk.errors import KvDeskError
from kvdesk.phrases import Phrase
from kvdesk.session.state import Notice


def notice_of(error: Exception) -> Notice:
    """Return what the user is told of an error; one that nobody foresaw carries its details."""
    if isinstance(error, KvDeskError):
        return Notice(error.message, error.hint)
    import traceback

    return Notice(
        Phrase("Something went wrong inside KV Desk."),
        Phrase("Your conversations are safe. Copy the details into a report."),
        "".join(traceback.format_exception(error)),
    )
