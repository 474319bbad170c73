"""One conversation of three contexts' length, with each way on when the context is full.

    python -m tests.bench.three_contexts [--ctx 512] [--ways stop,roll,drop,compact,grow]

The desk without its window, the built-in model, questions answered as a person would: at each full context
the same way is chosen again. Printed are turns, tokens read and written, messages that left the context (they
all stay in the conversation), tokens moved and read again, summaries, and the context at the end.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable

from kvdesk.app import make_desk
from kvdesk.plan.sampling import Sampling
from kvdesk.session import actions, room_actions
from kvdesk.session.desk import Desk
from kvdesk.session.state import ChatMessage, Phase

QUESTION = "Tell me a story in 4 sentences."
WAIT_S = 60.0
MOST_TURNS = 80


def wait(desk: Desk, is_met: Callable[[], bool], what: str) -> None:
    """Take in what happens until something is so."""
    end_s = time.monotonic() + WAIT_S
    while not is_met():
        if time.monotonic() > end_s:
            raise SystemExit(f"waited in vain for {what}; {desk.state.notice}, {messages(desk)[-2:]}")
        desk.drain()
        time.sleep(0.005)


def is_resting(desk: Desk) -> bool:
    """Whether there is nothing under way and nothing asked."""
    state = desk.state
    return state.engine.phase is Phase.READY and not actions.is_busy(desk) and state.overflow_asked is None


def go_on(desk: Desk, way: str) -> bool:
    """Answer the question of a full context; False where that ends the conversation."""
    overflow = desk.state.overflow
    assert overflow is not None
    if way == "grow":
        wait(desk, lambda: bool(desk.state.ladder), "larger contexts")
        overflow = desk.state.overflow or overflow
    chosen = overflow.way(way)
    if not chosen.is_possible:
        print(f"  {way} is not possible: {chosen.cost}")
        return False
    room_actions.answer_overflow(desk, chosen.kind)
    if way == "stop":
        told = lambda: desk.state.notice is not None and desk.state.notice.is_error  # noqa: E731 - a name for what is waited for
        wait(desk, lambda: is_resting(desk) and (told() or messages(desk)[-1].role == "assistant"), "the end")
        print(f"  {desk.state.notice.message if desk.state.notice else 'answered till it was full'}")
        return False
    if way in ("drop", "compact"):
        wait(desk, lambda: not actions.is_busy(desk), "the answer to be called off")
        ids = overflow.way("compact").ids or overflow.ids
        if way == "drop":
            room_actions.drop_messages(desk, ids)
        else:
            room_actions.compact_messages(desk, ids)
            wait(desk, lambda: bool(desk.state.compaction and desk.state.compaction.is_done), "a summary")
            room_actions.accept_compaction(desk)
        wait(desk, lambda: any(each.is_dropped for each in messages(desk)), "messages to leave")
        wait(desk, lambda: is_resting(desk), "the change to be kept")
        actions.regenerate(desk)
    return True


def messages(desk: Desk) -> tuple[ChatMessage, ...]:
    """The conversation."""
    return desk.state.chat.messages if desk.state.chat is not None else ()


def drive(way: str, ctx: int) -> str:
    """Talk until three contexts' worth of tokens were evaluated, or it ends; the row's text."""
    desk = make_desk()
    desk.start()
    desk.change_settings(overflow="ask", auto_grow="off", park="never")
    actions.open_model(desk, "demo")
    wait(desk, lambda: desk.state.model is not None and not desk.state.opening, "the model")
    actions.set_option(desk, "ctx_size", ctx)
    actions.load_model(desk)
    wait(desk, lambda: desk.state.engine.phase is Phase.READY, "the load")
    actions.new_chat(desk)
    actions.set_sampling(desk, Sampling(temperature=0, max_tokens=120))
    turns = full = 0
    evaluated = moved = reread = 0
    seen: set[int] = set()
    try:
        while evaluated < 3 * ctx and turns < MOST_TURNS:
            actions.send_message(desk, f"{QUESTION} This is number {turns}.")
            turns += 1
            is_going = True
            wait(desk, lambda: not is_resting(desk), "the turn to begin")
            while is_going:
                wait(desk, lambda: is_resting(desk) or desk.state.overflow_asked is not None, "an answer")
                if desk.state.overflow_asked is None:
                    break
                full += 1
                is_going = go_on(desk, way)
            for each in messages(desk):
                if each.figures is not None and each.id not in seen:
                    seen.add(each.id)
                    moved += each.figures.shifted_tokens
                    reread += each.figures.reread_tokens
                    evaluated += each.figures.new_tokens + each.figures.completion_tokens
            if not is_going:
                break
        left = sum(each.is_dropped for each in messages(desk))
        summaries = sum(bool(each.stands_for) for each in messages(desk))
        loaded = desk.state.engine.loaded
        said = len(messages(desk))
        return (
            f"{way:8} {turns:3} turns, {evaluated:5} tokens, asked {full} times; {left} of {said} messages"
            f" left out, {summaries} of a summary, {moved} moved, {reread} read again;"
            f" context {loaded.n_ctx_seq if loaded else 0}"
        )
    finally:
        desk.close()


def main() -> int:
    """Print a row for each way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--ctx", type=int, default=512)
    parser.add_argument("--ways", default="stop,roll,drop,compact,grow")
    chosen = parser.parse_args()
    for way in chosen.ways.split(","):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["KVDESK_HOME"] = folder
            print(drive(way, chosen.ctx), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
