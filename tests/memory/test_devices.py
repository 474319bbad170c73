"""Where layers, caches, weights and buffers go, held to what llama.cpp answered for two RPC devices."""

import pytest

from kvdesk.memory.configuration import Configuration, normalise
from kvdesk.memory.cpu import Cpu
from kvdesk.memory.estimate import estimate
from kvdesk.memory.placement import place
from kvdesk.memory.refusals import refusals
from kvdesk.memory.report import HOST, Device, Kind
from kvdesk.memory.weights import REPACKED, weight_totals
from tests.memory.records import shapes

GIB = 1024**3
LFM2 = "LFM2-1.2B-Q4_K_M.gguf"
LLAMA_1B = "Llama-3.2-1B-Instruct-Q4_K_M.gguf"
GPT_OSS = "gpt-oss-20b-mxfp4.gguf"
GEMMA_3 = "gemma-3-4b-it-Q4_K_M.gguf"


def _rpc(count: int) -> tuple[Device, ...]:
    return (*(Device(f"RPC{number}", "rpc", "rpc", 10 * GIB, 10 * GIB) for number in range(count)), HOST)


# Answers of a dry run: (weights, cache, compute) of each device, the host last; its repacked share; where the
# compute buffer of the first device of two stands as None, the dry run itself is not what a load reserves.
ANSWERS = [
    (LLAMA_1B, 1, 99, (), [(799862912, 134217728, 266862592), (215470080, 0, 12597248)], 0),
    (
        LLAMA_1B,
        2,
        99,
        (1, 1),
        [(326418560, 75497472, 96509952), (473444480, 58720256, None), (215470080, 0, 37806080)],
        0,
    ),
    (
        LLAMA_1B,
        1,
        9,
        (),
        [(507670656, 67108864, 266862592), (507662464, 67108864, 71317504)],
        233570304,
    ),
    (
        LLAMA_1B,
        2,
        9,
        (1, 3),
        [(107274368, 25165824, None), (400396416, 41943040, 266862592), (507662464, 67108864, 71317504)],
        233570304,
    ),
    (
        GPT_OSS,
        2,
        20,
        (1, 1),
        [(4527453440, 49807360, None), (4690048896, 48234496, None), (2879056000, 21495808, 101865472)],
        2115072000,
    ),
]


def _config(file: str, count: int, layers: int, split: tuple[float, ...]) -> Configuration:
    return normalise(
        shapes()[file],
        ctx_size=4096,
        n_gpu_layers=layers,
        tensor_split=split,
        devices=_rpc(count),
        n_outputs_max=0,
        mmap=False,
        cpu=Cpu.AVX512,
    )


@pytest.mark.parametrize(("file", "count", "layers", "split", "answers", "repacked"), ANSWERS)
def test_every_device_holds_what_llama_cpp_gives_it(
    file: str,
    count: int,
    layers: int,
    split: tuple[float, ...],
    answers: list[tuple[int, int, int | None]],
    repacked: int,
) -> None:
    shape, config = shapes()[file], _config(file, count, layers, split)
    report, weights = estimate(shape, config), weight_totals(shape, config)
    for device, (weight_bytes, cache_bytes, compute_bytes) in zip(config.devices, answers, strict=True):
        assert weights.on(device.name) == weight_bytes
        kept = sum(report.bytes_of(kind, device.name) for kind in (Kind.K, Kind.V, Kind.RECURRENT))
        assert kept == cache_bytes
        if compute_bytes is not None:
            assert report.bytes_of(Kind.COMPUTE, device.name) == compute_bytes
    assert weights.in_buffer(REPACKED) == repacked


def test_the_output_layer_goes_first() -> None:
    shape = shapes()[LLAMA_1B]
    placement = place(shape, _config(LLAMA_1B, 1, 1, ()))
    assert placement.output == "RPC0"
    assert set(placement.layers) == {"CPU"}


def test_an_output_norm_under_another_name_lies_with_the_output() -> None:
    # LFM2 calls it token_embd_norm, which elsewhere belongs to the first block; as measured on two devices.
    totals = weight_totals(shapes()[LFM2], _config(LFM2, 2, 99, ()))
    assert (totals.on("RPC0"), totals.on("RPC1")) == (346990080, 381519360)


def test_a_tied_embedding_is_copied_where_the_output_is() -> None:
    shape = shapes()[LLAMA_1B]
    embedding = shape.weight_by_name["token_embd.weight"].n_bytes
    config = _config(LLAMA_1B, 1, 1, ())
    assert weight_totals(shape, config).second_copy_bytes == embedding
    assert any("once more" in item.why for item in estimate(shape, config).items if item.kind is Kind.WEIGHTS)


