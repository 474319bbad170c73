"""The first load of a chat: where it fails, the step that may help is offered and taken, not only told."""

import sys

from kvdesk.cli.chat_conversation import Conversation
from kvdesk.cli.prompting import agree, say
from kvdesk.cli.texts import t
from kvdesk.errors import Cancelled, DoesNotFit, KvDeskError
from kvdesk.phrases import Phrase
from kvdesk.plan.remedy import written


def load(conversation: Conversation) -> None:
    """Load, with other options after each failure for as long as there are some and the user agrees.

    Raises what the load raised, with the options as flags where nobody can be asked, and Cancelled for a no.
    """
    while True:
        try:
            conversation.load()
            return
        except KvDeskError as error:
            remedy = conversation.remedy(error)
            if remedy is None:
                raise
            if not sys.stdin.isatty():
                if not remedy.changes or isinstance(error, DoesNotFit):  # that names what fits already
                    raise
                flags = " ".join(written(name, value) for name, value in remedy.changes)
                hint = Phrase("Add {flags} to the command: that takes less, or is less unusual.", flags=flags)
                raise type(error)(error.message, hint) from error
            say(t(error.message))
            if not agree(f"{t(remedy.sentence)} [Y/n] "):
                raise Cancelled from error
            conversation.take(remedy)
