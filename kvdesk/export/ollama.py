"""A Modelfile for Ollama, with the environment its server needs in the comments."""

from kvdesk.errors import ExportError
from kvdesk.export.explain import comment, lost, warning
from kvdesk.export.exporter import EVERY_LAYER, Exporter, Flag, Launch, context_tokens
from kvdesk.export.shells import Shell
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase

# Our name and the PARAMETER of a Modelfile (api.Options); its one batch is llama.cpp's ubatch.
PARAMETERS: dict[str, str] = {
    "ctx_size": "num_ctx",
    "n_gpu_layers": "num_gpu",
    "ubatch_size": "num_batch",
    "main_gpu": "main_gpu",
    "threads": "num_thread",
    "mmap": "use_mmap",
}
# Our name and the variable of `ollama serve` (envconfig), which holds for every model.
VARIABLES: dict[str, str] = {
    "cache_type_k": "OLLAMA_KV_CACHE_TYPE",
    "cache_type_v": "OLLAMA_KV_CACHE_TYPE",
    "flash_attn": "OLLAMA_FLASH_ATTENTION",
    "parallel": "OLLAMA_NUM_PARALLEL",
}
TYPES = ("f16", "q8_0", "q4_0")
EXPRESSED = frozenset(PARAMETERS) | frozenset(VARIABLES)


def cache_type(launch: Launch) -> str:
    """Ollama's one type for K and V: the smallest of its three that keeps both at least as finely."""
    needed = max(_bits(launch.options.cache_type_k), _bits(launch.options.cache_type_v))
    return next((name for name in reversed(TYPES) if _bits(name) >= needed), "f16")


def environment(launch: Launch) -> tuple[Flag, ...]:
    """The variables of `ollama serve`."""
    options = launch.options
    return (
        Flag((f"OLLAMA_KV_CACHE_TYPE={cache_type(launch)}",), "One type for K and V, for every model."),
        Flag(
            (f"OLLAMA_FLASH_ATTENTION={int(options.flash_attn != 'off')}",),
            "Without it the cache stays f16, whatever its type.",
        ),
        Flag((f"OLLAMA_NUM_PARALLEL={options.parallel}",), "Sequences at once; each has its own num_ctx."),
    )


def parameters(launch: Launch) -> tuple[Flag, ...]:
    """The lines of the Modelfile after its model."""
    options = launch.options
    layers = options.n_gpu_layers if options.n_gpu_layers >= 0 else EVERY_LAYER
    found = [
        Flag(("num_gpu", str(layers)), "Layers on the GPU; otherwise Ollama chooses."),
        Flag(("num_batch", str(options.ubatch_size)), "Tokens evaluated at once."),
    ]
    if tokens := context_tokens(launch):
        found.insert(
            0, Flag(("num_ctx", str(tokens // options.parallel)), "Tokens of context for each sequence.")
        )
    if options.main_gpu:
        found.append(Flag(("main_gpu", str(options.main_gpu)), "The one GPU to use."))
    if options.threads:
        found.append(Flag(("num_thread", str(options.threads)), "CPU threads."))
    if not options.mmap:
        found.append(Flag(("use_mmap", "false"), "The file is read, not mapped."))
    return tuple(found)


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The environment and the parameters."""
    return (*environment(launch), *parameters(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What Ollama cannot be told: above all two cache types, and types for one model alone."""
    options = launch.options
    found = [
        warning(
            "cache_type_k",
            Phrase("Ollama has one cache type for K and V, and it holds for every model."),
            Phrase("Set OLLAMA_KV_CACHE_TYPE where `ollama serve` is started."),
        )
    ]
    name = cache_type(launch)
    if options.flash_attn == "off" and name != "f16":
        found.append(
            warning(
                "cache_type_v",
                Phrase("Without flash attention Ollama keeps the cache at f16."),
                Phrase("Choose flash attention on or auto."),
            )
        )
    elif {options.cache_type_k, options.cache_type_v} != {name}:
        found.append(
            warning(
                "cache_type_v",
                Phrase(
                    "{k} for K and {v} for V become {name} there.",
                    k=options.cache_type_k,
                    v=options.cache_type_v,
                    name=name,
                ),
                Phrase("The cache takes other memory than planned."),
            )
        )
    if options.ctx_size % options.parallel:
        found.append(
            warning(
                "ctx_size",
                Phrase("The context is not a multiple of the sequences."),
                Phrase("Each gets the same whole number of tokens."),
            )
        )
    return (*found, *lost(launch, "Ollama", EXPRESSED | {"batch_size"}))


def render(launch: Launch, shell: Shell) -> str:
    """The Modelfile. Raises ExportError for a path with a line break and for an address."""
    if "\n" in launch.model or "\r" in launch.model or launch.model.startswith(("http://", "https://")):
        raise ExportError(
            "“{model}” cannot stand in a Modelfile.", "Download the file first.", model=repr(launch.model)
        )
    head = comment("#", "ollama create NAME -f THIS_FILE", parameters(launch), warnings(launch))
    head += comment("#", "Where `ollama serve` is started:", environment(launch), ())
    lines = [f"FROM {launch.model}"]  # Ollama's parser expands ~ itself
    lines += [f"PARAMETER {name} {value}" for name, value in (flag.words for flag in parameters(launch))]
    return head + "".join(f"{line}\n" for line in lines)


def _bits(name: str) -> float:
    return CACHE_TYPES[name].bits_per_value


EXPORTER = Exporter(
    "ollama",
    "Ollama (Modelfile)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="Modelfile",
)
