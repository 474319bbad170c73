"""`kvdesk inspect`: what a model's header says, for people as tables and for programs as JSON."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kvdesk.cli.guard import report
from kvdesk.cli.printing import new_table, print_json, print_line, print_pairs, print_table
from kvdesk.cli.texts import t
from kvdesk.errors import KvDeskError
from kvdesk.gguf.header import ArrayValue, Header
from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import LayerShape
from kvdesk.session.card import card_of
from kvdesk.session.state import ModelCard
from kvdesk.units import format_bytes, format_parameters, format_tokens


@dataclass(frozen=True, slots=True)
class Inspection:
    """One model: its header, its card, and how long both took in milliseconds."""

    header: Header
    card: ModelCard
    header_ms: float
    shape_ms: float


def run(models: Sequence[str], as_json: bool) -> int:
    """Show each model in turn and return the exit status, 2 when any of them failed."""
    status = 0
    for index, source in enumerate(models):
        try:
            found = inspect(source)
        except KvDeskError as error:
            status = report(error, as_json, path=source)
            continue
        if as_json:
            print_json(as_object(found))
            continue
        if index:
            print_line()
        _print(found)
    return status


def inspect(source: str) -> Inspection:
    """Read a model's header and make its card. Raises GgufError."""
    began = time.perf_counter()
    header = open_model(source)
    read = time.perf_counter()
    card = card_of(header, shape_of(header))
    done = time.perf_counter()
    return Inspection(header, card, 1000 * (read - began), 1000 * (done - read))


def as_object(found: Inspection) -> dict[str, Any]:
    """The JSON object of the command-line contract. Sizes are bytes, times milliseconds."""
    header, card = found.header, found.card
    by_layer = _bytes_by_layer(header)
    return {
        "model": {
            "path": card.path,
            "name": card.name,
            "architecture": card.architecture,
            "is_verified": card.is_verified,
            "parameters": card.parameters,
            "quantisation": card.quantisation,
            "file_bytes": card.file_bytes,
            "files": list(header.paths),
            "n_ctx_train": card.n_ctx_train,
            "n_layer": card.n_layer,
            "n_vocab": card.n_vocab,
        },
        "metadata": {key: _plain(value) for key, value in header.metadata.items()},
        "layers": [_layer(layer, by_layer.get(layer.index, 0)) for layer in card.layers],
        "tensors": {
            "count": len(header.tensors),
            "by_type": {
                name: {"count": count, "bytes": n_bytes} for name, count, n_bytes in _by_type(header)
            },
        },
        "cache_types": [
            {"name": row.name, "k_ok": row.k_ok, "v_ok": row.v_ok, "why": row.why} for row in card.cache_types
        ],
        "chat_template": card.has_template,
        "elapsed_ms": {"header": round(found.header_ms, 2), "shape": round(found.shape_ms, 2)},
    }


def _plain(value: object) -> object:
    if isinstance(value, ArrayValue):
        return {"type": value.element_type.name.lower(), "count": value.count}
    return value


def _layer(layer: LayerShape, weights_bytes: int) -> dict[str, Any]:
    return {
        "index": layer.index,
        "attention": layer.attention,
        "head_count": layer.head_count,
        "head_count_kv": layer.head_count_kv,
        "key_length": layer.key_length,
        "value_length": layer.value_length,
        "window_tokens": layer.window_tokens,
        "recurrent": layer.keeps_state,
        "weights_bytes": weights_bytes,
    }


def _bytes_by_layer(header: Header) -> dict[int, int]:
    """Bytes of the file's tensors by block, those that llama.cpp skips included."""
    sums: dict[int, int] = {}
    for tensor in header.tensors:
        prefix, _, rest = tensor.name.partition(".")
        number, _, _ = rest.partition(".")
        if prefix == "blk" and number.isdecimal():
            sums[int(number)] = sums.get(int(number), 0) + tensor.n_bytes
    return sums


