"""A Python script that opens the model with llama-cpp-python's low-level functions.

The high-level class has no number of sequences of its own, no separate outputs and no -ot; the structs of
llama.h have all of them, so the script fills those.
"""

from kvdesk.export.explain import comment, warning
from kvdesk.export.exporter import Exporter, Flag, Launch, is_url
from kvdesk.export.llama_flags import EXPRESSED as BY_FLAGS
from kvdesk.export.llama_flags import LOAD_MODES, check_commas, lost_warnings, why
from kvdesk.export.shells import Shell
from kvdesk.memory.cache_types import CACHE_TYPES
from kvdesk.memory.report import Refusal
from kvdesk.phrases import Phrase
from kvdesk.plan.options import BY_NAME

# llama.h's enums by our words: llama_flash_attn_type, llama_split_mode, llama_rope_scaling_type, ggml_type.
ENUMS: dict[str, dict[str, int]] = {
    "flash_attn": {"auto": -1, "off": 0, "on": 1},
    "split_mode": {"none": 0, "layer": 1, "row": 2, "tensor": 3},
    "rope_scaling": {"": -1, "none": 0, "linear": 1, "yarn": 2},
    "cache_type_k": {row.name: row.ggml_id for row in CACHE_TYPES},
    "cache_type_v": {row.name: row.ggml_id for row in CACHE_TYPES},
}
MODES = {"none": 0, "layer": 1, "row": 2, "tensor": 3}  # enum llama_split_mode
ROPE_SCALING = {"": -1, "none": 0, "linear": 1, "yarn": 2}  # enum llama_rope_scaling_type
MODES = {"auto": -1, "none": 0, "mlock": 2, "mmap+mlock": 3}  # enum llama_load_mode

# Our name and the field of llama_model_params or llama_context_params.
MODEL_FIELDS: dict[str, str] = {
    "n_gpu_layers": "n_gpu_layers",
    "split_mode": "split_mode",
    "main_gpu": "main_gpu",
    "repack": "use_extra_bufts",
}
CONTEXT_FIELDS: dict[str, str] = {
    "ctx_size": "n_ctx",
    "batch_size": "n_batch",
    "ubatch_size": "n_ubatch",
    "parallel": "n_seq_max",
    "cache_type_k": "type_k",
    "cache_type_v": "type_v",
    "flash_attn": "flash_attn_type",
    "kv_offload": "offload_kqv",
    "op_offload": "op_offload",
    "swa_full": "swa_full",
    "kv_unified": "kv_unified",
    "rope_scaling": "rope_scaling_type",
    "rope_freq_base": "rope_freq_base",
    "rope_freq_scale": "rope_freq_scale",
    "yarn_orig_ctx": "yarn_orig_ctx",
    "yarn_ext_factor": "yarn_ext_factor",
    "yarn_attn_factor": "yarn_attn_factor",
    "yarn_beta_fast": "yarn_beta_fast",
    "yarn_beta_slow": "yarn_beta_slow",
    "threads": "n_threads",
    "threads_batch": "n_threads_batch",
}
# Placing tensors and devices by name needs more than numbers in a struct; a script of a page leaves it out.
WITHOUT = frozenset({"device", "override_tensor", "cpu_moe", "n_cpu_moe", "rpc"})
EXPRESSED = (BY_FLAGS | {"n_outputs_max"}) - WITHOUT


def model_values(launch: Launch) -> dict[str, Flag]:
    """Fields of llama_model_params and what they are set to, in Python."""
    options = launch.options
    found = {
        field: Flag((field, _python(name, getattr(options, name))), why(BY_NAME[name]))
        for name, field in MODEL_FIELDS.items()
    }
    mode = MODES[LOAD_MODES[options.mmap, options.mlock]]
    found["load_mode"] = Flag(("load_mode", str(mode)), "Whether the file is mapped, and locked in memory.")
    return found


def context_values(launch: Launch) -> dict[str, Flag]:
    """Fields of llama_context_params and what they are set to, in Python."""
    options = launch.options
    found = {}
    for name, field in CONTEXT_FIELDS.items():
        value = getattr(options, name)
        if name == "threads_batch":
            value = value or options.threads
        if name in {"threads", "threads_batch"} and not value:
            continue  # llama.cpp's own choice
        if name == "rope_freq_scale" and options.rope_scale:
            value = 1 / options.rope_scale
        found[field] = Flag((field, _python(name, value)), why(BY_NAME[name]))
    outputs = options.parallel if options.n_outputs_max is None else options.n_outputs_max
    found["n_outputs_max"] = Flag(("n_outputs_max", str(outputs)), why(BY_NAME["n_outputs_max"]))
    return found


def flags(launch: Launch) -> tuple[Flag, ...]:
    """All fields, the model's first. Raises ExportError for an override with a comma."""
    check_commas(launch.options.override_tensor)
    return (*model_values(launch).values(), *context_values(launch).values())


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What the script leaves out."""
    found = lost_warnings(launch, "llama-cpp-python", EXPRESSED)
    if not is_url(launch.model):
        return found
    return (
        *found,
        warning(
            "model",
            Phrase("llama-cpp-python opens files, not addresses."),
            Phrase("Download the file first."),
        ),
    )


def render(launch: Launch, shell: Shell) -> str:
    """The script."""
    found = flags(launch)
    model = "".join(
        f"model_params.{flag.words[0]} = {flag.words[1]}\n" for flag in model_values(launch).values()
    )
    context = "".join(
        f"params.{flag.words[0]} = {flag.words[1]}\n" for flag in context_values(launch).values()
    )
    split = launch.options.tensor_split
    if split:
        shares = ", ".join(repr(share) for share in split)
        model += (
            "shares = (ctypes.c_float * llama_cpp.llama_max_devices())"
            f"({shares})\nmodel_params.tensor_split = shares\n"
        )
    head = comment("#", "llama-cpp-python 0.3.36.", found, warnings(launch))
    return (
        f"{head}{'import ctypes' + chr(10) if split else ''}import os\n\nimport llama_cpp\n\n"
        f"MODEL = os.path.expanduser({launch.model!r})\n\n"
        "llama_cpp.llama_backend_init()\n"
        f"model_params = llama_cpp.llama_model_default_params()\n{model}"
        "model = llama_cpp.llama_model_load_from_file(MODEL.encode(), model_params)\n"
        'assert model, f"{MODEL} cannot be loaded"\n\n'
        f"params = llama_cpp.llama_context_default_params()\n{context}"
        "context = llama_cpp.llama_init_from_model(model, params)\n"
        'assert context, "the context cannot be made"\n'
        'print("context:", llama_cpp.llama_n_ctx(context), "tokens")\n\n'
        "llama_cpp.llama_free(context)\nllama_cpp.llama_model_free(model)\n"
    )


def _python(name: str, value: object) -> str:
    return str(ENUMS[name][str(value)]) if name in ENUMS else repr(value)


EXPORTER = Exporter(
    "llama-cpp-python",
    "llama-cpp-python (script)",
    flags,
    render,
    warnings,
    EXPRESSED,
    file_name="launch.py",
)
