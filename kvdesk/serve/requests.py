"""Reads what a client asks: JSON of OpenAI's shape into messages and sampler settings."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec

from kvdesk.engine.protocol import Message, Role
from kvdesk.errors import OptionError
from kvdesk.plan.sampling import SAMPLER_OPTIONS, Sampling

_ROLES: dict[object, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
# What would change the answer and is not done here, unless it asks for what happens anyway.
_NOT_DONE: Mapping[str, tuple[object, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "tools": (None, []),
    "functions": (None, []),
    "response_format": (None, {"type": "text"}),
    "logprobs": (None, False),
    "logit_bias": (None, {}),
    "echo": (None, False),
    "suffix": (None, ""),
    "audio": (None,),
    "grammar": (None, ""),
    "json_schema": (None, {}),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for text. `includes_usage`: a stream is to end with the figures."""

    sampling: Sampling
    stop: tuple[str, ...]
    is_streamed: bool
    includes_usage: bool
    messages: tuple[Message, ...] = ()
    prompt: str = ""


def read_chat(data: bytes, defaults: Sampling) -> Asked:
    """Read a request to /v1/chat/completions. Raises OptionError."""
    body = _object(data)
    said = body.get("messages")
    if not isinstance(said, list) or not said:
        raise OptionError("“messages” must be a list with at least one message.")
    return replace(_read(body, defaults), messages=tuple(_message(each) for each in said))


def read_completion(data: bytes, defaults: Sampling) -> Asked:
    """Read a request to /v1/completions. Raises OptionError."""
    body = _object(data)
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise OptionError("“prompt” must be a text that is not empty; several are asked one by one.")
    return replace(_read(body, defaults), prompt=prompt)


def read_tokenize(data: bytes) -> tuple[str, bool]:
    """Read a request to /tokenize, of llama-server's shape: the text, and whether it begins a prompt."""
    body = _object(data)
    text, is_start = body.get("content"), body.get("add_special", False)
    if not isinstance(text, str) or not isinstance(is_start, bool):
        raise OptionError("“content” must be a text, and “add_special” true or false.")
    return text, is_start


def _object(data: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OptionError("The request is not a JSON object: {reason}.", reason=str(error)) from error


def _read(body: dict[str, Any], defaults: Sampling) -> Asked:
    for name, accepted in _NOT_DONE.items():
        if body.get(name) not in accepted:
            raise OptionError("“{name}” is not supported here.", "Leave it out.", name=name)
    stream_options = body.get("stream_options")
    return Asked(
        sampling=_sampling(body, defaults),
        stop=_stop(body.get("stop")),
        is_streamed=body.get("stream") is True,
        includes_usage=isinstance(stream_options, dict) and stream_options.get("include_usage") is True,
    )


def _sampling(body: dict[str, Any], defaults: Sampling) -> Sampling:
    """Every setting by its own name, and the longest answer also by OpenAI's newer one."""
    values = {**body, "max_tokens": body.get("max_completion_tokens") or body.get("max_tokens")}
    changes: dict[str, float] = {}
    for row in SAMPLER_OPTIONS:
        value = values.get(row.name)
        if value is None:
            continue
        try:
            number = cast("float", msgspec.convert(value, row.value_type))
        except msgspec.ValidationError:
            raise OptionError("“{name}” must be a number.", name=row.name) from None
        if not row.spec.minimum <= number <= row.spec.maximum:
            raise OptionError(
                "“{name}” must be between {minimum:g} and {maximum:g}.",
                name=row.name,
                minimum=row.spec.minimum,
                maximum=row.spec.maximum,
            )
        changes[row.name] = number
    return msgspec.structs.replace(defaults, **changes)


def _stop(said: object) -> tuple[str, ...]:
    texts = [said] if isinstance(said, str) else said or []
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise OptionError("“stop” must be a text or a list of texts.")
    return tuple(text for text in texts if text)


def _message(said: object) -> Message:
    if not isinstance(said, dict) or said.get("role") not in _ROLES:
        raise OptionError("A message needs a role: system, developer, user or assistant.")
    reasoning = said.get("reasoning_content") or said.get("reasoning") or ""
    if not isinstance(reasoning, str):
        raise OptionError("“reasoning_content” must be a text.")
    return Message(_ROLES[said["role"]], _content(said.get("content")), reasoning)


def _content(said: object) -> str:
    """Text, or OpenAI's list of parts, which must all be text."""
    if said is None or isinstance(said, str):
        return said or ""
    texts = (
        [part.get("text") for part in said if isinstance(part, dict)] if isinstance(said, list) else [None]
    )
    if not isinstance(said, list) or len(texts) != len(said) or not all(isinstance(t, str) for t in texts):
        raise OptionError("A message's content must be text; pictures and sound are not read here.")
    return "".join(cast("list[str]", texts))
