"""Measures how many threads answer fastest here: some tokens with each of a few counts, a second at most."""

import ctypes
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import llama
from kvdesk.engine.protocol import ThreadPace
from kvdesk.errors import Cancelled
from kvdesk.memory.report import HOST, Kind, MemoryReport

MOST_S = 1.0
_ROUNDS = 4
_STEPS = 2  # at each visit: after another count OpenMP makes its threads anew, which the first step pays
_CHECK_S = 0.02
_LEAST_SHARE = 0.25  # of the weights on the host; with less the CPU's threads decide little
_NOTABLE = 1.05  # times faster; a smaller lead over the usual count may be chance


def candidates(physical: int, logical: int) -> tuple[int, ...]:
    """Counts worth trying: every core (the usual one), every hyper-thread, all cores but one, half of them.

    Fewer may be faster where memory is the bound, or where half of the cores are slow ones.
    """
    counts = (physical, logical, physical - 1, physical // 2)
    return tuple(dict.fromkeys(count for count in counts if count > 0))


def matters(context: Context, report: MemoryReport) -> bool:
    """Whether the loaded model writes text token by token, and does so on the CPU."""
    weights = report.bytes_of(Kind.WEIGHTS)
    is_on_host = report.bytes_of(Kind.WEIGHTS, HOST.name) >= _LEAST_SHARE * weights
    writes = context.memory and not llama.llama_model_has_encoder(context.model.handle)
    return bool(is_on_host and writes)


def measure(
    context: Context, counts: Sequence[int], is_cancelled: Callable[[], bool], most_s: float = MOST_S
) -> tuple[ThreadPace, ...]:
    """Speeds at each of these counts; none where not all of them could be tried in time.

    The cache, which must be empty, is empty afterwards. Raises Cancelled.
    """
    times: dict[int, list[float]] = {count: [] for count in counts}
    usual = llama.llama_n_threads(context.handle)
    with _limited(context, is_cancelled, most_s):
        try:
            _step(context)  # brings the weights into memory
            for _ in range(_ROUNDS):
                for count in counts:
                    context.use_threads(count)
                    times[count] += [_step(context) for _ in range(_STEPS)]
        except Cancelled:
            if is_cancelled():
                raise
        finally:
            context.keep(0)
            context.use_threads(usual)
    if not all(times.values()):
        return ()
    return tuple(ThreadPace(count, 1 / min(times[count])) for count in counts)


def fastest(paces: Sequence[ThreadPace], usual: int) -> int:
    """The count to answer with; `usual` where none is clearly faster."""
    speeds = {pace.threads: pace.tokens_per_s for pace in paces}
    best = max(speeds, key=speeds.__getitem__, default=usual)
    return best if speeds.get(best, 0.0) > _NOTABLE * speeds.get(usual, 0.0) else usual


def _step(context: Context) -> float:
    """Evaluate a token in an empty cache; any token costs the same. Returns seconds."""
    context.keep(0)
    started_s = time.perf_counter()
    context.decode((0,))
    llama.llama_synchronize(context.handle)
    return time.perf_counter() - started_s


@contextmanager
def _limited(context: Context, is_cancelled: Callable[[], bool], most_s: float) -> Iterator[None]:
    """Have decodes stopped once the time is over, too: a large model may take longer for its first token."""
    flag = ctypes.create_string_buffer(2)
    end_s, is_over = time.perf_counter() + most_s, threading.Event()

    def watch() -> None:
        while not (is_cancelled() or time.perf_counter() >= end_s):
            if is_over.wait(_CHECK_S):
                return
        flag.value = b"x"

    watcher = threading.Thread(target=watch, name="thread choice", daemon=True)
    with context.watching(flag):
        watcher.start()
        try:
            yield
        finally:
            is_over.set()
            watcher.join()
