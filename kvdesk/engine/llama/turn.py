"""Answers a prompt: reads what the cache does not hold yet, then writes token by token."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.detokenize import AnswerText, Shown
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.prompt import Prompt
from kvdesk.engine.llama.sampler import Sampler
from kvdesk.engine.llama.transcript import common_length
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.engine.protocol import (
    CacheReport,
    Chat,
    Event,
    Message,
    PrefillProgress,
    StopReason,
    TextPiece,
    TurnDone,
)
from kvdesk.errors import Cancelled

Emit = Callable[[Event], None]
IsCancelled = Callable[[], bool]
MakeRoom = Callable[["Turn", list[int]], bool]

PIECE_INTERVAL_S = 1 / 30  # a window redraws no faster, and every message costs both sides some time


def read(turn: "Turn", context: Context) -> None:
    """Read the prompt in steps of a ubatch; each can be the last when the user stops.

    Checkpoints are kept where the last message begins and before the last token: what an edit of that
    message, and another answer to it, go back to.
    """
    tokens = turn.prompt.transcript.tokens
    turn.begin_reading(len(context.tokens))
    places = (turn.prompt.last_message, len(tokens) - 1) if context.needs_checkpoints else ()
    while (place := len(context.tokens)) < len(tokens):
        if turn.is_cancelled():
            return
        if place in places:
            context.checkpoint()
        end = min([place + context.n_ubatch, len(tokens), *(stop for stop in places if stop > place)])
        try:
            context.decode(tokens[place:end])
        except Cancelled:
            turn.stop_reason = "cancelled"
            return
        if len(context.tokens) == len(tokens):
            llama.llama_synchronize(context.handle)  # a GPU may still be at it; the time is the prompt's
        turn.has_read(len(context.tokens))


def write(
    turn: "Turn", context: Context, vocabulary: Vocabulary, sampler: Sampler, make_room: MakeRoom
) -> None:
    """Write the answer, until its end or whatever stops it. `make_room` is asked when the context is full."""
    transcript, limit = turn.prompt.transcript, turn.command.sampling.max_tokens
    n_ctx = context.n_ctx_seq
    answer = AnswerText.after_prompt(transcript.text.decode(), turn.command.stop)
    generated: list[int] = []
    transcript.begin_answer()
    turn.begin_writing(answer)
    try:
        if limit == 0:
            turn.stop_reason = "length"
        while turn.stop_reason is None:
            token = sampler.sample(context.handle)
            if vocabulary.is_end(token):
                turn.stop_reason = "end"
                break
            generated.append(token)
            turn.has_written(answer.feed(vocabulary.piece(token), is_control=vocabulary.is_control(token)))
            if turn.stop_reason is None and len(generated) == limit:
                turn.stop_reason = "length"
            if turn.stop_reason is None and len(context.tokens) >= n_ctx and not make_room(turn, generated):
                turn.stop_reason = turn.stop_reason or "context_full"
            if turn.stop_reason is None and not turn.is_cancelled():
                context.decode((token,))
    except Cancelled:
        turn.stop_reason = "cancelled"
    finally:
        turn.end_writing()
        transcript.end_answer(generated, vocabulary, has_reasoning=bool(answer.reasoning))
        answered = Message("assistant", answer.text, answer.reasoning)
        transcript.messages = (*transcript.messages, answered)


@dataclass(slots=True)
class Turn:
    """The figures of the turn under way, and what the window hears of them."""

    command: Chat
    prompt: Prompt
    emit: Emit
    _is_cancelled: IsCancelled
    stop_reason: StopReason | None = None
    answer: AnswerText = field(default_factory=AnswerText)
    completion_tokens: int = 0
    prefill_s: float = 0.0
    decode_s: float = 0.0
    reasoning_s: float = 0.0
    _started_s: float = 0.0
    _told_s: float = 0.0
    _told_tokens: int = 0
    _waiting: Shown = field(default_factory=Shown)
    dropped: list[int] = field(default_factory=list)  # places in the command's messages
    shifted_tokens: int = 0

    def kept_places(self) -> Sequence[int]:
        """The places of the command's messages that are still in the context."""
        return [place for place in range(len(self.command.messages)) if place not in self.dropped]

    def is_cancelled(self) -> bool:
        """Whether the turn is to stop; remembers it as the reason."""
        if self._is_cancelled():
            self.stop_reason = "cancelled"
            return True
        return False

    def begin_reading(self, reused_tokens: int) -> None:
        self._started_s = time.perf_counter()
        self._tell_progress(reused_tokens)

    def has_read(self, done_tokens: int) -> None:
        self.prefill_s = time.perf_counter() - self._started_s
        self._tell_progress(done_tokens)

    def read_again(self, context: Context, tokens: Sequence[int]) -> bool:
        """Bring the cache to these tokens in the middle of an answer; False when the user stops it.

        What that takes counts as reading.
        """
        started_s = time.perf_counter()
        context.keep(common_length(context.tokens, tokens))
        reread = len(tokens) - len(context.tokens)
        if reread:
            known = self.prompt.reread_tokens
            self.prompt = replace(self.prompt, reread_tokens=known + reread, reread_reason="context_shifted")
        while (place := len(context.tokens)) < len(tokens) and not self.is_cancelled():
            self._tell_progress(place, len(tokens))
            context.decode(tokens[place : place + context.n_ubatch])
        took_s = time.perf_counter() - started_s
        self.prefill_s += took_s
        self._started_s += took_s
        return len(context.tokens) == len(tokens)

    def begin_writing(self, answer: AnswerText) -> None:
        self.answer = answer
        self._started_s = time.perf_counter()

    def has_written(self, shown: Shown) -> None:
        """A token has been chosen; `shown` is what can be seen of it."""
        now_s = time.perf_counter()
        self.completion_tokens += 1
        self._add(shown)
        if self.answer.is_reasoning:
            self.reasoning_s = now_s - self._started_s
        # The first words at once, then at the pace of the window.
        if self._waiting and now_s - self._told_s >= PIECE_INTERVAL_S:
            self._tell_text(now_s)

    def end_writing(self) -> None:
        """Tell what was held back: there is no more to come that would decide what it is."""
        now_s = time.perf_counter()
        self.decode_s = now_s - self._started_s
        if self.stop_reason != "stop_string":
            self._add(self.answer.flush())
        if self._waiting:
            self._tell_text(now_s)

    def done(self, cache: CacheReport) -> TurnDone:
        """The turn's final event."""
        return TurnDone(
            id=self.command.id,
            text=self.answer.text,
            reasoning=self.answer.reasoning.strip(),
            prompt_tokens=self.prompt.n_tokens,
            reused_tokens=self.prompt.reused_tokens,
            reread_tokens=self.prompt.reread_tokens,
            reread_reason=self.prompt.reread_reason,
            completion_tokens=self.completion_tokens,
            prefill_s=self.prefill_s,
            decode_s=self.decode_s,
            stop_reason=self.stop_reason or "end",
            cache=cache,
            reasoning_s=self.reasoning_s,
            dropped=tuple(self.dropped),
            shifted_tokens=self.shifted_tokens,
            restored_from=self.prompt.restored_from,
            changed_message=self.prompt.changed_message,
        )

    def _add(self, shown: Shown) -> None:
        self._waiting.text += shown.text
        self._waiting.reasoning += shown.reasoning
        if shown.is_stopped:
            self.stop_reason = "stop_string"

    def _tell_progress(self, done_tokens: int, total_tokens: int = 0) -> None:
        self.emit(
            PrefillProgress(
                id=self.command.id,
                done_tokens=done_tokens,
                total_tokens=total_tokens or self.prompt.n_tokens,
                reused_tokens=self.prompt.reused_tokens,
                elapsed_s=self.prefill_s,
            )
        )

    def _tell_text(self, now_s: float) -> None:
        tokens = self.completion_tokens - self._told_tokens
        elapsed_s = now_s - self._started_s
        speed = self.completion_tokens / elapsed_s if self.completion_tokens > 1 and elapsed_s > 0 else 0.0
        for text, is_reasoning in ((self._waiting.reasoning, True), (self._waiting.text, False)):
            if text:
                self.emit(
                    TextPiece(
                        id=self.command.id,
                        text=text,
                        tokens=tokens,
                        is_reasoning=is_reasoning,
                        decode_tokens_per_s=speed,
                    )
                )
                tokens = 0  # each token is counted once
        self._waiting = Shown()
        self._told_s, self._told_tokens = now_s, self.completion_tokens
