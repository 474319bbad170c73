"""Launch commands and files for other programs, one target a file, and the way back."""

from dataclasses import dataclass

from kvdesk.errors import ExportError
from kvdesk.export import (
    docker_compose,
    gpustack,
    koboldcpp,
    lightllm,
    llama_bench,
    llama_box,
    llama_cli,
    llama_cpp_python,
    llama_perplexity,
    llama_server,
    llama_swap,
    lm_studio,
    lmdeploy,
    model_presets,
    ollama,
    systemd,
    tabby_api,
    text_generation_webui,
    transformers,
    vllm,
)
from kvdesk.export.exporter import Exporter, Flag, Launch
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

TARGETS: tuple[Exporter, ...] = (
    llama_server.EXPORTER,
    llama_cli.EXPORTER,
    llama_bench.EXPORTER,
    llama_perplexity.EXPORTER,
    model_presets.EXPORTER,
    llama_swap.EXPORTER,
    ollama.EXPORTER,
    koboldcpp.EXPORTER,
    koboldcpp.FILE,
    text_generation_webui.EXPORTER,
    lm_studio.EXPORTER,
    llama_cpp_python.EXPORTER,
    docker_compose.EXPORTER,
    systemd.EXPORTER,
    gpustack.EXPORTER,
    llama_box.EXPORTER,
    lmdeploy.EXPORTER,
    lightllm.EXPORTER,
    tabby_api.EXPORTER,
    vllm.EXPORTER,
    transformers.EXPORTER,
)


def target(name: str) -> Exporter:
    """Return the exporter of a name. Raises ExportError naming those there are."""
    for exporter in TARGETS:
        if exporter.name == name:
            return exporter
    raise ExportError(
        "There is no export target “{name}”.",
        "Choose one of {names}.",
        name=name,
        names=", ".join(exporter.name for exporter in TARGETS),
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A launch for a target: its text, what the target cannot say, and flags the text leaves bare."""

    text: str
    warnings: tuple[Refusal, ...]
    unexplained: tuple[Flag, ...]


def write(exporter: Exporter, launch: Launch, shell: Shell) -> Written:
    """Write a launch for a target. Raises ExportError for what the target's text cannot hold."""
    unexplained = () if exporter.has_comments else exporter.flags(launch)
    return Written(exporter.render(launch, shell), exporter.warnings(launch), unexplained)


def file_name(exporter: Exporter, shell: Shell) -> str:
    """What a target's text is saved as: a command with the ending of its shell's scripts."""
    return exporter.file_name + (shell.ending if exporter.uses_shell else "")
