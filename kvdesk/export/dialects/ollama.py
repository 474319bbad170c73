"""Ollama's Modelfile, and the variables of its server that decide memory."""

import re
from collections.abc import Mapping

from kvdesk.export.dialects.imported import Imported, Reading, Setter, named, sets
from kvdesk.phrases import Phrase

NAME = "ollama"

_VARIABLE = re.compile(
    r"^\s*(?:#\s*)?(?:export\s+|set\s+|\$env:|Environment=)?[\"']?(OLLAMA_[A-Z_]+)\s*=\s*[\"']?([^\s\"';]*)"
)
_BLOCK = re.compile(r'"""(?:(?!""").)*(?:"""|\Z)', re.DOTALL)


def _batch(reading: Reading, words: list[str]) -> None:
    reading.read("batch_size", words[0])
    reading.read("ubatch_size", words[0])


_PARAMETERS: dict[str, Setter] = {
    "num_ctx": sets("ctx_size"),
    "num_batch": _batch,
    "num_gpu": sets("n_gpu_layers"),
    "num_thread": sets("threads"),
    "main_gpu": sets("main_gpu"),
    "use_mmap": sets("mmap"),
    "use_mlock": sets("mlock"),
}


def read_file(text: str) -> Imported:
    """Read a Modelfile, with the server's variables on lines of their own, commented out or not."""
    reading = Reading.of(())
    variables: dict[str, str] = {}
    for line in _BLOCK.sub('"…"', text).splitlines():
        if match := _VARIABLE.match(line):
            variables[match[1]] = match[2]
            continue
        words = line.split(None, 2)
        if not words or words[0].startswith("#"):
            continue
        instruction = words[0].upper()
        if instruction == "FROM" and len(words) > 1:
            reading.model = line.split(None, 1)[1].strip().strip("\"'")
        elif instruction != "PARAMETER" or not named(
            _PARAMETERS, reading, words[1:2][0] if words[1:] else "", words[2:]
        ):
            reading.unknown.append(line.strip()[:120])
    return read_variables(reading, variables)


def read_variables(reading: Reading, variables: Mapping[str, str]) -> Imported:
    """Take the server's variables in, and what Ollama decides by itself."""
    for name, value in variables.items():
        match name:
            case "OLLAMA_CONTEXT_LENGTH" if value:
                if "ctx_size" not in reading.values:
                    reading.read("ctx_size", value)
            case "OLLAMA_NUM_PARALLEL" if value and value != "0":
                reading.read("parallel", value)
            case "OLLAMA_FLASH_ATTENTION" if value:
                reading.read("flash_attn", value)
            case "OLLAMA_KV_CACHE_TYPE" if value:
                reading.read("cache_type_k", value)
                reading.read("cache_type_v", value)
            case _:
                reading.unknown.append(f"{name}={value}")
    if "ctx_size" not in reading.values:
        reading.notes.append(
            Phrase("Without num_ctx Ollama chooses the context by the GPU's memory; 4096 is assumed.")
        )
    reading.default(ctx_size=4096, batch_size=512, ubatch_size=512)
    if reading.values.get("flash_attn") == "off" and reading.values.get("cache_type_v", "f16") != "f16":
        reading.values |= {"cache_type_k": "f16", "cache_type_v": "f16"}
        reading.notes.append(Phrase("Without flash attention Ollama keeps the cache at f16."))
    if "n_gpu_layers" not in reading.values:
        reading.notes.append(Phrase("Without num_gpu Ollama chooses how many layers the GPU takes."))
    slots, context = reading.values.get("parallel", 1), reading.values["ctx_size"]
    assert isinstance(slots, int)
    assert isinstance(context, int)
    reading.values["ctx_size"] = slots * context  # num_ctx is of each slot
    reading.as_every_layer()
    return reading.imported(NAME)
