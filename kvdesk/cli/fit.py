"""`kvdesk fit`: the largest context for every pair of cache types, ranked, with reasons and advice."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec

from kvdesk.cli.estimate import device_object
from kvdesk.cli.hardware import Asked, check_is_here, choose_devices
from kvdesk.cli.offers import offer_object, print_offers
from kvdesk.cli.opened import Opened, open_for_planning
from kvdesk.cli.printing import new_table, print_json, print_line, print_table
from kvdesk.cli.texts import t
from kvdesk.engine.protocol import DryRun, KernelsProbed, Planned
from kvdesk.errors import OptionError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Device, MemoryReport, completed
from kvdesk.phrases import Phrase
from kvdesk.plan.advice import Advice, advise
from kvdesk.plan.budget import Ceilings, ceilings, parse_amount
from kvdesk.plan.configure import chosen_devices, configure
from kvdesk.plan.fits import PairFit, ranked
from kvdesk.plan.options import BY_NAME, LoadOptions
from kvdesk.plan.parse import read_value
from kvdesk.plan.solve import context_limit, fit_all, step_of
from kvdesk.session import kernels
from kvdesk.session.kernels import kernel_question
from kvdesk.units import KIB, format_mib, format_tokens

# What a chat can be expected to need when nobody says what is wanted.
_USUAL_CTX = 32_768
_SHOWN = 12


def run(
    model: str,
    options: LoadOptions,
    devices: Sequence[str],
    reserve: str,
    budget: str,
    min_ctx: str,
    *,
    is_dry: bool,
    shows_all: bool,
    as_json: bool,
) -> int:
    """Find, rank and print; 0 also where nothing fits, because that is an answer."""
    opened = open_for_planning(model)
    with Asked() as asked:
        options, present, is_here = choose_devices(devices, options, asked)
        if is_dry:
            check_is_here(is_here)
        limits = ceilings(present, parse_amount(reserve), parse_amount(budget) if budget else None)
        began = time.perf_counter()
        found = fit_all(opened.shape, options, present, limits=limits)
        solve_ms = (time.perf_counter() - began) * 1000
        found = with_kernels(found, opened, options, present, asked if is_here else None)
        wanted = wanted_ctx(opened, options, min_ctx)
        order = ranked(found, wanted)
        offers = _advice(opened, options, present, limits, order[0], wanted)
        confirmed = _confirm(opened, options, present, order[0], limits, asked) if is_dry else None
    if as_json:
        print_json(_as_object(opened, options, present, order, wanted, offers, confirmed, solve_ms))
    else:
        _print(opened, order if shows_all else order[:_SHOWN], len(order), wanted, offers, confirmed)
    return 0


def wanted_ctx(opened: Opened, options: LoadOptions, min_ctx: str) -> int:
    """The context a pair should hold to count as good: what was asked for, or what a chat usually needs."""
    asked_for = read_value(BY_NAME["ctx_size"], min_ctx)
    assert isinstance(asked_for, int)
    return asked_for or options.ctx_size or min(_USUAL_CTX, context_limit(opened.shape, options))


def with_kernels(
    fits: Sequence[PairFit],
    opened: Opened,
    options: LoadOptions,
    devices: Sequence[Device],
    asked: Asked | None,
) -> tuple[PairFit, ...]:
    """The fits with llama.cpp's word on who computes attention; "unknown" for GPUs that are not here."""
    has_gpu = any(device.kind != "cpu" for device in chosen_devices(options, devices))
    if not has_gpu or options.n_gpu_layers == 0:
        return tuple(replace(fit, kernel="cpu") for fit in fits)
    question = kernel_question(opened.shape, options.rpc)
    if asked is None or question is None:
        return tuple(fits)
    answer = asked.ask(question)
    assert isinstance(answer, KernelsProbed)
    return kernels.with_kernels(fits, options, devices, answer.answers)


def _advice(
    opened: Opened,
    options: LoadOptions,
    devices: Sequence[Device],
    limits: Ceilings,
    best: PairFit,
    wanted: int,
) -> tuple[Advice, ...]:
    """What would make the wanted context fit, where even the best pair does not hold it."""
    if best.max_ctx_size is not None and best.max_ctx_size >= wanted:
        return ()
    return advise(opened.shape, msgspec.structs.replace(options, ctx_size=wanted), devices, limits)


