"""What llama.cpp would refuse, or do badly, said before it is asked: which option, why, and the way out."""

from collections.abc import Iterator
from dataclasses import dataclass

from kvdesk.memory.cache_types import CACHE_TYPES, CacheType
from kvdesk.memory.configuration import Configuration
from kvdesk.memory.report import Refusal
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.units import format_tokens

MAX_SEQUENCES = 256  # LLAMA_MAX_SEQ


@dataclass(frozen=True, slots=True)
class TypeVerdict:
    """Whether a cache type can hold this model's K and its V at all; `why` says what stands against it."""

    name: str
    k_ok: bool
    v_ok: bool
    why: Phrase = Phrase("")


def refusals(shape: ModelShape, config: Configuration) -> tuple[Refusal, ...]:
    """List what speaks against the configuration, refusals first, warnings (`is_warning`) after them."""
    found = [
        *_cache_types(shape, config),
        *_devices(shape, config),
        *_sequences(shape, config),
        *_context(shape, config),
    ]
    return tuple(sorted(found, key=lambda refusal: refusal.is_warning))


def cache_type_verdicts(shape: ModelShape) -> tuple[TypeVerdict, ...]:
    """For each cache type whether K and V of every layer divide into its blocks, with flash attention on."""
    return tuple(_verdict(shape, row) for row in CACHE_TYPES)


def _verdict(shape: ModelShape, row: CacheType) -> TypeVerdict:
    k_odd = _indivisible(shape, row, is_key=True)
    v_odd = None if shape.is_mla else _indivisible(shape, row, is_key=False)
    why = Phrase("")
    if k_odd is not None or v_odd is not None:
        if k_odd is not None and v_odd is None:
            text = "{type} stores {block} values at a time and this model's K heads have {size}."
        elif k_odd is None and v_odd is not None:
            text = "{type} stores {block} values at a time and this model's V heads have {size}."
        else:
            text = "{type} stores {block} values at a time and this model's heads have {size}."
        size = k_odd if k_odd is not None else v_odd
        why = Phrase(text, type=row.name, block=row.block_values, size=size)
    elif row.is_quantised and not shape.supports_flash_attention:
        why = Phrase("{type} for V needs flash attention, which this architecture cannot use.", type=row.name)
        return TypeVerdict(row.name, True, False, why)
    return TypeVerdict(row.name, k_odd is None, v_odd is None, why)


def _indivisible(shape: ModelShape, row: CacheType, *, is_key: bool) -> int | None:
    """The first head size that the block does not divide (llama_init_from_model looks at every layer)."""
    if not row.is_quantised:
        return None
    sizes = (layer.key_length if is_key else layer.value_length for layer in shape.layers[: shape.n_layer])
    return next((size for size in sizes if size % row.block_values), None)


def _cache_types(shape: ModelShape, config: Configuration) -> Iterator[Refusal]:
    k, v = config.type_k, config.type_v
    if shape.needs_equal_types and k != v:
        yield Refusal(
            "cache_type_v",
            Phrase(
                "This model keeps K and V in one latent row: {k} and {v} cannot differ.", k=k.name, v=v.name
            ),
            Phrase("Set both to {k} or both to {v}.", k=k.name, v=v.name),
        )
    if v.is_quantised and not config.uses_flash_attention:
        if shape.supports_flash_attention:
            yield Refusal(
                "flash_attn",
                Phrase("V as {type} needs flash attention, which is off.", type=v.name),
                Phrase("Turn flash attention on or to auto, or keep V as f16."),
            )
        else:
            yield Refusal(
                "cache_type_v",
                Phrase("V as {type} needs flash attention, which this architecture cannot use.", type=v.name),
                Phrase("Keep V as f16."),
            )
    if config.uses_flash_attention:
        for row, option, letter in ((k, "cache_type_k", "K"), (v, "cache_type_v", "V")):
            size = _indivisible(shape, row, is_key=letter == "K")
            if size is not None:
                yield Refusal(
                    option,
                    Phrase(
                        "{side} as {type} is stored {block} values at a time, "
                        "and this model's heads have {size}.",
                        side=letter,
                        type=row.name,
                        block=row.block_values,
                        size=size,
                    ),
                    Phrase("Take f16, bf16 or f32 for {side}.", side=letter),
                )
    elif k.is_quantised:
        row_sizes = (layer.k_values for layer in shape.layers if layer.keeps_cells)
        if any(size % k.block_values for size in row_sizes):
            yield Refusal(
                "cache_type_k",
                Phrase(
                    "K as {type} is stored {block} values at a time; its rows do not divide.",
                    type=k.name,
                    block=k.block_values,
                ),
                Phrase("Take f16, bf16 or f32 for {side}.", side="K"),
            )


