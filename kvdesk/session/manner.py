"""How the open conversation is answered: keeps it, and asks what its system prompt takes."""

from kvdesk.session import events
from kvdesk.session.parts import Parts
from kvdesk.session.state import Phase


def keep(parts: Parts) -> None:
    """Have the open conversation's system prompt and sampler settings written, if they have changed."""
    if parts.is_manner_unsaved and parts.state.chat is not None:
        parts.saving.save_manner(parts.state.chat)
    parts.is_manner_unsaved = False


def count(parts: Parts) -> None:
    """Ask what the system prompt takes, if the engine is free to say; forget what another one took."""
    text = parts.state.chat.system_prompt if parts.state.chat is not None else ""
    is_known = parts.state.system_tokens is not None
    if is_known and text == parts.counted_prompt:
        return
    if text and parts.state.engine.phase is Phase.READY:
        parts.counted_prompt = text
        parts.driver.tokenize(text, "system prompt")
    elif is_known:
        parts.take(events.SystemPromptCounted(None))


def counted(parts: Parts, tokens: int) -> None:
    """The model counted the system prompt, which may be another by now."""
    chat = parts.state.chat
    if chat is not None and chat.system_prompt == parts.counted_prompt:
        parts.take(events.SystemPromptCounted(tokens))
