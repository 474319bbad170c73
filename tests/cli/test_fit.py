"""`kvdesk fit`: every pair, ranked, within the budget, with advice where nothing fits."""

import pytest

from kvdesk.units import MIB


def fit(kvdesk, *words):
    ran = kvdesk("fit", "demo", "--json", *words)
    assert ran.status == 0
    return ran.object


def test_the_keys_of_the_contract(kvdesk):
    found = fit(kvdesk)
    assert {"model", "options", "devices", "pairs", "recommended", "elapsed_ms"} <= set(found)
    assert len(found["pairs"]) == 81
    keys = {
        "cache_type_k",
        "cache_type_v",
        "max_ctx_size",
        "total_bytes",
        "margin_bytes",
        "kernel",
        "bytes_per_token",
        "why",
    }
    assert all(keys <= set(pair) for pair in found["pairs"])
    assert found["recommended"]["options"]["ctx_size"] == 4096
    assert found["recommended"]["why"]


def test_a_small_budget_gives_a_shorter_context_that_fits(kvdesk, room_for):
    size = room_for("-c", "2048") + 32 * MIB
    found = fit(kvdesk, "--device", f"gpu0={size}", "--reserve", "32MiB", "--min-ctx", "256")
    best = found["pairs"][0]
    assert (best["quality"], best["max_ctx_size"]) == ("exact", 2048)
    assert all(pair["margin_bytes"] >= 0 for pair in found["pairs"] if pair["max_ctx_size"])
    assert all(pair["kernel"] == "unknown" for pair in found["pairs"])


def test_a_larger_reserve_never_gives_a_longer_context(kvdesk, room_for):
    size = room_for("-c", "2048")

    def contexts(reserve):
        pairs = fit(kvdesk, "--device", f"gpu0={size}", "--reserve", reserve)["pairs"]
        return {(p["cache_type_k"], p["cache_type_v"]): p["max_ctx_size"] or 0 for p in pairs}

    little, much = contexts("0"), contexts("2MiB")
    assert all(much[pair] <= little[pair] for pair in little)
    assert much != little


def test_where_nothing_fits_there_is_no_recommendation_but_advice(kvdesk, room_for):
    size = room_for("-c", "256", "-ctk", "q4_0", "-ctv", "q4_0") - 2 * MIB
    found = fit(kvdesk, "--device", f"gpu0={size}")
    assert all(pair["max_ctx_size"] is None for pair in found["pairs"])
    assert found["recommended"]["options"] is None
    assert any(offer["fits"] and "n_gpu_layers" in offer["options"] for offer in found["advice"])
    ran = kvdesk("fit", "demo", "--device", f"gpu0={size}")
    assert "--n-gpu-layers" in ran.out
    assert "lacks" in ran.out


def test_a_budget_as_a_share_or_in_bytes(kvdesk):
    half = fit(kvdesk, "--device", "gpu0=700MiB", "--budget", "0.5")
    same = fit(kvdesk, "--device", "gpu0=700MiB", "--budget", "350MiB")
    assert half["pairs"] == same["pairs"]


def test_the_wanted_context_decides_the_best_pair(kvdesk, room_for):
    # room for all 4096 tokens with both caches in q8_0, so with f16 for fewer
    words = ["--device", f"gpu0={room_for('-ctk', 'q8_0', '-ctv', 'q8_0')}"]
    short = fit(kvdesk, *words, "--min-ctx", "256")["pairs"][0]
    long = fit(kvdesk, *words, "--min-ctx", "4096")["pairs"][0]
    assert short["quality"] == "exact"
    assert short["max_ctx_size"] < 4096
    assert (long["cache_type_k"], long["cache_type_v"], long["max_ctx_size"]) == ("q8_0", "q8_0", 4096)


def test_the_table_is_short_and_within_80_columns(kvdesk):
    out = kvdesk("fit", "demo").out
    assert "more pairs with --all" in out
    assert max(len(line) for line in out.splitlines()) <= 80
    assert len(kvdesk("fit", "demo", "--all").out.splitlines()) > 81


@pytest.mark.llama
def test_llama_cpp_confirms_what_was_found(kvdesk):
    confirmed = fit(kvdesk, "--dry-run")["confirmed"]
    assert confirmed["fits"] is True
    assert confirmed["ctx_size"] == 4096
