"""KoboldCpp's flags and the keys of its .kcpps files, which are the same names."""

import json
import re
from collections.abc import Iterable, Mapping

from kvdesk.errors import ExportError
from kvdesk.export.dialects.imported import Imported, Reading, Setter, is_flag, named, sets
from kvdesk.memory.cache_types import BY_NAME as CACHE_TYPES
from kvdesk.phrases import Phrase

NAME = "koboldcpp"

_NUMBERS = {"0": "f16", "1": "q8_0", "2": "q4_0", "3": "bf16"}  # of quantkv before it took names


def _model(reading: Reading, words: list[str]) -> None:
    reading.model = words[0]


def _tensor_split(reading: Reading, words: list[str]) -> None:
    reading.read("tensor_split", ",".join(words))


def _batch(reading: Reading, words: list[str]) -> None:
    reading.read("batch_size", words[0])
    reading.read("ubatch_size", words[0])


def _cuda(reading: Reading, words: list[str]) -> None:
    for word in words:
        if word == "lowvram":
            reading.values["kv_offload"] = False
        elif word == "rowsplit":
            reading.values["split_mode"] = "row"
        elif word.isdecimal():
            reading.read("device", f"CUDA{word}")


def _vulkan(reading: Reading, words: list[str]) -> None:
    numbers = [word for word in words if word.isdecimal()]
    if numbers:
        reading.read("device", ",".join(f"Vulkan{number}" for number in numbers))


def _cpu(reading: Reading, words: list[str]) -> None:
    reading.read("device", "none")


def _rope(reading: Reading, words: list[str]) -> None:
    reading.read("rope_freq_scale", words[0])
    if len(words) > 1:
        reading.read("rope_freq_base", words[1])


def _quant(reading: Reading, words: list[str]) -> None:
    name = _NUMBERS.get(words[0], words[0])
    reading.read("cache_type_k", name)
    reading.read("cache_type_v", name)


def _moe(reading: Reading, words: list[str]) -> None:
    if words == [""]:
        reading.values["cpu_moe"] = True
    else:
        reading.read("n_cpu_moe", words[0])


def _main_gpu(reading: Reading, words: list[str]) -> None:
    if words[0] != "-1":
        reading.read("main_gpu", words[0])


def _threads(name: str) -> Setter:
    def read(reading: Reading, words: list[str]) -> None:
        if words[0] != "-1":
            reading.read(name, words[0])

    return read


def _switch(name: str, value: object) -> Setter:
    def read(reading: Reading, words: list[str]) -> None:
        reading.values[name] = value

    return read


# By the name in the file: other spellings of the flag, and what it sets. Switches and lists that may be empty
# are given one empty word.
_FLAGS: dict[str, tuple[tuple[str, ...], Setter]] = {
    "model": (("-m",), _model),
    "model_param": ((), _model),
    "contextsize": (("--ctx-size", "-c"), sets("ctx_size")),
    "gpulayers": (("--gpu-layers", "--n-gpu-layers", "-ngl"), sets("n_gpu_layers")),
    "tensor_split": (("--tensorsplit", "--tensor-split", "-ts"), _tensor_split),
    "maingpu": (("--main-gpu", "-mg"), _main_gpu),
    "batchsize": (("--blasbatchsize", "--batch-size", "-b"), _batch),
    "blasbatchsize": ((), _batch),
    "threads": (("-t",), _threads("threads")),
    "blasthreads": (("--batchthreads", "--threadsbatch", "--threads-batch"), _threads("threads_batch")),
    "usecuda": (("--usecublas", "--usehipblas"), _cuda),
    "usecublas": ((), _cuda),
    "usevulkan": ((), _vulkan),
    "usecpu": ((), _cpu),
    "flashattention": (("--flash-attn", "-fa"), _switch("flash_attn", "on")),
    "noflashattention": (("--no-flash-attn", "-nofa"), _switch("flash_attn", "off")),
    "quantkv": ((), _quant),
    "lowvram": (("-nkvo", "--no-kv-offload"), _switch("kv_offload", False)),
    "useswa": ((), _switch("swa_full", False)),
    "usemmap": ((), _switch("mmap", True)),
    "nommap": ((), _switch("mmap", False)),  # of earlier versions, which map the file by themselves
    "usemlock": (("--mlock",), _switch("mlock", True)),
    "moecpu": (("--n-cpu-moe", "-ncmoe"), _moe),
    "ropeconfig": ((), _rope),
    "overridetensors": (("--override-tensor", "-ot"), sets("override_tensor")),
}
_SETTERS = {name: setter for name, (_, setter) in _FLAGS.items()}
_NAMES = {f"--{name}": name for name in _FLAGS} | {
    flag: name for name, (others, _) in _FLAGS.items() for flag in others
}
_MAY_BE_ALONE = frozenset(
    {"usecuda", "usecublas", "usevulkan", "usecpu", "flashattention", "noflashattention", "lowvram", "useswa"}
    | {"usemmap", "nommap", "usemlock", "moecpu"}
)
MARKS = frozenset({"contextsize", "gpulayers", "quantkv", "model_param"})  # what tells its files from others


