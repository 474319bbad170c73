"""The nearest LightLLM command: one pool of tokens, in f16 or int8."""

from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.llama_flags import command
from kvdesk.export.other_engine import MODEL, losses, nearest
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

INT8 = "triton_int8kv"
NEEDED = {"f16": 16.0, INT8: 8.5}
EXPRESSED = frozenset({"ctx_size", "cache_type_k", "cache_type_v", "parallel", "ubatch_size"})


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The flags of the nearest launch."""
    options, tokens = launch.options, context_tokens(launch)
    found = [Flag(("--model_dir", MODEL), "The original model's folder.")]
    if tokens:
        found += [
            Flag(("--max_total_token_num", str(tokens)), "Tokens in the cache, of all sequences together."),
            Flag(("--max_req_total_len", str(tokens // options.parallel)), "Tokens of one sequence."),
        ]
    else:
        found.append(Flag(("--mem_fraction", "0.9"), "The part of the memory that weights and cache take."))
    if nearest(launch, NEEDED) == INT8:
        found.append(Flag(("--mode", INT8), "An int8 cache; otherwise f16."))
    return (
        *found,
        Flag(("--running_max_req_size", str(options.parallel)), "Sequences at once."),
        Flag(("--chunked_prefill_size", str(options.ubatch_size)), "Tokens read at once."),
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What is lost on the way."""
    kind = "int8" if nearest(launch, NEEDED) == INT8 else "f16"
    return losses(launch, "LightLLM", EXPRESSED, kind)


def render(launch: Launch, shell: Shell) -> str:
    """The command for a shell, below comments that explain each flag."""
    program = "python -m lightllm.server.api_server"
    return command(program, shell, flags(launch), warnings(launch), "its command line")


EXPORTER = Exporter(
    "lightllm",
    "LightLLM",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="engine",
    file_name="lightllm",
    uses_shell=True,
)