def test_split_mode_none_uses_the_main_device_alone() -> None:
    shape = shapes()[LLAMA_1B]
    config = normalise(shape, split_mode="none", main_gpu=1, devices=_rpc(2))
    assert [device.name for device in config.devices] == ["RPC1", "CPU"]
    assert place(shape, config).computing == ("RPC1",)
    assert place(shape, normalise(shape, split_mode="none", main_gpu=-1, devices=_rpc(2))).computing == (
        "CPU",
    )


def test_free_memory_decides_the_split() -> None:
    shape = shapes()[LLAMA_1B]
    devices = (
        Device("CUDA0", "gpu", "cuda", 24 * GIB, 3 * GIB),
        Device("CUDA1", "gpu", "cuda", 24 * GIB, 9 * GIB),
        HOST,
    )
    layers = place(shape, normalise(shape, devices=devices)).layers
    assert layers.count("CUDA1") > 2 * layers.count("CUDA0")
    assert list(layers) == sorted(layers)


def test_experts_stay_on_the_host() -> None:
    shape = shapes()[GPT_OSS]
    experts = sum(weight.n_bytes for weight in shape.weights if weight.use == "experts")
    plain = weight_totals(shape, normalise(shape, devices=_rpc(1)))
    kept = weight_totals(shape, normalise(shape, devices=_rpc(1), cpu_moe=True))
    first = weight_totals(shape, normalise(shape, devices=_rpc(1), n_cpu_moe=6))
    assert plain.on("RPC0") - kept.on("RPC0") >= experts
    assert plain.on("RPC0") > first.on("RPC0") > kept.on("RPC0")


def test_overrides_move_tensors_and_unknown_buffers_are_refused() -> None:
    shape = shapes()[LLAMA_1B]
    config = normalise(shape, devices=_rpc(1), override_tensor=(r"ffn_down=CPU", "attn=MOON"))
    assert weight_totals(shape, config).on("CPU") > shape.weight_by_name["token_embd.weight"].n_bytes
    refused = [found for found in refusals(shape, config) if not found.is_warning]
    assert [found.option for found in refused] == ["override_tensor"]
    assert "MOON" in refused[0].message


def test_cuda_adds_copies_of_a_quantised_cache_and_of_staged_weights() -> None:
    shape = shapes()[GEMMA_3]
    cuda = (Device("CUDA0", "gpu", "cuda", 24 * GIB, 23 * GIB), HOST)

    def whys(**options: object) -> str:
        report = estimate(shape, normalise(shape, ctx_size=32768, devices=cuda, **options))
        return " ".join(item.why for item in report.items if item.device == "CUDA0")

    assert "copies in f16" not in whys()
    assert "copies in f16" in whys(cache_type_k="q8_0", cache_type_v="q8_0")
    assert "brought over" in whys(n_gpu_layers=10)
    assert "brought over" not in whys(n_gpu_layers=10, op_offload=False)


def test_a_gpu_computes_prompts_with_weights_on_the_host() -> None:
    shape = shapes()[GPT_OSS]
    cuda = (Device("CUDA0", "gpu", "cuda", 24 * GIB, 23 * GIB), HOST)

    def on_host(**options: bool) -> int:
        config = normalise(shape, ctx_size=4096, devices=cuda, n_gpu_layers=10, **options)
        return estimate(shape, config).bytes_of(Kind.COMPUTE, HOST.name)

    assert on_host() < on_host(op_offload=False) / 2


def test_two_cuda_devices_keep_inputs_several_times() -> None:
    shape = shapes()[LLAMA_1B]
    pair = tuple(Device(f"CUDA{n}", "gpu", "cuda", 24 * GIB, 20 * GIB) for n in range(2))
    whole = estimate(shape, normalise(shape, devices=(*pair, HOST)))
    part = estimate(shape, normalise(shape, devices=(*pair, HOST), n_gpu_layers=10))
    assert any("4 times" in item.why for item in whole.items)
    assert not any("4 times" in item.why for item in part.items)


def test_a_mapped_file_can_be_reclaimed_and_a_locked_one_cannot() -> None:
    shape = shapes()[LLAMA_1B]
    mapped, locked, read = (
        [item for item in estimate(shape, normalise(shape, **options)).items if item.is_reclaimable]
        for options in ({}, {"mlock": True}, {"mmap": False})
    )
    assert mapped
    assert not locked
    assert not read
