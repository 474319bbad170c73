"""Printed sizes become bytes again, or are said not to."""

from kvdesk.engine.llama.cache_log import read_cache_log, split_by_device
from kvdesk.units import MIB

K, V = 786_432, 393_216  # of four layers, 1024 cells


def cache_lines(
    layers: str, k: str, v: str, cells: int = 1024, type_k: str = "f16", type_v: str = "q8_0"
) -> list[str]:
    return [
        *[f"llama_kv_cache: layer {i:3}: dev = {name}" for i, name in enumerate(layers.split())],
        f"llama_kv_cache: size =    1.00 MiB ({cells:6} cells, {len(layers.split()):3} layers,  1/1 seqs), "
        f"K ({type_k}): {k:>7} MiB, V ({type_v}): {v:>7} MiB",
    ]


def test_a_cache_on_one_device() -> None:
    log = read_cache_log(cache_lines("CPU CPU CPU CPU", "0.75", "0.40"))
    v = 417_792  # 12 rows of 32 values, 34 bytes each, 1024 times
    assert split_by_device(log, {"CPU": K + v})["CPU"].exact
    split = split_by_device(log, {"CPU": K + v})["CPU"]
    assert (split.k, split.v, split.state) == (K, v, 0)


def test_a_cache_on_two_devices_follows_its_layers() -> None:
    log = read_cache_log(cache_lines("A A A B", "0.75", "0.53"))
    v = 557_056
    first, second = split_by_device(log, {"A": (K + v) * 3 // 4, "B": (K + v) // 4}).values()
    assert (first.k, first.v) == (3 * second.k, 3 * second.v)
    assert (first.k + second.k, first.v + second.v) == (K, v)
    assert first.exact
    assert second.exact


def test_state_is_what_remains() -> None:
    lines = [
        *cache_lines("CPU", "0.75", "0.00"),
        "llama_memory_recurrent, layer   1: dev = CPU",
        "llama_memory_recurrent: size =    2.06 MiB (     1 cells,   1 layers,  1 seqs  0 rs_seq), R (f32): "
        "0.06 MiB, S (f32): 2.00 MiB, P (f32): 0.00 MiB",
    ]
    state = 2 * MIB + 65_000
    split = split_by_device(read_cache_log(lines), {"CPU": K + state})["CPU"]
    assert (split.k, split.v, split.state, split.exact) == (K, 0, state, True)


def test_layers_of_different_size_are_not_called_exact() -> None:
    log = read_cache_log(cache_lines("A B", "0.75", "0.53"))
    unequal = {"A": (K + 557_056) * 2 // 3, "B": (K + 557_056) // 3}
    for device, split in split_by_device(log, unequal).items():
        assert not split.exact
        assert split.k + split.v + split.state == unequal[device]


def test_a_size_that_could_be_several_is_settled_by_the_total() -> None:
    """256 cells of q4_0 rows of 32 values are 4,608 bytes: less than what the rounding hides."""
    log = read_cache_log(cache_lines("CPU", "0.75", "0.40", 256, type_v="q4_0"))
    assert [v for _, v in log.caches[0].sizes] == [91 * 4608, 92 * 4608, 90 * 4608]
    for v in (90 * 4608, 91 * 4608, 92 * 4608):
        split = split_by_device(log, {"CPU": K + v})["CPU"]
        assert (split.k, split.v, split.exact) == (K, v, True)


def test_what_the_total_does_not_settle_is_not_called_exact() -> None:
    log = read_cache_log(cache_lines("CPU", "0.39", "0.40", 256, "q4_0", "q4_0"))
    total = sum(log.caches[0].sizes[0])
    split = split_by_device(log, {"CPU": total})["CPU"]
    assert (split.k + split.v, split.exact) == (total, False)


def test_k_and_v_of_one_type_that_are_printed_alike_are_equal() -> None:
    log = read_cache_log(cache_lines("CPU", "0.40", "0.40", 256, "q4_0", "q4_0"))
    split = split_by_device(log, {"CPU": 2 * 90 * 4608})["CPU"]
    assert (split.k, split.v, split.exact) == (90 * 4608, 90 * 4608, True)


def test_a_context_without_a_cache() -> None:
    log = read_cache_log(["llama_context: n_ctx = 512"])
    split = split_by_device(log, {"CPU": 0})["CPU"]
    assert (split.k, split.v, split.state, split.exact) == (0, 0, 0, True)
