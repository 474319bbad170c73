"""The flags and variables of llama-cpp-python's server: the fields of its ModelSettings."""

from collections.abc import Iterable, Mapping

from kvdesk.errors import OptionError
from kvdesk.export.dialects.imported import Imported, Reading, Setter, is_flag, named, sets
from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME
from kvdesk.plan.parse import read_value

NAME = "llama_cpp.server"

# enum ggml_type, llama_split_mode and llama_rope_scaling_type, which it takes as numbers.
_TYPES = {str(row.ggml_id): row.name for row in CACHE_TYPES}
_SPLITS = {"0": "none", "1": "layer", "2": "row"}
_SCALINGS = {"-1": "", "0": "none", "1": "linear", "2": "yarn"}


def _numbered(option: str, names: Mapping[str, str]) -> Setter:
    def read(reading: Reading, words: list[str]) -> None:
        if words[0] not in names:
            raise OptionError(
                "“{text}” is not a value of {flag}.",
                "Choose one of {choices}.",
                text=words[0],
                flag=option,
                choices=", ".join(f"{number} ({name})" for number, name in names.items() if name),
            )
        reading.values[option] = names[words[0]]

    return read


def _model(reading: Reading, words: list[str]) -> None:
    reading.model = words[0]


def _tensor_split(reading: Reading, words: list[str]) -> None:
    reading.read("tensor_split", ",".join(words).strip("[]"))


def _flash(reading: Reading, words: list[str]) -> None:
    reading.values["flash_attn"] = "on" if read_value(BY_NAME["mlock"], words[0]) else "off"


_SETTERS: dict[str, Setter] = {
    "model": _model,
    "n_ctx": sets("ctx_size"),
    "n_batch": sets("batch_size"),
    "n_ubatch": sets("ubatch_size"),
    "n_gpu_layers": sets("n_gpu_layers"),
    "split_mode": _numbered("split_mode", _SPLITS),
    "main_gpu": sets("main_gpu"),
    "tensor_split": _tensor_split,
    "use_mmap": sets("mmap"),
    "use_mlock": sets("mlock"),
    "rpc_servers": sets("rpc"),
    "n_threads": sets("threads"),
    "n_threads_batch": sets("threads_batch"),
    "rope_scaling_type": _numbered("rope_scaling", _SCALINGS),
    "rope_freq_base": sets("rope_freq_base"),
    "rope_freq_scale": sets("rope_freq_scale"),
    "yarn_ext_factor": sets("yarn_ext_factor"),
    "yarn_attn_factor": sets("yarn_attn_factor"),
    "yarn_beta_fast": sets("yarn_beta_fast"),
    "yarn_beta_slow": sets("yarn_beta_slow"),
    "yarn_orig_ctx": sets("yarn_orig_ctx"),
    "offload_kqv": sets("kv_offload"),
    "flash_attn": _flash,
    "type_k": _numbered("cache_type_k", _TYPES),
    "type_v": _numbered("cache_type_v", _TYPES),
}


def read_words(words: Iterable[str], variables: Mapping[str, str]) -> Imported:
    """Read its words; any field may also be a variable, in capitals."""
    reading = Reading.of(words)
    for name, value in variables.items():
        if not (value and named(_SETTERS, reading, name.lower(), [value])):
            reading.unknown.append(f"{name}={value}")
    while reading.words:
        flag, has_value, value = reading.words.popleft().partition("=")
        if not is_flag(flag):
            reading.unknown.append(flag)
            continue
        given = [value] if has_value else reading.following()
        if not named(_SETTERS, reading, flag.lstrip("-").replace("-", "_"), given):
            reading.unknown.append(" ".join((flag, *given)))
    if "n_gpu_layers" not in reading.values:
        reading.notes.append(Phrase("Without --n_gpu_layers llama-cpp-python keeps every layer on the CPU."))
    reading.default(
        ctx_size=2048,
        batch_size=512,
        ubatch_size=512,
        n_gpu_layers=0,
        flash_attn="off",
        mlock=True,  # llama_supports_mlock()
        n_outputs_max=0,  # it leaves the number to llama.cpp
    )
    return reading.imported(NAME)
