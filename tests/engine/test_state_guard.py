"""A dry run that would allocate too much is refused before it does."""

from pathlib import Path

import pytest

from kvdesk.engine.llama.state_guard import StateGuard
from kvdesk.errors import DoesNotFit
from kvdesk.memory.report import Device
from kvdesk.plan.options import LoadOptions
from tests.ggufs import make_model


def test_state_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    guard = StateGuard(str(make_model("mamba2", tmp_path)))
    host = Device("CPU", "cpu", "cpu", free_bytes=10_000_000)
    guard.require_room(LoadOptions(ctx_size=512), [host])
    with pytest.raises(DoesNotFit, match="recurrent state"):
        guard.require_room(LoadOptions(ctx_size=512, parallel=256), [host])


def test_caches_are_not_allocated_and_so_not_refused(tmp_path: Path) -> None:
    guard = StateGuard(str(make_model("llama", tmp_path)))
    guard.require_room(LoadOptions(ctx_size=4_000_000), [Device("CPU", "cpu", "cpu", free_bytes=1)])


def test_a_file_we_cannot_read_goes_unguarded(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"GGUF")
    StateGuard(str(path)).require_room(LoadOptions(), [Device("CPU", "cpu", "cpu", free_bytes=1)])
