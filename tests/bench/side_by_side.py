"""Our turn against llama-bench's own loop, in one process on the same weights, a token each in turn.

Two programs on a machine that others use as well differ by tens of percent, also when both are llama-bench.
Here neighbours in time share the machine's mood: after each token of ours llama-bench's loop evaluates the
same token, after each of our prompts the same prompt, and first comes now the one, now the other. A third
context, llama-bench's loop once more, is the control: it differs from the second by chance alone.

Ours is the engine's whole turn (`engine/llama/turn.py`): template, tokens, sampling, text, messages to the
window. Theirs is a context as `cmd_params_instance::to_llama_cparams` makes it, with the calls of
`test_prompt` and `test_gen` (tools/llama-bench/llama-bench.cpp); their batches are filled outside the clock.
"""

import ctypes
import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from kvdesk.engine.llama import ggml
from kvdesk.engine.llama.chats import Chats
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.model import Model
from kvdesk.engine.protocol import Chat, CountTokens, Event, Message, TurnDone, encode
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.plan.options import CacheTypeName, LoadOptions
from kvdesk.plan.sampling import Sampling

_MOST_THREADS = 512  # GGML_MAX_N_THREADS
_bind = ggml._bind  # three calls that the program itself has no use for


class Took(NamedTuple):
    """Seconds on the clock, and of all of this process's threads."""

    clock_s: float
    cpu_s: float

    @classmethod
    def now(cls) -> Self:
        """The present reading of both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def since(self, start: "Took") -> "Took":
        """What passed from one reading to the next."""
        return Took(self.clock_s - start.clock_s, self.cpu_s - start.cpu_s)

    def plus(self, other: "Took") -> "Took":
        """Both together."""
        return Took(self.clock_s + other.clock_s, self.cpu_s + other.cpu_s)


class Step(NamedTuple):
    """What the same tokens took: our turn, llama-bench's loop, and that loop in a third context."""

    ours: Took
    theirs: Took
    control: Took


class Ratio(NamedTuple):
    """A speed as a share of another: the geometric mean of all pairs, its standard error, their number.

    A tenth of the pairs at either end is left out: in those somebody else had the processor for a while.
    """

    mean: float
    error: float
    n: int

    @classmethod
    def of(cls, times: Sequence[float], others: Sequence[float]) -> "Ratio":
        """Compare times pair by pair."""
        logs = sorted(math.log(other / mine) for mine, other in zip(times, others, strict=True))
        cut = len(logs) // 10
        kept = logs[cut : len(logs) - cut]
        mean = math.exp(statistics.fmean(kept))
        winsorised = [kept[0]] * cut + kept + [kept[-1]] * cut
        error = statistics.stdev(winsorised) / (len(kept) / len(logs)) / len(logs) ** 0.5
        return cls(mean, mean * error, len(logs))


class _PoolParams(ctypes.Structure):
    """struct ggml_threadpool_params"""

    _fields_ = [
        ("cpumask", ctypes.c_bool * _MOST_THREADS),
        ("n_threads", ctypes.c_int),
        ("prio", ctypes.c_int),
        ("poll", ctypes.c_uint32),
        ("strict_cpu", ctypes.c_bool),
        ("paused", ctypes.c_bool),
    ]


class LlamaBench:
    """A context as llama-bench makes it. `model` is a `llama_model *`."""

    def __init__(self, model: int, n_ctx: int, cache_type: CacheTypeName, threads: int) -> None:
        params = llama.llama_context_default_params()
        params.n_ctx, params.n_batch, params.n_ubatch = n_ctx, 2048, 512
        params.type_k = params.type_v = CACHE_TYPES[cache_type].ggml_id
        params.offload_kqv = params.op_offload = True
        params.flash_attn_type = 1
        params.embeddings = params.swa_full = False
        self.handle = llama.llama_init_from_model(model, params)
        assert self.handle, "llama.cpp made no context"
        pool = _PoolParams()
        _bind("ggml_threadpool_params_init", None, ctypes.c_void_p, ctypes.c_int)(ctypes.byref(pool), threads)
        pool.poll = 50
        self._pool = _bind("ggml_threadpool_new", ctypes.c_void_p, ctypes.c_void_p)(ctypes.byref(pool))
        attach = _bind("llama_attach_threadpool", None, *[ctypes.c_void_p] * 3)
        attach(self.handle, self._pool, None)
        llama.llama_set_n_threads(self.handle, threads, threads)
        self._batch = llama.llama_batch_ext_init(self.handle)
        self._memory = llama.llama_get_memory(self.handle)

    def clear(self) -> None:
        """Forget everything, as between two rounds."""
        llama.llama_memory_clear(self._memory, False)

    def process(self, tokens: Sequence[int]) -> Took:
        """Evaluate tokens after those in the cache; the last one's scores are put out."""
        batch, place = self._batch, llama.llama_memory_seq_pos_max(self._memory, 0) + 1
        llama.llama_batch_ext_clear(batch)
        for index, token in enumerate(tokens):
            llama.llama_batch_ext_add_token(batch, 0, token)
            positions = (llama.llama_pos * 4)(place + index)
            llama.llama_batch_ext_set_pos(batch, index, positions)
        llama.llama_batch_ext_set_output_logits(batch, len(tokens) - 1, True)
        start = Took.now()
        status = llama.llama_process(self.handle, llama.LLAMA_PROCESS_TYPE_DECODE, batch)
        llama.llama_synchronize(self.handle)
        took = Took.now().since(start)
        assert status == 0, f"llama_process said {status}"
        return took

    def close(self) -> None:
        """Free everything."""
        llama.llama_batch_ext_free(self._batch)
        llama.llama_free(self.handle)
        _bind("ggml_threadpool_free", None, ctypes.c_void_p)(self._pool)


