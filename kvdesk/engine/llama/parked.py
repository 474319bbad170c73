"""A conversation's cache in a file: written whole or not at all, taken back only if it fits in every respect.

The file is a head of fixed size, a description in JSON, padding, and the sequence's state as llama.cpp writes
it. Its tokens are the conversation, so only its owner may read it.
"""

import mmap
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import msgspec
import numpy as np
import psutil

from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.layout import POSITION_OPTIONS, StateFormat, format_of, why_unsafe
from kvdesk.engine.llama.library import binding_version
from kvdesk.engine.llama.next_token import Scores, is_full, most_divergence, next_scores
from kvdesk.engine.llama.parameters import physical_cores
from kvdesk.engine.llama.space import Space, map_new_file, new_space, put_state, state_bytes, take_state
from kvdesk.engine.llama.transcode import Transcoding
from kvdesk.engine.llama.transcript import Transcript
from kvdesk.errors import Cancelled, DoesNotFit, EngineError
from kvdesk.phrases import Phrase, joined

_MAGIC = b"KVDESK\r\n"
_VERSION = 1
_HEAD = struct.Struct("<8sIIIQI")  # magic, version, JSON's length and CRC-32, state's length and CRC-32
_ALIGNMENT = 4096
_CHUNK_BYTES = 16 * 1024**2
_LIKELY = 64  # of the next tokens, those most likely are kept for the check
_HINT = "The conversation is whole; it will be read again from the beginning."


class Description(msgspec.Struct, frozen=True):
    """What a parked cache is good for, and what it holds.

    `likely` are the tokens most likely to come next, with the logarithm of their probabilities; `is_tight`
    says how they were found (`next_scores`).
    """

    model: str
    model_name: str
    library: str
    template: str
    positions: Mapping[str, float | str]
    format: StateFormat
    saved: datetime
    chat: str
    tokens: list[int]
    transcript: Transcript
    is_tight: bool
    likely: list[tuple[int, float]]


