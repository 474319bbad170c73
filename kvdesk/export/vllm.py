"""The nearest vLLM command: a cache in the model's own type or in fp8, with as many blocks as are needed."""

from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.llama_flags import command
from kvdesk.export.other_engine import MODEL, losses, nearest
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

NEEDED = {"auto": 16.0, "fp8": 8.5}
BLOCK = 16  # tokens of a block on NVIDIA's GPUs
EXPRESSED = frozenset({"ctx_size", "cache_type_k", "cache_type_v", "parallel", "ubatch_size"})


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of the nearest launch."""
    options, tokens = launch.options, context_tokens(launch)
    found = [Flag((MODEL,), "The original model's folder.")]
    if tokens:
        found += [
            Flag(
                ("--max-model-len", str(tokens // options.parallel)), "Tokens of context for each sequence."
            ),
            Flag(
                ("--num-gpu-blocks-override", str(-(-tokens // BLOCK))),
                f"Blocks of {BLOCK} tokens; otherwise the cache fills what --gpu-memory-utilization leaves.",
            ),
        ]
    return (
        *found,
        Flag(("--kv-cache-dtype", nearest(launch, NEEDED)), "The cache's elements."),
        Flag(("--max-num-seqs", str(options.parallel)), "Sequences at once."),
        Flag(
            ("--max-num-batched-tokens", str(max(options.ubatch_size, options.parallel))),
            "Tokens evaluated at once.",
        ),
        Flag(("--enable-chunked-prefill",), "A prompt longer than that is read in parts."),
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What is lost on the way."""
    kind = "fp8" if nearest(launch, NEEDED) == "fp8" else "f16"
    return losses(launch, "vLLM", EXPRESSED, kind)


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("vllm serve", shell, flags(launch), warnings(launch), "its command line")


EXPORTER = Exporter(
    "vllm",
    "vLLM",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="engine",
    file_name="vllm",
    uses_shell=True,
)
