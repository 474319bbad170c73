"""Chat templates of real models, as their makers wrote them, and what they are made to print."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from kvdesk.engine.llama.template import CHATML, ChatTemplate
from kvdesk.engine.protocol import Message
from kvdesk.errors import EngineError

NOW = datetime(2026, 11, 20, 9, 30)
TEMPLATES = Path(__file__).parent / "templates"

CONVERSATION = (
    Message("system", "Be brief."),
    Message("user", "Hi"),
    Message("assistant", "Hello", reasoning="A greeting."),
    Message("user", "<b>&'Bye'"),
)

# Written out by hand from each model's documentation.
EXPECTED = {
    "qwen3": "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>user\n<b>&'Bye'<|im_end|>\n<|im_start|>assistant\n",
    "phi-3.5": "<|system|>\nBe brief.<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n"
    "<|user|>\n<b>&'Bye'<|end|>\n<|assistant|>\n",
    "granite-3.3": "<|start_of_role|>system<|end_of_role|>Be brief.<|end_of_text|>\n"
    "<|start_of_role|>user<|end_of_role|>Hi<|end_of_text|>\n"
    "<|start_of_role|>assistant<|end_of_role|>Hello<|end_of_text|>\n"
    "<|start_of_role|>user<|end_of_role|><b>&'Bye'<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
    # The system prompt stands before the last question, so that it moves with every turn.
    "mistral-nemo": "<s>[INST]Hi[/INST]Hello</s>[INST]Be brief.\n\n<b>&'Bye'[/INST]",
    # Opens the reasoning block itself, and drops what was thought before.
    "deepseek-r1-distill": "<s>Be brief.<｜User｜>Hi<｜Assistant｜>Hello<｜end▁of▁sentence｜>"
    "<｜User｜><b>&'Bye'<｜Assistant｜><think>\n",
    # Prints the date; the system prompt becomes the developer's message.
    "gpt-oss": "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
    "Knowledge cutoff: 2024-06\nCurrent date: 2026-11-20\n\nReasoning: medium\n\n"
    "# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>"
    "<|start|>developer<|message|># Instructions\n\nBe brief.\n\n<|end|><|start|>user<|message|>Hi<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Hello<|end|>"
    "<|start|>user<|message|><b>&'Bye'<|end|><|start|>assistant",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_template_prints_what_its_model_was_trained_on(name: str) -> None:
    source = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    template = ChatTemplate(source, "<s>", "</s>")
    assert template.accepts_system
    assert template.render(CONVERSATION, NOW) == EXPECTED[name]


# In a process of its own: llama.cpp must not be loaded into this one.
_ORACLE = """
import ctypes, json, sys
from kvdesk.engine.llama.library import llama
source, messages = json.load(sys.stdin)
rows = [llama.llama_chat_message(role=r.encode(), content=c.encode()) for r, c in messages]
buffer = ctypes.create_string_buffer(65536)
array = (llama.llama_chat_message * len(rows))(*rows)
length = llama.llama_chat_apply_template(source.encode(), array, len(rows), True, buffer, len(buffer))
sys.stdout.buffer.write(buffer.raw[:length])
"""


@pytest.mark.llama
@pytest.mark.parametrize("name", ["qwen3", "phi-3.5", "granite-3.3", ""])
def test_llama_cpp_prints_the_same_where_it_knows_the_template(name: str) -> None:
    """`llama_chat_apply_template` knows a few templates by heart; some of them without their odd corners."""
    source = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8") if name else CHATML
    told = json.dumps([source, [(message.role, message.content) for message in CONVERSATION]])
    done = subprocess.run(
        [sys.executable, "-c", _ORACLE], input=told.encode(), capture_output=True, check=True
    )
    assert ChatTemplate(source).render(CONVERSATION, NOW) == done.stdout.decode()


def test_without_a_template_it_is_chatml() -> None:
    for source in (None, "", CHATML):
        assert ChatTemplate(source).render(CONVERSATION, NOW) == EXPECTED["qwen3"]


def test_the_generation_prompt_can_be_left_out() -> None:
    text = ChatTemplate(None).render(CONVERSATION[:3], NOW, add_generation_prompt=False)
    assert text.endswith("Hello<|im_end|>\n")


def test_reasoning_reaches_templates_that_keep_it() -> None:
    source = (
        "{% for m in messages %}[{{ m.reasoning_content or m.thinking or '' }}|{{ m.content }}]{% endfor %}"
    )
    assert ChatTemplate(source).render(CONVERSATION[1:3], NOW) == "[|Hi][A greeting.|Hello]"


# As Gemma 2 does it: a refusal, and roles with other names.
REFUSES_SYSTEM = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}"
    "{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{{ '<' + message['role'] + '>' + message['content'] | trim }}{% endfor %}"
)
IGNORES_SYSTEM = (
    "{% for m in messages if m.role != 'system' %}{{ '<' + m.role + '>' + m.content }}{% endfor %}"
)


@pytest.mark.parametrize(("source", "start"), [(REFUSES_SYSTEM, "<s>"), (IGNORES_SYSTEM, "")])
def test_a_system_prompt_that_would_be_lost_goes_into_the_first_user_message(source: str, start: str) -> None:
    template = ChatTemplate(source, "<s>")
    assert not template.accepts_system
    expected = f"{start}<user>Be brief.\nHi<assistant>Hello<user><b>&'Bye'"
    assert template.render(CONVERSATION, NOW) == expected
    assert template.render(CONVERSATION[:1], NOW) == f"{start}<user>Be brief."


def test_a_template_that_wants_parts_gets_parts() -> None:
    source = (
        "{% for m in messages %}<{{ m.role }}>{% for part in m.content if part.type == 'text' %}"
        "{{ part.text }}{% endfor %}{% endfor %}"
    )
    template = ChatTemplate(source)
    assert template.render(CONVERSATION[:2], NOW) == "<system>Be brief.<user>Hi"


def test_whitespace_and_json_follow_the_conventions_of_training() -> None:
    source = (
        "{% for m in messages %}\n    {% if loop.index > 2 %}\n        {% break %}\n    {% endif %}\n"
        "{{ m.content | tojson }}\n{% generation %}g{% endgeneration %}\n{% endfor %}\n"
    )
    text = ChatTemplate(source).render(CONVERSATION[2:] + CONVERSATION[:1], NOW)
    assert text == '"Hello"\ng"<b>&\'Bye\'"\ng'


def test_a_refusal_is_one_sentence_with_the_templates_own_words() -> None:
    template = ChatTemplate(REFUSES_SYSTEM)
    with pytest.raises(EngineError) as raised:
        template.render((Message("user", "a"), Message("user", "b")), NOW)
    assert (
        raised.value.message == "The model's chat template refuses this conversation: Roles must alternate."
    )


@pytest.mark.parametrize(
    "source",
    [
        "{% for m in messages %}{{ m.content.no.such }}{% endfor %}",
        "{{ messages | no_such_filter }}",
        "{{ 1 // 0 }}",
        "{{ messages.__class__.__mro__ }}",  # the sandbox
        "{% set _ = messages.append(1) %}",  # an immutable one
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% for m in messages %}",
        "{{ 'unclosed }}",
    ],
)
def test_a_broken_template_is_one_sentence(source: str) -> None:
    with pytest.raises(EngineError) as raised:
        ChatTemplate(source).render((Message("user", "Hi"),), NOW)
    assert raised.value.message.startswith("The model's chat template ")
    assert "\n" not in raised.value.message
    assert raised.value.message.count(".") <= raised.value.message.count(".", 0, -1) + 1
    assert raised.value.hint


@pytest.mark.parametrize(
    ("name", "drops"), [("qwen3", True), ("deepseek-r1-distill", True), ("phi-3.5", False), ("", False)]
)
def test_it_is_known_beforehand_that_a_template_leaves_earlier_reasoning_out(name: str, drops: bool) -> None:
    source = (TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8") if name else CHATML
    assert ChatTemplate(source, "<s>", "</s>").drops_reasoning is drops
