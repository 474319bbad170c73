"""Launch options as llama.cpp understands them: what `llama_context` makes of what was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kvdesk.memory.cache_types import BY_NAME, CacheType
from kvdesk.memory.cpu import Cpu, this_cpu
from kvdesk.memory.report import HOST, Device
from kvdesk.memory.shape import ModelShape

FlashAttention = Literal["on", "off", "auto"]
# Operations with a kernel of their own, which llama.cpp gives up where they don't lie with their layers.
Fused = Literal["attention", "streams"]
SplitMode = Literal["none", "layer", "row", "tensor"]

CELL_PADDING = 256
DEFAULT_UBATCH = 512
# common.h, LLM_FFN_EXPS_REGEX: what -cmoe and -ncmoe keep on the host.
EXPERTS_PATTERN = r"\.ffn_(up|down|gate|gate_up)_(ch|)exps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Options after llama.cpp's own normalisation; hashable, so that what depends on it can be remembered.

    `n_ctx` counts the cells of all sequences together, `n_ctx_seq` those of one; `streams` caches of
    `n_ctx_seq` cells are kept (window layers have `window_cells`). `n_gpu_layers` counts the output layer and
    is never negative. `devices` are those in use, the host last. `overrides` are (pattern, buffer) pairs, the
    ones of --cpu-moe included. `threads` is 0 where the engine decides. `given_up` are the fused operations
    that the graph does without (see graph/fusion).
    """

    n_ctx: int
    n_ctx_seq: int
    n_batch: int
    n_ubatch: int
    n_seq_max: int
    n_outputs_max: int
    kv_unified: bool
    streams: int
    window_cells: int
    type_k: CacheType
    type_v: CacheType
    flash_attn: FlashAttention
    swa_full: bool
    kv_offload: bool
    n_gpu_layers: int
    split_mode: SplitMode
    tensor_split: tuple[float, ...]
    main_gpu: int
    devices: tuple[Device, ...]
    overrides: tuple[tuple[str, str], ...]
    op_offload: bool
    repack: bool
    mmap: bool
    mlock: bool
    threads: int
    cpu: Cpu
    given_up: frozenset[Fused] = frozenset()

    @property
    def uses_flash_attention(self) -> bool:
        """Whether V is laid out for flash attention, as what was asked for decides (create_memory)."""
        return self.flash_attn != "off"

    @property
    def has_kernel(self) -> bool:
        """Whether the graph has flash attention; "auto" counts as yes unless it was given up."""
        return self.uses_flash_attention and "attention" not in self.given_up

    @property
    def host(self) -> Device:
        """The device whose memory is the computer's own."""
        return self.devices[-1]

    @property
    def accelerators(self) -> tuple[Device, ...]:
        """The devices in use that are not the host."""
        return self.devices[:-1]

    @property
    def n_tokens(self) -> int:
        """Tokens of the graph that buffers are reserved for (sched_reserve, graph_reserve)."""
        return pad(min(self.n_ctx, self.n_ubatch), self.n_seq_max)

    @property
    def n_outputs(self) -> int:
        """Rows of logits in that graph."""
        return min(self.n_ctx, self.n_ubatch, self.n_outputs_max)


