"""The models that are measured: real headers whose weights are holes, one or more of each kind."""

import json
import os
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kvdesk.errors import OptionError
from kvdesk.gguf.open import open_model
from kvdesk.memory.families import shape_of
from kvdesk.memory.shape import ModelShape
from kvdesk.resources import DEMO_MODEL, resolve_model


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file and the kind of memory it stands for."""

    file: str
    kind: str


# In the order of their value: where time runs out, the kinds that differ most have been measured.
MODELS = (
    ModelFile("Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf", "dense, grouped heads"),
    ModelFile("gemma-3-4b-it-Q4_K_M.gguf", "sliding window"),
    ModelFile("gpt-oss-20b-mxfp4.gguf", "mixture, sliding window"),
    ModelFile("DeepSeek-V2-Lite-Chat-Q4_K_M.gguf", "latent attention, mixture"),
    ModelFile("granite-4.0-h-tiny-Q4_K_M.gguf", "mamba-2 hybrid, mixture"),
    ModelFile("LFM2-1.2B-Q4_K_M.gguf", "convolution hybrid"),
    ModelFile("rwkv7-2.9B-world-Q8_0.gguf", "recurrent"),
    ModelFile("Qwen3.6-35B-A3B-Q4_K_M.gguf", "delta-net hybrid, mixture"),
    ModelFile("gemma-4-E2B-it-Q8_0.gguf", "shared cache, sliding window"),
    ModelFile("Qwen3-30B-A3B-Instruct-2507-Q4_K_M.gguf", "mixture"),
    ModelFile("Phi-3.5-mini-instruct-Q4_K_M.gguf", "dense, all heads"),
    ModelFile("gemma-2b-it-Q8_0.gguf", "dense, one head"),
    ModelFile("Llama-3.2-1B-Instruct-Q4_K_M.gguf", "dense, tied embeddings"),
    ModelFile("Qwen3-0.6B-Q8_0.gguf", "dense, tied embeddings"),
    ModelFile(DEMO_MODEL, "dense, the built-in one"),
)
# On the CPU zeros become real memory when they are repacked, so only small ones are loaded unless asked for.
SMALL_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A model's file with its shape."""

    file: str
    kind: str
    path: str
    shape: ModelShape


def chosen_models(names: Sequence[str]) -> tuple[ModelFile, ...]:
    """The models whose file contains one of the names; without names all but the built-in one.

    Raises OptionError for a name that is in none.
    """
    if not names:
        return tuple(model for model in MODELS if model.file != DEMO_MODEL)
    for name in names:
        if not any(name.lower() in model.file.lower() for model in MODELS):
            raise OptionError(
                "No model to measure is called “{name}”.",
                "There are: {files}.",
                name=name,
                files=", ".join(model.file for model in MODELS),
            )
    return tuple(model for model in MODELS if any(name.lower() in model.file.lower() for name in names))


def open_models(models: Sequence[ModelFile], folder: Path, headers: Path | None) -> tuple[OpenedFile, ...]:
    """Open the models in `folder`, unpacking those that are missing from the archive of headers."""
    missing = [m.file for m in models if m.file != DEMO_MODEL and not (folder / m.file).exists()]
    if missing:
        unpack(missing, folder, headers)
    opened = []
    for model in models:
        path = resolve_model(model.file) if model.file == DEMO_MODEL else str(folder / model.file)
        opened.append(OpenedFile(model.file, model.kind, path, shape_of(open_model(path))))
    return tuple(opened)


def unpack(files: Sequence[str], folder: Path, headers: Path | None) -> None:
    """Write each file's header and stretch it to its full length; the weights are a hole of zeros.

    Raises OptionError where the archive does not have them.
    """
    if headers is None or not headers.is_file():
        raise OptionError(
            "{folder} has no {file}.",
            "Name the archive of headers with --headers.",
            folder=folder,
            file=files[0],
        )
    folder.mkdir(parents=True, exist_ok=True)
    wanted = set(files)
    with tarfile.open(headers) as archive:
        sizes: dict[str, int] = {}
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            if member.name == "sizes.json":
                sizes = json.load(stream)
            elif member.name in wanted:
                (folder / member.name).write_bytes(stream.read())
                wanted.discard(member.name)
    if wanted:
        raise OptionError("{headers} has no {file}.", headers=headers, file=sorted(wanted)[0])
    for file in files:
        os.truncate(folder / file, sizes[file])
