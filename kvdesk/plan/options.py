"""Every launch option, once: its llama.cpp flag, type, default, help, and what it does to memory.

The command line, the panel in the window, the engine, every exporter and the parser of other people's
commands read the rows of this table. A new option is one field of `LoadOptions`. Flags, aliases and defaults
are those of common/arg.cpp in the bundled release; where llama.cpp has no such flag, `is_own` says so.
"""

from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec

from kvdesk.memory.cache_types import CACHE_TYPES

Group = Literal["cache", "offload", "compute", "cpu", "rope", "network"]
HelpPage = Literal[
    "window",
    "sampling",
    "kv-cache",
    "cache-types",
    "sliding-windows",
    "mla",
    "flash-attention",
    "ubatch",
    "offloading",
]
CacheTypeName = Literal["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"]
FlashAttention = Literal["on", "off", "auto"]
SplitMode = Literal["none", "layer", "row", "tensor"]
RopeScaling = Literal["", "none", "linear", "yarn"]

ALL_LAYERS = -1
_PAGES: dict[Group, HelpPage] = {
    "cache": "kv-cache",
    "offload": "offloading",
    "compute": "ubatch",
    "cpu": "offloading",
    "rope": "kv-cache",
    "network": "offloading",
}


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """How an option is written and explained; its name, type and default are the field's own.

    `flags` are llama.cpp's, short form first. `off_flags` are the negative forms of a switch, the same way.
    `label` is the window's short name for it. `memory` says in a sentence what it does to memory.
    `page` explains it, where it is not the one of its group.
    `basic` options stand in the panel, the others under "Advanced". `is_own` marks flags that are KV Desk's:
    the outputs, which llama-server derives from its slots, and mmap and mlock, which llama.cpp now writes as
    one --load-mode.
    """

    flags: tuple[str, ...]
    label: str
    help: str
    memory: str
    group: Group
    off_flags: tuple[str, ...] = ()
    basic: bool = False
    page: HelpPage | None = None
    is_own: bool = False
    minimum: float | None = None
    maximum: float | None = None


