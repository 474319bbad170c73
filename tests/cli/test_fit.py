"""`kvdesk fit`: every pair, ranked, within the budget, with advice where nothing fits."""

from dataclasses import replace

import pytest

from kvdesk.cli import fit as fit_command
from kvdesk.cli import opened
from kvdesk.plan.solve import fit_all
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
    size = room_for("-c", "256", "-ctk", "q4_0", "-ctv", "q4_0") - MIB
    assert size > room_for("-ngl", "0")  # prompts are computed on the GPU even so
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


@pytest.mark.llama
def test_every_pair_that_is_shown_is_confirmed(kvdesk):
    pairs = fit(kvdesk, "--dry-run")["pairs"]
    assert [pair["degree"] for pair in pairs[:12]] == ["plan"] * 12
    assert {pair["degree"] for pair in pairs[12:]} == {"estimate"}
    by_arithmetic = {(p["cache_type_k"], p["cache_type_v"]): p for p in fit(kvdesk)["pairs"]}
    for pair in pairs[:12]:
        estimated = by_arithmetic[pair["cache_type_k"], pair["cache_type_v"]]
        assert (pair["max_ctx_size"], pair["total_bytes"]) == (
            estimated["max_ctx_size"],
            estimated["total_bytes"],
        )


def test_layers_go_to_the_cpu_only_when_that_is_asked_for(kvdesk, room_for):
    size = room_for("-c", "256", "-ctk", "q4_0", "-ctv", "q4_0") - 2 * MIB
    words = ["--device", f"gpu0={size}", "--min-ctx", "2048"]
    assert fit(kvdesk, *words)["offload"] is None
    found = fit(kvdesk, *words, "--offload")
    layers = found["offload"]["options"]["n_gpu_layers"]
    best = found["pairs"][0]
    assert best["max_ctx_size"] >= 2048
    assert found["recommended"]["options"]["n_gpu_layers"] == found["options"]["n_gpu_layers"] == layers
    assert not found["advice"]
    assert "run on the CPU" in kvdesk("fit", "demo", *words, "--offload").out.replace("\n", " ")
    one_more = fit(kvdesk, *words, "-ngl", str(layers + 1))["pairs"]
    usual = [
        p for p in one_more if p["cache_type_k"] == p["cache_type_v"] and p["quality"] in ("exact", "close")
    ]
    assert all((pair["max_ctx_size"] or 0) < 2048 for pair in usual)


def test_where_it_fits_nothing_is_moved(kvdesk):
    found = fit(kvdesk, "--device", "gpu0=8GiB", "--offload")
    assert found["offload"] is None
    assert found["options"]["n_gpu_layers"] == -1


def test_the_caches_have_a_budget_of_their_own(kvdesk):
    whole = fit(kvdesk, "--device", "gpu0=8GiB")["pairs"]
    little = fit(kvdesk, "--device", "gpu0=8GiB", "--cache-budget", "3MiB", "--min-ctx", "256")["pairs"]
    assert all(pair["max_ctx_size"] == 4096 for pair in whole)
    f16 = next(p for p in little if (p["cache_type_k"], p["cache_type_v"]) == ("f16", "f16"))
    assert f16["max_ctx_size"] == 3 * MIB // f16["bytes_per_token"] // 256 * 256


def test_the_speed_is_the_makers_for_a_gpu_of_the_table_and_unknown_for_others(kvdesk):
    known = fit(kvdesk, "--device", "RTX 4060 Laptop")["pairs"][0]
    assert known["decode_tokens_per_s"] > 0
    assert (known["decode_source"], known["decode_ctx_size"]) == ("specification", 4096)
    unknown = fit(kvdesk, "--device", "gpu0=8GiB")["pairs"][0]
    assert unknown["decode_tokens_per_s"] is None
    out = kvdesk("fit", "demo", "--device", "RTX 4060 Laptop").out
    assert "at most" in out
    assert max(len(line) for line in out.splitlines()) <= 80


def test_why_says_what_fits_and_how_good_it_is(kvdesk):
    why = fit(kvdesk, "--device", "gpu0=8GiB")["pairs"][0]["why"]
    assert "The whole trained context fits" in why
    assert "Answers are as with f16." in why


@pytest.fixture
def rough(monkeypatch):
    """The demo model as one whose compute buffer nobody has worked out."""
    shape_of = opened.shape_of
    monkeypatch.setattr(opened, "shape_of", lambda header: replace(shape_of(header), is_rough=True))


@pytest.mark.llama
def test_where_the_arithmetic_is_rough_llama_cpp_is_asked_unasked(kvdesk, rough):
    found = fit(kvdesk)
    assert [pair["degree"] for pair in found["pairs"][:12]] == ["plan"] * 12
    assert found["confirmed"]["fits"] is True


def test_where_it_cannot_be_asked_that_is_said(kvdesk, rough):
    ran = kvdesk("fit", "demo", "--device", "gpu0=8GiB")
    assert "Only roughly known" in ran.out
    assert "Only roughly known" not in kvdesk("fit", "demo", "--dry-run").out


@pytest.mark.llama
def test_where_the_arithmetic_promised_too_much_the_dry_run_decides(kvdesk, monkeypatch):
    words = ["--cache-budget", "3MiB", "--min-ctx", "256", "--dry-run"]
    pair = ("f16", "f16")
    right = next(p for p in fit(kvdesk, *words)["pairs"] if (p["cache_type_k"], p["cache_type_v"]) == pair)

    def wrong(*about, **more):
        fits = fit_all(*about, **more)
        return tuple(replace(each, max_ctx_size=2048) for each in fits)

    monkeypatch.setattr(fit_command, "fit_all", wrong)
    found = next(p for p in fit(kvdesk, *words)["pairs"] if (p["cache_type_k"], p["cache_type_v"]) == pair)
    assert right["max_ctx_size"] == found["max_ctx_size"] == 1024
    assert right["margin_bytes"] == found["margin_bytes"]