def _confirm(
    opened: Opened,
    options: LoadOptions,
    devices: Sequence[Device],
    best: PairFit,
    limits: Ceilings,
    asked: Asked,
) -> dict[str, Any] | None:
    """llama.cpp's own word on the best pair: that it fits, and that the next step does not."""
    if best.max_ctx_size is None:
        return None
    if opened.is_remote:
        raise OptionError(
            "llama.cpp can be asked only about files that are here.",
            "Leave --dry-run out, or download the file first.",
        )

    def plan(ctx_size: int) -> MemoryReport:
        chosen = with_pair(options, best, ctx_size)
        answer = asked.ask(lambda number: DryRun(id=number, model=opened.card.path, options=chosen))
        assert isinstance(answer, Planned)
        estimated = estimate(opened.shape, configure(chosen, opened.shape, devices))
        return completed(answer.report, estimated)

    def fits(planned: MemoryReport) -> bool:
        return all(planned.needed_bytes(name) <= limit for name, limit in limits.items() if limit is not None)

    at = plan(best.max_ctx_size)
    next_ctx = best.max_ctx_size + step_of(options)
    return {
        "degree": "plan",
        "ctx_size": best.max_ctx_size,
        "total_bytes": at.bytes_of(),
        "fits": fits(at),
        "next_ctx_size": next_ctx,
        "next_fits": fits(plan(next_ctx)) if next_ctx <= context_limit(opened.shape, options) else None,
    }


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


def _as_object(
    opened: Opened,
    options: LoadOptions,
    devices: Sequence[Device],
    order: Sequence[PairFit],
    wanted: int,
    offers: tuple[Advice, ...],
    confirmed: dict[str, Any] | None,
    solve_ms: float,
) -> dict[str, Any]:
    recommended, why = recommendation(order[0], options, wanted)
    shown = recommended or options
    report = estimate(opened.shape, configure(shown, opened.shape, devices))
    return {
        "model": opened.as_object(),
        "options": options,
        "devices": [device_object(report, device) for device in report.devices],
        "pairs": [_pair(fit) for fit in order],
        "recommended": {"options": recommended, "why": why},
        "advice": [offer_object(offer) for offer in offers],
        "confirmed": confirmed,
        "elapsed_ms": {"header": round(opened.header_ms, 2), "solve": round(solve_ms, 2)},
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
        "why": fit.why,
    }


def _print(
    opened: Opened,
    shown: Sequence[PairFit],
    count: int,
    wanted: int,
    offers: tuple[Advice, ...],
    confirmed: dict[str, Any] | None,
) -> None:
    best = shown[0]
    print_line(opened.headline(), style="bold")
    if best.max_ctx_size is None:
        print_line(t("No pair of cache types fits. {why}", why=best.why), style="red")
    else:
        _print_pairs(shown, count)
        _, why = recommendation(best, LoadOptions(), wanted)
        print_line(f"{best.cache_type_k} / {best.cache_type_v}: {t(why)} {t(best.why)}")
    if confirmed:
        print_line(t("llama.cpp confirms it.") if confirmed["fits"] else t("llama.cpp does not confirm it."))
    print_offers(offers)


def _print_pairs(shown: Sequence[PairFit], count: int) -> None:
    table = new_table()
    table.add_column("K", no_wrap=True)
    table.add_column("V", no_wrap=True)
    for name in (t("context"), t("per token"), t("total MiB"), t("left")):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column(t("quality"))
    has_gpu = any(fit.kernel != "cpu" for fit in shown)  # otherwise the CPU computes everything anyway
    if has_gpu:
        table.add_column(t("kernel"))
    for fit in shown:
        cells = _cells(fit) if has_gpu else _cells(fit)[:-1]
        table.add_row(*cells, style="dim" if fit.max_ctx_size is None else "")
    print_line()
    print_table(table)
    if count > len(shown):
        print_line(t("{count} more pairs with --all.", count=count - len(shown)), style="dim")
    print_line()


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
