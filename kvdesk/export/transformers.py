"""The nearest Python script for Hugging Face transformers, with one of its quantised caches."""

from kvdesk.export.explain import comment
from kvdesk.export.exporter import Exporter, Flag, Launch, context_tokens
from kvdesk.export.other_engine import MODEL, losses, nearest
from kvdesk.export.shells import Shell
from kvdesk.memory.report import Refusal

NEEDED = {"f16": 16.0, "int8": 8.5, "int4": 4.5}
# cache_config by kind: quanto knows 2 and 4 bits, HQQ 8 as well (cache_utils.py).
CONFIGURATIONS: dict[str, dict[str, object]] = {
    "int8": {"backend": "hqq", "nbits": 8, "axis_key": 1, "axis_value": 1},
    "int4": {"backend": "quanto", "nbits": 4, "axis_key": 0, "axis_value": 0},
}
GROUPS: dict[str, object] = {"q_group_size": 64, "residual_length": 128}
EXPRESSED = frozenset({"ctx_size", "cache_type_k", "cache_type_v"})


def flags(launch: Launch) -> tuple[Flag, ...]:
    """The arguments of `generate`, with their values as Python writes them."""
    kind = nearest(launch, NEEDED)
    found: list[Flag] = []
    if tokens := context_tokens(launch):
        found.append(Flag(("max_length", repr(tokens)), "Tokens of prompt and answer together."))
    if kind == "f16":
        return (*found, Flag(("cache_implementation", repr("dynamic")), "A cache in the model's own type."))
    return (
        *found,
        Flag(("cache_implementation", repr("quantized")), "A cache of few bits."),
        Flag(
            ("cache_config", repr(CONFIGURATIONS[kind] | GROUPS)),
            "Groups of 64 values share a scale; the last 128 tokens stay f16.",
        ),
    )


def warnings(launch: Launch) -> tuple[Refusal, ...]:
    """What is lost on the way."""
    return losses(launch, "transformers", EXPRESSED, nearest(launch, NEEDED))


def render(launch: Launch, shell: Shell) -> str:
    """The script."""
    found = flags(launch)
    arguments = "".join(f"    {flag.words[0]}={flag.words[1]},\n" for flag in found)
    return (
        comment("#", "Hugging Face transformers.", found, warnings(launch))
        + "import torch\nfrom transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        f"MODEL = {MODEL!r}\n"
        "tokenizer = AutoTokenizer.from_pretrained(MODEL)\n"
        'model = AutoModelForCausalLM.from_pretrained(MODEL, torch_dtype=torch.float16, device_map="auto")\n'
        'prompt = tokenizer("Hello", return_tensors="pt").to(model.device)\n'
        f"answer = model.generate(\n    **prompt,\n{arguments})\n"
        "print(tokenizer.decode(answer[0], skip_special_tokens=True))\n"
    )


EXPORTER = Exporter(
    "transformers",
    "transformers (Python)",
    flags,
    render,
    warnings,
    EXPRESSED,
    group="engine",
    file_name="generate.py",
)