def _devices(shape: ModelShape, config: Configuration) -> Iterator[Refusal]:
    backends = {device.backend for device in config.accelerators}
    if config.split_mode == "row" and config.accelerators and not backends <= {"sycl"}:
        yield Refusal(
            "split_mode",
            Phrase("Splitting by rows is not supported by these devices in this release."),
            Phrase("Take split mode layer, or none for one device."),
        )
    if config.split_mode == "tensor":
        if not config.accelerators:
            yield Refusal(
                "split_mode",
                Phrase("Splitting by tensors needs a GPU."),
                Phrase("Take split mode layer."),
            )
        if not shape.supports_tensor_split:
            yield Refusal(
                "split_mode",
                Phrase(
                    "Splitting by tensors is not supported for {architecture} models.",
                    architecture=shape.architecture,
                ),
                Phrase("Take split mode layer."),
            )
        if not config.uses_flash_attention and shape.supports_flash_attention:
            yield Refusal(
                "flash_attn",
                Phrase("Splitting by tensors needs flash attention, which is off."),
                Phrase("Turn flash attention on or to auto."),
            )
    if config.split_mode == "none" and config.main_gpu > 0 and not config.accelerators:
        yield Refusal(
            "main_gpu",
            Phrase("There is no device {number}.", number=config.main_gpu),
            Phrase("Devices are counted from 0; -1 uses the CPU alone."),
        )
    known = {device.name for device in config.devices}
    for pattern, buffer in config.overrides:
        if not pattern or not (buffer in known or buffer.startswith("CPU")):
            yield Refusal(
                "override_tensor",
                Phrase("There is no buffer “{buffer}”.", buffer=buffer)
                if pattern
                else Phrase("A tensor override has no pattern."),
                Phrase("Write PATTERN=BUFFER; buffers are {names}.", names=joined(sorted(known))),
            )
    if config.type_k.name == "bf16" and shape.can_shift:
        yield Refusal(
            "cache_type_k",
            Phrase("A bf16 K cache cannot be shifted on the CPU: llama.cpp ends when the context overflows."),
            Phrase("Take f16, or keep conversations within the context."),
            is_warning=True,
        )


def _sequences(shape: ModelShape, config: Configuration) -> Iterator[Refusal]:
    if config.n_seq_max > MAX_SEQUENCES:
        yield Refusal(
            "parallel",
            Phrase(
                "{count} sequences are more than the {most} that llama.cpp serves.",
                count=config.n_seq_max,
                most=MAX_SEQUENCES,
            ),
            Phrase("Take at most {most}.", most=MAX_SEQUENCES),
        )
    if shape.biases_scores and shape.reads_cache and config.streams > 1:  # build_attn_mha aborts
        yield Refusal(
            "kv_unified",
            Phrase("This model can serve several sequences only from one common cache."),
            Phrase("Turn the unified cache on, or serve one sequence."),
        )
    if config.n_outputs_max < config.n_seq_max:
        yield Refusal(
            "n_outputs_max",
            Phrase(
                "{outputs} outputs are too few for {count} sequences.",
                outputs=config.n_outputs_max,
                count=config.n_seq_max,
            ),
            Phrase("Take at least {least}.", least=config.n_seq_max),
        )


def _context(shape: ModelShape, config: Configuration) -> Iterator[Refusal]:
    if shape.n_ctx_train and config.n_ctx_seq > max(shape.n_ctx_train, 256) and shape.has_cache:
        trained = format_tokens(shape.n_ctx_train)
        factor = config.n_ctx_seq / shape.n_ctx_train
        yield Refusal(
            "ctx_size",
            Phrase(
                "{tokens} tokens are more than the {trained} this model was trained for; "
                "answers get worse beyond them.",
                tokens=format_tokens(config.n_ctx_seq),
                trained=trained,
            ),
            Phrase(
                "Stay within {trained}, or stretch it with --rope-scaling yarn --rope-scale {factor:.3g} "
                "--yarn-orig-ctx {count}.",
                trained=trained,
                factor=factor,
                count=shape.n_ctx_train,
            ),
            is_warning=True,
        )
    if not config.swa_full and shape.window_tokens is not None and config.window_cells < config.n_ctx_seq:
        yield Refusal(
            "swa_full",
            Phrase(
                "Window layers keep only {cells} cells: the context cannot be shifted, and going back "
                "further reads the conversation again.",
                cells=format_tokens(config.window_cells),
            ),
            Phrase("Set swa_full to keep them all, at the price of a full cache."),
            is_warning=True,
        )
