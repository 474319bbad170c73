"""The dry run says what a real load then allocates, buffer by buffer, on one device and on several."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from kvdesk.engine.protocol import DryRun, Load, Loaded, Planned
from kvdesk.errors import KvDeskError
from kvdesk.memory.report import TOTAL_KINDS, Item, Kind, MemoryReport
from kvdesk.plan.options import LoadOptions
from tests.engine.conftest import WAIT_S, Watched
from tests.ggufs import KINDS, make_model
from tests.rpc_servers import two_servers

pytestmark = pytest.mark.llama


class Engines:
    """One engine for all configurations of this file, and another when llama.cpp aborts in it."""

    def __init__(self) -> None:
        self.current = Watched()
        self.current.start()

    def running(self) -> Watched:
        if not self.current.is_running():
            self.__init__()
        return self.current


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    engines = Engines()
    yield engines
    engines.current.stop()


@pytest.fixture
def client(engines: Engines) -> Watched:
    return engines.running()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One small model of each kind, made when first asked for."""

    class Models(dict[str, str]):
        def __missing__(self, kind: str) -> str:
            self[kind] = str(make_model(kind, folder, file_type="q8_0"))
            return self[kind]

    folder = tmp_path_factory.mktemp("models")
    return Models()


@pytest.fixture(scope="module")
def rpc() -> Iterator[tuple[str, ...]]:
    """Two of llama.cpp's RPC servers on loopback."""
    with two_servers() as servers:
        yield tuple(server.endpoint for server in servers)


def plan_and_load(client: Any, model: str, options: LoadOptions) -> tuple[Planned, Loaded]:
    planned = client.request(DryRun(id=client.next_id(), model=model, options=options), WAIT_S)
    loaded = client.request(Load(id=client.next_id(), model=model, options=options), WAIT_S)
    assert isinstance(planned, Planned)
    assert isinstance(loaded, Loaded)
    return planned, loaded


def buffers(report: MemoryReport) -> list[Item]:
    """The items that are llama.cpp's buffers; a load reports what lies beyond them as well."""
    return [item for item in report.items if item.kind in TOTAL_KINDS]


ON_ONE_DEVICE = {
    "f16": LoadOptions(ctx_size=1000),
    "q8_0 and q4_0": LoadOptions(ctx_size=2048, cache_type_k="q8_0", cache_type_v="q4_0", ubatch_size=64),
    "three sequences": LoadOptions(ctx_size=3000, parallel=3, n_outputs_max=0),
    "unified": LoadOptions(ctx_size=1024, parallel=2, kv_unified=True, swa_full=True, repack=False),
    "no flash attention": LoadOptions(ctx_size=1024, flash_attn="off", cache_type_k="f32"),
}


# Every option set for one kind of each sort of memory; for the many others, two.
THOROUGHLY = (
    "llama",
    "llama-head72",
    "gemma3",
    "gemma4",
    "gpt-oss",
    "deepseek2",
    "mamba2",
    "jamba",
    "rwkv7",
    "bert",
)


@pytest.mark.parametrize("kind", KINDS)
def test_plan_and_load_are_equal_on_the_cpu(engines: Engines, models: dict[str, str], kind: str) -> None:
    names = ON_ONE_DEVICE if kind in THOROUGHLY else ("f16", "three sequences")
    compared = 0
    for name in names:
        options = msgspec.structs.replace(ON_ONE_DEVICE[name], mmap=False, threads=1)
        client = engines.running()
        try:
            planned, loaded = plan_and_load(client, models[kind], options)
        except KvDeskError as refused:  # what llama.cpp refuses, or aborts at, it must for the load as well
            client = engines.running()
            load = Load(id=client.next_id(), model=models[kind], options=options)
            with pytest.raises(type(refused), match=re.escape(refused.message)):
                client.request(load, WAIT_S)
            continue
        for plan, load in zip(buffers(planned.report), buffers(loaded.report), strict=True):
            if plan.exactness == "exact":
                assert plan == load, name
            else:  # announced: see planner._doubts
                assert (plan.kind, plan.device, options.parallel > 1) == (Kind.COMPUTE, load.device, True)
        assert planned.options == loaded.options
        assert planned.n_ctx_seq == loaded.n_ctx_seq
        compared += 1
    assert compared >= 1


