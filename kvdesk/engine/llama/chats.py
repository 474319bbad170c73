"""The conversations of one context: who is in the cache, what a prompt costs, what rests beside it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from kvdesk.engine.llama.checkpoints import Checkpoints
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.llama.message_tokens import first_token_of_last, tokens_of_messages
from kvdesk.engine.llama.prompt import Prompt, change, first_change
from kvdesk.engine.llama.rolling import Rolling
from kvdesk.engine.llama.sampler import Sampler
from kvdesk.engine.llama.shelf import Shelf
from kvdesk.engine.llama.shift import shift_obstacle, shift_together
from kvdesk.engine.llama.template import ChatTemplate
from kvdesk.engine.llama.transcript import Transcript, common_length
from kvdesk.engine.llama.turn import Emit, IsCancelled, Turn, read, write
from kvdesk.engine.llama.vocabulary import Vocabulary
from kvdesk.engine.protocol import (
    CacheReport,
    Chat,
    Complete,
    CountTokens,
    Message,
    RereadReason,
    TokensCounted,
    TurnDone,
)
from kvdesk.errors import DoesNotFit, EngineError

CHATS_REMEMBERED = 16  # transcripts kept, latest last; one takes about as much memory as its tokens


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
        self._transcripts: dict[str, Transcript] = {}
        self._in_cache = ""  # the chat whose tokens the cache holds
        self._bare: set[str] = set()  # chats that are texts to go on with, with no template around them
        self._shelf = Shelf()

    def replace_context(self, context: Context, k_bytes: int, v_bytes: int) -> None:
        """Go on in another context of the same model, which holds what this one held."""
        self._context = context
        self._cache_bytes = k_bytes, v_bytes

    def held(self, chat: str) -> Transcript:
        """The transcript of the conversation that the cache holds. Raises EngineError when it is another."""
        if chat != self._in_cache and self._shelf.fits(chat, self._context):
            self._bring(chat)
        transcript = self._transcripts.get(chat)
        if transcript is None or chat != self._in_cache or not self._context.tokens:
            raise EngineError("The cache holds nothing of this conversation, so there is nothing to park.")
        return transcript

    def set_aside(self, wanted: str = "") -> None:
        """Put what the cache holds on the shelf: it is to be filled from elsewhere, or by `wanted`."""
        if self._in_cache and self._context.tokens:
            self._shelf.put(self._in_cache, self._context, wanted)

    def resumed(self, chat: str, transcript: Transcript) -> None:
        """The cache holds this conversation now; it came from elsewhere."""
        self._transcripts.pop(chat, None)
        self._transcripts[chat] = transcript
        self._in_cache = chat
        self._shelf.drop(chat)

    def report(self, command_id: int = 0) -> CacheReport:
        """How full the cache is, and what rests beside it."""
        k_bytes, v_bytes = self._cache_bytes
        return CacheReport(
            id=command_id,
            cells_used=len(self._context.tokens),
            n_ctx=self._context.n_ctx_seq,
            k_bytes=k_bytes,
            v_bytes=v_bytes,
            chat=self._in_cache,
            checkpoint_bytes=self._context.checkpoints.n_bytes,
            shelf_bytes=self._shelf.n_bytes,
        )

    def tokenize(self, text: str, *, is_start: bool) -> list[int]:
        """The tokens of a text; `is_start` puts in front what the model wants at the beginning."""
        return self._vocabulary.tokenize(text.encode("utf-8", "replace"), is_start=is_start)

    def count(self, command: CountTokens) -> TokensCounted:
        """What sending these messages would cost. Raises EngineError when the template refuses them."""
        prompt = self._prepare(command.messages, command.chat)
        transcript = prompt.transcript
        return TokensCounted(
            id=command.id,
            prompt_tokens=prompt.n_tokens,
            reused_tokens=prompt.reused_tokens,
            new_tokens=prompt.n_tokens - prompt.reused_tokens,
            message_tokens=tokens_of_messages(
                command.messages, transcript.text, transcript.tokens, self._vocabulary.piece
            ),
            shift_obstacle=shift_obstacle(self._context),
            drops_reasoning=self._template.drops_reasoning,
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
        rolling = Rolling(context, self._vocabulary, emit, partial(self._retell, command.chat))
        dropped: list[int] = []
        if prompt.n_tokens > context.n_ctx_seq and command.overflow == "roll":
            dropped = rolling.falling_out_of_prompt(command, prompt)
            left = tuple(m for place, m in enumerate(command.messages) if place not in dropped)
            prompt = self._prepare(left, command.chat)
        why = shift_obstacle(context)
        if prompt.n_tokens > context.n_ctx_seq:
            raise DoesNotFit(
                "The conversation is {prompt} tokens long and the context holds {context}.",
                "Load the model with a larger context, or begin a new chat.",
                prompt=prompt.n_tokens,
                context=context.n_ctx_seq,
            )
        with Sampler(command.sampling, self._vocabulary, context.n_ctx_seq) as sampler:
            prompt, shifted_tokens = self._take_cache(command, prompt)
            if dropped and prompt.reread_tokens:
                prompt = replace(prompt, reread_reason="context_shifted")
            turn = Turn(command, prompt, emit, is_cancelled, dropped=dropped, shifted_tokens=shifted_tokens)
            if dropped:
                rolling.tell(turn, dropped, why, is_shifted=shifted_tokens > 0)
            try:
                read(turn, context)
                if turn.stop_reason is None:
                    sampler.remember(context.tokens)
                    write(turn, context, self._vocabulary, sampler, rolling.make_room)
            finally:
                held = prompt.transcript
                held.evaluated_tokens = max(held.evaluated_tokens, len(context.tokens))
                context.checkpoint()
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
        after = self._retell(chat, before, messages)
        # The last token is evaluated in any case: its scores choose the first token of the answer.
        most = len(after.tokens) - 1
        held, checkpoints = self._of(chat)
        cached = min(common_length(after.tokens, held), most)
        ever = min(common_length(after.tokens, before.tokens), before.evaluated_tokens, most)
        after.evaluated_tokens = ever
        rewound = self._rewindable(cached, held)
        at_checkpoint = checkpoints.before(cached)
        reused = max(rewound, at_checkpoint)
        reread = max(ever, min(self._history_tokens(before, after), most)) - reused
        return Prompt(
            after,
            len(after.tokens),
            reused,
            max(reread, 0),
            self._reason(chat, reread, reused, cached, ever, before, after),
            first_token_of_last(messages, after.text, after.tokens, self._vocabulary.piece),
            "checkpoint" if reused > rewound else "",
            first_change(before, after),
        )

    def _of(self, chat: str) -> tuple[Sequence[int], Checkpoints]:
        """The tokens that a conversation's next turn finds in the cache, and the checkpoints of them."""
        if chat != self._in_cache and self._shelf.fits(chat, self._context):
            return self._shelf.tokens(chat), self._shelf.checkpoints(chat)
        return self._context.tokens, self._context.checkpoints

    def _reason(
        self,
        chat: str,
        reread: int,
        reused: int,
        cached: int,
        ever: int,
        before: Transcript,
        after: Transcript,
    ) -> RereadReason:
        if chat not in self._transcripts:
            return "model_reloaded" if reread > 0 else "first_turn"
        if reread <= 0:
            return ""
        if reused < cached:
            return "window_passed" if self._context.window_tokens else "cannot_rewind"
        if cached < ever:
            # A cache that is empty after a stop in the middle of a state was this chat's own.
            return "other_chat" if self._in_cache != chat else "cannot_rewind"
        return change(before, after)

    def _retell(self, chat: str, before: Transcript, messages: tuple[Message, ...]) -> Transcript:
        """A conversation as the template writes it now."""
        text = self._text(messages, chat, before.started)
        return before.continued(messages, text.encode("utf-8", "replace"), self._vocabulary)

    def _text(self, messages: tuple[Message, ...], chat: str, started: datetime) -> str:
        if chat in self._bare:
            return messages[-1].content
        return self._template.render(messages, started)

    def _rewindable(self, n_tokens: int, held: Sequence[int]) -> int:
        """How many tokens the cache will still hold after going back to `n_tokens`; all of them or none."""
        context = self._context
        if held is context.tokens:
            return n_tokens if context.can_rewind(n_tokens) else 0
        # What rests has of its windows what the next token sees, and no more.
        can_rewind = n_tokens == len(held) or not context.needs_checkpoints
        return n_tokens if can_rewind else 0

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

    def _take_cache(self, command: Chat, prompt: Prompt) -> tuple[Prompt, int]:
        """Make the cache this conversation's and bring it back to what it shares with the prompt.

        Returns the prompt as it then is, and how many tokens were moved together.
        """
        chat, context = command.chat, self._context
        is_other = chat != self._in_cache
        has_rested = is_other and bool(self._shelf.tokens(chat))
        came_back = is_other and self._bring(chat)
        shifted_tokens = 0
        if command.may_shift and not shift_obstacle(context):
            shifted_tokens = shift_together(context, prompt.transcript.tokens[:-1])
        if is_other or shifted_tokens:
            prompt = self._prepare(prompt.transcript.messages, chat)
            if is_other and not came_back and prompt.reread_reason == "cannot_rewind":
                prompt = replace(prompt, reread_reason="options_changed" if has_rested else "other_chat")
        self._transcripts.pop(chat, None)
        self._transcripts[chat] = prompt.transcript
        while len(self._transcripts) > CHATS_REMEMBERED:
            del self._transcripts[next(iter(self._transcripts))]
        if came_back and not prompt.restored_from:
            prompt = replace(prompt, restored_from="shelf")
        kept = context.keep(prompt.reused_tokens)
        if kept == prompt.reused_tokens:
            return prompt, shifted_tokens
        reread = prompt.reread_tokens + prompt.reused_tokens - kept
        prompt = replace(
            prompt, reused_tokens=kept, reread_tokens=reread, reread_reason="cannot_rewind", restored_from=""
        )
        return prompt, shifted_tokens

    def _bring(self, chat: str) -> bool:
        """Let the cache be a conversation's; what it held rests. Returns whether something came back."""
        self.set_aside(chat)
        self._in_cache = chat
        return self._shelf.take(chat, self._context)
