# ruff: noqa: E501 - texts as models write them
"""Conversations to look at and to test with: plain ones, strange ones, long ones."""

from collections.abc import Callable
from dataclasses import replace

from kvdesk.resources import resolve_model
from kvdesk.session.state import ChatMessage, Conversation, DeskState, Phase, Streaming, TurnFigures
from tests.gui import fakes

FIGURES = TurnFigures(
    prompt_tokens=26_244,
    reused_tokens=26_206,
    reread_tokens=0,
    reread_reason="",
    completion_tokens=212,
    prefill_s=0.31,
    decode_s=212 / 47.8,
    stop_reason="end",
)

RISKS = """Two of them reappear. The **currency exposure** of section 4.2 comes back in note 17, and the **supplier concentration** of 4.5 in note 23:

- “A ten per cent movement in the dollar would change operating profit by 14.2 million.” (note 17)
- “Three suppliers account for 61 per cent of components purchased.” (note 23)

```text
currency:   4.2 → note 17   restated, with a figure
suppliers:  4.5 → note 23   restated, share up from 58 %
```
"""

EVERYTHING = '''## How the cache is read

A token is evaluated **once**; its `K` and `V` rows stay in the cache. See *the notes* and [the documentation](https://docs.example/cache), or https://kv.example/notes.

1. The longest common prefix is kept.
2. The rest is evaluated:
   - in steps of `ubatch_size`,
   - each of which can be cancelled.
3. ~~Nothing~~ Everything is reported.

> A quoted remark, which is long enough to be wrapped over more than one line of the column that it is shown in.
>
> - with a list in it

| cache pair | bytes per token | largest context |
|:--|--:|--:|
| f16 · f16 | 147,456 | 16,384 |
| q8_0 · q8_0 | 78,336 | 36,608 |
| q4_0 · q4_0 | 41,472 | 65,536 |

```python
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cache types."""

    k: str = "q8_0"
    v: str = "q8_0"

    def bytes_per_token(self, n_embd: int = 4096) -> int:  # one layer
        return sum(n_embd * 34 // 32 for _ in (self.k, self.v))
```

- [x] read the header
- [ ] load the model

---

### 中文与其他文字

键值缓存保存每个已读标记的键和值，因此同一段前文不会被重复计算。量化可以把它的大小减半，而几乎不影响回答。

مرحبا بالعالم، هذا نص من اليمين إلى اليسار مع كلمة English في وسطه.

Emoji 😀 👩‍👩‍👧 and a very long word: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftsvorstandsvorsitzender_0123456789_0123456789.
'''


def listing(lines: int) -> str:
    """Return a fenced listing whose lines are wider than the column."""
    rows = (
        f"static const float scale_{n} = ggml_fp16_to_fp32(block[{n}].d) * {n}.0f; /* row {n} of a listing that is rather wide, wider than the column */"
        for n in range(lines)
    )
    return "```c\n" + "\n".join(rows) + "\n```\n"


WIDE_TABLE = (
    "| name | " + " | ".join(f"column number {n}" for n in range(14)) + " |\n|--|" + "--:|" * 14 + "\n"
    "| first row | " + " | ".join(f"{n * 12345:,}" for n in range(14)) + " |\n\n"
)
WIDE = WIDE_TABLE + listing(200)

REASONING = "The user asks about chapter 4. I should compare its list of risks with the notes.\n\n1. Note 17: currency.\n2. Note 23: suppliers."


def question(message_id: int, text: str) -> ChatMessage:
    """Return a message of the user."""
    return ChatMessage(message_id, "user", text)


def answer(
    message_id: int, text: str, reasoning: str = "", figures: TurnFigures | None = FIGURES
) -> ChatMessage:
    """Return an answer with its figures."""
    return ChatMessage(message_id, "assistant", text, reasoning, 6.0 if reasoning else 0.0, figures)


def conversation(*messages: ChatMessage, chat_id: int = 1) -> Conversation:
    """Return a conversation of these messages."""
    return Conversation(chat_id, "Reading the 2019 annual report", messages)


def sketch_conversation() -> Conversation:
    """Return the conversation of the sketch."""
    return conversation(
        question(
            1, "Which of the risks in chapter 4 reappear in the notes to the accounts? Quote the sentences."
        ),
        answer(2, RISKS, REASONING),
        question(3, "And which of the risks are never mentioned again?"),
    )


def long_conversation(tokens: int = 300_000) -> Conversation:
    """Return a conversation of about this many tokens (four characters each) in ordinary proportions."""
    messages: list[ChatMessage] = []
    characters = 0
    while characters < tokens * 4:
        number = len(messages)
        text = (
            "\n\n".join((RISKS, EVERYTHING, RISKS)[: 1 + number % 3])
            if number % 2
            else "What about chapter 4? " * (1 + number % 9)
        )
        messages.append(answer(number, text) if number % 2 else question(number, text))
        characters += len(text)
    return conversation(*messages, chat_id=2)


def pictured() -> dict[str, Callable[[], DeskState]]:
    """Return states of the conversation to draw: everything Markdown has, wide things, each phase."""

    def chat(*messages: ChatMessage) -> DeskState:
        return replace(fakes.qwen_loaded(), chat=conversation(*messages))

    def prefill() -> DeskState:
        state = chat(question(1, "Summarise the attached report."))
        engine = replace(
            state.engine,
            phase=Phase.PREFILL,
            prefill_done_tokens=12_000,
            prefill_total_tokens=31_200,
            tokens_per_s=1850.0,
        )
        return replace(state, engine=engine, streaming=Streaming(1))

    def thinking() -> DeskState:
        state = chat(question(1, "Which of the risks in chapter 4 reappear in the notes?"))
        engine = replace(state.engine, phase=Phase.DECODE, tokens_per_s=47.8)
        return replace(state, engine=engine, streaming=Streaming(1, "", REASONING, 41))

    def stopped() -> DeskState:
        figures = replace(
            FIGURES, stop_reason="cancelled", reread_tokens=1200, reread_reason="history_changed"
        )
        cut = replace(answer(2, "Two of them reappear. The **currency", figures=figures), is_partial=True)
        return chat(question(1, "Which of the risks reappear?\n\nQuote the sentences."), cut)

    def demo() -> DeskState:
        state = fakes.demo_opened()
        assert state.model is not None
        return replace(state, model=replace(state.model, path=resolve_model("demo")))

    return {
        "markdown": lambda: chat(answer(1, EVERYTHING)),
        "wide": lambda: chat(question(1, "长文档翻译：请翻译下面的表格 😀"), answer(2, WIDE)),
        "prefill": prefill,
        "thinking": thinking,
        "stopped": stopped,
        "demo-new": demo,
        "model-new": lambda: replace(fakes.qwen_opened(), chat=None),
    }
