"""Reads a split set (`name-00001-of-0000N.gguf`) as the one model that it is."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from kvdesk.errors import Corrupt, GgufError
from kvdesk.gguf.header import Header, read_header

# llama_split_path; anything may follow in a URL.
_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.gguf)")
_MAX_PARTS = 9999


def read_model(path: str | Path, read: Callable[[str], Header] = read_header) -> Header:
    """Read a model's header; the first file of a split set stands for all its files.

    The tensors of all files come with their `file_index`, `file_bytes` is the sum. `read` reads one file.
    Raises GgufError, also when another part than the first is given or a part is missing.
    """
    header = read(str(path))
    count = header.get("split.count", 1)
    if not isinstance(count, int) or count <= 1:
        return header
    first = _part_path(header, 1, count)
    if header.get("split.no", 0) != 0:
        raise GgufError(
            "“{name}” is a later part of a model in {count} files.",
            "Open its first part, which stands for all: {first}",
            name=header.path,
            count=count,
            first=first,
        )
    parts = [header]
    for number in range(2, count + 1):
        parts.append(_read_part(header, number, count, read))
    return _joined(parts)


def _part_path(header: Header, number: int, count: int) -> str:
    """The path of a part, from the name of one of them (llama_split_prefix)."""
    found = _PART.search(header.path)
    if found is None or int(found[2]) != count or count > _MAX_PARTS:
        raise GgufError(
            "“{name}” is one of {count} files of a model, but its name does not say which.",
            "Give the files back their names, like model-00001-of-{count:05d}.gguf.",
            name=header.path,
            count=count,
        )
    return f"{header.path[: found.start()]}-{number:05d}-of-{count:05d}{header.path[found.end() :]}"


def _read_part(first: Header, number: int, count: int, read: Callable[[str], Header]) -> Header:
    path = _part_path(first, number, count)
    if "://" not in path and not Path(path).exists():
        raise GgufError(
            "Part {number} of {count} of the model is missing: {path}",
            "Put all parts in one folder, under the names they were published with.",
            number=number,
            count=count,
            path=path,
        )
    part = read(path)
    if part.get("split.no") != number - 1 or part.get("split.count") != count:
        raise Corrupt(
            "“{path}” says that it is not part {number} of {count}.",
            "Fetch this part again, under the name it was published with.",
            path=path,
            number=number,
            count=count,
        )
    return part


def _joined(parts: list[Header]) -> Header:
    tensors = tuple(
        replace(tensor, file_index=index) for index, part in enumerate(parts) for tensor in part.tensors
    )
    announced = parts[0].get("split.tensors.count", len(tensors))
    if len({tensor.name for tensor in tensors}) != len(tensors) or announced != len(tensors):
        raise Corrupt(
            "The {count} files of “{name}” do not belong together: they hold {found:,} tensors of {due}.",
            "Fetch all parts from one place.",
            count=len(parts),
            name=parts[0].path,
            found=len({tensor.name for tensor in tensors}),
            due=announced,
        )
    return replace(
        parts[0],
        tensors=tensors,
        file_bytes=sum(part.file_bytes for part in parts),
        paths=tuple(part.path for part in parts),
    )
