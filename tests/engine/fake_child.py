"""A small process that speaks the protocol and misbehaves on request; its first argument says how."""

import os
import signal
import sys
import time

HELLO = (
    b'{"event":"hello","protocol":2,"kvdesk":"0","llama_cpp_python":"0","build":"","pid":1,'
    b'"can_offload":false,"has_rpc":false}\n'
)


def write(line: bytes) -> None:
    os.write(1, line)


def serve(behaviour: str) -> None:
    """Answer each line of standard input by what was asked for on the command line."""
    write(HELLO)
    for line in sys.stdin.buffer:
        if b'"quit"' in line:
            if behaviour == "ignores quit":
                continue
            sys.exit(0)
        if behaviour == "noise":
            write(b"llama.cpp printed this\n")
        elif behaviour == "half a line":
            write(b'{"event":"unloaded","id"')
            os._exit(3)
        elif behaviour == "aborts":
            os.write(2, b"/src/ggml.c:123: GGML_ASSERT(n_outputs <= n_max) failed\n")
            os.abort()
        elif behaviour == "out of memory":
            os.write(2, b"alloc: failed to allocate CPU buffer of size 1073741824\n")
            os.abort()
        elif behaviour == "closes its output":
            os.close(1)
            time.sleep(600)
        elif behaviour == "never answers":
            continue
        if behaviour == "streams":
            for n in range(1000):
                write(b'{"event":"text","id":1,"text":"%d ","tokens":1}\n' % n)
        write(b'{"event":"unloaded","id":%d}\n' % int(line.split(b'"id":')[1].split(b"}")[0].split(b",")[0]))


def main(behaviour: str) -> None:
    if behaviour == "exits at once":
        sys.exit("No module named 'llama_cpp'")
    if behaviour == "never greets":
        time.sleep(600)
    if behaviour == "other protocol":
        write(b'{"event":"hello","protocol":99,"planet":"Mars"}\n')
        time.sleep(600)
    if behaviour == "ignores its end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(behaviour)
    if behaviour in ("ignores quit", "ignores its end"):
        time.sleep(600)


if __name__ == "__main__":
    main(sys.argv[1])
