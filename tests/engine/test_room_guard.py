"""A dry run that would allocate too much is refused before it does."""

from pathlib import Path

import pytest

from kvdesk.engine.llama.room_guard import CELL_BYTES, require_room
from kvdesk.errors import DoesNotFit
from kvdesk.gguf.splits import read_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.report import Device
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions
from tests.ggufs import make_model


def shape(kind: str, folder: Path) -> ModelShape:
    return shape_of(read_model(make_model(kind, folder)))


def test_state_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    model = shape("mamba2", tmp_path)
    host = Device("CPU", "cpu", "cpu", free_bytes=10_000_000)
    require_room(model, LoadOptions(ctx_size=512), [host])
    with pytest.raises(DoesNotFit, match="recurrent state"):
        require_room(model, LoadOptions(ctx_size=512, parallel=256), [host])


def test_caches_are_not_allocated_and_so_not_refused_but_their_bookkeeping_is(tmp_path: Path) -> None:
    host = Device("CPU", "cpu", "cpu", free_bytes=2 * 4_000_000 * CELL_BYTES)
    model = shape("llama", tmp_path)
    require_room(model, LoadOptions(ctx_size=4_000_000), [host])
    with pytest.raises(DoesNotFit, match="2,000,000,000 tokens"):
        require_room(model, LoadOptions(ctx_size=2_000_000_000), [host])


def test_a_model_we_cannot_read_goes_unguarded() -> None:
    require_room(None, LoadOptions(parallel=256), [Device("CPU", "cpu", "cpu", free_bytes=1)])
