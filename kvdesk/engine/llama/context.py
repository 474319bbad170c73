"""A context of a model: its cache, its buffers, and the tokens that are in them."""

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import msgspec

from kvdesk.engine import autopsy
from kvdesk.engine.llama.checkpoints import Checkpoints
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.model import Model
from kvdesk.engine.llama.parameters import abort_callback, context_parameters
from kvdesk.errors import Cancelled
from kvdesk.plan.options import LoadOptions


class Context:
    """Owns a llama_context*. `tokens` are those whose K and V are in the cache of sequence 0; `checkpoints`
    are of them.

    `abort_flag` stops a decode on the CPU as soon as it is not empty; it is the caller's.
    `options` are those `asked` for after llama.cpp's normalisation.
    Raises OutOfMemory naming the buffer, OptionError for what llama.cpp refuses.
    """

    def __init__(
        self,
        model: Model,
        options: LoadOptions,
        log: Log,
        abort_flag: ctypes.Array[ctypes.c_char] | None = None,
        *,
        verbose: bool = False,
    ) -> None:
        self.model = model
        self.asked = options
        self.tokens: list[int] = []
        self.checkpoints = Checkpoints()
        self.handle: int = 0
        self._log = log
        self._abort_flag = abort_flag
        params = context_parameters(options, abort_flag)
        with log.record(verbose=verbose) as lines:
            handle = llama.llama_init_from_model(model.handle, params)
        if not handle:
            raise autopsy.context_error(lines)
        self.handle = handle
        self.log_lines = tuple(lines)
        self.flash_attn = _uses_flash_attention(options, lines)
        self._one_token = (llama.llama_token * 1)()
        self._one_token_batch = llama.llama_batch_get_one(self._one_token, 1)
        self.options = msgspec.structs.replace(
            options,
            ctx_size=llama.llama_n_ctx(handle),
            batch_size=llama.llama_n_batch(handle),
            ubatch_size=llama.llama_n_ubatch(handle),
            parallel=llama.llama_n_seq_max(handle),
            n_outputs_max=params.n_outputs_max or llama.llama_n_batch(handle),
            flash_attn="on" if self.flash_attn else "off",
            threads=llama.llama_n_threads(handle),
            threads_batch=llama.llama_n_threads_batch(handle),
        )

    @property
    def n_ctx(self) -> int:
        """Cells of the whole cache."""
        return int(llama.llama_n_ctx(self.handle))

    @property
    def n_ctx_seq(self) -> int:
        """Tokens one sequence can hold."""
        return int(llama.llama_n_ctx_seq(self.handle))

    @property
    def n_ubatch(self) -> int:
        """Tokens evaluated at once."""
        return int(llama.llama_n_ubatch(self.handle))

    @property
    def memory(self) -> int:
        """The llama_memory_t of the cache; 0 for a model that keeps none."""
        return llama.llama_get_memory(self.handle) or 0

    @property
    def keeps_state(self) -> bool:
        """Whether the model keeps a recurrent state, which cannot go back to an earlier token."""
        model = self.model.handle
        return bool(llama.llama_model_is_recurrent(model) or llama.llama_model_is_hybrid(model))

    @property
    def window_tokens(self) -> int:
        """The sliding window of some layers; 0 without."""
        return int(llama.llama_model_n_swa(self.model.handle))

    @property
    def can_shift(self) -> bool:
        """Whether old tokens can be dropped without reading the rest again."""
        return bool(self.memory and llama.llama_memory_can_shift(self.memory))

    def use_threads(self, n_threads: int) -> None:
        """Answer with so many threads from now on; prompts are read with those of the options."""
        llama.llama_set_n_threads(self.handle, n_threads, llama.llama_n_threads_batch(self.handle))

    def undisturbed(self) -> AbstractContextManager[None]:
        """Let decodes run to their end whatever the abort flag says: some must not be left halfway."""
        return self.watching(None)

    @contextmanager
    def watching(self, flag: "ctypes.Array[ctypes.c_char] | None") -> Iterator[None]:
        """Have decodes stopped by another flag, or by none."""
        self._watch(flag)
        try:
            yield
        finally:
            self._watch(self._abort_flag)

    def _watch(self, flag: "ctypes.Array[ctypes.c_char] | None") -> None:
        callback = (llama.ggml_abort_callback(), None) if flag is None else abort_callback(flag)
        llama.llama_set_abort_callback(self.handle, *callback)

    def decode(self, tokens: Sequence[int]) -> None:
        """Evaluate tokens after those in the cache; the logits of the last one are then at hand.

        At most `n_batch` tokens. Raises Cancelled when the abort flag stopped it (the cache then holds what
        it held before), OutOfMemory, and EngineError for what llama.cpp refuses.
        """
        if len(tokens) == 1:
            self._one_token[0] = tokens[0]
            batch = self._one_token_batch
        else:
            array = (llama.llama_token * len(tokens))(*tokens)  # the batch only points to it
            batch = llama.llama_batch_get_one(array, len(tokens))
        with self._log.record() as lines:
            status = llama.llama_decode(self.handle, batch)
        if status == 0:
            self.tokens.extend(tokens)
            return
        self.keep(len(self.tokens))  # ubatches before the stop are in the cache, and nobody counts on them
        if status == 2:
            raise Cancelled
        raise autopsy.decode_error(status, len(tokens), lines)

    def can_rewind(self, n_tokens: int) -> bool:
        """Whether what follows `n_tokens` can be forgotten without a checkpoint."""
        if n_tokens in (0, len(self.tokens)):
            return True
        if self.keeps_state:
            return False
        if not self.window_tokens:
            return True
        # Window layers overwrite what has left the window; the next token looks n_swa - 1 back
        # (llama_hparams::is_masked_swa).
        oldest = llama.llama_memory_seq_pos_min(self.memory, 0)
        return bool(oldest <= max(0, n_tokens - self.window_tokens + 1))

    @property
    def needs_checkpoints(self) -> bool:
        """Whether something in the cache cannot, or not always, go back to an earlier token."""
        return self.keeps_state or self.window_tokens > 0

    def checkpoint(self) -> None:
        """Keep what cannot be rewound, to go back to here."""
        if self.needs_checkpoints:
            self.checkpoints.take(self.handle, len(self.tokens))

    def keep(self, n_tokens: int) -> int:
        """Forget everything from position `n_tokens` on; returns how many tokens remain.

        Where the cache cannot go back there, as many remain as the last checkpoint before has, or none.
        """
        if not self.memory:
            self.tokens.clear()
        elif not (n_tokens and self.can_rewind(n_tokens) and self._forget_from(n_tokens)):
            place = self.checkpoints.before(n_tokens)
            if not (place and self.checkpoints.restore(self.handle, place) and self._forget_from(place)):
                llama.llama_memory_clear(self.memory, False)
                self.tokens.clear()
        self.checkpoints.forget_after(len(self.tokens))
        return len(self.tokens)

    def _forget_from(self, n_tokens: int) -> bool:
        if not llama.llama_memory_seq_rm(self.memory, 0, n_tokens, -1):
            return False
        del self.tokens[n_tokens:]
        return bool(llama.llama_memory_seq_pos_max(self.memory, 0) == len(self.tokens) - 1)

    def close_gaps(self, gaps: Sequence[tuple[int, int]]) -> None:
        """Forget positions from the first up to the last of each gap, and move what follows down to them.

        The gaps are in order, as the tokens lie now, and something follows the last one. llama.cpp turns the
        moved K on the way to the next decode, and what is stopped there is left half turned: so the last
        token is evaluated again at once, with nothing to stop it. Only where there is no `shift_obstacle`.
        """
        self.checkpoints.forget_after(gaps[0][0])
        for first, last in reversed(gaps):
            llama.llama_memory_seq_rm(self.memory, 0, first, last)
            llama.llama_memory_seq_add(self.memory, 0, last, -1, first - last)
            del self.tokens[first:last]
        final = self.tokens.pop()
        llama.llama_memory_seq_rm(self.memory, 0, len(self.tokens), -1)
        with self.undisturbed():
            self.decode((final,))

    def become(self, other: "Context") -> None:
        """Take over another context of the same model, contents and all; what this one had is freed."""
        self.close()
        self.handle, other.handle = other.handle, 0
        self.tokens[:] = other.tokens
        self.checkpoints = other.checkpoints
        self.asked, self.options = other.asked, other.options
        self.log_lines, self.flash_attn = other.log_lines, other.flash_attn

    def close(self) -> None:
        """Free the context."""
        if self.handle:
            llama.llama_free(self.handle)
            self.handle = 0


def _uses_flash_attention(options: LoadOptions, lines: Sequence[str]) -> bool:
    """What llama.cpp made of the request. It has no getter; its log names each verdict that changes one.

    The lines are of llama_init_from_model (Grok) and llama_context::resolve_fused_ops (auto).
    """
    if options.flash_attn == "off":
        return False
    return not any("lash" in line and ("set to disabled" in line or "forcing off" in line) for line in lines)