class _TokenByToken:
    """Stands in for `llama_decode` in our turn; around each call llama-bench's loops get the same tokens.

    A step of ours is all that passed since the last one, theirs aside: its scores become a token, the token
    text, the text a message, and then the token is evaluated.
    """

    def __init__(self, decode: Callable[..., int], theirs: LlamaBench, control: LlamaBench) -> None:
        self._decode, self._theirs, self._control = decode, theirs, control
        self._resumed: Took | None = None
        self._calls = 0
        self.steps: list[Step] = []

    def __call__(self, context: Any, batch: Any) -> int:
        chosen = Took.now().since(self._resumed) if self._resumed is not None else None
        tokens = batch.token[: batch.n_tokens]
        status = 0

        def decode() -> Took:
            nonlocal status
            start = Took.now()
            status = self._decode(context, batch)
            llama.llama_synchronize(context)
            return Took.now().since(start)

        runs = (decode, lambda: self._theirs.process(tokens), lambda: self._control.process(tokens))
        ours, theirs, control = in_turn(runs, self._calls)
        if chosen is not None:
            self.steps.append(Step(ours.plus(chosen), theirs, control))
        self._calls += 1
        self._resumed = Took.now()
        return status


def in_turn(runs: Sequence[Callable[[], Took]], number: int) -> list[Took]:
    """Run all of them, another one first each time; the results are in the order given."""
    took = {}
    for place in range(len(runs)):
        index = (place + number) % len(runs)
        took[index] = runs[index]()
    return [took[index] for index in range(len(runs))]


class SideBySide:
    """Our context and two of llama-bench's, with one type of cache."""

    def __init__(self, model: Model, cache_type: CacheTypeName, threads: int, prompt: int, answer: int):
        n_ctx = prompt + answer + 64
        options = LoadOptions(
            ctx_size=n_ctx,
            cache_type_k=cache_type,
            cache_type_v=cache_type,
            threads=threads,
            flash_attn="on",
        )
        self._flag = ctypes.create_string_buffer(2)
        self._ours = Context(model, options, Log(), self._flag)
        self._chats = Chats(self._ours, 0, 0)
        self._theirs, self._control = (LlamaBench(model.handle, n_ctx, cache_type, threads) for _ in "AB")
        self._sink = open(os.devnull, "wb", buffering=0)  # noqa: SIM115 - as the engine's pipe
        self._answer, self._turns = answer, 0
        self._text = self._text_of(prompt)

    def prompts(self, rounds: int) -> list[Step]:
        """Read a prompt with each, `rounds` times, after once to warm up. Ours is the whole turn."""
        runs = (self._read, lambda: self._read_with(self._theirs), lambda: self._read_with(self._control))
        return [Step(*in_turn(runs, number)) for number in range(rounds + 1)][1:]

    def tokens(self, rounds: int) -> list[Step]:
        """Write `rounds` answers, and evaluate each token with all."""
        steps: list[Step] = []
        decode = llama.llama_decode
        for _ in range(rounds):
            for bench in (self._theirs, self._control):
                bench.clear()
            self._ours.keep(0)
            hook = llama.llama_decode = _TokenByToken(decode, self._theirs, self._control)
            try:
                self._turn("Go on.", self._answer)
            finally:
                llama.llama_decode = decode
            steps += hook.steps[1:]  # the first one's shapes are new to all
        return steps

    def close(self) -> None:
        """Free the contexts."""
        for context in (self._ours, self._theirs, self._control):
            context.close()
        self._sink.close()

    def _read(self) -> Took:
        self._ours.keep(0)
        start = Took.now()
        done = self._turn(self._text, 0)
        took = Took.now().since(start)
        assert done.reused_tokens == 0
        self._prompt = tuple(self._ours.tokens)
        return took

    def _read_with(self, bench: LlamaBench) -> Took:
        bench.clear()
        return bench.process(self._prompt)

    def _turn(self, text: str, max_tokens: int) -> TurnDone:
        self._turns += 1
        command = Chat(
            id=1,
            messages=(Message("user", f"{self._turns % 10} {text}"),),
            sampling=Sampling(max_tokens=max_tokens, seed=self._turns),
            chat=str(self._turns),
        )
        return self._chats.run(command, self._emit, lambda: False)

    def _emit(self, event: Event) -> None:
        self._sink.write(encode(event))

    def _text_of(self, n_tokens: int) -> str:
        """A text whose prompt has exactly this many tokens; with them the context is warm."""
        text = ""
        while True:
            command = CountTokens(id=1, messages=(Message("user", f"0 {text}"),))
            missing = n_tokens - self._chats.count(command).prompt_tokens
            if missing <= 0:
                return text
            text += "1" * missing  # each digit is a token


def open_model(path: Path, threads: int) -> Model:
    """The weights that all contexts share."""
    llama.llama_backend_init()
    return Model(str(path), LoadOptions(threads=threads), None, Log())