def pad(value: int, multiple: int) -> int:
    """Round up (GGML_PAD)."""
    return -(-value // multiple) * multiple


def normalise(
    shape: ModelShape,
    *,
    ctx_size: int = 0,
    cache_type_k: str = "f16",
    cache_type_v: str = "f16",
    n_gpu_layers: int = -1,
    flash_attn: FlashAttention = "auto",
    batch_size: int = 2048,
    ubatch_size: int = DEFAULT_UBATCH,
    parallel: int = 1,
    kv_unified: bool = False,
    swa_full: bool = False,
    kv_offload: bool = True,
    n_outputs_max: int | None = None,
    split_mode: SplitMode = "layer",
    tensor_split: Sequence[float] = (),
    main_gpu: int = 0,
    devices: Sequence[Device] = (HOST,),
    override_tensor: Sequence[str] = (),
    cpu_moe: bool = False,
    n_cpu_moe: int = 0,
    op_offload: bool = True,
    repack: bool = True,
    mmap: bool = True,
    mlock: bool = False,
    threads: int = 0,
    cpu: Cpu | None = None,
) -> Configuration:
    """Apply the rules of llama_context's constructor and llama_init_from_model, in their order.

    Names and meanings are those of the launch options. `n_outputs_max` None means one a sequence, 0 the whole
    batch. `devices` are all those there are; split mode none keeps the main one. `cpu` is this computer's
    unless given. Nothing is refused here: see `refusals`.
    """
    n_seq_max = max(1, parallel)
    wanted = ctx_size or shape.n_ctx_train
    # The batch is clamped to the context before that is padded.
    n_batch = min(wanted, batch_size) if shape.is_causal else batch_size
    n_ubatch = min(n_batch, ubatch_size or batch_size)
    if n_outputs_max is None:
        n_outputs_max = n_seq_max
    if n_outputs_max == 0 or shape.has_encoder:
        n_outputs_max = n_batch
    n_ctx = pad(wanted, CELL_PADDING)
    n_ctx_seq = n_ctx if kv_unified else max(pad(n_ctx // n_seq_max, CELL_PADDING), CELL_PADDING)
    n_ctx = n_ctx if kv_unified else n_ctx_seq * n_seq_max
    is_shared = kv_unified and not shape.always_streams
    type_v = BY_NAME[cache_type_v]
    if not shape.supports_flash_attention:
        flash_attn = "off"
    elif flash_attn == "auto" and (type_v.is_quantised or split_mode == "tensor"):
        flash_attn = "on"
    return Configuration(
        n_ctx=n_ctx,
        n_ctx_seq=n_ctx_seq,
        n_batch=n_batch,
        n_ubatch=n_ubatch,
        n_seq_max=n_seq_max,
        n_outputs_max=n_outputs_max,
        kv_unified=kv_unified,
        streams=1 if is_shared else n_seq_max,
        window_cells=_window_cells(shape, n_ctx_seq, n_ubatch, n_seq_max if is_shared else 1, swa_full),
        type_k=BY_NAME[cache_type_k],
        type_v=type_v,
        flash_attn=flash_attn,
        swa_full=swa_full,
        kv_offload=kv_offload,
        n_gpu_layers=n_gpu_layers if n_gpu_layers >= 0 else len(shape.layers) + 1,
        split_mode=split_mode,
        tensor_split=tuple(tensor_split),
        main_gpu=main_gpu,
        devices=_used(devices, split_mode, main_gpu),
        overrides=_overrides(override_tensor, cpu_moe, n_cpu_moe),
        op_offload=op_offload,
        repack=repack,
        mmap=mmap,
        mlock=mlock,
        threads=threads,
        cpu=cpu or this_cpu(),
    )


def _window_cells(shape: ModelShape, n_ctx_seq: int, n_ubatch: int, n_sequences: int, swa_full: bool) -> int:
    """llama_kv_cache_iswa: the window of all its sequences and a ubatch, never more than the context."""
    if shape.window_tokens is None or swa_full:
        return n_ctx_seq
    return pad(min(n_ctx_seq, shape.window_tokens * n_sequences + n_ubatch), CELL_PADDING)


def _used(devices: Sequence[Device], split_mode: SplitMode, main_gpu: int) -> tuple[Device, ...]:
    """The devices that llama_prepare_model_devices keeps, and the host."""
    host = next((device for device in devices if device.kind == "cpu"), HOST)
    others = tuple(device for device in devices if device.kind != "cpu")
    if split_mode == "none":
        others = others[main_gpu : main_gpu + 1] if main_gpu >= 0 else ()
    return (*others, host)


def _overrides(patterns: Sequence[str], cpu_moe: bool, n_cpu_moe: int) -> tuple[tuple[str, str], ...]:
    """In the order of the command line's own handling (common/arg.cpp)."""
    pairs = []
    for text in patterns:
        pattern, _, buffer = text.partition("=")
        pairs.append((pattern, buffer))
    if cpu_moe:
        pairs.append((EXPERTS_PATTERN, HOST.name))
    pairs += [(rf"blk\.{layer}{EXPERTS_PATTERN}", HOST.name) for layer in range(n_cpu_moe)]
    return tuple(pairs)
