"""Figures as sentences: the line under an answer, the gauge's line, the cost of sending."""

from PySide6.QtCore import QCoreApplication

from kvdesk.session.state import (
    Attachment,
    ChatMessage,
    DeskState,
    EngineState,
    Phase,
    Streaming,
    TurnFigures,
)
from kvdesk.units import format_tokens

translate = QCoreApplication.translate

SEPARATOR = " · "


def duration(seconds: float) -> str:
    """Print a duration with the digits that mean something: "9 ms", "0.3 s", "41 s", "3 min 10 s"."""
    if seconds < 0.095:
        return translate("Figures", "{number} ms").format(number=max(1, round(seconds * 1000)))
    if seconds >= 3600:
        return translate("Figures", "{hours} h {minutes} min").format(
            hours=int(seconds // 3600), minutes=int(seconds % 3600 // 60)
        )
    if seconds >= 100:
        minutes, rest = divmod(int(seconds), 60)
        if not rest:
            return translate("Figures", "{minutes} min").format(minutes=minutes)
        return translate("Figures", "{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)
    return translate("Figures", "{number} s").format(
        number=f"{seconds:.1f}" if seconds < 10 else f"{seconds:,.0f}"
    )


def speed(tokens_per_s: float) -> str:
    """Print a speed with the digits that mean something: "47.8 t/s", "1,850 t/s"."""
    number = f"{tokens_per_s:.1f}" if tokens_per_s < 100 else f"{tokens_per_s:,.0f}"
    return translate("Figures", "{number} t/s").format(number=number)


def reread_sentence(figures: TurnFigures) -> str:
    """Say how much of what had been read was read again, and why; "" when nothing was."""
    if figures.reread_tokens <= 0:
        return ""
    whys = {
        "history_changed": _edit_words(figures),
        "reasoning_dropped": translate("Figures", "the template leaves earlier reasoning out"),
        "window_passed": translate("Figures", "the sliding window had moved on"),
        "cannot_rewind": translate("Figures", "this model’s state cannot be rewound"),
        "model_reloaded": translate("Figures", "the model was loaded again"),
        "other_chat": translate("Figures", "another chat had used the cache"),
        "context_shifted": translate("Figures", "messages before it were left out"),
        "options_changed": translate("Figures", "the context was made anew"),
        "template_rewrote": translate("Figures", "the template writes earlier messages differently now"),
    }
    why = whys.get(figures.reread_reason, "")
    count = translate("Figures", "{count} read again").format(count=format_tokens(figures.reread_tokens))
    return translate("Figures", "{what}: {why}").format(what=count, why=why) if why else count


def _stop_words(figures: TurnFigures | None, is_partial: bool) -> str:
    reason = figures.stop_reason if figures is not None else ""
    if reason == "cancelled":
        return translate("Figures", "stopped")
    if reason == "length":
        return translate("Figures", "cut at the answer’s limit")
    if reason == "context_full":
        return translate("Figures", "cut: the context is full")
    return translate("Figures", "cut off, what had arrived is kept") if is_partial else ""


def _edit_words(figures: TurnFigures) -> str:
    if figures.changed_message is None:
        return translate("Figures", "an earlier message changed")
    return translate("Figures", "message {number} changed").format(number=figures.changed_message + 1)


def place_words(message: ChatMessage) -> str:
    """Say of a message that it is one of several, pinned, left out of the context, or stands for others."""
    words = []
    if message.siblings:
        number, count = message.siblings.index(message.id) + 1, len(message.siblings)
        words.append(translate("Figures", "version {number} of {count}").format(number=number, count=count))
    if message.is_dropped:
        words.append(translate("Figures", "left out of the context"))
    elif message.stands_for:
        count = len(message.stands_for)
        words.append(translate("Figures", "summary of {count} messages").format(count=count))
    elif message.is_pinned:
        words.append(translate("Figures", "pinned"))
    return SEPARATOR.join(words)


def attachment_line(attachment: Attachment) -> str:
    """Name an attached text and say what it takes; a dash where no model has counted it."""
    tokens = translate("Figures", "{count} tokens").format(count=format_tokens(attachment.tokens))
    return SEPARATOR.join([attachment.name, tokens if attachment.tokens is not None else "–"])


def answer_line(message: ChatMessage) -> str:
    """Return the line under an answer."""
    figures = message.figures
    parts = []
    if figures is not None:
        read = (
            translate("Figures", "{new} new tokens read")
            if figures.new_tokens != 1
            else translate("Figures", "{new} new token read")
        )
        read = read.format(new=format_tokens(figures.new_tokens))
        if figures.reused_tokens:
            read = translate("Figures", "{read}, {count} reused").format(
                read=read, count=format_tokens(figures.reused_tokens)
            )
        parts = [
            read,
            reread_sentence(figures),
            translate("Figures", "{time} to first token").format(time=duration(figures.prefill_s)),
        ]
        made = (
            translate("Figures", "{count} tokens")
            if figures.completion_tokens != 1
            else translate("Figures", "{count} token")
        )
        made = made.format(count=format_tokens(figures.completion_tokens))
        if figures.tokens_per_s > 0:
            made += " " + translate("Figures", "at {speed}").format(speed=speed(figures.tokens_per_s))
        parts.append(made)
        parts += _room_words(figures)
    parts += [_stop_words(figures, message.is_partial), place_words(message)]
    return SEPARATOR.join(part for part in parts if part)


def _room_words(figures: TurnFigures) -> list[str]:
    """Say what spared a re-read, and what the turn left out."""
    words = []
    if figures.restored_from == "checkpoint":
        words.append(translate("Figures", "went back to a checkpoint"))
    elif figures.restored_from == "shelf":
        words.append(translate("Figures", "cache brought back from memory"))
    if figures.shifted_tokens:
        moved = translate("Figures", "{count} moved together in the cache")
        words.append(moved.format(count=format_tokens(figures.shifted_tokens)))
    if figures.dropped:
        left_out = translate("Figures", "{count} messages left out of the context")
        words.append(left_out.format(count=figures.dropped))
    return words


def live_line(engine: EngineState, streaming: Streaming) -> str:
    """Return the line under the answer that is being written."""
    if engine.phase is Phase.PREFILL:
        return prefill_line(engine)
    if streaming.tokens == 0:
        return ""
    made = translate("Figures", "{count} tokens").format(count=format_tokens(streaming.tokens))
    if not engine.tokens_per_s:
        return made
    pace = translate("Figures", "at {speed}").format(speed=speed(engine.tokens_per_s))
    return f"{made} {pace}"


def prefill_line(engine: EngineState, tokens_per_s: float = 0.0) -> str:
    """Say how far the prompt has been read; the speed only where one was measured."""
    if engine.prefill_total_tokens == 0:
        return translate("Figures", "reading")
    line = translate("Figures", "reading {done} of {total}").format(
        done=format_tokens(engine.prefill_done_tokens), total=format_tokens(engine.prefill_total_tokens)
    )
    return SEPARATOR.join([line, speed(tokens_per_s)]) if tokens_per_s > 0 else line


def thought_line(seconds: float, *, is_live: bool) -> str:
    """Return the caption of folded reasoning."""
    if is_live:
        return (
            translate("Figures", "Thinking for {seconds} s").format(seconds=round(seconds))
            if seconds >= 1
            else translate("Figures", "Thinking")
        )
    if seconds <= 0:
        return translate("Figures", "Thought")
    if seconds < 1:
        return translate("Figures", "Thought for {time}").format(time=duration(seconds))
    return translate("Figures", "Thought for {seconds} s").format(seconds=round(seconds))


def prefill_speed(state: DeskState) -> float:
    """Return the last measured speed of reading in this chat, in tokens a second; 0 when there is none."""
    if state.chat is None:
        return 0.0
    for message in reversed(state.chat.messages):
        figures = message.figures
        if figures is not None and figures.prefill_s > 0 and figures.new_tokens >= 16:
            return figures.new_tokens / figures.prefill_s
    return 0.0


def cost_line(state: DeskState, draft: str) -> str:
    """Say what sending the draft costs, from counted tokens and measured speed; nothing is guessed."""
    if state.engine.loaded is None:
        return _loading_words(state, draft)
    cost = state.send_cost
    if cost is None or not draft.strip():
        return ""
    parts = [translate("Figures", "+{count} tokens").format(count=format_tokens(cost.new_tokens))]
    seconds = cost.seconds_to_first_token
    if seconds is None and (rate := prefill_speed(state)) > 0:
        seconds = cost.new_tokens / rate
    if seconds is not None and cost.new_tokens:
        parts.append(translate("Figures", "first token in about {time}").format(time=duration(seconds)))
    room = state.engine.loaded.n_ctx_seq
    if room > 0:
        now = round(100 * cost.reused_tokens / room)
        after = round(100 * max(cost.cells_after, cost.prompt_tokens) / room)
        parts.append(translate("Figures", "cache {now} → {after} %").format(now=now, after=after))
    return SEPARATOR.join(parts)


def _loading_words(state: DeskState, draft: str) -> str:
    if state.model is None or state.engine.phase is Phase.LOADING:
        return translate("Figures", "loading the model") if state.engine.phase is Phase.LOADING else ""
    return translate("Figures", "loads {model} first").format(model=state.model.name) if draft.strip() else ""