def read_words(words: Iterable[str], variables: Mapping[str, str]) -> Imported:
    """Read a command's words after its program; the first that stands alone is the model."""
    reading = Reading.of(words)
    reading.unknown += [f"{name}={value}" for name, value in variables.items()]
    while reading.words:
        flag, has_value, value = reading.words.popleft().partition("=")
        if not is_flag(flag):
            if reading.model:
                reading.unknown.append(flag)
            else:
                reading.model = flag + has_value + value
            continue
        name = _NAMES.get(flag, "")
        given = [value] if has_value else _values(reading, name)
        if not named(_SETTERS, reading, name, given or ([""] if name in _MAY_BE_ALONE else [])):
            reading.unknown.append(" ".join((flag, *given)))
    return _imported(reading)


def read_file(text: str) -> Imported:
    """Read a .kcpps file. Raises ExportError for what is no JSON object of its keys."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise ExportError(
            "This looks like a KoboldCpp file, but it is not JSON.", "Paste the whole file."
        ) from None
    if not isinstance(content, dict) or not MARKS & content.keys():
        raise ExportError(
            "This JSON is no launch file that is known here.",
            "A .kcpps file has keys such as contextsize and gpulayers.",
        )
    reading = Reading.of(())
    if "noflashattention" not in content and content.get("flashattention") is False:
        reading.values["flash_attn"] = "off"  # of an earlier version, in which it was off by itself
    for name, value in content.items():
        if value is None or value is False or value in ("", []):
            continue
        words = [str(each) for each in value] if isinstance(value, list) else [str(value)]
        if name == "moecpu" and value == 0:
            continue
        if name == "ropeconfig" and words[0] == "0.0":
            continue  # KoboldCpp's own scaling
        if not named(_SETTERS, reading, name, words):
            reading.unknown.append(f"{name}: {' '.join(words)[:80]}")
    return _imported(reading)


def _values(reading: Reading, name: str) -> list[str]:
    """The words that belong to a flag; argparse gives all up to the next flag to those that take lists."""
    if name in {"tensor_split", "usecuda", "usecublas", "usevulkan", "ropeconfig"}:
        found = []
        while reading.words and _belongs(name, reading.words[0]):
            found.append(reading.words.popleft())
        return found
    if name in _MAY_BE_ALONE and name != "moecpu":
        return []
    is_number = name == "moecpu" and reading.words and reading.words[0].isdecimal()
    takes_value = name != "moecpu" and reading.words and not is_flag(reading.words[0])
    return [reading.words.popleft()] if is_number or takes_value else []


def _belongs(name: str, word: str) -> bool:
    words = {"normal", "lowvram", "mmq", "nommq", "rowsplit", "all"} if name.startswith("usecu") else set()
    return word in words or re.fullmatch(r"\d*\.?\d+(?:e[+-]?\d+)?", word, re.IGNORECASE) is not None


def _is_quantised(reading: Reading) -> bool:
    return CACHE_TYPES[str(reading.values.get("cache_type_v", "f16"))].is_quantised


def _imported(reading: Reading) -> Imported:
    """Fill in what KoboldCpp decides by itself (1.110 and later)."""
    if _is_quantised(reading) and reading.values.get("flash_attn") == "off":
        reading.values["cache_type_v"] = "f16"
        reading.notes.append(Phrase("Without flash attention KoboldCpp quantises the K cache alone."))
    if "n_gpu_layers" not in reading.values:
        reading.notes.append(Phrase("Without --gpulayers KoboldCpp chooses how many layers the GPU takes."))
    reading.default(
        ctx_size=8192, batch_size=512, ubatch_size=512, flash_attn="on", mmap=False, swa_full=True
    )
    reading.as_every_layer()
    return reading.imported(NAME)
