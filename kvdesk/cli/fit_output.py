"""How the largest contexts are shown: a table with reasons and advice, or the JSON object of the contract."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kvdesk.cli.estimate import device_object
from kvdesk.cli.offers import offer_object, print_offers
from kvdesk.cli.opened import Opened
from kvdesk.cli.printing import new_table, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Device
from kvdesk.phrases import Phrase
from kvdesk.plan.budget import Limits
from kvdesk.plan.configure import configure, uses_gpu
from kvdesk.plan.fits import PairFit
from kvdesk.plan.offer import Advice
from kvdesk.plan.offload import Offload
from kvdesk.plan.options import LoadOptions
from kvdesk.units import KIB, format_mib, format_tokens

SHOWN = 12


@dataclass(frozen=True, slots=True)
class Found:
    """All that is shown: the pairs, best first, within these limits, for a context of `wanted` tokens.

    `moved` is what went to the CPU because it was asked for; the pairs then count on it.
    """

    opened: Opened
    options: LoadOptions
    devices: tuple[Device, ...]
    order: tuple[PairFit, ...]
    wanted: int
    limits: Limits
    offers: tuple[Advice, ...]
    moved: Offload | None
    confirmed: dict[str, Any] | None
    solve_ms: float


def with_pair(options: LoadOptions, fit: PairFit, ctx_size: int) -> LoadOptions:
    """The options with a pair and a context."""
    return msgspec.structs.replace(
        options, cache_type_k=fit.cache_type_k, cache_type_v=fit.cache_type_v, ctx_size=ctx_size
    )


def recommendation(best: PairFit, options: LoadOptions, wanted: int) -> tuple[LoadOptions | None, Phrase]:
    """The options of the best pair, and why; no options where nothing fits."""
    if best.max_ctx_size is None:
        return None, best.why
    held = format_tokens(best.max_ctx_size)
    why = (
        Phrase("The best quality that holds {tokens} tokens.", tokens=format_tokens(wanted))
        if best.max_ctx_size >= wanted
        else Phrase(
            "No pair holds {tokens} tokens; this one holds most, {held}.",
            tokens=format_tokens(wanted),
            held=held,
        )
    )
    return with_pair(options, best, best.max_ctx_size), why


def as_object(found: Found) -> dict[str, Any]:
    """The JSON object of the command-line contract. Sizes are bytes, times milliseconds."""
    opened, options = found.opened, found.options
    recommended, why = recommendation(found.order[0], options, found.wanted)
    report = estimate(opened.shape, configure(recommended or options, opened.shape, found.devices))
    moved = found.moved
    return {
        "model": opened.as_object(),
        "options": options,
        "devices": [device_object(report, device) for device in report.devices],
        "pairs": [_pair(fit) for fit in found.order],
        "recommended": {"options": recommended, "why": why},
        "advice": [offer_object(offer) for offer in found.offers],
        "offload": {"options": {moved.option: moved.value}, "cost": moved.cost} if moved else None,
        "confirmed": found.confirmed,
        "elapsed_ms": {"header": round(opened.header_ms, 2), "solve": round(found.solve_ms, 2)},
    }


def _pair(fit: PairFit) -> dict[str, Any]:
    return {
        "cache_type_k": fit.cache_type_k,
        "cache_type_v": fit.cache_type_v,
        "max_ctx_size": fit.max_ctx_size,
        "total_bytes": fit.total_bytes,
        "margin_bytes": fit.margin_bytes,
        "kernel": fit.kernel,
        "bytes_per_token": fit.bytes_per_token,
        "quality": fit.quality,
        "decode_tokens_per_s": round(fit.speed.tokens_per_s, 2) if fit.speed else None,
        "decode_ctx_size": fit.speed.ctx_size if fit.speed else None,
        "decode_source": fit.speed.source if fit.speed else None,
        "degree": "plan" if fit.is_planned else "estimate",
        "why": fit.reason,
    }


def print_fits(found: Found, shown: Sequence[PairFit]) -> None:
    """Print the best pairs, why the first is the first, and what would help."""
    best = shown[0]
    print_line(found.opened.headline(), style="bold")
    if best.max_ctx_size is None:
        print_line(t("No pair of cache types fits. {why}", why=best.why), style="red")
    else:
        _print_pairs(found, shown)
        _, why = recommendation(best, LoadOptions(), found.wanted)
        print_line(f"{best.cache_type_k} / {best.cache_type_v}: {t(why)} {t(best.reason)}")
    if found.moved is not None:
        print_line(t(found.moved.cost), style="yellow")
    if found.confirmed is not None:
        is_so = found.confirmed["fits"]
        print_line(t("llama.cpp confirms it.") if is_so else t("llama.cpp does not confirm it."))
    elif found.opened.shape.is_rough:
        print_line(t("Only roughly known for this architecture; --dry-run asks llama.cpp."), style="yellow")
    _print_source(best)
    print_offers(found.offers)


def _print_source(best: PairFit) -> None:
    if best.speed is None:
        return
    tokens = format_tokens(best.speed.ctx_size)
    line = (
        t("Speed: with {tokens} tokens in the cache, from answers measured here.", tokens=tokens)
        if best.speed.source == "measured"
        else t("Speed: at most, with {tokens} tokens in the cache, by the memory's bandwidth.", tokens=tokens)
    )
    print_line(line, style="dim")


def _print_pairs(found: Found, shown: Sequence[PairFit]) -> None:
    has_gpu = uses_gpu(found.options, found.devices)  # otherwise the CPU computes everything anyway
    has_speed = any(fit.speed for fit in shown)
    table = new_table()
    table.add_column("K", no_wrap=True)
    table.add_column("V", no_wrap=True)
    for name in (t("context"), t("per token"), t("total MiB"), t("left")):
        table.add_column(name, justify="right", no_wrap=True)
    if has_speed:
        table.add_column(t("tok/s"), justify="right", no_wrap=True)
    table.add_column(t("quality"))
    if has_gpu:
        table.add_column(t("kernel"))
    for fit in shown:
        cells = _cells(fit)
        speed = [_speed(fit)] if has_speed else []
        row = [*cells[:6], *speed, cells[6], *([cells[7]] if has_gpu else [])]
        table.add_row(*row, style="dim" if fit.max_ctx_size is None else "")
    print_line()
    print_table(table)
    if len(found.order) > len(shown):
        print_line(t("{count} more pairs with --all.", count=len(found.order) - len(shown)), style="dim")
    print_line()


def _speed(fit: PairFit) -> str:
    if fit.speed is None:
        return "–"
    rate = fit.speed.tokens_per_s
    return f"{rate:.1f}" if rate < 100 else f"{rate:.0f}"


def _cells(fit: PairFit) -> tuple[str, ...]:
    if fit.max_ctx_size is None:
        nothing = t("refused") if fit.is_refused else t("does not fit")
        return fit.cache_type_k, fit.cache_type_v, nothing, "", "", "", "", ""
    return (
        fit.cache_type_k,
        fit.cache_type_v,
        format_tokens(fit.max_ctx_size),
        f"{fit.bytes_per_token / KIB:.1f} KiB",
        format_mib(fit.total_bytes),
        format_mib(fit.margin_bytes),
        t(fit.quality),
        f"[yellow]{t('CPU')}[/]" if fit.kernel == "cpu" else t("GPU") if fit.kernel == "gpu" else "–",
    )
