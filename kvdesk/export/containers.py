"""Reads what runs in a container (docker run, a Compose service) as the command that it is inside."""

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kvdesk.errors import ExportError
from kvdesk.export.dialects import kobold, ollama
from kvdesk.export.dialects.imported import Imported, Reading
from kvdesk.export.programs import find_program, read_program

_ALONE = re.compile(
    r"-[ditP]+|--(rm|init|privileged|detach|interactive|tty|read-only|publish-all|no-healthcheck|oom-kill-disable)"
)
# What tools.sh in llama.cpp's “full” image calls.
_FULL = {
    "--run": "llama-cli",
    "-r": "llama-cli",
    "--run-legacy": "llama-completion",
    "-l": "llama-completion",
    "--bench": "llama-bench",
    "-b": "llama-bench",
    "--perplexity": "llama-perplexity",
    "-p": "llama-perplexity",
    "--server": "llama-server",
    "-s": "llama-server",
}


@dataclass(slots=True)
class Container:
    """What is run: an image, the words for it, its variables, and (host, inside) folders."""

    image: str = ""
    entrypoint: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    folders: list[tuple[str, str]] = field(default_factory=list)


def read_run(words: Sequence[str]) -> Imported:
    """Read the words after “docker run”. Raises ExportError where no image is named."""
    rest, found = deque(words), Container()
    while rest and rest[0].startswith("-"):
        flag, has_value, value = rest.popleft().partition("=")
        if flag == "--":
            break
        if not has_value and not _ALONE.fullmatch(flag):
            value = rest.popleft() if rest else ""
        if flag in {"-e", "--env"}:
            name, _, text = value.partition("=")
            found.variables[name] = text
        elif flag in {"-v", "--volume"}:
            add_folder(found, value)
        elif flag == "--entrypoint":
            found.entrypoint = [value]
    if not rest:
        raise ExportError("This “docker run” names no image.", "Paste the whole command.")
    found.image = rest.popleft()
    found.words = [word for place, word in enumerate(rest) if place or word != "--"]
    return read_container(found)


def add_folder(container: Container, text: str) -> None:
    """Note a volume as it is written: “host:inside” or “host:inside:ro”; a Windows drive has a colon too."""
    match = re.fullmatch(r"((?:[A-Za-z]:[\\/])?[^:]+):(/[^:]*)(?::[a-zA-Z,]+)?", text)
    if match:
        container.folders.append((match[1], match[2].rstrip("/")))


def read_container(container: Container) -> Imported:
    """Read its words as its image's program does; the model's path is that on the host where it is known."""
    target, words = _program(container)
    if target == ollama.NAME:
        read = ollama.read_variables(Reading.of(()), container.variables)
    else:
        read = read_program(target, words, container.variables)
    return replace(read, model=_on_host(read.model, container.folders))


def _program(container: Container) -> tuple[str, list[str]]:
    words = [*container.entrypoint, *container.words]
    if found := find_program(words):
        return found.name, found.after
    image, tag = container.image.partition(":")[::2] if ":" in container.image else (container.image, "")
    if "koboldcpp" in image:
        return kobold.NAME, words
    if image.endswith("ollama"):
        return ollama.NAME, words
    if tag.startswith("light"):
        return "llama-cli", words
    if tag.startswith("full") and words and words[0] in _FULL:
        return _FULL[words[0]], words[1:]
    return "llama-server", words


def _on_host(path: str, folders: Sequence[tuple[str, str]]) -> str:
    # The images start in /app, but their documentation writes “models/…” for “/models/…”.
    whole = path if path.startswith("/") or not path else f"/{path}"
    for host, inside in folders:
        if whole.startswith(f"{inside}/"):
            return host.rstrip("/\\") + whole[len(inside) :]
    return path


def variables_of(written: object) -> dict[str, str]:
    """Variables as Compose and llama-swap have them: a mapping, or a list of “NAME=value”."""
    if isinstance(written, Mapping):
        return {str(name): str(value) for name, value in written.items()}
    if isinstance(written, list):
        pairs = (str(each).partition("=") for each in written)
        return {name: value for name, _, value in pairs}
    return {}
