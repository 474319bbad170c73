"""LM Studio's stored load settings of one model: what its own “default parameters” dialog writes."""

import json

from kvdesk.export.explain import lost, warning
from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME

# Our name and the key of its load configuration (lms-kv-config in lmstudio-js).
KEYS: dict[str, str] = {
    "ctx_size": "llm.load.contextLength",
    "parallel": "llm.load.numParallelSessions",
    "kv_unified": "llm.load.useUnifiedKvCache",
    "cache_type_k": "llm.load.llama.kCacheQuantizationType",
    "cache_type_v": "llm.load.llama.vCacheQuantizationType",
    "n_gpu_layers": "llm.load.llama.acceleration.offloadRatio",
    "flash_attn": "llm.load.llama.flashAttention",
    "ubatch_size": "llm.load.llama.evalBatchSize",
    "kv_offload": "llm.load.offloadKVCacheToGpu",
    "mmap": "llm.load.llama.tryMmap",
    "mlock": "llm.load.llama.keepModelInMemory",
    "threads": "llm.load.llama.cpuThreadPoolSize",
    "rope_freq_base": "llm.load.llama.ropeFrequencyBase",
    "rope_freq_scale": "llm.load.llama.ropeFrequencyScale",
}
CHECKED = frozenset({"cache_type_k", "cache_type_v", "rope_freq_base", "rope_freq_scale"})  # {checked, value}
NO_TYPE = "bf16"  # not among its cache types
EXPRESSED = frozenset(KEYS)


def fields(launch: Launch) -> dict[str, object]:
    """The load fields by our names, as LM Studio writes them."""
    options = launch.options
    found: dict[str, object] = {}
    for name in KEYS:
        value = getattr(options, name)
        if name == "ctx_size":
            value = context_tokens(launch)
        elif name == "n_gpu_layers":
            found[name] = _ratio(launch)
            continue
        elif name == "flash_attn":
            found[name] = value != "off"
            continue
        if name in {"ctx_size", "threads", "rope_freq_base", "rope_freq_scale"} and not value:
            continue  # LM Studio's own choice, or the model's
        if value == NO_TYPE:
            value = "f16"  # as large
        found[name] = {"checked": True, "value": value} if name in CHECKED else value
    return found


def flags(launch: Launch) -> tuple[Flag, ...]:
    """Keys and values, with the reasons that the file has no room for."""
    return tuple(
        Flag((KEYS[name], json.dumps(value)), f"{BY_NAME[name].spec.help.split('. ')[0].removesuffix('.')}.")
        for name, value in fields(launch).items()
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """Where the file belongs, and what LM Studio cannot be told."""
    options = launch.options
    found = [
        warning(
            "model",
            Phrase("LM Studio reads this file from its own folder, by the model's name there."),
            Phrase(
                "Save it as {path}, with the names of your model.",
                path="~/.lmstudio/.internal/user-concrete-model-default-config/PUBLISHER/REPOSITORY/FILE.gguf.json",
            ),
        )
    ]
    if options.n_gpu_layers > 0 and launch.shape is None:
        found.append(
            warning(
                "n_gpu_layers",
                Phrase("LM Studio counts GPU layers as a part of all, and here their number is not known."),
                Phrase("All of them are written."),
            )
        )
    if NO_TYPE in {options.cache_type_k, options.cache_type_v}:
        found.append(
            warning(
                "cache_type_k", Phrase("LM Studio has no bf16 cache."), Phrase("f16, as large, is written.")
            )
        )
    if options.flash_attn == "auto":
        found.append(
            warning(
                "flash_attn",
                Phrase("LM Studio has flash attention on or off."),
                Phrase("On is written."),
            )
        )
    return (*found, *lost(launch, "LM Studio", EXPRESSED | {"batch_size"}))


def render(launch: Launch, shell: Shell) -> str:
    """The file: JSON, in which nothing can be explained."""
    written = [{"key": KEYS[name], "value": value} for name, value in fields(launch).items()]
    document = {"preset": "", "operation": {"fields": []}, "load": {"fields": written}}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _ratio(launch: Launch) -> object:
    layers = launch.options.n_gpu_layers
    if layers == 0:
        return "off"
    every = len(launch.shape.layers) + 1 if launch.shape is not None else 0  # the output layer counts
    return "max" if layers < 0 or layers >= every else round(layers / every, 4)


EXPORTER = Exporter(
    "lm-studio",
    "LM Studio (load settings)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="model.gguf.json",
    has_comments=False,
)
