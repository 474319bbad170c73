"""Leaves the oldest messages out of a full context so that a conversation can roll on, and says which."""

from collections.abc import Callable, Sequence

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.message_tokens import tokens_of_messages
from kvdesk.engine.llama.prompt import Prompt
from kvdesk.engine.llama.shift import shift_obstacle, shift_together
from kvdesk.engine.llama.transcript import Transcript
from kvdesk.engine.llama.turn import Emit, Turn
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.engine.protocol import Chat, Message, MessagesDropped
from kvdesk.phrases import Phrase
from kvdesk.plan.overflow import Weighed, falling_out

Retell = Callable[[Transcript, tuple[Message, ...]], Transcript]


class Rolling:
    """What rolls in one turn. `retell` tells what is left of the conversation as the template writes it."""

    def __init__(self, context: Context, vocabulary: Vocabulary, emit: Emit, retell: Retell) -> None:
        self._context = context
        self._vocabulary = vocabulary
        self._emit = emit
        self._retell = retell
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
        left = tuple(m for place, m in enumerate(transcript.messages) if place not in places)
        after = self._retell(transcript, left)
        wanted = [*after.tokens, *generated[:-1]]
        if not places or len(wanted) >= context.n_ctx_seq:
            return False
        why = shift_obstacle(context)
        shifted_tokens = shift_together(context, wanted) if turn.command.may_shift and not why else 0
        kept = turn.kept_places()
        gone = [kept[place] for place in places]
        turn.dropped += gone
        turn.shifted_tokens += shifted_tokens
        self.tell(turn, gone, why, is_shifted=shifted_tokens > 0)
        transcript.become(after)
        transcript.begin_answer()
        return turn.read_again(context, wanted)

    def tell(self, turn: Turn, places: Sequence[int], why: Phrase, *, is_shifted: bool) -> None:
        """Say what was left out, and why what followed could not be moved."""
        self._emit(
            MessagesDropped(
                id=turn.command.id,
                places=tuple(places),
                tokens=self._dropped_tokens,
                is_shifted=is_shifted,
                why=Phrase("") if is_shifted else why,
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
