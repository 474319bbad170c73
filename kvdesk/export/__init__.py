"""Launch commands and files for other programs, one target a file, and the way back."""

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
from kvdesk.export.exporter import Exporter, Launch, below_home
from kvdesk.export.shells import BY_NAME, ShellName
from kvdesk.memory.shape import ModelShape
from kvdesk.plan.options import LoadOptions

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


def render(
    name: str,
    path: str,
    options: LoadOptions,
    shape: ModelShape | None = None,
    shell: ShellName = "bash",
    home: str | None = None,
) -> str:
    """The launch command for a target; the user's home directory (or `home`) is written as `~`.

    Raises ExportError for an unknown target, and for what no command line can say.
    """
    launch = Launch(below_home(path, home), options, shape)
    return target(name).render(launch, BY_NAME[shell])
