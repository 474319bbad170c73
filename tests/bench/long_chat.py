"""What a long chat reads again: a table of tokens by model and by what the user does.

    python -m tests.bench.long_chat

Each model holds a conversation of several turns; then the next message is sent, the last one edited, one
before it, the answer made anew, another chat visited, the program restarted with the cache parked. What is
shown is how many tokens of the prompt were evaluated, and of them how many had been in the cache before.
At the end one conversation is driven to three times its context under each policy. Random models say
nothing sensible; their tokens count all the same.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from kvdesk.engine.client import EngineClient
from kvdesk.engine.protocol import Chat, Load, Message, Park, Resume, TurnDone
from kvdesk.errors import DoesNotFit
from kvdesk.plan.options import LoadOptions
from kvdesk.plan.sampling import Sampling
from kvdesk.resources import resolve_model
from tests.ggufs import make_model

MODELS = {
    "demo": "",
    "plain": "llama",
    "window": "gemma3",
    "MLA": "deepseek2",
    "recurrent": "mamba2",
    "hybrid": "qwen35",
}
TURNS, CTX = 5, 4096
GREEDY = Sampling(temperature=0)
LIMITED = Sampling(temperature=0, max_tokens=2)


class Talker:
    """An engine process and one conversation in it."""

    def __init__(self, model: str) -> None:
        self._model = model
        self.said: list[Message] = []
        self.start(CTX)

    def start(self, ctx: int) -> None:
        self.client = EngineClient(lambda _: None, name="bench")
        self.client.start()
        options = LoadOptions(ctx_size=ctx, threads=2, ubatch_size=128)
        self.client.request(Load(id=self.client.next_id(), model=self._model, options=options))

    def ask(
        self, text: str, chat: str = "a", overflow: str = "stop", sampling: Sampling = LIMITED
    ) -> TurnDone:
        self.said.append(Message("user", text))
        done = self.client.request(
            Chat(
                id=self.client.next_id(),
                messages=tuple(self.said),
                sampling=sampling,
                chat=chat,
                overflow=overflow,
                may_shift=overflow == "roll",
            )
        )
        assert isinstance(done, TurnDone)
        self.said = [m for place, m in enumerate(self.said) if place not in done.dropped]
        self.said.append(Message("assistant", done.text, done.reasoning))
        return done

    def restart(self, folder: Path) -> None:
        """Park, end the process, start another, resume."""
        path = str(folder / "a.kv")
        self.client.request(Park(id=self.client.next_id(), chat="a", path=path))
        self.client.stop()
        self.start(CTX)
        self.client.request(Resume(id=self.client.next_id(), chat="a", path=path))


def question(number: int) -> str:
    return f"Question {number}: the code for box {number} is {number}{number}7. What is it, and why so? " * 3


def doings(talker: Talker, folder: Path) -> dict[str, Callable[[], TurnDone]]:
    """What the user does, in order; each begins where the one before ended."""

    def edit(back: int) -> TurnDone:
        del talker.said[-2 * back :]
        return talker.ask(question(77 + back))

    def anew() -> TurnDone:
        last = talker.said[-2].content
        del talker.said[-2:]
        return talker.ask(last)

    def switch() -> TurnDone:
        mine, talker.said = talker.said, []
        talker.ask("Something quite different, in another conversation, that goes on for a while. " * 3, "b")
        talker.said = mine
        return talker.ask(question(50))

    def restarted() -> TurnDone:
        talker.restart(folder)
        return talker.ask(question(51))

    return {
        "next turn": lambda: talker.ask(question(49)),
        "edit last": lambda: edit(1),
        "edit earlier": lambda: edit(2),
        "regenerate": anew,
        "switch, back": switch,
        "restart": restarted,
    }


def spoken_to(kind: str, folder: Path) -> Talker:
    """A model that holds a conversation; of random ones the first that writes whole characters.

    Halves of characters do not survive as text, and what is another text is read again.
    """
    for seed in range(3, 40):
        talker = Talker(str(make_model(kind, folder, seed=seed)) if kind else resolve_model("demo"))
        for number in range(TURNS):
            talker.ask(question(number))
        if not any("\ufffd" in message.content for message in talker.said):
            return talker
        talker.client.stop()
    raise SystemExit(f"No random model of {kind} writes whole characters.")


def drive(policy: str) -> str:
    """Three contexts' worth of conversation with the demo model in 512 tokens."""
    talker = Talker(resolve_model("demo"))
    talker.client.stop()
    talker.start(512)
    tokens = turns = dropped = shifted = reread = 0
    try:
        while tokens < 3 * 512 and turns < 60:
            before = len(talker.said)
            done = talker.ask("Tell me a story in 4 sentences.", overflow=policy, sampling=GREEDY)
            dropped += len(done.dropped)
            tokens += done.prompt_tokens - done.reused_tokens - done.reread_tokens + done.completion_tokens
            shifted, reread, turns = shifted + done.shifted_tokens, reread + done.reread_tokens, turns + 1
            assert len(talker.said) == before + 2 - len(done.dropped)
            if policy == "stop" and done.stop_reason == "context_full":
                return f"{turns} turns, {tokens} tokens, then: the context is full, nothing dropped"
    except DoesNotFit as error:
        return f"{turns} turns, {tokens} tokens, then: {error.message}"
    finally:
        talker.client.stop()
    return (
        f"{turns} turns, {tokens} tokens; {dropped} messages left out, {shifted} moved, {reread} read again"
    )


def main() -> int:
    """Print the tables."""
    columns = ["next turn", "edit last", "edit earlier", "regenerate", "switch, back", "restart"]
    print(f"{'evaluated/read again':22}" + "".join(f"{name:>18}" for name in columns))
    worst = 0
    for title, kind in MODELS.items():
        with tempfile.TemporaryDirectory() as folder:
            talker = spoken_to(kind, Path(folder))
            cells = []
            for done in (do() for do in doings(talker, Path(folder)).values()):
                cells.append(f"{done.prompt_tokens - done.reused_tokens}/{done.reread_tokens}")
                worst = max(worst, done.reread_tokens)
            print(f"{title:22}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
            talker.client.stop()
    for policy in ("stop", "roll"):
        print(f"{policy:8} {drive(policy)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
