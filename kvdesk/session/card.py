"""Makes the model card of a header and its shape: the few facts a person wants to see."""

from collections import Counter
from pathlib import PurePath

from kvdesk.gguf.header import Header
from kvdesk.memory.refusals import cache_type_verdicts
from kvdesk.memory.shape import LayerShape, ModelShape
from kvdesk.phrases import Phrase, joined
from kvdesk.session.state import CacheTypeVerdict, ModelCard

# llama_ftype in llama.h, by its number in general.file_type; the gaps are types that were removed.
_FILE_TYPES = """
F32 F16 Q4_0 Q4_1 - - - Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M Q6_K
IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S IQ2_M IQ4_XS IQ1_M BF16
- - - TQ1_0 TQ2_0 MXFP4 NVFP4 Q1_0 Q2_0
""".split()  # noqa: SIM905 - a list would take a screen


def card_of(header: Header, shape: ModelShape) -> ModelCard:
    """Return the card. Raises GgufError when the header lacks what every model has."""
    path = header.paths[0] if header.paths else header.path
    name = header.get("general.name")
    return ModelCard(
        path=path,
        name=name if isinstance(name, str) and name else PurePath(path).stem,
        architecture=header.architecture,
        is_verified=shape.is_verified,
        parameters=sum(_values(tensor.shape) for tensor in header.tensors),
        quantisation=quantisation_of(header),
        n_ctx_train=shape.n_ctx_train,
        n_layer=len(shape.layers),
        n_vocab=shape.n_vocab,
        file_bytes=header.file_bytes,
        anatomy=anatomy_of(shape.layers),
        layers=shape.layers,
        cache_types=tuple(
            CacheTypeVerdict(v.name, v.k_ok, v.v_ok, v.why) for v in cache_type_verdicts(shape)
        ),
        has_template=isinstance(header.get("tokenizer.chat_template"), str),
        is_rough=shape.is_rough,
    )


def quantisation_of(header: Header) -> str:
    """Return the file's quantisation by its usual name, from general.file_type or the weights themselves."""
    named = header.get("general.file_type")
    if isinstance(named, int) and 0 <= named < len(_FILE_TYPES) and _FILE_TYPES[named] != "-":
        return _FILE_TYPES[named]
    by_bytes: Counter[str] = Counter()
    for tensor in header.tensors:
        by_bytes[tensor.type_name] += tensor.n_bytes
    return by_bytes.most_common(1)[0][0].upper() if by_bytes else ""


def anatomy_of(layers: tuple[LayerShape, ...]) -> Phrase:
    """Return the attention of a model in one line, such as "36 layers · GQA 32/8 heads · head 128"."""
    parts = [Phrase("1 layer") if len(layers) == 1 else Phrase("{count} layers", count=len(layers))]
    kinds = Counter(layer.attention for layer in layers)
    attending = [
        layer for layer in layers if layer.head_count and layer.attention not in ("recurrent", "none")
    ]
    if attending:
        parts += [_heads(attending), Phrase("head {size}", size=_head(attending))]
    if windows := {layer.window_tokens for layer in layers if layer.attention == "sliding"}:
        sizes = "/".join(str(window) for window in sorted(w for w in windows if w))
        parts.append(Phrase("{count} with a window of {sizes}", count=kinds["sliding"], sizes=sizes))
    if kinds["recurrent"]:
        parts.append(Phrase("{count} recurrent", count=kinds["recurrent"]))
    if kinds["shared"]:
        parts.append(Phrase("{count} share a cache", count=kinds["shared"]))
    return joined(parts, " · ")


def _heads(layers: list[LayerShape]) -> Phrase:
    if any(layer.attention == "mla" for layer in layers):
        return Phrase("{kind} {heads} heads", kind="MLA", heads=layers[0].head_count)
    counts = Counter((layer.head_count, layer.head_count_kv) for layer in layers)
    (heads, heads_kv), _ = counts.most_common(1)[0]
    name = "MHA" if heads == heads_kv else "MQA" if heads_kv == 1 else "GQA"
    text = "{kind} {heads} heads (varies)" if len(counts) > 1 else "{kind} {heads} heads"
    return Phrase(text, kind=name, heads=f"{heads}/{heads_kv}")


def _head(layers: list[LayerShape]) -> str:
    (key, value), _ = Counter((layer.key_length, layer.value_length) for layer in layers).most_common(1)[0]
    return str(key) if key == value else f"{key}/{value}"


def _values(shape: tuple[int, ...]) -> int:
    values = 1
    for extent in shape:
        values *= extent
    return values
