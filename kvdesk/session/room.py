"""What the program does to know the room in a context: counts it, and learns how fast prompts are read."""

from kvdesk.engine import protocol
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.paces import curve_key, thread_key
from kvdesk.session import events
from kvdesk.session.arithmetic import identity
from kvdesk.session.counting import counted, expected_tokens, prompt_of
from kvdesk.session.parts import Parts, Question
from kvdesk.session.state import Conversation
from kvdesk.settings.rows import OverflowPolicy


def count(parts: Parts, chat: Conversation, *, draft: str = "", is_check: bool = False) -> None:
    """Ask what the conversation takes, with a draft or as it stands."""
    prompt = prompt_of(chat, draft)
    if any(message.role != "system" for message in prompt.messages):
        parts.question = Question(chat, prompt.ids, bool(draft), is_check)
        parts.driver.count(chat.id, prompt.messages)


def was_counted(parts: Parts, said: protocol.TokensCounted) -> events.Counted | None:
    """Tell what the answer to the last question means; nothing where there is no model any more."""
    question, loaded = parts.question, parts.state.engine.loaded
    if question is None or loaded is None:
        return None
    grow = parts.state.ladder[0] if parts.state.ladder else None
    found = counted(
        question.chat, question.ids, question.has_draft, said, loaded.n_ctx_seq, parts.curve, grow
    )
    if not question.is_check:
        parts.take(found)
    return found


def policy_of(parts: Parts, chat: Conversation) -> OverflowPolicy:
    """What is to happen when the conversation's context is full."""
    return chat.overflow or parts.settings.overflow


def may_overflow(parts: Parts, chat: Conversation) -> bool:
    """Whether the answer could meet the end of the context, at the most that the text can take."""
    loaded = parts.state.engine.loaded
    if loaded is None:
        return False
    # A token stands for a byte at least; what a template writes around a message is far below 64 tokens.
    texts = (message.content + message.reasoning for message in prompt_of(chat).messages)
    most = sum(len(text.encode()) + 64 for text in texts)
    return most + expected_tokens(chat) > loaded.n_ctx_seq


def learn_reading(parts: Parts, said: protocol.TurnDone) -> None:
    """Note how fast the prompt was read and the answer written."""
    read = said.prompt_tokens - said.reused_tokens
    curve = parts.curve
    if said.stop_reason != "cancelled":
        curve = curve.with_reading(said.reused_tokens, read, said.prefill_s)
    _keep_curve(parts, curve.with_decode(said.completion_tokens, said.decode_s))


def learn_rehearsal(parts: Parts, said: protocol.Rehearsed) -> None:
    """Note what a rehearsal showed at each depth."""
    loaded = parts.state.engine.loaded
    curve = parts.curve
    for speed in said.speeds:
        if loaded is not None and speed.prefill_tokens_per_s > 0:
            batch = loaded.options.ubatch_size
            curve = curve.with_reading(speed.depth, batch, batch / speed.prefill_tokens_per_s)
    _keep_curve(parts, curve)


def learn_threads(parts: Parts, said: protocol.Loaded) -> None:
    """Note how many threads answered fastest, where the load has measured it."""
    if said.thread_paces and parts.last_load is not None:
        key = thread_key(parts.last_load[0].card.file_bytes, parts.listed_devices)
        parts.keep_paces(parts.paces.with_threads(key, said.threads))


def find_curve(parts: Parts) -> None:
    """Find the curve that belongs to what is loaded now."""
    loaded = parts.state.engine.loaded
    if parts.last_load is not None and loaded is not None:
        model, _ = parts.last_load
        parts.curve_key = curve_key(identity(model.header), loaded.options, parts.listed_devices)
        parts.curve = parts.paces.curve(parts.curve_key)


def _keep_curve(parts: Parts, curve: DepthCurve) -> None:
    if curve != parts.curve:
        parts.keep_paces(parts.paces.with_curve(parts.curve_key, curve))
        parts.curve = parts.paces.curve(parts.curve_key)
