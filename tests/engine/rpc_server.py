"""Runs one of llama.cpp's RPC servers with this machine's CPU as its device, until standard input ends.

Two of these on loopback are two devices to llama.cpp: every path with several GPUs can be walked without one.
"""

import ctypes
import os
import sys
import threading

from kvdesk.engine.llama import ggml


def main() -> None:
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    start_server = ctypes.CFUNCTYPE(
        None,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_size_t,
        ctypes.POINTER(ctypes.c_void_p),
    )(ggml.reg_get_proc_address(ggml.reg_by_name(b"RPC"), b"ggml_backend_rpc_start_server"))
    devices = (ctypes.c_void_p * 1)(ggml.dev_by_type(ggml.DeviceType.CPU))
    start_server(sys.argv[1].encode(), None, 1, 1, devices)


if __name__ == "__main__":
    main()