@pytest.mark.parametrize("kind", ["llama", "qwen3moe", "gemma3", "deepseek2", "granitehybrid", "mamba2"])
def test_plan_and_load_are_equal_on_two_devices(
    client: Watched, models: dict[str, str], rpc: tuple[str, ...], kind: str
) -> None:
    for n_gpu_layers, tensor_split in ((-1, ()), (3, (1.0, 1.0)), (2, (3.0, 1.0)), (-1, (0.0, 1.0))):
        options = LoadOptions(
            ctx_size=1000, rpc=rpc, n_gpu_layers=n_gpu_layers, tensor_split=tensor_split, mmap=False
        )
        planned, loaded = plan_and_load(client, models[kind], options)
        names = [device.kind for device in planned.report.devices]
        assert names == ["rpc", "rpc", "cpu"]
        for plan, load in zip(buffers(planned.report), buffers(loaded.report), strict=True):
            _assert_equal(plan, load, options)


def test_every_layer_is_where_it_was_put(
    client: Watched, models: dict[str, str], rpc: tuple[str, ...]
) -> None:
    """Of four layers and the output, two devices in equal parts hold 3 and 2."""
    options = LoadOptions(ctx_size=1000, rpc=rpc, tensor_split=(1.0, 1.0), mmap=False)
    planned, _ = plan_and_load(client, models["llama"], options)
    k = {d.name: planned.report.bytes_of(Kind.K, d.name) for d in planned.report.devices}
    first, second, host = k.values()
    assert (first, host) == (3 * second, 0)
    without = LoadOptions(ctx_size=1000, rpc=rpc, tensor_split=(1.0, 1.0), mmap=False, kv_offload=False)
    planned, _ = plan_and_load(client, models["llama"], without)
    assert planned.report.bytes_of(Kind.K, "CPU") == first + second


def test_experts_can_stay_on_the_host(client: Watched, models: dict[str, str], rpc: tuple[str, ...]) -> None:
    def weights(**changes: Any) -> int:
        options = LoadOptions(ctx_size=512, rpc=rpc, mmap=False, **changes)
        planned, loaded = plan_and_load(client, models["qwen3moe"], options)
        assert planned.report.bytes_of(Kind.WEIGHTS) == loaded.report.bytes_of(Kind.WEIGHTS)
        return planned.report.bytes_of(Kind.WEIGHTS, "CPU")

    none, half, every = weights(), weights(n_cpu_moe=2), weights(cpu_moe=True)
    assert none < half < every
    assert every - half == half - none
    assert weights(override_tensor=(r"ffn_.*_exps=CPU",)) == every


def test_devices_can_be_named(client: Watched, models: dict[str, str], rpc: tuple[str, ...]) -> None:
    planned, _ = plan_and_load(client, models["llama"], LoadOptions(ctx_size=512, rpc=rpc, mmap=False))
    gpu = planned.report.devices[1].name
    options = LoadOptions(ctx_size=512, rpc=rpc, device=(gpu,), mmap=False)
    planned, loaded = plan_and_load(client, models["llama"], options)
    assert [device.name for device in loaded.report.devices] == [gpu, "CPU"]
    assert buffers(planned.report) == buffers(loaded.report)
    options = LoadOptions(ctx_size=512, rpc=rpc, device=("none",), mmap=False)
    planned, loaded = plan_and_load(client, models["llama"], options)
    assert {item.device for item in loaded.report.items} == {"CPU"}


def _assert_equal(plan: Item, load: Item, options: LoadOptions) -> None:
    """Equal but where the plan says that it may be over: one ubatch's copies for each input of a split."""
    if plan.exactness == "exact":
        assert plan == load
        return
    assert plan.kind is Kind.COMPUTE
    assert (plan.device, plan.why) == (load.device, load.why)
    n_embd, copies = 128, 4  # of the generated models; GGML_SCHED_MAX_COPIES
    assert 0 <= plan.bytes - load.bytes <= copies * options.ubatch_size * n_embd * 4
