"""What the engine process holds, and how it answers each command."""

import ctypes
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import psutil

import kvdesk
from kvdesk.engine.llama import devices, thread_choice
from kvdesk.engine.llama.breakdown import beyond_buffers, break_down
from kvdesk.engine.llama.context import Context
from kvdesk.engine.llama.kernels import probe_kernels
from kvdesk.engine.llama.library import Log, binding_version, llama, text_of
from kvdesk.engine.llama.model import Model
from kvdesk.engine.llama.parameters import logical_cores, physical_cores
from kvdesk.engine.llama.planner import Planner
from kvdesk.engine.protocol import (
    PROTOCOL_VERSION,
    AskCache,
    Chat,
    Command,
    Complete,
    CountTokens,
    DevicesListed,
    DryRun,
    Event,
    Hello,
    KernelsProbed,
    ListDevices,
    Load,
    Loaded,
    LoadProgress,
    Park,
    Parked,
    ProbeKernels,
    Rebuild,
    Rebuilt,
    Rehearse,
    Rehearsed,
    Resume,
    Resumed,
    ThreadPace,
    Tokenize,
    Tokenized,
    Unload,
    Unloaded,
)
from kvdesk.errors import EngineError
from kvdesk.memory.report import Kind, MemoryReport
from kvdesk.plan.options import LoadOptions

if TYPE_CHECKING:
    from kvdesk.engine.llama.chats import Chats

PROGRESS_STEP = 0.005  # of the weights; llama.cpp reports each tensor


