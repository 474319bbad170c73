"""What the computer's own memory holds beside llama.cpp's buffers."""

import os

from kvdesk.memory.configuration import Configuration
from kvdesk.memory.devices import backend_of
from kvdesk.memory.placement import Placement
from kvdesk.memory.report import Device, Item, Kind
from kvdesk.memory.shape import ModelShape
from kvdesk.phrases import Phrase
from kvdesk.units import MIB, format_tokens

F32_BYTES = 4
F16_BYTES = 2
# What opening a vocabulary adds to the process (llama_vocab::impl), measured on six real ones of 32,000 to
# 262,144 tokens, with and without merges: within a tenth, but for RWKV's, which takes more.
_TOKEN_BYTES = 160
_MERGE_BYTES = 135
# The engine process with llama.cpp loaded and nothing open: resident memory, measured on Linux.
_PROCESS_BYTES = 45 * MIB


def output_item(shape: ModelShape, config: Configuration) -> Item:
    """The logits buffer (llama_context::output_reserve): always host memory, a row for each sequence."""
    width = shape.n_vocab + (shape.n_embd if shape.outputs_embeddings else 0)
    rows = config.n_seq_max
    why = Phrase(
        "logits of {count} tokens, {entries:,} entries each"
        if rows > 1
        else "logits of {count} token, {entries:,} entries each",
        count=rows,
        entries=shape.n_vocab,
    )
    return Item(Kind.OUTPUT, config.host.name, rows * width * F32_BYTES, "exact", why)


def work_item(shape: ModelShape, config: Configuration, placement: Placement) -> Item | None:
    """The CPU's work buffer (ggml_graph_plan): the largest operand converted, or what attention needs.

    None where nothing is computed on the host.
    """
    if config.host.name not in placement.computing:
        return None
    # Operands are converted to q8_K, which takes 292 bytes for 256 values.
    product = config.n_tokens * shape.widest_operand * 292 // 256
    threads = config.threads or os.cpu_count() or 1
    heads = max((row.key_length + row.value_length for row in shape.layers if row.keeps_cells), default=0)
    attention = F32_BYTES * threads * (128 * heads + 8192) if heads else 0
    if not config.has_kernel:
        attention = F16_BYTES * config.n_ctx_seq * config.n_tokens * shape.layers[0].head_count
    n_bytes = max(product, attention)
    tokens = format_tokens(config.n_tokens)
    why = Phrase(
        "operands converted for {tokens} tokens, on {threads} threads", tokens=tokens, threads=threads
    )
    return Item(Kind.WORK_BUFFER, config.host.name, n_bytes, "formula", why)


def host_items(shape: ModelShape, config: Configuration) -> list[Item]:
    """Vocabulary, the process itself, and what drivers take on their devices."""
    host = config.host.name
    vocabulary = shape.n_vocab * _TOKEN_BYTES + shape.n_tokenizer_merges * _MERGE_BYTES
    tokens = Phrase("{count:,} tokens with their merges", count=shape.n_vocab)
    process = Phrase("the engine process before a model is open")
    items = [
        Item(Kind.VOCABULARY, host, vocabulary, "table", tokens),
        Item(Kind.PROCESS, host, _PROCESS_BYTES, "table", process),
    ]
    return items + [item for device in config.devices for item in _beyond_buffers(device)]


def _beyond_buffers(device: Device) -> list[Item]:
    """What a device takes beside all that is listed: as loads here have shown, until then by the table."""
    if device.margin is not None:
        why = Phrase(
            "from {count} load on this device: what it took beyond the plan"
            if device.margin.loads == 1
            else "from {count} loads on this device: what they took beyond the plan, at most",
            count=device.margin.loads,
        )
        return [Item(Kind.MARGIN, device.name, device.margin.bytes, "table", why)]
    context_bytes = backend_of(device.backend).context_bytes
    why = Phrase("the driver's own, beside all buffers; differs by card and driver")
    return [Item(Kind.DEVICE_CONTEXT, device.name, context_bytes, "table", why)] if context_bytes else []
