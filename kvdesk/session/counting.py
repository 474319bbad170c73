"""What of a conversation is sent, what it takes in the context, and what sending more of it would cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from kvdesk.chats.attachments import prompt_text
from kvdesk.engine.protocol import Message, TokensCounted
from kvdesk.plan.depth_curve import DepthCurve
from kvdesk.plan.offer import Rung
from kvdesk.plan.overflow import Way, Weighed, exchanges, overflow_of
from kvdesk.session.events import Counted
from kvdesk.session.state import ChatMessage, Conversation, MessageTokens, ReadCost, SendCost

FIRST_ANSWER_TOKENS = 256  # an answer's length where the conversation has none yet
ANSWERS = 5  # of the latest answers, whose median length is expected


@dataclass(frozen=True, slots=True)
class Prompt:
    """A conversation as the template sees it. `ids` are of its messages, 0 for the system's and a draft."""

    messages: tuple[Message, ...]
    ids: tuple[int, ...]


def prompt_of(chat: Conversation, draft: str = "") -> Prompt:
    """Return what is sent of a conversation: dropped messages are not, a draft is its last message."""
    sent = [message for message in chat.messages if not message.is_dropped]
    messages = [
        Message(m.role, prompt_text(m.content, m.attachments), m.reasoning, m.is_pinned) for m in sent
    ]
    ids = [message.id for message in sent]
    if chat.system_prompt:
        messages.insert(0, Message("system", chat.system_prompt))
        ids.insert(0, 0)
    if draft:
        messages.append(Message("user", draft))
        ids.append(0)
    return Prompt(tuple(messages), tuple(ids))


def whole_exchanges(messages: Iterable[ChatMessage], ids: Iterable[int]) -> tuple[int, ...]:
    """The ids with those of the messages that go with them: a question and its answer leave together.

    Only of what is in the context, and without exchanges that have a pinned message.
    """
    shown = [message for message in messages if not message.is_dropped]
    wanted = set(ids)
    return tuple(
        shown[place].id
        for run in exchanges([Weighed(message.role, 0) for message in shown])
        if any(shown[p].id in wanted for p in run) and not any(shown[p].is_pinned for p in run)
        for place in run
    )


def expected_tokens(chat: Conversation) -> int:
    """How long the next answer is taken to be: as the latest ones were, and no longer than is allowed."""
    lengths = [message.figures.completion_tokens for message in chat.messages if message.figures is not None]
    expected = round(median(lengths[-ANSWERS:])) if lengths else FIRST_ANSWER_TOKENS
    allowed = chat.sampling.max_tokens
    return min(expected, allowed) if allowed >= 0 else expected


def counted(
    chat: Conversation,
    ids: tuple[int, ...],
    has_draft: bool,
    said: TokensCounted,
    n_ctx: int,
    curve: DepthCurve,
    grow: Rung | None,
) -> Counted:
    """Return what a count tells: the messages' tokens, the price of the draft, and what will not fit."""
    expected = expected_tokens(chat)
    reading = ReadCost(
        said.prompt_tokens,
        said.new_tokens,
        keeps_start=said.reused_tokens >= sum(said.message_tokens[:2]),
        seconds=curve.seconds(said.reused_tokens, said.new_tokens),
        whole_s=curve.seconds(0, said.prompt_tokens),
    )
    cost = SendCost(
        said.prompt_tokens,
        said.reused_tokens,
        said.new_tokens,
        seconds_to_first_token=reading.seconds,
        expected_tokens=expected,
        cells_after=min(n_ctx, said.prompt_tokens + expected),
        drops_reasoning=said.drops_reasoning,
    )
    weighed = tuple(
        Weighed(message.role, tokens, message.is_pinned, own_id)
        for message, tokens, own_id in zip(
            prompt_of(chat, "draft" if has_draft else "").messages, said.message_tokens, ids, strict=False
        )
    )
    overflow = overflow_of(
        weighed,
        said.prompt_tokens,
        expected,
        n_ctx,
        obstacle=said.shift_obstacle,
        seconds=curve.seconds,
        decode_tokens_per_s=curve.decode_tokens_per_s,
        grow=grow_way(grow),
    )
    tokens = tuple(
        MessageTokens(own_id, n) for own_id, n in zip(ids, said.message_tokens, strict=False) if own_id
    )
    return Counted(chat.id, tokens, cost if has_draft else None, overflow, reading)


def grow_way(rung: Rung | None) -> Way | None:
    """The first step of the ladder as a way on from a full context."""
    return None if rung is None else Way("grow", rung.cost, rung.seconds)