class Engine:
    """The loaded model with its context, and the planner's model without weights.

    `emit` sends the progress of the command under way, `is_cancelled` says whether that is to stop, and
    `abort_flag` says the same to C code.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        is_cancelled: Callable[[], bool],
        abort_flag: ctypes.Array[ctypes.c_char],
    ) -> None:
        llama.llama_backend_init()
        self._emit = emit
        self._is_cancelled = is_cancelled
        self._abort_flag = abort_flag
        self._log = Log()
        self._rpc = devices.RpcServers()
        self._planner = Planner(self._log, self._rpc)
        self._model: Model | None = None
        self._context: Context | None = None
        self._handles: list[int] = []  # of the devices that the model may use
        self._report: MemoryReport | None = None
        self._chats: Chats | None = None
        self._threads = (
            0  # that answer where the options leave their number open; 0: as many as they read with
        )

    def hello(self) -> Hello:
        """The greeting."""
        return Hello(
            protocol=PROTOCOL_VERSION,
            kvdesk=kvdesk.__version__,
            llama_cpp_python=binding_version(),
            build=text_of(llama.llama_print_system_info()).strip(),
            pid=os.getpid(),
            can_offload=bool(llama.llama_supports_gpu_offload()),
            has_rpc=devices.has_rpc(),
        )

    def run(self, command: Command) -> Event:  # noqa: C901 - one case per command
        """Carry out a command and return its final event. Raises KvDeskError or Cancelled."""
        match command:
            case ListDevices():
                handles = [*self._rpc.handles(command.rpc), *devices.local_handles()]
                return DevicesListed(id=command.id, devices=devices.list_devices(handles))
            case DryRun():
                return self._planner.plan(command, self._is_cancelled)
            case ProbeKernels():
                handles = [*self._rpc.handles(command.rpc), *devices.local_handles()]
                answers = probe_kernels(handles, command.head_dims, command.head_count, command.head_count_kv)
                return KernelsProbed(id=command.id, answers=answers)
            case Load():
                return self._load(command)
            case Chat():
                return self._loaded_chats().run(command, self._emit, self._is_cancelled)
            case Complete():
                return self._loaded_chats().complete(command, self._emit, self._is_cancelled)
            case CountTokens():
                return self._loaded_chats().count(command)
            case Rebuild():
                return self._rebuild(command)
            case Park():
                return self._park(command)
            case Resume():
                return self._resume(command)
            case Rehearse():
                return self._rehearse(command)
            case Tokenize():
                tokens = self._loaded_chats().tokenize(command.text, is_start=command.add_special)
                return Tokenized(id=command.id, tokens=tuple(tokens))
            case AskCache():
                return self._loaded_chats().report(command.id)
            case Unload():
                self._unload()
                return Unloaded(id=command.id)
            case _:
                raise EngineError("The engine has no answer to {name}.", name=type(command).__name__)

    def close(self) -> None:
        """Free everything."""
        self._unload()
        self._planner.close()

    def _load(self, command: Load) -> Loaded:
        started_s = time.perf_counter()
        self._unload()
        self._planner.close()
        reported = -1.0

        def on_progress(fraction: float) -> None:
            nonlocal reported
            if fraction - reported >= PROGRESS_STEP or fraction >= 1:
                reported = fraction
                self._emit(LoadProgress(id=command.id, fraction=fraction, stage="weights"))

        options = command.options
        chosen = devices.choose(options.device, self._rpc.handles(options.rpc))
        self._handles = handles = devices.local_handles() if chosen is None else chosen
        before = devices.list_devices(handles)
        base = psutil.Process().memory_info()
        self._model = Model(
            command.model,
            options,
            chosen,
            self._log,
            on_progress=on_progress,
            is_cancelled=self._is_cancelled,
        )
        self._emit(LoadProgress(id=command.id, fraction=1.0, stage="context"))
        try:
            self._context = Context(self._model, options, self._log, self._abort_flag, verbose=True)
        except BaseException:
            self._unload()
            raise
        result = break_down(self._context, before, "measurement", started_s)
        beyond = beyond_buffers(result.report, before, devices.list_devices(handles), base.rss)
        self._report = report = msgspec.structs.replace(result.report, items=(*result.report.items, *beyond))
        paces = self._choose_threads(command, self._context, report)
        return Loaded(
            id=command.id,
            model=command.model,
            description=self._model.description,
            report=report,
            options=self._context.options,
            n_ctx_seq=self._context.n_ctx_seq,
            n_vocab=self._model.n_vocab,
            flash_attn=self._context.flash_attn,
            has_template=bool(self._model.chat_template),
            can_shift=self._context.can_shift,
            process_bytes=psutil.Process().memory_info().rss,
            base_private_bytes=base.rss - base.shared if hasattr(base, "shared") else None,
            elapsed_s=time.perf_counter() - started_s,
            notes=result.notes,
            threads=llama.llama_n_threads(self._context.handle),
            thread_paces=paces,
        )

    def _choose_threads(
        self, command: Load, context: Context, report: MemoryReport
    ) -> tuple[ThreadPace, ...]:
        """Answer with the number of threads that is fastest here, unless the options name one."""
        paces: tuple[ThreadPace, ...] = ()
        self._threads = 0 if command.options.threads else command.known_threads
        if not command.options.threads and not self._threads and thread_choice.matters(context, report):
            usual = physical_cores()
            counts = thread_choice.candidates(usual, logical_cores())
            try:
                paces = thread_choice.measure(context, counts, self._is_cancelled)
            except BaseException:
                self._unload()
                raise
            self._threads = thread_choice.fastest(paces, usual) if paces else 0
        if self._threads:
            context.use_threads(self._threads)
        return paces

    def _rebuild(self, command: Rebuild) -> Rebuilt:
        from kvdesk.engine.llama.rebuild import (
            Rebuilding,
        )  # numpy is loaded with it, and a planner needs none

        started_s = time.perf_counter()
        context, model, before = self._loaded_context(), self._model, self._report
        if model is None or before is None:
            raise EngineError("No model is loaded.", "Load one first.")

        def open_context(options: LoadOptions) -> Context:
            made = Context(model, options, self._log, self._abort_flag, verbose=True)
            if self._threads and not command.options.threads:
                made.use_threads(self._threads)
            return made

        rebuilding = Rebuilding(
            command, context, before.devices, open_context, self._emit, self._is_cancelled
        )
        try:
            outcome = rebuilding.run()
        finally:
            if not context.handle:  # neither the new context nor the old one could be made
                self._unload()
        result = break_down(context, before.devices, "measurement", started_s)
        beyond = [item for item in before.items if item.kind in (Kind.DEVICE_CONTEXT, Kind.PROCESS)]
        self._report = report = msgspec.structs.replace(result.report, items=(*result.report.items, *beyond))
        if self._chats is not None:
            self._chats.replace_context(context, report.bytes_of(Kind.K), report.bytes_of(Kind.V))
        return Rebuilt(
            id=command.id,
            report=report,
            options=context.options,
            n_ctx_seq=context.n_ctx_seq,
            flash_attn=context.flash_attn,
            can_shift=context.can_shift,
            how=outcome.how,
            route=command.route,
            kept_tokens=outcome.kept_tokens,
            state_bytes=outcome.state_bytes,
            elapsed_s=time.perf_counter() - started_s,
            copy_s=outcome.copy_s,
            divergence=outcome.divergence,
            why=outcome.why,
        )

    def _park(self, command: Park) -> Parked:
        from kvdesk.engine.llama.parked import park  # numpy, as above

        started_s = time.perf_counter()
        transcript, context = self._loaded_chats().held(command.chat), self._loaded_context()
        n_bytes = park(context, command.chat, transcript, Path(command.path))
        return Parked(
            id=command.id,
            chat=command.chat,
            path=command.path,
            n_bytes=n_bytes,
            tokens=len(context.tokens),
            elapsed_s=time.perf_counter() - started_s,
        )

    def _resume(self, command: Resume) -> Resumed:
        from kvdesk.engine.llama.parked import resume  # numpy, as above

        started_s = time.perf_counter()
        chats, context = self._loaded_chats(), self._loaded_context()
        chats.set_aside()
        chats.resumed(command.chat, resume(context, Path(command.path), self._is_cancelled))
        return Resumed(
            id=command.id,
            chat=command.chat,
            tokens=len(context.tokens),
            elapsed_s=time.perf_counter() - started_s,
        )

    def _rehearse(self, command: Rehearse) -> Rehearsed:
        from kvdesk.engine.llama.rehearsal import Rehearsal  # numpy, as above

        context = self._loaded_context()
        return Rehearsal(command, context, self._handles, self._emit, self._is_cancelled).run()

    def _loaded_chats(self) -> "Chats":
        if self._chats is None:
            from kvdesk.engine.llama.chats import Chats  # jinja2 is loaded with it, and a planner needs none

            context, report = self._loaded_context(), self._report
            k_bytes, v_bytes = (report.bytes_of(Kind.K), report.bytes_of(Kind.V)) if report else (0, 0)
            self._chats = Chats(context, k_bytes, v_bytes)
        return self._chats

    def _loaded_context(self) -> Context:
        if self._context is None:
            raise EngineError("No model is loaded.", "Load one first.")
        return self._context

    def _unload(self) -> None:
        if self._context is not None:
            self._context.close()
        if self._model is not None:
            self._model.close()
        self._context = self._model = self._report = self._chats = None