def _by_type(header: Header) -> list[tuple[str, int, int]]:
    """(type, tensors, bytes), most bytes first."""
    counts: dict[str, tuple[int, int]] = {}
    for tensor in header.tensors:
        count, n_bytes = counts.get(tensor.type_name, (0, 0))
        counts[tensor.type_name] = (count + 1, n_bytes + tensor.n_bytes)
    rows = [(name, count, n_bytes) for name, (count, n_bytes) in counts.items()]
    return sorted(rows, key=lambda row: -row[2])


def _print(found: Inspection) -> None:
    header, card = found.header, found.card
    print_pairs(
        [
            (t("Model"), _shown(card.name)),
            (t("Architecture"), _shown(card.architecture) + _doubt(card)),
            (t("Parameters"), f"{format_parameters(card.parameters)} · {card.quantisation}"),
            (t("File"), _shown(card.path) + _files(header)),
            (t("Size"), format_bytes(card.file_bytes)),
            (t("Trained for"), t("{count} tokens", count=format_tokens(card.n_ctx_train))),
            (t("Vocabulary"), t("{count} tokens", count=format_tokens(card.n_vocab))),
            (t("Attention"), t(card.anatomy)),
            (t("Chat template"), t("yes") if card.has_template else t("none: ChatML will be used")),
        ]
    )
    _print_layers(header, card)
    _print_tensors(header)
    _print_cache_types(card)
    print_line(
        t("Read in {header} ms.", header=f"{found.header_ms:.1f}") + f" GGUF {header.version}", style="dim"
    )


def _doubt(card: ModelCard) -> str:
    return "" if card.is_verified else " " + t("(not verified: no test compares this family with llama.cpp)")


def _files(header: Header) -> str:
    count = len(header.paths)
    return "" if count == 1 else " " + t("and {count} more files", count=count - 1)


def _print_layers(header: Header, card: ModelCard) -> None:
    """Print a row for each kind of layer, with the layers that are of this kind."""
    table = new_table()
    table.add_column(t("Layers"))
    table.add_column(t("Attention"))
    for name in (t("Heads"), t("KV heads"), t("K size"), t("V size"), t("Window"), t("Weights")):
        table.add_column(name, justify="right", no_wrap=True)
    by_layer = _bytes_by_layer(header)
    groups: dict[tuple[object, ...], list[int]] = {}
    for layer in card.layers:
        signature = (
            _attention(layer),
            layer.head_count,
            layer.head_count_kv,
            layer.key_length,
            layer.value_length,
            layer.window_tokens,
        )
        groups.setdefault(signature, []).append(layer.index)
    for (attention, *numbers, window), indices in groups.items():
        table.add_row(
            ranges(indices),
            str(attention),
            *(str(number or "–") for number in numbers),
            format_tokens(window) if isinstance(window, int) else "–",
            format_bytes(sum(by_layer.get(index, 0) for index in indices)),
        )
    print_line()
    print_table(table)


def _attention(layer: LayerShape) -> str:
    return f"{layer.attention} + {t('recurrent')}" if layer.has_both else t(layer.attention)


def ranges(indices: Iterable[int]) -> str:
    """Write ascending numbers as ranges: "0–4, 6–10, 12"."""
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][1] + 1:
            runs[-1][1] = index
        else:
            runs.append([index, index])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)


def _print_tensors(header: Header) -> None:
    table = new_table()
    table.add_column(t("Tensors of type"))
    table.add_column(t("Count"), justify="right")
    table.add_column(t("Size"), justify="right")
    for name, count, n_bytes in _by_type(header):
        table.add_row(name, f"{count:,}", format_bytes(n_bytes))
    print_line()
    print_table(table)


def _print_cache_types(card: ModelCard) -> None:
    table = new_table()
    for name in (t("Cache type"), "K", "V", t("Why not")):
        table.add_column(name)
    for row in card.cache_types:
        table.add_row(
            row.name, t("yes") if row.k_ok else t("no"), t("yes") if row.v_ok else t("no"), t(row.why)
        )
    print_line()
    print_table(table)


def _shown(text: str) -> str:
    """A file's own text, harmless for the terminal: short, no control characters, no markup."""
    from rich.markup import escape

    short = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return escape("".join(char if char.isprintable() else "\ufffd" for char in short))


_LONGEST_TEXT = 300
