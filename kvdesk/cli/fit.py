"""`kvdesk fit`: the largest context for every pair of cache types, ranked, with reasons and advice."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from kvdesk.cli.fit_output import SHOWN, Found, as_object, print_fits, with_pair
from kvdesk.cli.hardware import Asked, check_is_here, choose_devices, library_version, read_ledger
from kvdesk.cli.opened import Opened, check_is_local, open_for_planning
from kvdesk.cli.printing import print_json
from kvdesk.engine.protocol import DryRun, KernelAnswer, KernelsProbed, Planned
from kvdesk.errors import KvDeskError
from kvdesk.memory.estimate import estimate
from kvdesk.memory.report import Device, MemoryReport, completed
from kvdesk.plan.advice import advise
from kvdesk.plan.budget import Limits, ceilings, parse_amount
from kvdesk.plan.configure import chosen_devices, configure, uses_gpu
from kvdesk.plan.fits import PairFit, ranked
from kvdesk.plan.offload import fewest_on_cpu
from kvdesk.plan.options import BY_NAME, LoadOptions
from kvdesk.plan.parse import read_value
from kvdesk.plan.solve import context_limit, fit_all, largest, step_of, why_of
from kvdesk.plan.speed import bandwidths, with_speeds
from kvdesk.session.kernels import kernel_question, with_kernels

# What a chat can be expected to need when nobody says what is wanted.
_USUAL_CTX = 32_768


@dataclass(frozen=True, slots=True)
class Request:
    """What `fit` is asked for beside the load options; sizes and the context as they were written."""

    reserve: str = "0"
    budget: str = ""
    cache_budget: str = ""
    min_ctx: str = "0"
    offloads: bool = False
    is_dry: bool = False
    shows_all: bool = False
    as_json: bool = False


def run(model: str, options: LoadOptions, devices: Sequence[str], request: Request) -> int:
    """Find, rank and print; 0 also where nothing fits, because that is an answer."""
    opened = open_for_planning(model)
    with Asked() as asked:
        options, present, is_here = choose_devices(devices, options, asked)
        if request.is_dry:
            check_is_here(is_here)
            check_is_local(opened)
        answers = kernel_answers(opened, options, present, asked) if is_here else ()
        found = _find(opened, options, present, request, answers)
        if request.is_dry:
            found = _confirmed(found, opened, asked, request)
        elif opened.shape.is_rough and is_here and not opened.is_remote:
            with suppress(KvDeskError):  # what is printed then says that it is only roughly known
                found = _confirmed(found, opened, asked, request)
    if request.as_json:
        print_json(as_object(found))
    else:
        print_fits(found, found.order if request.shows_all else found.order[:SHOWN])
    return 0


def _find(
    opened: Opened,
    options: LoadOptions,
    devices: Sequence[Device],
    request: Request,
    answers: Sequence[KernelAnswer],
) -> Found:
    budget = parse_amount(request.budget) if request.budget else None
    of_cache = parse_amount(request.cache_budget) if request.cache_budget else None
    limits = Limits(ceilings(devices, parse_amount(request.reserve), budget), of_cache)
    wanted = wanted_ctx(opened, options, request.min_ctx)
    known = bandwidths(chosen_devices(options, devices), read_ledger(), library_version())

    def order(options: LoadOptions) -> tuple[tuple[PairFit, ...], float]:
        began = time.perf_counter()
        fits = fit_all(opened.shape, options, devices, limits=limits)
        solve_ms = (time.perf_counter() - began) * 1000
        fits = with_kernels(fits, options, devices, answers)
        fits = with_speeds(fits, opened.shape, options, devices, known, wanted)
        return ranked(fits, wanted), solve_ms

    fits, solve_ms = order(options)
    is_short = (fits[0].max_ctx_size or 0) < wanted
    asked_for = msgspec.structs.replace(options, ctx_size=wanted)
    offers = advise(opened.shape, asked_for, devices, limits) if is_short else ()
    moved = None
    if is_short and request.offloads:
        moved = fewest_on_cpu(opened.shape, options, devices, limits, fits, wanted)
    if moved is not None:
        options, offers = moved.applied(options), ()
        fits, again_ms = order(options)
        solve_ms += again_ms
    return Found(opened, options, tuple(devices), fits, wanted, limits, offers, moved, None, solve_ms)


def wanted_ctx(opened: Opened, options: LoadOptions, min_ctx: str) -> int:
    """The context a pair should hold to count as good: what was asked for, or what a chat usually needs."""
    asked_for = read_value(BY_NAME["ctx_size"], min_ctx)
    assert isinstance(asked_for, int)
    return asked_for or options.ctx_size or min(_USUAL_CTX, context_limit(opened.shape, options))


def kernel_answers(
    opened: Opened, options: LoadOptions, devices: Sequence[Device], asked: Asked
) -> tuple[KernelAnswer, ...]:
    """llama.cpp's word on who computes attention; nothing where there is no GPU or no attention."""
    question = kernel_question(opened.shape, options.rpc)
    if question is None or not uses_gpu(options, devices):
        return ()
    answer = asked.ask(question)
    assert isinstance(answer, KernelsProbed)
    return answer.answers


def _confirmed(found: Found, opened: Opened, asked: Asked, request: Request) -> Found:
    """llama.cpp's own word on the pairs that are shown: each fits, and the next step does not.

    Where it says otherwise, its word counts, and the largest context is searched for with dry runs.
    """
    shape, options, step = opened.shape, found.options, step_of(found.options)
    high = context_limit(shape, options)

    def planned(fit: PairFit) -> tuple[PairFit, dict[str, Any] | None]:
        if fit.max_ctx_size is None:
            return fit, None
        tried: dict[int, MemoryReport] = {}

        def margin(ctx_size: int) -> int:
            chosen = with_pair(options, fit, ctx_size)
            answer = asked.ask(lambda number: DryRun(id=number, model=opened.card.path, options=chosen))
            assert isinstance(answer, Planned)
            estimated = estimate(shape, configure(chosen, shape, found.devices))
            tried[ctx_size] = completed(answer.report, estimated)
            return found.limits.tightest(tried[ctx_size])[0]

        held = largest(step, high, step, margin, fit.max_ctx_size)
        at = tried[held or step]
        left, tightest = found.limits.tightest(at)
        why = why_of(held, high, step, left, tightest, shape)
        after = held + step if held is not None else None
        word = {
            "degree": "plan",
            "ctx_size": fit.max_ctx_size,
            "total_bytes": at.bytes_of(),
            "fits": held is not None and held >= fit.max_ctx_size,
            "next_ctx_size": after,
            "next_fits": False if after in tried else None,
        }
        changed = replace(
            fit, max_ctx_size=held, total_bytes=at.bytes_of(), margin_bytes=left, why=why, is_planned=True
        )
        return changed, word

    count = len(found.order) if request.shows_all else SHOWN
    said = [planned(fit) for fit in found.order[:count]]
    order = ranked((*(fit for fit, _ in said), *found.order[count:]), found.wanted)
    best = (order[0].cache_type_k, order[0].cache_type_v)
    word = next((word for fit, word in said if (fit.cache_type_k, fit.cache_type_v) == best), None)
    return replace(found, order=order, confirmed=word)
