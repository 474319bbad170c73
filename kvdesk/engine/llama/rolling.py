"""Leaves the oldest messages out of a full context so that a conversation can roll on, and says which."""

from collections.abc import Sequence

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.message_tokens import message_ends, tokens_of_messages
from kvdesk.engine.llama.prompt import Prompt
from kvdesk.engine.llama.shift import shift_obstacle
from kvdesk.engine.llama.turn import Emit, Turn
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.engine.protocol import Chat, Message, MessagesDropped
from kvdesk.plan.overflow import Weighed, falling_out


class Rolling:
    """What rolls in one turn; `emit` hears of it."""

    def __init__(self, context: Context, vocabulary: Vocabulary, emit: Emit) -> None:
        self._context = context
        self._vocabulary = vocabulary
        self._emit = emit
        self._dropped_tokens = 0

    def falling_out_of_prompt(self, command: Chat, prompt: Prompt) -> list[int]:
        """Places of the messages to leave out of a prompt that is too long; none where that is not enough."""
        transcript, n_ctx = prompt.transcript, self._context.n_ctx_seq
        places, self._dropped_tokens = self._falling(
            command.messages, transcript.text, transcript.tokens, prompt.n_tokens - n_ctx
        )
        return list(places)

    def make_room(self, turn: Turn, generated: Sequence[int]) -> bool:
        """Leave messages out in the middle of an answer; False where the conversation is not to roll or
        nothing may be left out. `generated` is what was written, its last token not in the cache yet.
        """
        if turn.command.overflow != "roll":
            return False
        context, transcript = self._context, turn.prompt.transcript
        places, self._dropped_tokens = self._falling(
            transcript.messages, transcript.text, transcript.tokens, 1
        )
        if not places:
            return False
        obstacle = shift_obstacle(context)
        rest = [*transcript.tokens, *generated[:-1]]
        gaps = transcript.leave_out(self._spans(transcript.messages, turn, places))
        for first, last in reversed(gaps):
            del rest[first:last]
        if not obstacle:
            context.close_gaps(gaps)
            turn.shifted_tokens += len(context.tokens) - gaps[0][0]
        kept = turn.kept_places()
        turn.dropped += [kept[place] for place in places]
        transcript.messages = tuple(
            message for place, message in enumerate(transcript.messages) if place not in places
        )
        self.tell(turn, [kept[place] for place in places], is_shifted=not obstacle)
        return not obstacle or self._read_again(turn, rest)

    def tell(self, turn: Turn, places: Sequence[int], *, is_shifted: bool) -> None:
        """Say what was left out."""
        self._emit(
            MessagesDropped(
                id=turn.command.id,
                places=tuple(places),
                tokens=self._dropped_tokens,
                is_shifted=is_shifted,
                why=shift_obstacle(self._context),
            )
        )

    def _falling(
        self, messages: Sequence[Message], text: bytes, tokens: Sequence[int], excess: int
    ) -> tuple[tuple[int, ...], int]:
        counts = tokens_of_messages(messages, text, tokens, self._vocabulary.piece)
        weighed = [
            Weighed(message.role, count, message.is_pinned)
            for message, count in zip(messages, counts, strict=True)
        ]
        places = falling_out(weighed, self._context.n_ctx_seq, excess)
        return places, sum(counts[place] for place in places)

    def _spans(
        self, messages: Sequence[Message], turn: Turn, places: Sequence[int]
    ) -> list[tuple[int, int, int, int]]:
        """First and last byte, first and last token of each run of messages to leave out."""
        transcript = turn.prompt.transcript
        ends = [0, *message_ends(messages, transcript.text)]
        counts = tokens_of_messages(messages, transcript.text, transcript.tokens, self._vocabulary.piece)
        until = [sum(counts[:place]) for place in range(len(counts) + 1)]
        spans: list[tuple[int, int, int, int]] = []
        for place in places:
            span = (ends[place], ends[place + 1], until[place], until[place + 1])
            if spans and spans[-1][1] == span[0]:
                span = (spans[-1][0], span[1], spans.pop()[2], span[3])
            spans.append(span)
        return spans

    def _read_again(self, turn: Turn, tokens: Sequence[int]) -> bool:
        """Read what follows the gap again, where the cache cannot be moved; False when the user stops."""
        context = self._context
        same = next(
            (place for place, (a, b) in enumerate(zip(context.tokens, tokens, strict=False)) if a != b),
            min(len(context.tokens), len(tokens)),
        )
        context.keep(same)
        while (place := len(context.tokens)) < len(tokens):
            if turn.is_cancelled():
                return False
            context.decode(tokens[place : place + context.n_ubatch])
        return True
