"""Turns errors into what the user is told in place."""

from kvdesk.errors import KvDeskError
from kvdesk.session.state import Notice


def notice_of(error: Exception) -> Notice:
    """Return what the user is told of an error; one that nobody foresaw carries its details."""
    if isinstance(error, KvDeskError):
        return Notice(error.message, error.hint, error=error)
    import traceback

    return Notice(
        "Something went wrong inside KV Desk.",
        "Your conversations are safe. Copy the details into a report.",
        "".join(traceback.format_exception(error)),
    )
