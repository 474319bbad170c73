"""What happens to the room in a context, made into states: counts, overflow, steps up, parked chats."""

from dataclasses import replace

from kvdesk.plan.offer import Rung
from kvdesk.plan.overflow import NOTHING_LARGER, Overflow
from kvdesk.session import events
from kvdesk.session.counting import grow_way
from kvdesk.session.state import Compaction, DeskState, OpenEndpoint, Phase

RoomChange = (
    events.RebuildBegun
    | events.RehearsalBegun
    | events.ProofFound
    | events.RemedyFound
    | events.EndpointChanged
    | events.EndpointAsked
    | events.EndpointLeft
    | events.ParkBegun
    | events.PlaceFound
    | events.SummaryBegun
    | events.Counted
    | events.OverflowAsked
    | events.OverflowChosen
    | events.LadderFound
    | events.GrowDeclined
    | events.CompactionEnded
    | events.ParkedListed
    | events.ParkOffered
    | events.PacesRead
)


def room_changed(state: DeskState, event: RoomChange) -> DeskState:  # noqa: C901 - one case per event
    """Return the state after an event; one about another conversation or other options leaves it."""
    match event:
        case events.RebuildBegun(options):
            engine = replace(
                state.engine,
                phase=Phase.REBUILDING,
                progress=0.0,
                rebuild_stage="",
                asked_ctx_size=options.ctx_size,
                planned_ctx_size=None,
            )
            return replace(state, engine=engine, grow_offer=None, send_cost=None)
        case events.RehearsalBegun():
            engine = replace(state.engine, phase=Phase.REHEARSING, progress=0.0, rehearsal=None)
            return replace(state, engine=engine)
        case events.EndpointChanged(url, token):
            return replace(state, endpoint=OpenEndpoint(url, token) if url else None)
        case events.EndpointAsked() | events.EndpointLeft():
            return state
        case events.RemedyFound(remedy):
            ended, notice = state.engine.ended, state.notice
            if ended is not None:
                return replace(state, engine=replace(state.engine, ended=replace(ended, remedy=remedy)))
            return replace(state, notice=replace(notice, remedy=remedy)) if notice else state
        case events.ProofFound(proof):
            return replace(state, proof=proof)
        case events.ParkBegun(chat_id):
            return replace(state, engine=replace(state.engine, parking=chat_id), park_offer=None)
        case events.PlaceFound(_, path):
            return state if path else replace(state, engine=replace(state.engine, parking=None))
        case events.SummaryBegun(chat_id, ids, tokens):
            engine = replace(state.engine, phase=Phase.PREFILL, progress=0.0, tokens_per_s=0.0)
            return replace(state, engine=engine, compaction=Compaction(chat_id, ids, tokens))
        case events.Counted(chat_id, tokens, cost, overflow, reading):
            if state.chat is None or state.chat.id != chat_id:
                return state
            return replace(state, message_tokens=tokens, send_cost=cost, read_cost=reading, overflow=overflow)
        case events.OverflowAsked(chat_id):
            return replace(state, overflow_asked=chat_id)
        case events.OverflowChosen(policy):
            return replace(state, chat=replace(state.chat, overflow=policy)) if state.chat else state
        case events.LadderFound(options, rungs, is_offer):
            loaded = state.engine.loaded
            if loaded is None or loaded.options != options:
                return state
            offer = rungs[0] if rungs and is_offer else state.grow_offer
            return replace(
                state, ladder=rungs, grow_offer=offer, overflow=_with_growing(state.overflow, rungs)
            )
        case events.GrowDeclined():
            return replace(state, grow_offer=None)
        case events.CompactionEnded():
            return replace(state, compaction=None)
        case events.ParkedListed(parked):
            return replace(state, parked=parked)
        case events.ParkOffered(offer):
            return replace(state, park_offer=offer)
        case events.PacesRead():
            return state  # kept by the session, for its predictions


def _with_growing(overflow: Overflow | None, rungs: tuple[Rung, ...]) -> Overflow | None:
    """A full context, with the first step up as one of the ways on."""
    if overflow is None:
        return None
    grow = grow_way(rungs[0] if rungs else None) or NOTHING_LARGER
    return replace(overflow, ways=tuple(grow if way.kind == "grow" else way for way in overflow.ways))
