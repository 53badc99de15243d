"""Checkpoints taken apart and put together by hand, with a checksum that is right.

From the description of the format in `pylstm/checkpoint/file.py` and that of safetensors: eight
bytes, the length of a JSON header; the header, which says of every tensor its dtype, shape and
place; the bytes of the tensors one after another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np

__all__ = ["DTYPES", "put_together", "signed", "take_apart"]

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def take_apart(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the document of a checkpoint, and its arrays by name."""
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    document = json.loads(header.pop("__metadata__")["pylstm"])
    arrays = {}
    for name, about in header.items():
        first, last = (end + place for place in about["data_offsets"])
        values = np.frombuffer(content[first:last], DTYPES[about["dtype"]])
        arrays[name] = values.reshape(about["shape"])
    return document, arrays


def signed(document: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Return the document with the checksum that belongs to it."""
    document = {key: value for key, value in document.items() if key != "sha256"}
    digest = sha256(json.dumps(document).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(array.tobytes())
    return document | {"sha256": digest.hexdigest()}


def put_together(
    text: str, arrays: Mapping[str, np.ndarray], dtypes: Mapping[str, str] | None = None
) -> bytes:
    """Return the file of a document, a JSON text, and arrays; `dtypes`: lies about some."""
    header: dict[str, Any] = {"__metadata__": {"pylstm": text}}
    start = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": (dtypes or {}).get(name, _NAMES[array.dtype.name]),
            "shape": array.shape,
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    head = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in arrays.values())
    return len(head).to_bytes(8, "little") + head + data
