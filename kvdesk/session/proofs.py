"""Finds what an earlier rehearsal proved of what is loaded, or would be loaded now."""

from kvdesk.plan.load_record import proof_for
from kvdesk.session import events
from kvdesk.session.arithmetic import identity
from kvdesk.session.parts import Parts


def find_proof(parts: Parts) -> None:
    """Look up the badge of what is loaded, else of what llama.cpp has planned."""
    loaded = parts.state.engine.loaded
    model = parts.last_load[0] if loaded is not None and parts.last_load is not None else parts.opened
    options = loaded.options if loaded is not None else parts.state.plan_options
    proof = None
    if model is not None and options is not None:
        proof = proof_for(
            parts.state.ledger,
            identity(model.header),
            options,
            parts.state.devices,
            parts.bookkeeper.library,
        )
    if proof != parts.state.proof:
        parts.take(events.ProofFound(proof))
