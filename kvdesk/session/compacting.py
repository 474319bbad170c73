"""Has the model write a summary that stands for messages, once the user has seen it."""

import msgspec

from kvdesk.chats.attachments import prompt_text
from kvdesk.phrases import Phrase
from kvdesk.plan.overflow import summary_tokens
from kvdesk.session import events
from kvdesk.session.parts import Parts
from kvdesk.session.state import ChatMessage, Compaction, Conversation, Notice

# Said to the model, which knows English best whatever the conversation is in.
_INSTRUCTION = """Summarise the following part of a conversation between a user and an assistant. Keep every \
name, number, decision and open question; leave out everything else. Write in the language of the \
conversation, in plain sentences, without an introduction.

{talk}

Summary:"""
# The summary stands in the conversation as an answer, so it needs a question; templates want turns.
QUESTION = "What have we said so far?"
_NAMES = {"user": "User", "assistant": "Assistant"}

NOTHING_CHOSEN = Notice(
    Phrase("There is nothing to summarise."), Phrase("Choose messages that are in the context.")
)


def instruction(messages: tuple[ChatMessage, ...]) -> str:
    """Return what the model is asked: one message, which every template knows."""
    talk = "\n\n".join(
        f"{_NAMES.get(message.role, message.role)}: {prompt_text(message.content, message.attachments)}"
        for message in messages
    )
    return _INSTRUCTION.format(talk=talk)


def begin(parts: Parts, chat: Conversation, ids: tuple[int, ...]) -> None:
    """Ask for a summary beside the conversation, whose own cache is set aside meanwhile."""
    chosen = tuple(message for message in chat.messages if message.id in ids)
    if not chosen:
        parts.take(events.NoticeChanged(NOTHING_CHOSEN))
        return
    known = dict(parts.state.message_tokens)
    tokens = sum(known.get(message.id, 0) for message in chosen)
    sampling = msgspec.structs.replace(
        chat.sampling, temperature=0.0, max_tokens=summary_tokens(tokens) if tokens else -1
    )
    parts.take(events.SummaryBegun(chat.id, ids, tokens))
    parts.driver.summarise(chat.id, instruction(chosen), sampling)


def accept(parts: Parts, found: Compaction, text: str) -> None:
    """Put the summary behind its messages, which are left out of the context from now on."""
    if text:
        parts.saving.compact(found.chat_id, found.ids, QUESTION, text)
    parts.take(events.CompactionEnded())
