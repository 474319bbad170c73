"""The arithmetic against llama.cpp where no record helps: rare graphs, caches away from their layers."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kvdesk.engine.protocol import DryRun, Load, Loaded, Planned
from kvdesk.gguf.open import open_model
from kvdesk.memory.estimate import estimate
from kvdesk.memory.families import shape_of
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST, Kind, MemoryReport
from kvdesk.plan.configure import configure
from kvdesk.plan.options import LoadOptions
from tests.engine.conftest import WAIT_S, Watched
from tests.ggufs import make_model
from tests.ggufs_rare import PLANNED_ALONE
from tests.rpc_servers import two_servers

pytestmark = pytest.mark.llama

OPTIONS = (
    LoadOptions(ctx_size=2048, mmap=False),
    LoadOptions(ctx_size=2048, flash_attn="off", n_outputs_max=0, mmap=False),
    LoadOptions(ctx_size=4096, ubatch_size=128, cache_type_k="q8_0", cache_type_v="q8_0", mmap=False),
)


@pytest.fixture(scope="module")
def client() -> Iterator[Watched]:
    client = Watched()
    client.start()
    yield client
    client.stop()


def compute(report: MemoryReport) -> dict[str, int]:
    found = {device.name: 0 for device in report.devices}
    for item in report.items:
        if item.kind is Kind.COMPUTE:
            found[item.device] += item.bytes
    return found


@pytest.mark.parametrize("kind", sorted(PLANNED_ALONE))
def test_rare_graphs_take_what_was_reckoned(client: Watched, tmp_path: Path, kind: str) -> None:
    path = make_model(kind, tmp_path, file_type="q8_0")
    shape = shape_of(open_model(str(path)))
    for options in OPTIONS:
        planned = client.request(DryRun(id=client.next_id(), model=str(path), options=options), WAIT_S)
        assert isinstance(planned, Planned)
        found = estimate(shape, configure(options, shape, (HOST,)))
        assert found.bytes_of(Kind.COMPUTE) == planned.report.bytes_of(Kind.COMPUTE), options


def test_a_cache_on_the_host_is_brought_to_its_layers(client: Watched, tmp_path: Path) -> None:
    path = make_model("llama", tmp_path, file_type="q8_0")
    shape = shape_of(open_model(str(path)))
    far = LoadOptions(ctx_size=4096, n_gpu_layers=3, kv_offload=False, mmap=False)
    mixed = msgspec.structs.replace(far, cache_type_k="q8_0", cache_type_v="q4_0")
    with two_servers() as servers:
        for asked in (far, mixed):
            options = msgspec.structs.replace(asked, rpc=tuple(server.endpoint for server in servers))
            loaded = client.request(Load(id=client.next_id(), model=str(path), options=options), WAIT_S)
            assert isinstance(loaded, Loaded)
            found = compute(estimate(shape, configure(options, shape, loaded.report.devices)))
            assert found == pytest.approx(compute(loaded.report), rel=0.025, abs=4096)


def test_sequences_apart_are_refused_where_llama_cpp_would_abort(tmp_path: Path) -> None:
    shape = shape_of(open_model(str(make_model("t5", tmp_path))))
    apart = LoadOptions(ctx_size=2048, parallel=2)
    (found,) = refusals(shape, configure(apart, shape, (HOST,)))
    assert found.option == "kv_unified"
    together = LoadOptions(ctx_size=2048, parallel=2, kv_unified=True)
    assert not refusals(shape, configure(together, shape, (HOST,)))
