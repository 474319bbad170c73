"""Writes what a client gets: the engine's events as JSON of OpenAI's shape."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

from kvdesk.engine.protocol import StopReason, TextPiece, TurnDone
from kvdesk.errors import (
    Crashed,
    DoesNotFit,
    EngineError,
    KvDeskError,
    NotResponding,
    OptionError,
    OutOfMemory,
    StartFailed,
)
from kvdesk.serve.port import ServedModel

Kind = Literal["chat.completion", "text_completion"]
_FINISH: dict[StopReason, str] = {
    "end": "stop",
    "stop_string": "stop",
    "length": "length",
    "context_full": "length",
    "cancelled": "stop",
}
_OF_THE_SERVER = (StartFailed, OutOfMemory, Crashed, NotResponding)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer under way: what every object about it repeats."""

    kind: Kind
    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, done: TurnDone) -> dict[str, Any]:
        """The answer at once."""
        choice: dict[str, Any]
        if self.kind == "text_completion":
            choice = {"text": done.reasoning + done.text}
        else:
            message = {"role": "assistant", "content": done.text, "refusal": None}
            choice = {"message": message | _reasoning(done.reasoning)}
        choice |= {"index": 0, "finish_reason": _FINISH[done.stop_reason], "logprobs": None}
        return self._object([choice]) | {"usage": usage(done), "timings": _timings(done)}

    def first(self) -> dict[str, Any] | None:
        """What a stream begins with; a completion begins with its text."""
        return self._chunk({"role": "assistant", "content": ""}) if self.kind == "chat.completion" else None

    def piece(self, said: TextPiece) -> dict[str, Any]:
        """Some of the answer."""
        return self._chunk({"reasoning_content" if said.is_reasoning else "content": said.text})

    def last(self, done: TurnDone) -> dict[str, Any]:
        """How it ended."""
        return self._chunk({}, _FINISH[done.stop_reason]) | {"timings": _timings(done)}

    def figures(self, done: TurnDone) -> dict[str, Any]:
        """The chunk after the last one, for a client that wants it."""
        return self._object([], is_chunk=True) | {"usage": usage(done)}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        is_text = self.kind == "text_completion"
        said: dict[str, Any] = {"text": "".join(delta.values())} if is_text else {"delta": delta}
        choice = {"index": 0, **said, "finish_reason": finish, "logprobs": None}
        return self._object([choice], is_chunk=True)

    def _object(self, choices: list[dict[str, Any]], *, is_chunk: bool = False) -> dict[str, Any]:
        kind = f"{self.kind}.chunk" if is_chunk and self.kind == "chat.completion" else self.kind
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
        }


def usage(done: TurnDone) -> dict[str, Any]:
    """The tokens of an answer. Cached ones were not read again."""
    return {
        "prompt_tokens": done.prompt_tokens,
        "completion_tokens": done.completion_tokens,
        "total_tokens": done.prompt_tokens + done.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": done.reused_tokens},
    }


def model_object(model: ServedModel) -> dict[str, Any]:
    """A row of /v1/models; `meta` as llama-server has it."""
    return {
        "id": model.name,
        "object": "model",
        "created": model.loaded_s,
        "owned_by": "kvdesk",
        "meta": {"n_ctx": model.n_ctx},
    }


def error_object(error: KvDeskError) -> tuple[int, dict[str, Any]]:
    """An HTTP status and OpenAI's object for an error. 5xx are those that may pass by themselves."""
    code = None
    if isinstance(error, DoesNotFit):
        status, kind, code = 400, "invalid_request_error", "context_length_exceeded"
    elif isinstance(error, _OF_THE_SERVER):
        status, kind = 503, "server_error"
    elif isinstance(error, OptionError | EngineError):
        status, kind = 400, "invalid_request_error"
    else:
        status, kind = 500, "server_error"
    return status, error_body(str(error), kind, code)


def error_body(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """OpenAI's shape of an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _reasoning(text: str) -> dict[str, str]:
    return {"reasoning_content": text} if text else {}


def _timings(done: TurnDone) -> dict[str, float]:
    """llama-server's figures, under its names."""
    return {
        "cache_n": done.reused_tokens,
        "prompt_n": done.prompt_tokens - done.reused_tokens,
        "prompt_ms": done.prefill_s * 1000,
        "predicted_n": done.completion_tokens,
        "predicted_ms": done.decode_s * 1000,
    }
