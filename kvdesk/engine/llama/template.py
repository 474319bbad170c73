"""Turns a conversation into the text a model was trained on, with the Jinja template from its file.

The environment is what Hugging Face's `apply_chat_template` and llama.cpp's `common/jinja` agree on, so that
a template sees the same names and the same whitespace rules as where it was written.
"""

import json
from collections.abc import Sequence
from datetime import datetime

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

from kvdesk.engine.protocol import Message
from kvdesk.errors import EngineError

# What llama.cpp takes for a model without a template (LLM_CHAT_TEMPLATE_CHATML).
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)

_HINT = "The template is part of the model file; another conversion of this model may carry a working one."
_NEEDLE = "kvdesk-needle"
_REASONING_SIGNS = ("think", "reasoning")


class TemplateRefusal(EngineError):
    """The template raised an exception of its own, as those do that know no system role."""


class ChatTemplate:
    """A compiled chat template.

    `source` is the template's text, None or empty for ChatML; `bos` and `eos` are the texts of the model's
    own tokens. Raises EngineError when the template is not valid Jinja.
    """

    def __init__(self, source: str | None, bos: str = "", eos: str = "") -> None:
        self._names = {"bos_token": bos, "eos_token": eos}
        try:
            self._template = _environment().from_string(source or CHATML)
        except (jinja2.TemplateError, RecursionError) as error:
            raise EngineError(
                "The model's chat template cannot be read: {reason}.", _HINT, reason=_sentence(error)
            ) from error
        # Like llama.cpp's capability checks (caps.cpp): some templates print only lists of parts, some
        # refuse a system message or leave it out without a word.
        self._wants_parts = not self._prints([Message("user", _NEEDLE)], with_parts=False) and self._prints(
            [Message("user", _NEEDLE)], with_parts=True
        )
        question = Message("user", "u")
        thought = [question, Message("assistant", "a", _NEEDLE), question]
        # It would print the reasoning of an answer, and does not once another question follows.
        self.drops_reasoning = any(sign in (source or "") for sign in _REASONING_SIGNS) and not self._prints(
            thought, with_parts=self._wants_parts
        )
        self.accepts_system = self._prints(
            [Message("system", _NEEDLE), Message("user", "u")], with_parts=self._wants_parts
        )

    def render(
        self, messages: Sequence[Message], now: datetime, *, add_generation_prompt: bool = True
    ) -> str:
        """Return the conversation as text, the beginning of the next answer included unless told otherwise.

        `now` is what `strftime_now` prints; one conversation keeps one time, or its beginning would change
        under the cache. Raises EngineError with the template's own words when it refuses the conversation.
        """
        told = list(messages) if self.accepts_system else _fold_system(messages)
        return self._render(told, now, add_generation_prompt, self._wants_parts)

    def _prints(self, messages: list[Message], *, with_parts: bool) -> bool:
        try:
            return _NEEDLE in self._render(messages, datetime.now(), True, with_parts)
        except EngineError:
            return False

    def _render(
        self, messages: Sequence[Message], now: datetime, add_generation_prompt: bool, with_parts: bool
    ) -> str:
        try:
            return self._template.render(
                messages=[_as_dict(message, with_parts) for message in messages],
                add_generation_prompt=add_generation_prompt,
                enable_thinking=True,  # llama-server's default; Qwen and Gemma ask for it
                raise_exception=_raise_exception,
                strftime_now=now.strftime,
                **self._names,
            )
        except TemplateRefusal as error:
            raise EngineError(
                "The model's chat template refuses this conversation: {reason}.", reason=_sentence(error)
            ) from error
        except Exception as error:  # a template is a program: it can fail in any way a program can
            raise EngineError(
                "The model's chat template failed: {reason}.", _HINT, reason=_sentence(error)
            ) from error


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.BaseLoader(),
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Generation, loopcontrols],
    )
    environment.filters["tojson"] = _to_json
    return environment


class _Generation(Extension):
    """Passes through `{% generation %}`, with which training marks the assistant's part."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Return the statements inside as if the tags were not there."""
        parser.stream.skip(1)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _to_json(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """Jinja's own filter escapes for HTML; a model was trained on plain JSON."""
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> None:
    raise TemplateRefusal("{reason}", reason=message)


def _as_dict(message: Message, with_parts: bool) -> dict[str, object]:
    content = [{"type": "text", "text": message.content}] if with_parts else message.content
    told: dict[str, object] = {"role": message.role, "content": content}
    if message.reasoning:
        # Qwen, DeepSeek and GLM read the first name, gpt-oss the second; a template that knows neither
        # drops what was thought, which is what its model was trained with.
        told |= {"reasoning_content": message.reasoning, "thinking": message.reasoning}
    return told


def _fold_system(messages: Sequence[Message]) -> list[Message]:
    """Put the system message in front of the first user message, as llama.cpp does."""
    system = "\n".join(message.content for message in messages if message.role == "system")
    told = [message for message in messages if message.role != "system"]
    if not system:
        return told
    for place, message in enumerate(told):
        if message.role == "user":
            return [*told[:place], Message("user", f"{system}\n{message.content}"), *told[place + 1 :]]
    return [Message("user", system), *told]


def _sentence(error: BaseException) -> str:
    """An exception's text on one line, without a full stop, so that it fits into a sentence."""
    text = error.message if isinstance(error, EngineError) else str(error) or type(error).__name__
    return " ".join(text.split()).rstrip(".!")
