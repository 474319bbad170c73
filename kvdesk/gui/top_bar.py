"""The line above the conversation: what is loaded, with which cache, and how sure its figures are."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QWidget

from kvdesk.gui import theme
from kvdesk.gui.controls import icon_button, push_button, set_role, text_label
from kvdesk.gui.figures import speed
from kvdesk.gui.theme import Space, TextSize
from kvdesk.session.state import DeskState, LoadedModel, Proof
from kvdesk.units import format_bytes, format_tokens

HEIGHT = 48
_CHIP_HEIGHT = 26


class Chip(QFrame):
    """A rounded piece of the line: a quiet word and a weightier one."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setProperty("surface", "chip")
        self.setAccessibleName(name)
        self._parts: list[QLabel] = []
        self._shown: tuple[tuple[str, str, bool], ...] = ()
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 0, 10, 0)
        row.setSpacing(Space.TINY)
        self.setFixedHeight(theme.px(_CHIP_HEIGHT))
        self._row = row
        self.is_wanted = False
        self.hide()

    def show_parts(self, *parts: tuple[str, str, bool], why: str = "") -> None:
        """Show (text, role, bold) pieces beside each other; nothing hides the chip. `why` is its tooltip."""
        self.setToolTip(why)
        if parts == self._shown:
            return
        self._shown = parts
        while len(self._parts) < len(parts):
            label = text_label(size=TextSize.TABLE, figures=True)
            self._parts.append(label)
            self._row.addWidget(label)
        for label, (text, role, bold) in zip(self._parts, parts, strict=False):
            label.setFont(theme.current().font(TextSize.TABLE, bold=bold, figures=True))
            set_role(label, role=role)
            label.setText(text)
        for index, label in enumerate(self._parts):
            label.setVisible(index < len(parts))
        self.is_wanted = bool(parts)
        self.setVisible(self.is_wanted)
        self.setAccessibleDescription(" ".join(text for text, _, _ in parts) + (f". {why}" if why else ""))