class LoadOptions(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """All launch options with their defaults: llama-server's, except where the help says why not."""

    ctx_size: Annotated[
        int,
        Option(
            flags=("-c", "--ctx-size"),
            label="Context",
            help="Tokens of context; 0 takes the length the model was trained for.",
            memory="The K and V caches grow in proportion to it.",
            group="cache",
            basic=True,
            minimum=0,
        ),
    ] = 0
    cache_type_k: Annotated[
        CacheTypeName,
        Option(
            flags=("-ctk", "--cache-type-k"),
            page="cache-types",
            label="K",
            help="Element type of the K cache.",
            memory="q8_0 takes 53 % of f16, q4_0 28 %.",
            group="cache",
            basic=True,
        ),
    ] = "f16"
    cache_type_v: Annotated[
        CacheTypeName,
        Option(
            flags=("-ctv", "--cache-type-v"),
            page="cache-types",
            label="V",
            help="Element type of the V cache; quantised types need flash attention.",
            memory="q8_0 takes 53 % of f16, q4_0 28 %.",
            group="cache",
            basic=True,
        ),
    ] = "f16"
    n_gpu_layers: Annotated[
        int,
        Option(
            flags=("-ngl", "--n-gpu-layers", "--gpu-layers"),
            label="GPU layers",
            help="Layers kept on the GPU, output layer included; -1 or “all” for every one. "
            "llama-server's default lets it move layers to the CPU unasked; here nothing moves silently.",
            memory="Moves weights and their share of the cache between host and device.",
            group="offload",
            basic=True,
            minimum=-1,
        ),
    ] = ALL_LAYERS
    flash_attn: Annotated[
        FlashAttention,
        Option(
            flags=("-fa", "--flash-attn"),
            page="flash-attention",
            label="Flash attention",
            help="Fused attention; auto turns it on wherever the device has a kernel.",
            memory="Without it the scores of a whole ubatch against the whole context are kept.",
            group="compute",
            basic=True,
        ),
    ] = "auto"
    batch_size: Annotated[
        int,
        Option(
            flags=("-b", "--batch-size"),
            label="Batch",
            help="Tokens handed to llama.cpp in one call.",
            memory="Only through the ubatch, which cannot be larger.",
            group="compute",
            basic=True,
            minimum=1,
        ),
    ] = 2048
    ubatch_size: Annotated[
        int,
        Option(
            flags=("-ub", "--ubatch-size"),
            label="Ubatch",
            help="Tokens evaluated at once while reading the prompt.",
            memory="The compute buffer grows with it; sliding-window caches too.",
            group="compute",
            basic=True,
            minimum=1,
        ),
    ] = 512
    parallel: Annotated[
        int,
        Option(
            flags=("-np", "--parallel"),
            label="Sequences",
            help="Sequences served at once, 256 at most. llama-server takes 4 by itself; one chat needs 1.",
            memory="Divides the context among sequences; recurrent state is kept once for each.",
            group="cache",
            minimum=1,
            maximum=256,  # LLAMA_MAX_SEQ
        ),
    ] = 1
    kv_unified: Annotated[
        bool,
        Option(
            flags=("-kvu", "--kv-unified"),
            off_flags=("-no-kvu", "--no-kv-unified"),
            label="Unified cache",
            help="One cache shared by all sequences instead of a part for each.",
            memory="Changes the padding of the context and the size of window caches.",
            group="cache",
        ),
    ] = False
    swa_full: Annotated[
        bool,
        Option(
            flags=("--swa-full",),
            page="sliding-windows",
            label="Full window cache",
            help="Keep sliding-window layers at the full context, so that the cache can be shifted.",
            memory="Window layers then cost as much as full ones.",
            group="cache",
        ),
    ] = False
    kv_offload: Annotated[
        bool,
        Option(
            flags=("-kvo", "--kv-offload"),
            off_flags=("-nkvo", "--no-kv-offload"),
            page="offloading",
            label="Cache on GPU",
            help="Keep the cache beside its layer; off keeps all of it in host memory (-nkvo).",
            memory="Off moves K and V from the GPU to the host; reading becomes slow.",
            group="cache",
        ),
    ] = True
    n_outputs_max: Annotated[
        int | None,
        Option(
            flags=("--n-outputs-max",),
            is_own=True,
            label="Outputs",
            help="Tokens of a ubatch whose logits are kept; by default one a sequence, as llama-server does; "
            "0 takes llama.cpp's own default, the whole batch.",
            memory="Each costs four bytes for every vocabulary entry in the compute buffer.",
            group="compute",
            minimum=0,
        ),
    ] = None
    split_mode: Annotated[
        SplitMode,
        Option(
            flags=("-sm", "--split-mode"),
            label="Split mode",
            help="How several GPUs share a model: by whole layers, by rows or by tensors.",
            memory="Decides which device holds which weights and which part of the cache.",
            group="offload",
        ),
    ] = "layer"
    tensor_split: Annotated[
        tuple[float, ...],
        Option(
            flags=("-ts", "--tensor-split"),
            label="Tensor split",
            help="Share of each device, like 3,1; by default in proportion to free memory.",
            memory="Decides how many layers each device holds.",
            group="offload",
        ),
    ] = ()
    main_gpu: Annotated[
        int,
        Option(
            flags=("-mg", "--main-gpu"),
            label="Main GPU",
            help="The one GPU to use with split mode none.",
            memory="Moves everything to that device.",
            group="offload",
            minimum=-1,
        ),
    ] = 0
    device: Annotated[
        tuple[str, ...],
        Option(
            flags=("-dev", "--device"),
            label="Devices",
            help="The devices to use, by llama.cpp's names, comma-separated; “none” for the CPU alone.",
            memory="Nothing is placed on the others.",
            group="offload",
        ),
    ] = ()
    override_tensor: Annotated[
        tuple[str, ...],
        Option(
            flags=("-ot", "--override-tensor"),
            label="Tensor overrides",
            help="PATTERN=BUFFER pairs: tensors whose name matches go to that buffer, first match first.",
            memory="Moves the matching weights.",
            group="offload",
        ),
    ] = ()
    cpu_moe: Annotated[
        bool,
        Option(
            flags=("-cmoe", "--cpu-moe"),
            label="Experts on CPU",
            help="Keep all experts of a mixture in host memory.",
            memory="Frees most of a mixture's weights on the GPU.",
            group="offload",
        ),
    ] = False
    n_cpu_moe: Annotated[
        int,
        Option(
            flags=("-ncmoe", "--n-cpu-moe"),
            label="Layers with experts on CPU",
            help="Keep the experts of the first N layers in host memory.",
            memory="Frees those experts' weights on the GPU.",
            group="offload",
            minimum=0,
        ),
    ] = 0
    op_offload: Annotated[
        bool,
        Option(
            flags=("--op-offload",),
            off_flags=("--no-op-offload",),
            page="offloading",
            label="Offload operations",
            help="Let the GPU compute with weights that stay on the host while reading prompts.",
            memory="Weights on the host are staged through the GPU's compute buffer.",
            group="compute",
        ),
    ] = True
    repack: Annotated[
        bool,
        Option(
            flags=("--repack",),
            off_flags=("-nr", "--no-repack"),
            label="Repack weights",
            help="Rearrange weights for the CPU's vector units.",
            memory="Repacked weights are a copy beside the mapped file.",
            group="cpu",
        ),
    ] = True
    mmap: Annotated[
        bool,
        Option(
            flags=("--mmap",),
            off_flags=("--no-mmap",),
            is_own=True,
            label="Map the file",
            help="Map the model file instead of reading it into memory.",
            memory="Mapped pages are reclaimable and shared; without it they are committed.",
            group="cpu",
        ),
    ] = True
    mlock: Annotated[
        bool,
        Option(
            flags=("--mlock",),
            is_own=True,
            label="Lock in memory",
            help="Keep the weights from being swapped out.",
            memory="Mapped pages can no longer be reclaimed.",
            group="cpu",
        ),
    ] = False
    threads: Annotated[
        int,
        Option(
            flags=("-t", "--threads"),
            label="Threads",
            help="CPU threads while answering; 0 takes one for each physical (performance) core.",
            memory="About 160 KiB of work buffer each with flash attention.",
            group="cpu",
            minimum=0,
        ),
    ] = 0
    threads_batch: Annotated[
        int,
        Option(
            flags=("-tb", "--threads-batch"),
            label="Threads for the prompt",
            help="CPU threads while reading the prompt; 0 takes the same as while answering.",
            memory="About 160 KiB of work buffer each with flash attention.",
            group="cpu",
            minimum=0,
        ),
    ] = 0
    rpc: Annotated[
        tuple[str, ...],
        Option(
            flags=("--rpc",),
            label="RPC servers",
            help="host:port of llama.cpp RPC servers, comma-separated; each one counts as a GPU.",
            memory="Weights and cache are spread over them as over GPUs.",
            group="network",
        ),
    ] = ()
    rope_scaling: Annotated[
        RopeScaling,
        Option(
            flags=("--rope-scaling",),
            label="RoPE scaling",
            help="How positions beyond the trained context are scaled; by default what the model says.",
            memory="None by itself.",
            group="rope",
        ),
    ] = ""
    rope_scale: Annotated[
        float,
        Option(
            flags=("--rope-scale",),
            label="RoPE scale",
            help="Context is stretched by this factor; 0 takes the model's.",
            memory="None by itself.",
            group="rope",
            minimum=0,
        ),
    ] = 0.0
    rope_freq_base: Annotated[
        float,
        Option(
            flags=("--rope-freq-base",),
            label="RoPE base",
            help="Base frequency of RoPE; 0 takes the model's.",
            memory="None by itself.",
            group="rope",
            minimum=0,
        ),
    ] = 0.0
    rope_freq_scale: Annotated[
        float,
        Option(
            flags=("--rope-freq-scale",),
            label="RoPE frequency scale",
            help="The inverse of the RoPE scale; 0 takes the model's.",
            memory="None by itself.",
            group="rope",
            minimum=0,
        ),
    ] = 0.0
    yarn_orig_ctx: Annotated[
        int,
        Option(
            flags=("--yarn-orig-ctx",),
            label="YaRN original context",
            help="The context the model was trained for before YaRN; 0 takes the model's.",
            memory="None by itself.",
            group="rope",
            minimum=0,
        ),
    ] = 0
    yarn_ext_factor: Annotated[
        float,
        Option(
            flags=("--yarn-ext-factor",),
            label="YaRN extrapolation",
            help="YaRN's extrapolation mix; -1 takes the model's.",
            memory="None by itself.",
            group="rope",
        ),
    ] = -1.0
    yarn_attn_factor: Annotated[
        float,
        Option(
            flags=("--yarn-attn-factor",),
            label="YaRN attention",
            help="YaRN's attention magnitude; -1 takes the model's.",
            memory="None by itself.",
            group="rope",
        ),
    ] = -1.0
    yarn_beta_slow: Annotated[
        float,
        Option(
            flags=("--yarn-beta-slow",),
            label="YaRN beta slow",
            help="YaRN's high correction dimension; -1 takes the model's.",
            memory="None by itself.",
            group="rope",
        ),
    ] = -1.0
    yarn_beta_fast: Annotated[
        float,
        Option(
            flags=("--yarn-beta-fast",),
            label="YaRN beta fast",
            help="YaRN's low correction dimension; -1 takes the model's.",
            memory="None by itself.",
            group="rope",
        ),
    ] = -1.0


class OptionRow(msgspec.Struct, frozen=True):
    """One row of the table as its readers see it: the field's name, type and default, and its `Option`.

    `value_type` is int, float, bool, str or tuple; `choices` are the words a str accepts; `item_type` is the
    element type of a tuple; `optional` says that None is a value.
    """

    name: str
    value_type: type
    default: object
    choices: tuple[str, ...]
    item_type: type | None
    optional: bool
    spec: Option

    @property
    def page(self) -> HelpPage:
        """The help page that explains it."""
        return self.spec.page or _PAGES[self.spec.group]


def _row(field: msgspec.structs.FieldInfo, hint: object) -> OptionRow:
    kind, spec = get_args(hint)
    optional = False
    if type(None) in get_args(kind):
        kind = next(part for part in get_args(kind) if part is not type(None))
        optional = True
    if get_origin(kind) is Literal:
        return OptionRow(field.name, str, field.default, get_args(kind), None, optional, spec)
    if get_origin(kind) is tuple:
        return OptionRow(field.name, tuple, field.default, (), get_args(kind)[0], optional, spec)
    return OptionRow(field.name, kind, field.default, (), None, optional, spec)


def _rows() -> tuple[OptionRow, ...]:
    hints = get_type_hints(LoadOptions, include_extras=True)
    return tuple(_row(field, hints[field.name]) for field in msgspec.structs.fields(LoadOptions))


OPTIONS: tuple[OptionRow, ...] = _rows()
BY_NAME: dict[str, OptionRow] = {row.name: row for row in OPTIONS}

assert get_args(CacheTypeName) == tuple(row.name for row in CACHE_TYPES)  # the type checker needs the literal
