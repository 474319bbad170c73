"""What the engine process says, made into states: phases, progress, the growing answer, its end."""

from dataclasses import replace

import msgspec

from kvdesk.engine import protocol
from kvdesk.memory.report import Kind
from kvdesk.session import events
from kvdesk.session.state import DeskState, EngineState, LoadedModel, Notice, Phase, Streaming


def load_begun(state: DeskState) -> DeskState:
    """A load was asked for: whatever was loaded is gone."""
    planned = state.plan_options.ctx_size if state.plan_options is not None else None
    engine = EngineState(phase=Phase.LOADING, asked_ctx_size=state.options.ctx_size, planned_ctx_size=planned)
    return replace(without_room(state), engine=engine, measured=None)


def turn_begun(state: DeskState, chat_id: int) -> DeskState:
    """An answer was asked for; nothing of it is there yet."""
    if state.engine.loaded is None:
        return state
    engine = replace(
        state.engine,
        phase=Phase.PREFILL,
        progress=0.0,
        prefill_done_tokens=0,
        prefill_total_tokens=0,
        prefill_reused_tokens=0,
        tokens_per_s=0.0,
    )
    streaming = Streaming(chat_id)
    return replace(
        state, engine=engine, streaming=streaming, send_cost=None, overflow=None, overflow_asked=None
    )


def from_engine(state: DeskState, event: events.FromEngine) -> DeskState:  # noqa: C901 - one case per event
    """Return the state after an event of the engine process."""
    if event.purpose == "endpoint":
        return _served(state, event.event)
    match event.event:
        case protocol.Hello():
            is_starting = state.engine.phase is Phase.STARTING
            return _with_engine(state, phase=Phase.IDLE) if is_starting else state
        case protocol.LoadProgress() as said:
            is_loading = state.engine.phase is Phase.LOADING
            return _with_engine(state, progress=said.fraction) if is_loading else state
        case protocol.Loaded() as said:
            return _loaded(state, said)
        case protocol.PrefillProgress() as said:
            return _prefill(state, said)
        case protocol.TextPiece() as said if event.purpose == "summary":
            return _summary(state, said)
        case protocol.TextPiece() as said:
            return _text(state, said)
        case protocol.TurnDone() as said if event.purpose == "summary":
            return _summary_done(state, said)
        case protocol.TurnDone() as said:
            return _with_engine(_turn_over(state), cache=said.cache) if state.engine.loaded else state
        case protocol.CacheReport() as said:
            return _with_engine(state, cache=said)
        case protocol.RebuildProgress() as said:
            is_rebuilding = state.engine.phase is Phase.REBUILDING
            progress = {"progress": said.fraction, "rebuild_stage": said.stage}
            return _with_engine(state, **progress) if is_rebuilding else state
        case protocol.Rebuilt() as said:
            return _rebuilt(state, said)
        case protocol.Parked():
            return _with_engine(state, parking=None)
        case protocol.Resumed() as said:
            return _resumed(state, said)
        case protocol.RehearsalProgress() as said:
            is_rehearsing = state.engine.phase is Phase.REHEARSING
            return _rehearsing(state, said) if is_rehearsing else state
        case protocol.Rehearsed() as said:
            return _with_engine(_ready(state), rehearsal=None, rehearsed=said)
        case protocol.Unloaded():
            engine = EngineState(phase=Phase.IDLE)
            return replace(without_room(state), engine=engine, measured=None)
        case protocol.Failed() as said:
            return _stopped(state, event.purpose, Notice(said.message, said.hint))
        case protocol.CancelledEvent():
            return _stopped(state, event.purpose, None)
        case protocol.EngineExited() as said:
            return _exited(state, said, event.is_intended)
        case protocol.DevicesListed() | protocol.Planned() | protocol.KernelsProbed():
            return state  # answers to questions that only the planner is asked
        case protocol.TokensCounted() | protocol.MessagesDropped() | protocol.Tokenized():
            return state  # what follows from them are events of their own (`reactions`)


def _served(state: DeskState, said: protocol.Event) -> DeskState:
    """Another program was answered: of that the window shows how full the cache is."""
    if isinstance(said, protocol.TurnDone) and state.engine.loaded is not None:
        return _with_engine(state, cache=said.cache)
    return state


def _with_engine(state: DeskState, **changes: object) -> DeskState:
    return replace(state, engine=replace(state.engine, **changes))  # type: ignore[arg-type]  # the names are those of its fields


def _loaded(state: DeskState, said: protocol.Loaded) -> DeskState:
    loaded = LoadedModel(
        path=said.model,
        options=said.options,
        n_ctx_seq=said.n_ctx_seq,
        flash_attn=said.flash_attn,
        can_shift=said.can_shift,
        load_s=said.elapsed_s,
        requested_ctx_size=state.engine.asked_ctx_size,
        planned_ctx_size=state.engine.planned_ctx_size,
        threads=said.threads,
        thread_paces=said.thread_paces,
    )
    engine = EngineState(phase=Phase.READY, progress=1.0, loaded=loaded)
    return replace(state, engine=engine, measured=said.report)


def _rebuilt(state: DeskState, said: protocol.Rebuilt) -> DeskState:
    if state.engine.loaded is None:
        return state
    loaded = replace(
        state.engine.loaded,
        options=said.options,
        n_ctx_seq=said.n_ctx_seq,
        flash_attn=said.flash_attn,
        can_shift=said.can_shift,
        requested_ctx_size=state.engine.asked_ctx_size,
        planned_ctx_size=state.engine.planned_ctx_size,
    )
    cache = state.engine.cache
    if cache is not None:
        k_bytes, v_bytes = said.report.bytes_of(Kind.K), said.report.bytes_of(Kind.V)
        cache = msgspec.structs.replace(
            cache, n_ctx=said.n_ctx_seq, cells_used=said.kept_tokens, k_bytes=k_bytes, v_bytes=v_bytes
        )
    state = _with_engine(
        _ready(state), loaded=loaded, cache=cache, rebuilt=said, rebuild_stage="", rehearsed=None
    )
    return replace(without_room(state), measured=said.report)


