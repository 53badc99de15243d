"""Checkpoint files taken apart and put together by hand, from the description of the format.

safetensors: eight bytes, the length of a JSON header; the header, which says of every tensor its
dtype, shape and place; the bytes of the tensors one after another.
"""

import json
from hashlib import sha256

import numpy as np

DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BOOL": "bool",
    "I8": "int8", "I16": "int16", "I32": "int32", "I64": "int64",
    "U8": "uint8", "U16": "uint16", "U32": "uint32", "U64": "uint64",
}  # fmt: skip


def take_apart(path):
    """The document of a checkpoint, and its arrays by name."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    document = json.loads(header.pop("__metadata__")["pylstm"])
    arrays = {}
    for name, about in header.items():
        first, last = (end + place for place in about["data_offsets"])
        values = np.frombuffer(content[first:last], DTYPES[about["dtype"]])
        arrays[name] = values.reshape(about["shape"])
    return document, arrays


def put_together(path, document, arrays, sign=True):
    """A checkpoint that a liar has written: whatever is in it, its checksum is right."""
    document = dict(document)
    if sign:
        document.pop("sha256", None)
        digest = sha256(json.dumps(document).encode())
        for name in sorted(arrays):
            array = arrays[name]
            digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
            digest.update(array.tobytes())
        document["sha256"] = digest.hexdigest()
    write_safetensors(path, {"pylstm": json.dumps(document)}, arrays)


def write_safetensors(path, metadata, arrays):
    names = {dtype: name for name, dtype in DTYPES.items()}
    header, start = {"__metadata__": metadata}, 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": names[array.dtype.name],
            "shape": array.shape,
            "data_offsets": [start, start + array.nbytes],
        }
        start += array.nbytes
    text = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in arrays.values())
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def saved_bits(path):
    """Everything in a checkpoint, for comparison to the last bit."""
    document, arrays = take_apart(path)
    document.pop("sha256")
    return document, {
        name: (array.dtype.name, array.shape, array.tobytes()) for name, array in arrays.items()
    }
