"""How other engines store K and V, one row a mode, as read in their own sources.

LMDeploy: turbomind/kernels/attention/block.h (a scale and a zero point of 16 bits for each head and token)
and pytorch/engine/cache_engine.py. LightLLM: common/mem_manager.py and its *kv_mem_manager.py. ExLlamaV2:
exllamav2/cache.py (scales for each 32 values; besides, one layer's K and V in f16 at full length on every
device). transformers: cache_utils.py with optimum-quanto (scale and shift for each group of 64; the last 128
tokens stay in 16 bits, and each step reads a whole layer back into 16 bits).
"""

from dataclasses import dataclass

from kvdesk.phrases import Phrase


@dataclass(frozen=True, slots=True)
class Vector:
    """One head's K or V of one token: `bits` a value, and `group_bytes` of scales for every `group` values.

    A group of 0 is the whole head.
    """

    bits: int
    group: int = 0
    group_bytes: int = 0

    def bytes_of(self, values: int) -> float:
        """Bytes of a head of that many values."""
        groups = -(-values // self.group) if self.group else 1
        return values * self.bits / 8 + groups * self.group_bytes


@dataclass(frozen=True, slots=True)
class Mode:
    """One way of keeping the cache; `option` is what the engine's user sets for it.

    `recent_tokens` are kept in 16 bits whatever the mode; with `unpacks_layer` one layer's K and V lie in 16
    bits beside the cache, too, as long as the context is.
    """

    engine: str
    name: str
    option: str
    k: Vector
    v: Vector
    recent_tokens: int = 0
    unpacks_layer: bool = False
    note: Phrase = Phrase("")


SIXTEEN_BITS = Vector(16)
_BLOCKS = Phrase("The cache grows in blocks of 64 tokens.")
_PYTORCH = Phrase("Only the PyTorch engine has it.")
_SLOT = Phrase("Every place for a token is taken when the server starts.")
_LAYER = Phrase("One layer lies unpacked beside it, at full length.")
_RECENT = Phrase("The last 128 tokens stay in 16 bits; every step unpacks a whole layer.")


def _exllama(name: str, mode: str, k: Vector, v: Vector, *, unpacks_layer: bool = True) -> Mode:
    note = _LAYER if unpacks_layer else Phrase("")
    return Mode("ExLlamaV2", name, f"cache_mode: {mode}", k, v, unpacks_layer=unpacks_layer, note=note)


def _quanto(bits: int) -> Mode:
    vector = Vector(bits, 64, 4)
    option = f'cache_implementation="quantized", cache_config={{"backend": "quanto", "nbits": {bits}}}'
    return Mode("transformers", f"quanto int{bits}", option, vector, vector, 128, True, _RECENT)


MODES: tuple[Mode, ...] = (
    Mode("LMDeploy", Phrase("16 bits"), "--quant-policy 0", SIXTEEN_BITS, SIXTEEN_BITS, note=_BLOCKS),
    Mode("LMDeploy", "int8", "--quant-policy 8", Vector(8, 0, 4), Vector(8, 0, 4), note=_BLOCKS),
    Mode("LMDeploy", "int4", "--quant-policy 4", Vector(4, 0, 4), Vector(4, 0, 4), note=_BLOCKS),
    Mode("LMDeploy", "fp8 e4m3", "--quant-policy 16", Vector(8), Vector(8), note=_PYTORCH),
    Mode("LMDeploy", "turbo_quant", "--quant-policy 42", Vector(4, 0, 4), Vector(2, 0, 2), note=_PYTORCH),
    Mode("LightLLM", Phrase("16 bits"), "", SIXTEEN_BITS, SIXTEEN_BITS, note=_SLOT),
    Mode("LightLLM", "int8", "--mode triton_int8kv", Vector(8, 0, 2), Vector(8, 0, 2), note=_SLOT),
    Mode("LightLLM", "ppl int8", "--mode ppl_int8kv", Vector(8, 8, 2), Vector(8, 8, 2), note=_SLOT),
    Mode(
        "LightLLM",
        "ppl int4",
        "--mode ppl_int4kv_flashdecoding",
        Vector(4, 8, 2),
        Vector(4, 8, 2),
        note=_SLOT,
    ),
    _exllama("FP16", "FP16", SIXTEEN_BITS, SIXTEEN_BITS, unpacks_layer=False),
    _exllama("FP8", "FP8", Vector(8), Vector(8)),
    _exllama("Q8", "Q8", Vector(8, 32, 2), Vector(8, 32, 2)),
    _exllama("Q6", "Q6", Vector(8, 32, 2), Vector(4, 32, 2)),
    _exllama("Q4", "Q4", Vector(4, 32, 2), Vector(4, 32, 2)),
    _quanto(4),
    _quanto(2),
)
