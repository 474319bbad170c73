"""The nearest LMDeploy command: int8 or int4 caches, with as many blocks as the context needs."""

from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.llama_flags import command
from kvdesk.export.other_engine import MODEL, losses, nearest
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

# --quant-policy by what it makes of the cache, and the llama.cpp type that counts as no finer, in bits.
KINDS = {"0": "f16", "8": "int8", "4": "int4"}
NEEDED = {"0": 16.0, "8": 8.5, "4": 4.5}
BLOCK = 64  # tokens of a block, --cache-block-seq-len
EXPRESSED = frozenset({"ctx_size", "cache_type_k", "cache_type_v", "parallel", "ubatch_size"})


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of the nearest launch."""
    options, tokens = launch.options, context_tokens(launch)
    policy = nearest(launch, NEEDED)
    found = [Flag((MODEL,), "The original model's folder.")]
    if tokens:
        found += [
            Flag(("--session-len", str(tokens // options.parallel)), "Tokens of context for each sequence."),
            Flag(
                ("--cache-max-entry-count", str(-(-tokens // BLOCK))),
                f"Blocks of {BLOCK} tokens; below 1 it would be a part of the free memory.",
            ),
        ]
    return (
        *found,
        Flag(("--quant-policy", policy), f"The cache's elements: {KINDS[policy]}."),
        Flag(("--max-batch-size", str(options.parallel)), "Sequences at once."),
        Flag(("--max-prefill-token-num", str(options.ubatch_size)), "Tokens read at once."),
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What is lost on the way."""
    return losses(launch, "LMDeploy", EXPRESSED, KINDS[nearest(launch, NEEDED)])


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("lmdeploy serve api_server", shell, flags(launch), warnings(launch), "its command line")


EXPORTER = Exporter(
    "lmdeploy",
    "LMDeploy",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="engine",
    file_name="lmdeploy",
    uses_shell=True,
)
