"""A context keeps count of what is in its cache, whatever becomes of a decode."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.library import Log, llama
from kvdesk.engine.llama.model import Model
from kvdesk.errors import Cancelled
from kvdesk.plan.options import LoadOptions
from kvdesk.resources import resolve_model

pytestmark = pytest.mark.llama
OPTIONS = LoadOptions(ctx_size=1024, threads=1, ubatch_size=512)


@dataclass
class Loaded:
    """A context with the flag that stops its decodes."""

    context: Context
    flag: "ctypes.Array[ctypes.c_char]"

    def cells(self) -> int:
        """Positions that llama.cpp itself holds for the sequence."""
        return int(llama.llama_memory_seq_pos_max(self.context.memory, 0)) + 1


@pytest.fixture(scope="module")
def loaded() -> Iterator[Loaded]:
    log, flag = Log(), ctypes.create_string_buffer(2)
    model = Model(resolve_model("demo"), OPTIONS, None, log)
    context = Context(model, OPTIONS, log, flag)
    yield Loaded(context, flag)
    context.close()
    model.close()


@pytest.fixture(autouse=True)
def _empty(loaded: Loaded) -> None:
    loaded.flag.value = b""
    loaded.context.keep(0)


def test_decoded_tokens_are_in_the_cache(loaded: Loaded) -> None:
    loaded.context.decode([5, 6, 7])
    loaded.context.decode((8,))
    assert loaded.context.tokens == [5, 6, 7, 8]
    assert loaded.cells() == 4


def test_forgetting_the_end_keeps_the_beginning(loaded: Loaded) -> None:
    loaded.context.decode([5, 6, 7, 8])
    assert loaded.context.keep(2) == 2
    assert loaded.context.tokens == [5, 6]
    assert loaded.cells() == 2
    assert loaded.context.keep(0) == 0
    assert loaded.cells() == 0


def test_the_flag_stops_a_decode_and_the_cache_is_as_before(loaded: Loaded) -> None:
    loaded.context.decode([5, 6, 7])
    loaded.flag.value = b"x"
    with pytest.raises(Cancelled):
        loaded.context.decode(list(range(100, 600)))
    assert loaded.context.tokens == [5, 6, 7]
    assert loaded.cells() == 3
    loaded.flag.value = b""
    loaded.context.decode([8])
    assert loaded.cells() == 4


def test_the_options_are_those_llama_cpp_uses(loaded: Loaded) -> None:
    asked = LoadOptions(ctx_size=300, parallel=3, batch_size=4096, ubatch_size=1024, threads=1)
    context = Context(loaded.context.model, asked, Log())
    used = context.options
    assert (used.ctx_size, used.batch_size, used.ubatch_size) == (768, 300, 300)
    assert (context.n_ctx, context.n_ctx_seq, used.parallel, used.n_outputs_max) == (768, 256, 3, 3)
    assert used.flash_attn == "on"
    assert used.threads_batch == 1
    context.close()
