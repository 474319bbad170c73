"""Answers a conversation: reads what the cache does not hold yet, then writes token by token."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.detokenize import AnswerText, Shown
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.message_tokens import tokens_of_messages
from kvdesk.engine.llama.sampler import Sampler
from kvdesk.engine.llama.template import ChatTemplate
from kvdesk.engine.llama.transcript import Transcript, common_length
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.engine.protocol import (
    CacheReport,
    Chat,
    Complete,
    CountTokens,
    Event,
    Message,
    PrefillProgress,
    RereadReason,
    StopReason,
    TextPiece,
    TokensCounted,
    TurnDone,
)
from kvdesk.errors import Cancelled, DoesNotFit, EngineError
from kvdesk.phrases import Phrase

Emit = Callable[[Event], None]
IsCancelled = Callable[[], bool]

PIECE_INTERVAL_S = 1 / 30  # a window redraws no faster, and every message costs both sides some time
CHATS_REMEMBERED = 16  # transcripts kept, latest last; one takes about as much memory as its tokens


class Prompt(NamedTuple):
    """A conversation ready to be read: its tokens, and what the cache has to do with them."""

    transcript: Transcript
    n_tokens: int
    reused_tokens: int
    reread_tokens: int
    reread_reason: RereadReason


class Chats:
    """The conversations of one context. Whoever closes the context lets go of this too.

    `k_bytes` and `v_bytes` are the sizes of the context's caches, for its reports.
    Raises EngineError when the model's template is broken.
    """

    def __init__(self, context: Context, k_bytes: int, v_bytes: int) -> None:
        self._context = context
        self._cache_bytes = k_bytes, v_bytes
        self._vocabulary = Vocabulary(context.model.handle)
        self._template = ChatTemplate(
            context.model.chat_template, self._vocabulary.bos_text, self._vocabulary.eos_text
        )
        # A window cache kept in full forgets like others when it comes back from a state.
        self._window_tokens = llama.llama_model_n_swa(context.model.handle)
        self._transcripts: dict[str, Transcript] = {}
        self._in_cache = ""  # the chat whose tokens the cache holds
        self._bare: set[str] = set()  # chats that are texts to go on with, with no template around them

    def replace_context(self, context: Context, k_bytes: int, v_bytes: int) -> None:
        """Go on in another context of the same model, which holds what this one held."""
        self._context = context
        self._cache_bytes = k_bytes, v_bytes

    def held(self, chat: str) -> Transcript:
        """The transcript of the conversation that the cache holds. Raises EngineError when it is another."""
        transcript = self._transcripts.get(chat)
        if transcript is None or chat != self._in_cache or not self._context.tokens:
            raise EngineError("The cache holds nothing of this conversation, so there is nothing to park.")
        return transcript

    def resumed(self, chat: str, transcript: Transcript) -> None:
        """The cache holds this conversation now; it came from elsewhere."""
        self._transcripts.pop(chat, None)
        self._transcripts[chat] = transcript
        self._in_cache = chat

    def report(self, command_id: int = 0) -> CacheReport:
        """How full the cache is."""
        k_bytes, v_bytes = self._cache_bytes
        return CacheReport(
            id=command_id,
            cells_used=len(self._context.tokens),
            n_ctx=self._context.n_ctx_seq,
            k_bytes=k_bytes,
            v_bytes=v_bytes,
            chat=self._in_cache,
        )

    def tokenize(self, text: str, *, is_start: bool) -> list[int]:
        """The tokens of a text; `is_start` puts in front what the model wants at the beginning."""
        return self._vocabulary.tokenize(text.encode("utf-8", "replace"), is_start=is_start)

    def count(self, command: CountTokens) -> TokensCounted:
        """What sending these messages would cost. Raises EngineError when the template refuses them."""
        prompt = self._prepare(command.messages, command.chat)
        return TokensCounted(
            id=command.id,
            prompt_tokens=prompt.n_tokens,
            reused_tokens=prompt.reused_tokens,
            new_tokens=prompt.n_tokens - prompt.reused_tokens,
            message_tokens=tokens_of_messages(
                command.messages, prompt.transcript.text, prompt.transcript.tokens, self._vocabulary.piece
            ),
            shift_obstacle=Phrase("what follows a gap is not moved together in the cache."),
        )

    def run(self, command: Chat, emit: Emit, is_cancelled: IsCancelled) -> TurnDone:
        """Answer the conversation, emitting progress and text on the way.

        A cancelled turn is done too: what was written until then stays in the cache. Raises DoesNotFit for
        a prompt longer than the context, before anything is evaluated, and EngineError for what the
        template or llama.cpp refuse.
        """
        context = self._context
        if not context.memory or llama.llama_model_has_encoder(context.model.handle):
            raise EngineError(
                "{model} does not write text token by token, so there is nothing to chat with.",
                "Embedding models, encoders and diffusion models are for other programs.",
                model=context.model.description,
            )
        prompt = self._prepare(command.messages, command.chat)
        if prompt.n_tokens > context.n_ctx_seq:
            raise DoesNotFit(
                "The conversation is {prompt} tokens long and the context holds {context}.",
                "Load the model with a larger context, or begin a new chat.",
                prompt=prompt.n_tokens,
                context=context.n_ctx_seq,
            )
        with Sampler(command.sampling, self._vocabulary, context.n_ctx_seq) as sampler:
            prompt = self._take_cache(command.chat, prompt)
            turn = _Turn(command, prompt, emit, is_cancelled)
            try:
                self._read(turn)
                if turn.stop_reason is None:
                    sampler.remember(context.tokens)
                    self._write(turn, sampler)
            finally:
                held = prompt.transcript
                held.evaluated_tokens = max(held.evaluated_tokens, len(context.tokens))
        return turn.done(self.report(command.id))

    def complete(self, command: Complete, emit: Emit, is_cancelled: IsCancelled) -> TurnDone:
        """Go on with a text as it stands; all else is as with a conversation."""
        self._bare.add(command.chat)
        text = Message("user", command.prompt)
        turn = Chat(
            id=command.id,
            messages=(text,),
            sampling=command.sampling,
            stop=command.stop,
            chat=command.chat,
        )
        return self.run(turn, emit, is_cancelled)

    def _prepare(self, messages: tuple[Message, ...], chat: str) -> Prompt:
        if not any(message.role != "system" for message in messages):
            raise EngineError("There is nothing to answer yet.", "Write a message first.")
        known = self._transcripts.get(chat)
        before = known or Transcript(started=datetime.now())
        text = self._text(messages, chat, before.started)
        after = before.continued(messages, text.encode("utf-8", "replace"), self._vocabulary)
        # The last token is evaluated in any case: its scores choose the first token of the answer.
        most = len(after.tokens) - 1
        cached = min(common_length(after.tokens, self._context.tokens), most)
        ever = min(common_length(after.tokens, before.tokens), before.evaluated_tokens, most)
        after.evaluated_tokens = ever
        reused = self._rewindable(cached)
        reread = max(ever, min(self._history_tokens(before, after), most)) - reused
        reason: RereadReason = ""
        if known is None:
            reason = "model_reloaded" if reread > 0 else "first_turn"
        elif reread > 0 and reused < cached:
            reason = "window_passed" if self._window_tokens else "cannot_rewind"
        elif reread > 0 and cached < ever:
            # A cache that is empty after a stop in the middle of a state was this chat's own.
            reason = "other_chat" if self._in_cache != chat else "cannot_rewind"
        elif reread > 0:
            reason = _change(before, after)
        return Prompt(after, len(after.tokens), reused, max(reread, 0), reason)

    def _text(self, messages: tuple[Message, ...], chat: str, started: datetime) -> str:
        if chat in self._bare:
            return messages[-1].content
        return self._template.render(messages, started)

    def _rewindable(self, n_tokens: int) -> int:
        """How many tokens the cache will still hold after going back to `n_tokens`; all of them or none."""
        context = self._context
        if n_tokens == len(context.tokens) or not n_tokens:
            return n_tokens
        if _keeps_state(context.model.handle):
            return 0
        if self._window_tokens:
            # Window layers overwrite what has left the window; the next token looks n_swa - 1 back
            # (llama_hparams::is_masked_swa).
            oldest = llama.llama_memory_seq_pos_min(context.memory, 0)
            if oldest > max(0, n_tokens - self._window_tokens + 1):
                return 0
        return n_tokens

    def _history_tokens(self, before: Transcript, after: Transcript) -> int:
        """How many tokens of a prompt belong to turns that were answered before, in another text than now.

        0 when their text is still the same: `Transcript.evaluated_tokens` then knows better.
        """
        answered = [place for place, message in enumerate(after.messages) if message.role == "assistant"]
        if not answered or after.text.startswith(before.text or b"\0"):
            return 0
        history = after.messages[: answered[-1] + 1]
        try:
            text = self._template.render(history, after.started, add_generation_prompt=False)
        except EngineError:  # some templates print no conversation that ends with an answer
            return 0
        said = history[-1].content.strip()
        text = text[: text.rfind(said) + len(said)]
        length = common_length(text.encode(), after.text)
        if length <= common_length(before.text, after.text):
            return 0
        return len(self._vocabulary.tokenize(after.text[:length], is_start=True))

    def _take_cache(self, chat: str, prompt: Prompt) -> Prompt:
        """Bring the cache back to what it shares with the prompt, which becomes the chat's transcript."""
        self._transcripts.pop(chat, None)
        self._transcripts[chat] = prompt.transcript
        while len(self._transcripts) > CHATS_REMEMBERED:
            del self._transcripts[next(iter(self._transcripts))]
        self._in_cache = chat
        kept = self._context.keep(prompt.reused_tokens)
        if kept == prompt.reused_tokens:
            return prompt
        reread = prompt.reread_tokens + prompt.reused_tokens - kept
        return prompt._replace(reused_tokens=kept, reread_tokens=reread, reread_reason="cannot_rewind")

    def _read(self, turn: "_Turn") -> None:
        context, tokens = self._context, turn.prompt.transcript.tokens
        step = context.n_ubatch
        turn.begin_reading(len(context.tokens))
        for place in range(len(context.tokens), len(tokens), step):
            if turn.is_cancelled():
                return
            try:
                context.decode(tokens[place : place + step])
            except Cancelled:
                turn.stop_reason = "cancelled"
                return
            if len(context.tokens) == len(tokens):
                llama.llama_synchronize(context.handle)  # a GPU may still be at it; the time is the prompt's
            turn.has_read(len(context.tokens))

    def _write(self, turn: "_Turn", sampler: Sampler) -> None:
        context, vocabulary, transcript = self._context, self._vocabulary, turn.prompt.transcript
        n_ctx, limit = context.n_ctx_seq, turn.command.sampling.max_tokens
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
                turn.has_written(
                    answer.feed(vocabulary.piece(token), is_control=vocabulary.is_control(token))
                )
                if turn.stop_reason is None and len(generated) == limit:
                    turn.stop_reason = "length"
                if turn.stop_reason is None and len(context.tokens) >= n_ctx:
                    turn.stop_reason = "context_full"
                if turn.stop_reason is None and not turn.is_cancelled():
                    context.decode((token,))
        except Cancelled:
            turn.stop_reason = "cancelled"
        finally:
            turn.end_writing()
            transcript.end_answer(generated, vocabulary, has_reasoning=bool(answer.reasoning))
            answered = Message("assistant", answer.text, answer.reasoning)
            transcript.messages = (*turn.command.messages, answered)


def _keeps_state(model: int) -> bool:
    """Whether the model keeps a recurrent state, which cannot go back to an earlier token."""
    return bool(llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model))


def _change(before: Transcript, after: Transcript) -> RereadReason:
    """Why a conversation's text is not the same as last time."""
    for old, new in zip(before.messages, after.messages, strict=False):
        if (old.role, old.content) != (new.role, new.content):
            return "history_changed"
    answer = before.answer_at(common_length(before.text, after.text))
    return "reasoning_dropped" if answer is not None and answer.has_reasoning else "template_rewrote"


@dataclass(slots=True)
class _Turn:
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
        )

    def _add(self, shown: Shown) -> None:
        self._waiting.text += shown.text
        self._waiting.reasoning += shown.reasoning
        if shown.is_stopped:
            self.stop_reason = "stop_string"

    def _tell_progress(self, done_tokens: int) -> None:
        self.emit(
            PrefillProgress(
                id=self.command.id,
                done_tokens=done_tokens,
                total_tokens=self.prompt.n_tokens,
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
