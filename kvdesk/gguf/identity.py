"""Which model a file holds, told from its header and samples of its weights in milliseconds.

Two files with the same name, sizes and metadata can hold different weights (another fine-tuning, another
quantisation run); a cache made with one is of no use to the other.
"""

import hashlib
from pathlib import Path

from kvdesk.errors import GgufError
from kvdesk.gguf.header import Header

_SAMPLES = 64  # of each file's tensors, evenly spread
_SAMPLE_BYTES = 4096


def model_identity(header: Header) -> str:
    """A short name of a model's content, the same wherever its files lie.

    All of the metadata and of the list of tensors count, and a few KiB of tensors throughout every file.
    Raises GgufError when a file can no longer be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    for index, path in enumerate(header.paths or (header.path,)):
        try:
            with open(path, "rb") as file:
                size = file.seek(0, 2)
                digest.update(size.to_bytes(8, "little"))
                file.seek(0)
                begin = header.data_offset if index == 0 else 0
                digest.update(file.read(begin))
                for number in range(_SAMPLES):
                    file.seek(begin + (size - begin) * number // _SAMPLES)
                    digest.update(file.read(_SAMPLE_BYTES))
        except OSError as error:
            raise GgufError(
                "“{name}” cannot be read: {reason}.",
                "Check the path.",
                name=Path(path).name,
                reason=error.strerror or str(error),
            ) from error
    return digest.hexdigest()
