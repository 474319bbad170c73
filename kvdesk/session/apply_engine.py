"""What the engine process says, made into states: phases, progress, the growing answer, its end."""

from dataclasses import replace

from kvdesk.engine import protocol
from kvdesk.session import events
from kvdesk.session.state import DeskState, EngineState, LoadedModel, Notice, Phase, SendCost, Streaming


def load_begun(state: DeskState) -> DeskState:
    """A load was asked for: whatever was loaded is gone."""
    engine = replace(state.engine, phase=Phase.LOADING, progress=0.0, loaded=None, cache=None, ended=None)
    return replace(state, engine=engine, measured=None, send_cost=None)


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
    return replace(state, engine=engine, streaming=Streaming(chat_id), send_cost=None)


def from_engine(state: DeskState, event: events.FromEngine) -> DeskState:  # noqa: C901 - one case per event
    """Return the state after an event of the engine process."""
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
        case protocol.TextPiece() as said:
            return _text(state, said)
        case protocol.TurnDone() as said:
            return _with_engine(_turn_over(state), cache=said.cache) if state.engine.loaded else state
        case protocol.CacheReport() as said:
            return _with_engine(state, cache=said)
        case protocol.TokensCounted() as said:
            cost = SendCost(said.prompt_tokens, said.reused_tokens, said.new_tokens)
            return replace(state, send_cost=cost)
        case protocol.Unloaded():
            engine = EngineState(phase=Phase.IDLE)
            return replace(state, engine=engine, measured=None, send_cost=None)
        case protocol.Failed() as said:
            return _stopped(state, event.purpose, Notice(said.message, said.hint))
        case protocol.CancelledEvent():
            return _stopped(state, event.purpose, None)
        case protocol.EngineExited() as said:
            return _exited(state, said, event.is_intended)
        case protocol.DevicesListed() | protocol.Planned() | protocol.KernelsProbed():
            return state  # answers to questions that only the planner is asked
        case _:
            return state


def _with_engine(state: DeskState, **changes: object) -> DeskState:
    return replace(state, engine=replace(state.engine, **changes))  # type: ignore[arg-type]


def _loaded(state: DeskState, said: protocol.Loaded) -> DeskState:
    loaded = LoadedModel(
        path=said.model,
        options=said.options,
        n_ctx_seq=said.n_ctx_seq,
        flash_attn=said.flash_attn,
        can_shift=said.can_shift,
        load_s=said.elapsed_s,
    )
    engine = EngineState(phase=Phase.READY, progress=1.0, loaded=loaded)
    return replace(state, engine=engine, measured=said.report)


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


def _turn_over(state: DeskState) -> DeskState:
    # A turn that ends because another load was asked for must not hide that load.
    is_answering = state.engine.phase in (Phase.PREFILL, Phase.DECODE)
    return _with_engine(state, phase=Phase.READY, tokens_per_s=0.0) if is_answering else state


def _stopped(state: DeskState, purpose: events.Purpose, notice: Notice | None) -> DeskState:
    """A command ended without its result, by failure or (no notice) by the user's wish."""
    if purpose == "load":
        # A failed load leaves nothing loaded: the engine frees the earlier model before it begins.
        state = replace(state, engine=EngineState(phase=Phase.IDLE), measured=None, send_cost=None)
    if purpose == "turn":
        state = _turn_over(state)
    # What a draft would cost is a convenience; a failure to count is not worth a notice.
    return state if purpose == "count" else replace(state, notice=notice or state.notice)


def _exited(state: DeskState, said: protocol.EngineExited, is_intended: bool) -> DeskState:
    state = replace(state, measured=None, send_cost=None)
    if is_intended:
        return replace(state, engine=EngineState(phase=Phase.ABSENT))
    ended = Notice(said.message, said.hint, details="\n".join(said.stderr_tail))
    return replace(state, engine=EngineState(phase=Phase.ENDED, ended=ended))