def _resumed(state: DeskState, said: protocol.Resumed) -> DeskState:
    loaded, measured = state.engine.loaded, state.measured
    if loaded is None:
        return state
    k_bytes, v_bytes = (measured.bytes_of(Kind.K), measured.bytes_of(Kind.V)) if measured else (0, 0)
    cache = protocol.CacheReport(
        cells_used=said.tokens, n_ctx=loaded.n_ctx_seq, k_bytes=k_bytes, v_bytes=v_bytes, chat=said.chat
    )
    return _with_engine(state, cache=cache)


def _rehearsing(state: DeskState, said: protocol.RehearsalProgress) -> DeskState:
    done = said.done_tokens / said.total_tokens if said.total_tokens else 0.0
    rounds = max(said.rounds, 1)
    return _with_engine(state, rehearsal=said, progress=(said.round - 1 + done) / rounds)


def without_room(state: DeskState) -> DeskState:
    """Forget what was counted and offered for a context that is no longer there."""
    return replace(
        state,
        send_cost=None,
        read_cost=None,
        message_tokens=(),
        overflow=None,
        overflow_asked=None,
        ladder=(),
        grow_offer=None,
        park_offer=None,
    )


def _prefill(state: DeskState, said: protocol.PrefillProgress) -> DeskState:
    if state.engine.phase is not Phase.PREFILL:
        return state
    new_tokens = said.done_tokens - said.reused_tokens
    return _with_engine(
        state,
        progress=said.done_tokens / said.total_tokens if said.total_tokens else 0.0,
        prefill_done_tokens=said.done_tokens,
        prefill_total_tokens=said.total_tokens,
        prefill_reused_tokens=said.reused_tokens,
        tokens_per_s=new_tokens / said.elapsed_s if said.elapsed_s > 0 else 0.0,
    )


def _text(state: DeskState, said: protocol.TextPiece) -> DeskState:
    if state.streaming is None or state.engine.phase not in (Phase.PREFILL, Phase.DECODE):
        return state
    streaming = replace(
        state.streaming,
        text=state.streaming.text + ("" if said.is_reasoning else said.text),
        reasoning=state.streaming.reasoning + (said.text if said.is_reasoning else ""),
        tokens=state.streaming.tokens + said.tokens,
    )
    engine = replace(state.engine, phase=Phase.DECODE, tokens_per_s=said.decode_tokens_per_s)
    return replace(state, engine=engine, streaming=streaming)


def _summary(state: DeskState, said: protocol.TextPiece) -> DeskState:
    compaction = state.compaction
    if compaction is None:
        return state
    text = compaction.text + ("" if said.is_reasoning else said.text)
    tokens = compaction.summary_tokens + (0 if said.is_reasoning else said.tokens)
    engine = replace(state.engine, phase=Phase.DECODE, tokens_per_s=said.decode_tokens_per_s)
    return replace(state, engine=engine, compaction=replace(compaction, text=text, summary_tokens=tokens))


def _summary_done(state: DeskState, said: protocol.TurnDone) -> DeskState:
    # The cache's figures stay those of the conversation, which takes it back with its next turn.
    state = _turn_over(state)
    if state.compaction is None:
        return state
    if said.stop_reason == "cancelled" or not said.text.strip():
        return replace(state, compaction=None)
    return replace(state, compaction=replace(state.compaction, text=said.text.strip(), is_done=True))


def _ready(state: DeskState) -> DeskState:
    """The engine is free again, unless another load was asked for since."""
    is_over = state.engine.phase in (Phase.REBUILDING, Phase.REHEARSING)
    return _with_engine(state, phase=Phase.READY, progress=1.0) if is_over else state


def _turn_over(state: DeskState) -> DeskState:
    # A turn that ends because another load was asked for must not hide that load.
    is_answering = state.engine.phase in (Phase.PREFILL, Phase.DECODE)
    return _with_engine(state, phase=Phase.READY, tokens_per_s=0.0) if is_answering else state


def _stopped(state: DeskState, purpose: events.Purpose, notice: Notice | None) -> DeskState:
    """A command ended without its result, by failure or (no notice) by the user's wish."""
    if purpose == "load":
        # A failed load leaves nothing loaded: the engine frees the earlier model before it begins.
        state = replace(without_room(state), engine=EngineState(phase=Phase.IDLE), measured=None)
    if purpose in ("turn", "summary"):
        state = _turn_over(state)
    if purpose == "summary":
        state = replace(state, compaction=None)
    if purpose in ("rebuild", "rehearsal"):
        # The context before a rebuild, and what it held, is there until the new one has been checked.
        state = _with_engine(_ready(state), rebuild_stage="", rehearsal=None)
    if purpose == "park":
        state = _with_engine(state, parking=None)
    # What a draft would cost is a convenience; a failure to count is not worth a notice. That a parked cache
    # does not match is told in another way (`reactions`).
    is_quiet = purpose in ("count", "system prompt", "resume")
    return state if is_quiet else replace(state, notice=notice or state.notice)


def _exited(state: DeskState, said: protocol.EngineExited, is_intended: bool) -> DeskState:
    state = replace(without_room(state), measured=None, compaction=None)
    if is_intended:
        return replace(state, engine=EngineState(phase=Phase.ABSENT))
    ended = Notice(said.message, said.hint, details="\n".join(said.stderr_tail))
    return replace(state, engine=EngineState(phase=Phase.ENDED, ended=ended))