class TopBar(QWidget):
    """Model, cache pair, kernel and context as chips; the buttons for the side parts and the export."""

    exportWanted = Signal()
    endpointWanted = Signal()
    chatsWanted = Signal()
    deskWanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        theme.dress(self)
        self.setFixedHeight(theme.px(HEIGHT))
        self.chats_button = icon_button("panel-left", self.tr("Show or hide the chats (Ctrl+B)"))
        self.desk_button = icon_button("panel-right", self.tr("Show or hide the desk (Ctrl+D)"))
        self.export_button = push_button(self.tr("Export"), "chip", TextSize.TABLE)
        self.export_button.setToolTip(self.tr("The launch command for these options (Ctrl+E)"))
        self.endpoint_button = push_button(self.tr("Serve"), "chip", TextSize.TABLE)
        self.endpoint_button.setToolTip(self.tr("Let other programs use the loaded model"))
        self.endpoint_button.clicked.connect(self.endpointWanted)
        self.chats_button.clicked.connect(self.chatsWanted)
        self.desk_button.clicked.connect(self.deskWanted)
        self.export_button.clicked.connect(self.exportWanted)
        self.model_chip = Chip(self.tr("Model"))
        self.pair_chip = Chip(self.tr("Cache types"))
        self.kernel_chip = Chip(self.tr("Attention kernel"))
        self.context_chip = Chip(self.tr("Context"))
        self._empty = text_label(self.tr("No model opened"), "muted")

        row = QHBoxLayout(self)
        row.setContentsMargins(Space.SMALL, 0, Space.SMALL, 0)
        row.setSpacing(6)
        row.addWidget(self.chats_button)
        for part in (self._empty, self.model_chip, self.pair_chip, self.kernel_chip, self.context_chip):
            row.addWidget(part)
        row.addStretch(1)
        row.addWidget(self.endpoint_button)
        row.addWidget(self.export_button)
        row.addWidget(self.desk_button)

    def show_parts(self, *, chats: bool, desk: bool) -> None:
        """Show on the two buttons which side parts are there."""
        for button, is_shown in ((self.chats_button, chats), (self.desk_button, desk)):
            button.setAccessibleDescription(self.tr("shown") if is_shown else self.tr("hidden"))

    def show_state(self, state: DeskState) -> None:
        """Show what is loaded; before that, what is chosen."""
        model = state.model
        self._show_endpoint(state)
        self._empty.setVisible(model is None)
        self.export_button.setEnabled(model is not None)
        if model is None:
            for chip in (self.model_chip, self.pair_chip, self.kernel_chip, self.context_chip):
                chip.show_parts()
            return
        loaded = state.engine.loaded
        parts = [(model.name, "text", True), (model.quantisation, "text", False)]
        if loaded is not None and loaded.path != model.path:
            # Another model answers until this one is loaded; what the chips say is of this one.
            words = self.tr("opened · {model} answers").format(model=Path(loaded.path).stem)
            parts.append((words, "warn", False))
            loaded = None
        self.model_chip.show_parts(*parts, why=model.path)
        self._show_pair(state, loaded)
        self._show_kernel(state, loaded)
        self._show_context(state, loaded)
        self._make_room()

    def _show_endpoint(self, state: DeskState) -> None:
        """Offer the endpoint where there is something to serve, and say that it is open."""
        self.endpoint_button.setVisible(state.engine.loaded is not None or state.endpoint is not None)
        label = self.tr("Serving") if state.endpoint else self.tr("Serve")
        if label != self.endpoint_button.text():
            self.endpoint_button.setText(label)
            self.endpoint_button.setAccessibleName(label)

    def _make_room(self) -> None:
        """Leave out the least important chips when the line is short."""
        row = self.layout()
        assert row is not None
        margins, gap = row.contentsMargins(), row.spacing()
        room = self.width() - margins.left() - margins.right()
        room -= sum(
            button.sizeHint().width() + gap
            for button in (self.chats_button, self.endpoint_button, self.export_button, self.desk_button)
        )
        for chip in (self.model_chip, self.context_chip, self.pair_chip, self.kernel_chip):
            room -= chip.sizeHint().width() + gap
            chip.setVisible(chip.is_wanted and room >= 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the chips to the new width."""
        super().resizeEvent(event)
        self._make_room()

    def _show_pair(self, state: DeskState, loaded: LoadedModel | None) -> None:
        options = loaded.options if loaded else state.options
        role = "text" if loaded else "muted"
        why = self.tr("Read back from the engine") if loaded else self.tr("Chosen, not loaded yet")
        self.pair_chip.show_parts(
            ("K", role, False),
            (options.cache_type_k, role, loaded is not None),
            ("· V", role, False),
            (options.cache_type_v, role, loaded is not None),
            why=why,
        )

    def _show_kernel(self, state: DeskState, loaded: LoadedModel | None) -> None:
        options = loaded.options if loaded else state.options
        pair = (options.cache_type_k, options.cache_type_v)
        kernel = next(
            (fit.kernel for fit in state.fits if (fit.cache_type_k, fit.cache_type_v) == pair), "unknown"
        )
        if loaded is not None and not loaded.flash_attn:
            self.kernel_chip.show_parts(
                (self.tr("no flash attention"), "warn", False),
                why=self.tr("Scores are computed in full; the compute buffer is larger."),
            )
        elif kernel == "gpu":
            self.kernel_chip.show_parts(
                (self.tr("GPU kernel"), "good", False),
                why=self.tr("The GPU computes attention with this pair itself."),
            )
        elif kernel == "cpu" and any(device.kind != "cpu" for device in state.devices):
            self.kernel_chip.show_parts(
                (self.tr("CPU kernel"), "warn", False),
                why=self.tr("The GPU has no kernel for this pair; attention runs on the CPU, which is slow."),
            )
        else:
            self.kernel_chip.show_parts()

    def _show_context(self, state: DeskState, loaded: LoadedModel | None) -> None:
        if loaded is not None:
            tokens, word, role = loaded.options.ctx_size, self.tr("measured"), "text"
            why = self.tr("This context is allocated.")
        elif state.plan is not None and state.plan_options is not None:
            tokens, word, role = state.plan_options.ctx_size, self.tr("planned"), "muted"
            why = self.tr("llama.cpp itself was asked what this context takes.")
        else:
            assert state.model is not None
            tokens, word, role = (
                state.options.ctx_size or state.model.n_ctx_train,
                self.tr("estimated"),
                "muted",
            )
            why = self.tr("Computed from the header; llama.cpp has not been asked yet.")
        text = self.tr("{tokens} tokens · {degree}").format(tokens=format_tokens(tokens), degree=word)
        proof = state.proof
        if proof is None:
            self.context_chip.show_parts((text, role, False), why=why)
            return
        badge = self.tr("✓ proven to {tokens} tokens").format(tokens=format_tokens(proof.n_tokens))
        # The badge says it all where it is about the whole context: short lines leave chips out.
        parts = (
            ((badge, "good", False),)
            if proof.n_tokens == tokens
            else ((text, role, False), (badge, "good", False))
        )
        self.context_chip.show_parts(*parts, why="\n".join((why, *self._proof_words(proof))))

    def _proof_words(self, proof: Proof) -> list[str]:
        """What a rehearsal found, line by line."""
        when = proof.date.astimezone().strftime("%Y-%m-%d %H:%M")
        words = [
            self.tr("Filled to its end {count} times on {date}, and it held.").format(
                count=proof.rounds, date=when
            )
        ]
        words += [
            self.tr("{device}: {size} in use at most").format(device=device, size=format_bytes(size))
            for device, size in proof.used_bytes.items()
        ]
        words += [
            self.tr("at {tokens} tokens: {speed}").format(
                tokens=format_tokens(point.depth), speed=speed(point.decode_tokens_per_s)
            )
            for point in proof.speeds
            if point.decode_tokens_per_s is not None
        ]
        return words
