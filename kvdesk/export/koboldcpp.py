"""KoboldCpp: its launch command, and the settings file (.kcpps) that its window loads."""

import json
from typing import Any

from kvdesk.export.explain import HOME, fill_in_home, lost, warning
from kvdesk.export.exporter import EVERY_LAYER, Exporter, Flag, Launch, context_tokens, home_as
from kvdesk.export.llama_flags import check_commas, command
from kvdesk.export.shells import Shell
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME

# Our name and KoboldCpp's: `--name` of its command, and the key of its settings file (1.110 and later).
NAMES: dict[str, str] = {
    "ctx_size": "contextsize",
    "cache_type_k": "quantkv",
    "cache_type_v": "quantkv",
    "n_gpu_layers": "gpulayers",
    "flash_attn": "noflashattention",
    "ubatch_size": "batchsize",
    "tensor_split": "tensor_split",
    "threads": "threads",
    "threads_batch": "blasthreads",
    "mmap": "usemmap",
    "mlock": "usemlock",
    "swa_full": "useswa",
    "kv_offload": "lowvram",
    "n_cpu_moe": "moecpu",
    "cpu_moe": "moecpu",
    "override_tensor": "overridetensors",
}
TYPES = ("bf16", "f16", "q8_0", "q5_1", "q4_0")  # of quantkv, the finest first
BATCHES = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)  # what batchsize accepts
CONTEXTS = (256, 262144)  # the least and the most that contextsize accepts
EXPRESSED = frozenset(NAMES)


def cache_type(launch: Launch) -> str:
    """KoboldCpp's one type for K and V: that of both, or the smallest of its own that is as fine as both."""
    kinds = {launch.options.cache_type_k, launch.options.cache_type_v}
    if len(kinds) == 1 and (same := next(iter(kinds))) in TYPES:
        return same
    needed = max(CACHE_TYPES[name].bits_per_value for name in kinds)
    return next((name for name in reversed(TYPES) if CACHE_TYPES[name].bits_per_value >= needed), "f16")


def settings(launch: Launch) -> dict[str, Any]:
    """What KoboldCpp is told besides its model, by its own names."""
    options = launch.options
    kind = cache_type(launch)
    batch = max((size for size in BATCHES if size <= options.ubatch_size), default=BATCHES[0])
    found: dict[str, Any] = {
        "gpulayers": options.n_gpu_layers if options.n_gpu_layers >= 0 else EVERY_LAYER,
        "quantkv": kind,
        "batchsize": batch,
        "noshift": True,
    }
    if tokens := context_tokens(launch):
        found = {"contextsize": min(max(tokens, CONTEXTS[0]), CONTEXTS[1]), **found}
    if options.tensor_split:
        found["tensor_split"] = list(options.tensor_split)
    if options.threads:
        found["threads"] = options.threads
    if options.threads_batch:
        found["blasthreads"] = options.threads_batch
    if layers := EVERY_LAYER if options.cpu_moe else options.n_cpu_moe:
        found["moecpu"] = layers
    if options.override_tensor:
        check_commas(options.override_tensor)
        found["overridetensors"] = ",".join(options.override_tensor)
    switches = {
        "noflashattention": options.flash_attn == "off" and not CACHE_TYPES[kind].is_quantised,
        "usemmap": options.mmap,
        "usemlock": options.mlock,
        "useswa": not options.swa_full,  # its own default is the full context
        "lowvram": not options.kv_offload,
    }
    return found | {name: True for name, is_on in switches.items() if is_on}


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of a launch. Raises ExportError for an override that KoboldCpp would split."""
    found = [Flag(("--model", launch.model), "The model.")]
    for name, value in settings(launch).items():
        if value is False:
            continue
        found.append(Flag((f"--{name}", *_words(value)), _why(name)))
    return tuple(found)


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What KoboldCpp cannot be told: two cache types, batches of any size, several sequences."""
    options = launch.options
    found: list[Refusal] = []
    name = cache_type(launch)
    if {options.cache_type_k, options.cache_type_v} != {name}:
        found.append(
            warning(
                "cache_type_k",
                Phrase(
                    "{k} for K and {v} for V become {name} there.",
                    k=options.cache_type_k,
                    v=options.cache_type_v,
                    name=name,
                ),
                Phrase("The cache takes other memory than planned."),
            )
        )
    tokens = context_tokens(launch)
    if tokens and not CONTEXTS[0] <= tokens <= CONTEXTS[1]:
        found.append(
            warning(
                "ctx_size",
                Phrase(
                    "KoboldCpp takes contexts of {least:,} to {most:,} tokens.",
                    least=CONTEXTS[0],
                    most=CONTEXTS[1],
                ),
                Phrase("The nearest is written."),
            )
        )
    if options.flash_attn == "off" and CACHE_TYPES[name].is_quantised:
        found.append(
            warning(
                "flash_attn",
                Phrase("KoboldCpp quantises both caches with flash attention alone, so it is on."),
                Phrase("The compute buffer is smaller than planned."),
            )
        )
    if options.ubatch_size not in BATCHES:
        found.append(
            warning(
                "ubatch_size",
                Phrase("KoboldCpp takes batches of {sizes} tokens.", sizes=", ".join(map(str, BATCHES))),
                Phrase("The next smaller one is written."),
            )
        )
    return (*found, *lost(launch, "KoboldCpp", EXPRESSED | {"batch_size"}))


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    return command("koboldcpp", shell, flags(launch), warnings(launch), "its source")


def render_file(launch: Launch, shell: Shell) -> str:
    """The settings file: JSON, in which nothing can be explained."""
    named = {"model_param": home_as(launch.model, HOME), **settings(launch)}
    return json.dumps(named, indent=2, ensure_ascii=False) + "\n"


def file_warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What KoboldCpp cannot be told, and what the reader has to fill in."""
    return (*warnings(launch), *fill_in_home(launch, "KoboldCpp"))


def _words(value: object) -> tuple[str, ...]:
    if value is True:
        return ()
    return tuple(map(repr, value)) if isinstance(value, list) else (str(value),)


def _why(name: str) -> str:
    if name == "noshift":
        return "A full context ends the answer instead of silently dropping its start."
    if name == "useswa":
        return "Otherwise the caches of sliding windows are as long as the whole context."
    if name == "quantkv":
        return "One type for K and V."
    if name == "noflashattention":
        return "Otherwise flash attention is on."
    row = BY_NAME[next(own for own, theirs in NAMES.items() if theirs == name)]
    return f"{row.spec.help.split('. ')[0].removesuffix('.')}."


EXPORTER = Exporter(
    "koboldcpp",
    "KoboldCpp (command)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="koboldcpp",
    uses_shell=True,
)
FILE = Exporter(
    "koboldcpp-settings",
    "KoboldCpp (.kcpps)",
    flags,
    render_file,
    file_warnings,
    EXPRESSED,
    file_name="model.kcpps",
    has_comments=False,
)
