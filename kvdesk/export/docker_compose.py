"""A Docker Compose service that runs llama-server from llama.cpp's own image."""

import json

from kvdesk.export.explain import comment, warning
from kvdesk.export.exporter import Exporter, Flag, Launch, folder_and_file, home_as, is_url
from kvdesk.export.llama_flags import EXPRESSED, WRITTEN_FOR, model_flag, server_flags, server_warnings
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase

IMAGE = "ghcr.io/ggml-org/llama.cpp:server"
MODELS = "/models"  # where the model's folder is seen inside
HOME = "${HOME}"


def flags(launch: Launch) -> tuple[Flag, ...]:
    """llama-server's flags, the model as seen inside. Raises ExportError as `option_flags` does."""
    model = launch.model if is_url(launch.model) else f"{MODELS}/{folder_and_file(launch.model)[1]}"
    return (model_flag(model), *server_flags(launch))


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What llama-server cannot be told, and that the plain image has no GPU."""
    found = server_warnings(launch)
    if launch.options.n_gpu_layers == 0:
        return found
    return (
        *found,
        warning(
            "n_gpu_layers",
            Phrase("The plain image computes on the processor."),
            Phrase("Take :server-cuda, :server-rocm or :server-vulkan and give the service your GPU."),
        ),
    )


def render(launch: Launch, shell: Shell) -> str:
    """The file. Every text is a JSON string, which YAML reads, with Compose's own $ doubled."""
    found = flags(launch)
    head = comment("#", f"Docker Compose, flags of {WRITTEN_FOR}.", found[1:], warnings(launch))
    lines = ["services:", "  llama-server:", f"    image: {_text(IMAGE)}", "    command:"]
    lines += [f"      - {_text(word)}" for flag in found for word in flag.words]
    if not is_url(launch.model):
        source = home_as(_doubled(folder_and_file(launch.model)[0]) + "/", HOME).removesuffix("/")
        lines += [
            "    volumes:",
            "      - type: bind",
            f"        source: {json.dumps(source or '/', ensure_ascii=False)}",
            f"        target: {_text(MODELS)}",
            "        read_only: true",
        ]
    lines += ["    ports:", '      - "127.0.0.1:8080:8080"']
    if launch.options.mlock:
        lines += ["    ulimits:", "      memlock: -1"]
    return head + "".join(f"{line}\n" for line in lines)


def _doubled(text: str) -> str:
    return text.replace("$", "$$")


def _text(text: str) -> str:
    return json.dumps(_doubled(text), ensure_ascii=False)


EXPORTER = Exporter(
    "docker-compose",
    "Docker Compose (YAML)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="compose.yaml",
)
