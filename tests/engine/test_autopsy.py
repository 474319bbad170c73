"""What llama.cpp and the system print, and what the user is told."""

import signal
import sys

import pytest

from kvdesk.engine import autopsy
from kvdesk.errors import (
    Corrupt,
    EngineError,
    GgufError,
    KvDeskError,
    OptionError,
    OutOfMemory,
    StartFailed,
    Truncated,
)

LOADS: list[tuple[type[KvDeskError], str, list[str]]] = [
    (
        OutOfMemory,
        "the weights: 4,608 MiB could not be allocated (CUDA0)",
        [
            "cuda_alloc: allocating 4608.00 MiB on device 0: cudaMalloc failed: out of memory",
            "alloc_tensor_range: failed to allocate CUDA0 buffer of size 4831838208",
            "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        ],
    ),
    (
        StartFailed,
        "“martian”",
        ["llama_model_load: error loading model: unknown model architecture: 'martian'"],
    ),
    (
        GgufError,
        "x.gguf cannot be opened: No such file or directory",
        ["gguf_init_from_file: failed to open GGUF file '/a/x.gguf' (No such file or directory)"],
    ),
    (
        Truncated,
        "x.gguf is cut short",
        [
            "llama_model_load: error loading model: tensor 'a.weight' data is not within the file bounds, "
            "model is corrupted or incomplete"
        ],
    ),
    (
        Corrupt,
        "blk.1.attn_q.weight",
        ["llama_model_load: error loading model: missing tensor 'blk.1.attn_q.weight'"],
    ),
    (
        StartFailed,
        "x.gguf: key not found in model: llama.context_length",
        ["llama_model_load: error loading model: key not found in model: llama.context_length"],
    ),
]


@pytest.mark.parametrize(("kind", "words", "lines"), LOADS)
def test_a_load_that_failed(kind: type[KvDeskError], words: str, lines: list[str]) -> None:
    error = autopsy.load_error("/a/x.gguf", lines)
    assert type(error) is kind
    assert words in error.message


CONTEXTS: list[tuple[type[KvDeskError], str, list[str]]] = [
    (
        OutOfMemory,
        "the K and V cache: 64.0 GiB could not be allocated (CPU)",
        [
            "ggml_backend_cpu_buffer_type_alloc_buffer: failed to allocate buffer of size 68719476736",
            "alloc_tensor_range: failed to allocate CPU buffer of size 68719476736",
            "llama_init_from_model: failed to initialize the context: failed to allocate buffer for kv cache",
        ],
    ),
    (
        OutOfMemory,
        "the compute buffer: 267 MiB could not be allocated (CUDA0)",
        [
            "ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 279447552",
            "llama_init_from_model: failed to initialize the context: failed to allocate compute pp buffers",
        ],
    ),
    (
        OptionError,
        "needs flash attention",
        ["llama_init_from_model: quantized V cache requires flash_attn to be enabled"],
    ),
    (
        OptionError,
        "V as q4_0 needs heads that are a multiple of 32; this model's have 72",
        ["x: V cache type q4_0 with block size 32 does not divide n_embd_head_v=72"],
    ),
    (
        OptionError,
        "same type for K and V",
        ["x: model does not support different K (q8_0) and V (f16) cache types"],
    ),
    (
        EngineError,
        "cannot make a context: n_ctx_seq == 0",
        ["llama_init_from_model: failed to initialize the context: n_ctx_seq == 0"],
    ),
]


@pytest.mark.parametrize(("kind", "words", "lines"), CONTEXTS)
def test_a_context_that_failed(kind: type[KvDeskError], words: str, lines: list[str]) -> None:
    error = autopsy.context_error(lines)
    assert type(error) is kind
    assert words in error.message


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("exit_code", "stderr", "cause", "words"),
    [
        (-signal.SIGKILL, ["ggml: failed to allocate CPU buffer of size 5"], "killed", "SIGKILL"),
        (
            -signal.SIGABRT,
            ["/s/ggml-rpc.cpp:547: Failed to connect to h:1"],
            "aborted",
            "The RPC server h:1 is gone",
        ),
        (-signal.SIGABRT, ["/s/x.cu:3: Remote RPC server crashed or returned"], "aborted", "RPC server"),
        (-signal.SIGABRT, ["terminate called", "  what():  vector::reserve"], "aborted", "vector::reserve"),
        (-signal.SIGABRT, [], "aborted", "it printed nothing"),
        (
            -signal.SIGABRT,
            ["terminate called", "  what():  std::bad_alloc"],
            "out_of_memory",
            "Not enough memory for the computation",
        ),
        # The buffers of the load that went well stand among the last words, too.
        (
            -signal.SIGABRT,
            ["llama_context: CPU output buffer size = 0.1 MiB", "CUDA error: out of memory"],
            "out_of_memory",
            "Not enough memory for a buffer",
        ),
        (-signal.SIGBUS, ["sched_reserve: reserve took 1 ms"], "crashed", "cut short, or its disk is gone"),
        (-signal.SIGSEGV, [], "crashed", "SIGSEGV"),
        (-99, [], "crashed", "signal 99"),
        (0xC0000005, [], "crashed", "access violation"),
        (3, ["last words"], "crashed", "status 3): last words"),
    ],
)
def test_an_end(exit_code: int, stderr: list[str], cause: str, words: str) -> None:
    end = autopsy.exited(exit_code, stderr)
    assert end.cause == cause
    assert words in end.message
    assert end.hint
    assert end.exit_code == exit_code


def test_an_old_failure_is_not_the_cause_of_a_later_crash() -> None:
    stderr = ["alloc: failed to allocate CPU buffer of size 5", *["loading ..."] * 100]
    assert autopsy.exited(-signal.SIGSEGV, stderr).cause == "crashed"


def test_of_several_servers_the_one_that_is_silent_is_named() -> None:
    stderr = [
        "load_tensors: RPC0[10.0.0.1:1] model buffer size = 5 MiB",
        "load_tensors: RPC0[10.0.0.2:1] model buffer size = 5 MiB",
        *["..."] * 50,
        "/s/ggml-rpc.cpp:569: Remote RPC server crashed or returned malformed response",
    ]
    end = autopsy.exited(-6, stderr, answers=lambda server: server == "10.0.0.1:1")
    assert "10.0.0.2:1 is gone" in end.message
    assert "answered nonsense" in autopsy.exited(-6, stderr).message


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([], "Not enough memory for the computation."),
        (
            ["ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 279447552"],
            "the computation: 267 MiB could not be allocated (CUDA0)",
        ),
    ],
)
def test_a_decode_without_memory(lines: list[str], words: str) -> None:
    error = autopsy.decode_error(-2, 512, lines)
    assert isinstance(error, OutOfMemory)
    assert words in error.message


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("x.so: failed to map segment from shared object")]
)
def test_memory_for_our_own_libraries(error: Exception) -> None:
    assert isinstance(autopsy.unexpected(error), OutOfMemory)
    assert not isinstance(autopsy.unexpected(ImportError("no x")), OutOfMemory)
