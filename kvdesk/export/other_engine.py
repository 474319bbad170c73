"""What the same cache asks of engines that read other files than GGUF: nearest types, and what is lost."""

from kvdesk.export.explain import lost, warning
from kvdesk.export.exporter import Launch
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase

MODEL = "MODEL_DIRECTORY"  # the reader's: these engines take a Hugging Face model, not this file

# Options that other engines have no notion of, whatever they say: they are named by one warning.
OWN_TO_LLAMA_CPP = frozenset(
    {
        "batch_size",
        "n_gpu_layers",
        "flash_attn",
        "kv_unified",
        "swa_full",
        "kv_offload",
        "n_outputs_max",
        "op_offload",
        "repack",
        "mmap",
        "mlock",
        "threads",
        "threads_batch",
    }
)


def nearest(launch: Launch, kinds: dict[str, float]) -> str:
    """The engine's smallest cache kind that keeps K and V at least as finely; `kinds` are bits by name."""
    options = launch.options
    needed = max(CACHE_TYPES[name].bits_per_value for name in (options.cache_type_k, options.cache_type_v))
    fitting = [name for name, bits in kinds.items() if bits >= needed]
    return min(fitting, key=lambda name: kinds[name], default=max(kinds, key=lambda name: kinds[name]))


def losses(launch: Launch, program: str, expresses: frozenset[str], kind: str) -> tuple[Refusal, ...]:
    """What is not the same there: the file, the cache's elements, llama.cpp's own options."""
    options = launch.options
    return (
        warning(
            "model",
            Phrase("{program} reads the original model, not a GGUF file.", program=program),
            Phrase("Its weights take other memory; write your folder for {placeholder}.", placeholder=MODEL),
        ),
        warning(
            "cache_type_k",
            Phrase(
                "{k} for K and {v} for V become {kind}: another format of other size.",
                k=options.cache_type_k,
                v=options.cache_type_v,
                kind=kind,
            ),
            Phrase("The lens shows what a token takes there."),
        ),
        warning(
            "n_gpu_layers",
            Phrase("{program} keeps all layers and the cache on the GPU.", program=program),
            Phrase("Nothing of the placement and of the compute buffers is carried over."),
        ),
        *lost(launch, program, expresses | OWN_TO_LLAMA_CPP),
    )
