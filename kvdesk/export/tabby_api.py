"""The nearest TabbyAPI configuration, for ExLlamaV2's quantised caches."""

from kvdesk.export.explain import comment
from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.other_engine import MODEL, losses, nearest
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

NEEDED = {"FP16": 16.0, "Q8": 8.5, "Q4": 4.5}
MIXED = "Q6"  # ExLlamaV2's name for a K of 8 bits and a V of 4 (cache.py)
STEP = 256  # cache_size must be a multiple
EXPRESSED = frozenset({"ctx_size", "cache_type_k", "cache_type_v", "parallel", "ubatch_size"})


def mode(launch: Launch) -> str:
    """The cache_mode: Q6 is exactly q8_0 for K and q4_0 for V, the others have one type for both."""
    if (launch.options.cache_type_k, launch.options.cache_type_v) == ("q8_0", "q4_0"):
        return MIXED
    return nearest(launch, NEEDED)


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The keys below `model:`, with their values."""
    options, tokens = launch.options, context_tokens(launch)
    found = [
        Flag(("model_name", MODEL), "A folder in model_dir with an EXL2 model."),
        Flag(("backend", "exllamav2"), "The engine whose caches these are."),
    ]
    if tokens:
        found += [
            Flag(("max_seq_len", str(tokens // options.parallel)), "Tokens of context for each sequence."),
            Flag(("cache_size", str(-(-tokens // STEP) * STEP)), "Tokens in the cache, of all sequences."),
        ]
    return (
        *found,
        Flag(("cache_mode", mode(launch)), "The cache's elements."),
        Flag(("max_batch_size", str(options.parallel)), "Sequences at once."),
        Flag(("chunk_size", str(options.ubatch_size)), "Tokens read at once."),
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What is lost on the way."""
    return losses(launch, "TabbyAPI", EXPRESSED, mode(launch))


def render(launch: Launch, shell: Shell) -> str:
    """The part of config.yml; every value is one that YAML reads as it stands."""
    found = flags(launch)
    head = comment("#", "TabbyAPI, in its config.yml.", found, warnings(launch))
    return head + "model:\n" + "".join(f"  {flag.words[0]}: {flag.words[1]}\n" for flag in found)


EXPORTER = Exporter(
    "tabbyapi",
    "TabbyAPI, ExLlamaV2 (YAML)",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="engine",
    file_name="config.yml",
)
