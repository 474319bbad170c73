"""Asks llama.cpp which tensors a model with this metadata has: `python ggufs_tensors.py KEYS.gguf`.

Prints one JSON line, [[name, [ne0, ne1, ...]], ...]. A program of its own, because llama.cpp ends the process
when metadata contradict each other.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

import llama_cpp
from llama_cpp import llama_cpp as api


class _Tensor(ctypes.Structure):
    """The start of ggml_tensor (ggml.h), as far as its shape."""

    _fields_ = (
        ("type", ctypes.c_int32),
        ("buffer", ctypes.c_void_p),
        ("ne", ctypes.c_int64 * 4),
    )


class _GgufInitParams(ctypes.Structure):
    _fields_ = (("no_alloc", ctypes.c_bool), ("ctx", ctypes.c_void_p))


def main(path: str) -> None:
    # llama.cpp prints to stdout in places; what is asked of it here must stay alone there.
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    folder = Path(llama_cpp.__file__).parent / "lib"
    (library,) = [
        p for p in folder.iterdir() if "ggml-base" in p.name and p.suffix in {".so", ".dylib", ".dll"}
    ]
    ggml = ctypes.CDLL(str(library))
    ggml.gguf_init_from_file.restype = ctypes.c_void_p
    ggml.gguf_init_from_file.argtypes = [ctypes.c_char_p, _GgufInitParams]
    ggml.ggml_get_name.restype = ctypes.c_char_p
    ggml.ggml_get_name.argtypes = [ctypes.c_void_p]

    found: dict[str, list[int]] = {}

    @api.llama_model_set_tensor_data_t
    def note(tensor: int, _: object) -> None:
        shape = list(_Tensor.from_address(tensor).ne)
        while len(shape) > 1 and shape[-1] == 1:
            shape.pop()
        found[ggml.ggml_get_name(tensor).decode()] = shape

    api.llama_backend_init()
    metadata = ggml.gguf_init_from_file(path.encode(), _GgufInitParams(True, None))
    model = api.llama_model_init_from_user(metadata, note, None, api.llama_model_default_params())
    if not model:
        sys.exit("llama.cpp refuses these metadata")
    answer.write(json.dumps(list(found.items())))
    answer.close()


if __name__ == "__main__":
    main(sys.argv[1])
