"""What the desk asks of the rooms below: read a model, estimate it, find its largest contexts."""

import hashlib
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from kvdesk.engine.protocol import KernelAnswer
from kvdesk.errors import KvDeskError
from kvdesk.gguf.header import Header
from kvdesk.memory.report import HOST, Device, Refusal
from kvdesk.plan.load_record import LoadRecord
from kvdesk.plan.options import OPTIONS, LoadOptions
from kvdesk.session.events import Advised, Estimated, FitsFound
from kvdesk.session.opened import OpenedModel

# A context to begin with where the model was trained for more: enough to chat, cheap enough to load unasked.
FIRST_CTX_SIZE = 8192


def open_source(source: str) -> OpenedModel:
    """Read a model's header and make its shape and card. Raises GgufError."""
    from kvdesk.gguf.open import open_model
    from kvdesk.memory.families import shape_of
    from kvdesk.session.card import card_of

    header = open_model(source)
    shape = shape_of(header)
    return OpenedModel(header, shape, card_of(header, shape))


def estimate_of(model: OpenedModel, options: LoadOptions, devices: tuple[Device, ...]) -> Estimated:
    """Return the memory that these options would take, and what llama.cpp would refuse of them.

    Options that make no configuration at all give no report and the refusal that says why.
    """
    from kvdesk.memory.estimate import estimate
    from kvdesk.memory.refusals import refusals
    from kvdesk.plan.configure import configure

    begun = time.perf_counter()
    try:
        config = configure(options, model.shape, devices or (HOST,))
        report, refused = estimate(model.shape, config), refusals(model.shape, config)
    except KvDeskError as error:
        report, refused = None, (Refusal("", error.message, error.hint),)
    return Estimated(model.card.path, options, report, refused, time.perf_counter() - begun)


def fits_of(
    model: OpenedModel,
    options: LoadOptions,
    devices: tuple[Device, ...],
    reserve_bytes: int,
    kernels: tuple[KernelAnswer, ...],
    records: tuple[LoadRecord, ...] = (),
    library: str = "",
) -> FitsFound:
    """Return the largest context of every cache pair within the devices' free memory less the reserve, with
    who computes its attention and how fast it would answer, as far as `records` of loads or the makers tell.

    Options that make no configuration give no fits; the estimate's refusals say why.
    """
    from kvdesk.plan.configure import chosen_devices
    from kvdesk.plan.solve import context_limit, fit_all
    from kvdesk.plan.speed import bandwidths, with_speeds
    from kvdesk.session.kernels import with_kernels

    devices = devices or (HOST,)
    try:
        fits = fit_all(model.shape, options, devices, reserve_bytes)
        fits = with_kernels(fits, options, devices, kernels)
        depth = options.ctx_size or context_limit(model.shape, options)
        known = bandwidths(chosen_devices(options, devices), records, library)
        fits = with_speeds(fits, model.shape, options, devices, known, depth)
    except KvDeskError:
        fits = ()
    return FitsFound(model.card.path, options, fits)


def advice_of(
    model: OpenedModel, options: LoadOptions, devices: tuple[Device, ...], reserve_bytes: int
) -> Advised:
    """Return what would make the options fit into free memory less the reserve; nothing where they do, or
    where they make no configuration.
    """
    from kvdesk.plan.advice import advise
    from kvdesk.plan.budget import Amount, ceilings

    devices = devices or (HOST,)
    try:
        offers = advise(model.shape, options, devices, ceilings(devices, Amount(reserve_bytes)))
    except KvDeskError:
        offers = ()
    return Advised(model.card.path, options, offers)


def identity(header: Header) -> str:
    """Return a short name of the model's content, the same wherever its file lies."""
    digest = hashlib.blake2b(digest_size=12)
    for key, value in sorted(header.metadata.items()):
        digest.update(f"{key}={value!r}\n".encode())
    digest.update(str(header.file_bytes).encode())
    return digest.hexdigest()


def first_options(model: OpenedModel, remembered: Mapping[str, Any] | None) -> LoadOptions:
    """Return the options to begin with: those used last with this model, else a modest context."""
    if remembered is not None:
        try:
            return msgspec.convert(dict(remembered), LoadOptions, strict=False)
        except msgspec.ValidationError:
            pass  # written by another version with other options
    trained = model.card.n_ctx_train
    return LoadOptions(ctx_size=min(trained, FIRST_CTX_SIZE) if trained else FIRST_CTX_SIZE)


def changed_options(options: LoadOptions) -> dict[str, Any]:
    """Return the options that differ from their defaults, ready for the settings file."""
    values = {row.name: getattr(options, row.name) for row in OPTIONS}
    return {row.name: values[row.name] for row in OPTIONS if values[row.name] not in (row.default, None)}