def park(context: Context, chat: str, transcript: Transcript, path: Path) -> int:
    """Write what a context holds into a file; returns its size in bytes. The context stays as it is.

    A file that was there stays until the new one is whole and synced. Raises EngineError.
    """
    if path.exists() and not path.is_file():
        raise EngineError("“{path}” is not a file, so no cache can be parked there.", path=str(path))
    is_tight = is_full(context)
    scores = next_scores(context, again=is_tight)
    description = msgspec.json.encode(_describe(context, chat, transcript, is_tight, scores))
    place = -(-(_HEAD.size + len(description)) // _ALIGNMENT) * _ALIGNMENT
    n_bytes = state_bytes(context)
    _remove_leftovers(path.parent)
    temporary = path.parent / f".{path.name}.{os.getpid()}{_LEFTOVER}"
    try:
        with open(temporary, "x+b", opener=_for_owner) as file:
            with map_new_file(file.fileno(), place + n_bytes) as memory:
                with Space(memory, place) as state:
                    take_state(context, state)
                    checksum = _checksum(state)
                head = (_MAGIC, _VERSION, len(description), zlib.crc32(description), n_bytes, checksum)
                memory[: _HEAD.size + len(description)] = _HEAD.pack(*head) + description
                memory.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise EngineError(
            "The cache cannot be written to “{path}”: {reason}.",
            "Make room there or choose another folder; what was parked before is still there.",
            path=str(path),
            reason=error.strerror or str(error),
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    return place + n_bytes


def resume(context: Context, path: Path, is_cancelled: Callable[[], bool] = lambda: False) -> Transcript:
    """Fill a context from a file and return the conversation's transcript.

    Raises EngineError when the file is damaged or does not match, naming what differs, DoesNotFit when the
    context is too small, Cancelled. The context is unchanged then, or empty.
    """
    try:
        with open(path, "rb") as file:
            memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    except (OSError, ValueError) as error:  # ValueError: an empty file cannot be mapped
        raise EngineError(
            "The parked cache “{path}” cannot be read: {reason}.",
            _HINT,
            path=path.name,
            reason=getattr(error, "strerror", None) or str(error),
        ) from error
    description, place, checksum = _read_head(memory, path)
    _compare(description, context)
    with Space(memory, place) as state:
        if _checksum(state, is_cancelled) != checksum:
            raise _damaged(path)
        _restore(context, description, state, is_cancelled)
    return description.transcript


def _describe(
    context: Context, chat: str, transcript: Transcript, is_tight: bool, scores: Scores | None
) -> Description:
    likely = [] if scores is None else [(token, scores[token]) for token in np.argsort(scores)[-_LIKELY:]]
    return Description(
        model=context.model.identity,
        model_name=context.model.description,
        library=binding_version(),
        template=_template(context),
        positions=_positions(context),
        format=format_of(context),
        saved=datetime.now().astimezone(),
        chat=chat,
        tokens=context.tokens,
        transcript=transcript,
        is_tight=is_tight,
        likely=[(int(token), float(score)) for token, score in likely],
    )


def _template(context: Context) -> str:
    return blake2b(context.model.chat_template.encode(), digest_size=16).hexdigest()


def _positions(context: Context) -> dict[str, float | str]:
    return {name: getattr(context.options, name) for name in POSITION_OPTIONS}


def _read_head(memory: mmap.mmap, path: Path) -> tuple[Description, int, int]:
    """The description, where the state begins, and its checksum."""
    if len(memory) < _HEAD.size:
        raise _damaged(path)
    magic, version, length, json_checksum, n_bytes, checksum = _HEAD.unpack_from(memory)
    if magic != _MAGIC:
        raise EngineError("“{path}” is not a parked cache.", _HINT, path=path.name)
    if version != _VERSION:
        raise EngineError("“{path}” was parked by another version of KV Desk.", _HINT, path=path.name)
    text = memory[_HEAD.size : _HEAD.size + length]
    place = -(-(_HEAD.size + length) // _ALIGNMENT) * _ALIGNMENT
    if zlib.crc32(text) != json_checksum or len(memory) != place + n_bytes:
        raise _damaged(path)
    try:
        return msgspec.json.decode(text, type=Description), place, checksum
    except msgspec.DecodeError as error:
        raise EngineError(
            "“{path}” was parked by another version of KV Desk.", _HINT, path=path.name
        ) from error


def _compare(description: Description, context: Context) -> None:
    """Refuse a cache that was made otherwise than this context would make it."""
    pairs = (
        (Phrase("model"), description.model, context.model.identity),
        (Phrase("release of llama-cpp-python"), description.library, binding_version()),
        (Phrase("chat template"), description.template, _template(context)),
        (Phrase("scaling of positions"), description.positions, _positions(context)),
    )
    if differing := [name for name, then, now in pairs if then != now]:
        raise EngineError(
            "The parked cache was made with another {names}.",
            _HINT,
            names=joined(differing),
        )
    if len(description.tokens) > context.n_ctx_seq:
        raise DoesNotFit(
            "The parked cache holds {held} tokens and the context {context}.",
            "Enlarge the context first.",
            held=len(description.tokens),
            context=context.n_ctx_seq,
        )


def _restore(
    context: Context, description: Description, state: Space, is_cancelled: Callable[[], bool]
) -> None:
    now, shape = format_of(context), context.model.shape
    if description.format == now or shape is None:
        put_state(context, state, description.tokens)
    elif why := why_unsafe(shape, now):
        raise EngineError(
            "The parked cache is of other types than the context, and cannot be converted: {why}.",
            _HINT,
            why=why,
        )
    else:
        transcoding = Transcoding(state.view, description.format, now, shape)
        with new_space(transcoding.n_bytes) as converted:
            threads = context.options.threads or physical_cores()
            transcoding.run(converted.view, threads, is_cancelled=is_cancelled)
            put_state(context, converted, description.tokens)
    if description.likely:
        _check(context, description, now)


def _check(context: Context, description: Description, now: StateFormat) -> None:
    """Hold what the context expects next against what it expected when it was parked."""
    if is_full(context) and not description.is_tight:
        return  # a larger context was parked; here there is no room to ask
    scores = next_scores(context, again=description.is_tight)
    if scores is None:
        return
    tokens = [token for token, _ in description.likely]
    before = np.array([score for _, score in description.likely])
    found = _divergence(before, scores[tokens])
    most = most_divergence(description.format, now)
    if not found <= most:
        context.keep(0)
        raise EngineError(
            "The parked cache predicts something else than when it was made "
            "(divergence {found:.2g}; up to {most:.2g} is usual), so it was not taken.",
            _HINT,
            found=found,
            most=most,
        )


def _divergence(before: Scores, after: Scores) -> float:
    """The divergence over the likely tokens, with all others as one; never more than over all."""
    rest = [np.log(max(1 - np.exp(scores).sum(), 1e-12)) for scores in (before, after)]
    before, after = np.append(before, rest[0]), np.append(after, rest[1])
    return max(0.0, float((np.exp(before) * (before - after)).sum()))


def _checksum(state: Space, is_cancelled: Callable[[], bool] = lambda: False) -> int:
    view, checksum = state.view, 0
    for start in range(0, len(view), _CHUNK_BYTES):
        if is_cancelled():
            raise Cancelled
        checksum = zlib.crc32(view[start : start + _CHUNK_BYTES], checksum)
    return checksum


def _damaged(path: Path) -> EngineError:
    return EngineError("The parked cache “{path}” is damaged.", _HINT, path=path.name)


_LEFTOVER = ".parking"


def _remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed while it parked has left."""
    for path in folder.glob(f".*{_LEFTOVER}"):
        number = path.name.removesuffix(_LEFTOVER).rpartition(".")[2]
        if number.isdecimal() and (int(number) == os.getpid() or not psutil.pid_exists(int(number))):
            path.unlink(missing_ok=True)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """Make a rename last; Windows has no such thing."""
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
