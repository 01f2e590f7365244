"""Writes safetensors_file.json: a safetensors file made without any library, and the values that stand in it, for
tests/tensor/safetensors-read.test.ts.

    python3 tests/goldens/safetensors_file.py

The header is laid out as the format allows but the reference implementation would not: entries in no order, blanks
between tokens, escaped and unescaped non-ASCII names, unaligned tensors.
"""

import base64
import json
import math
import pathlib
import struct


def pack(code, values):
    return b"".join(struct.pack("<" + code, value) for value in values)


def bfloat16(values):
    """The upper halves of float32 values that bfloat16 holds exactly."""
    words = [struct.pack("<f", value) for value in values]
    assert all(word[:2] == b"\0\0" for word in words)
    return b"".join(word[2:] for word in words)


nan, inf = math.nan, math.inf
TENSORS = [
    # name, dtype, shape, values, bytes, the dtype they are read as
    ("flags", "BOOL", [3], [1, 0, 1], bytes([1, 0, 1]), "bool"),
    ("f32", "F32", [2, 3], v := [0.5, -1.25, 3.4028234663852886e38, 1.401298464324817e-45, inf, nan], pack("f", v), "float32"),
    ("f16", "F16", [7], v := [0.5, -2.0, 65504.0, 2**-24, 2**-14, -inf, nan], pack("e", v), "float32"),
    ("bf16", "BF16", [2, 2], v := [1.0, -0.15625, 2.0**127, inf], bfloat16(v), "float32"),
    ("f64", "F64", [2], v := [0.1, -1e300], pack("d", v), "float32"),
    ("i64", "I64", [2, 2], v := [0, -1, 2**31 - 1, -(2**31)], pack("q", v), "int32"),
    ("too large", "I64", [3], v := [1, 2**31, 2], pack("q", v), None),
    ("i32", "I32", [3], v := [2**31 - 1, -(2**31), 7], pack("i", v), "int32"),
    ("i16", "I16", [2], v := [-32768, 32767], pack("h", v), "int32"),
    ("i8", "I8", [2], v := [-128, 127], pack("b", v), "int32"),
    ("u8", "U8", [1, 1, 2], v := [0, 255], pack("B", v), "uint8"),
    ("u16", "U16", [1], v := [65535], pack("H", v), "int32"),
    ("u32", "U32", [2], v := [7, 2**31 - 1], pack("I", v), "int32"),
    ("u64", "U64", [1], v := [2**31 - 1], pack("Q", v), "int32"),
    ("u32 large", "U32", [2], v := [7, 2**31], pack("I", v), None),
    ("u64 large", "U64", [1], v := [2**64 - 1], pack("Q", v), None),
    ("f8", "F8_E4M3", [2], None, bytes([0x38, 0x7E]), None),
    ("scalar", "F32", [], [2.5], pack("f", [2.5]), "float32"),
    ("empty", "F32", [0, 3], [], b"", "float32"),
    ("größe/重み", "F32", [1], [-0.0], pack("f", [-0.0]), "float32"),
    ("__proto__", "I32", [1], [5], pack("i", [5]), "int32"),
    ("7", "U8", [1], [9], bytes([9]), "uint8"),
]


def plain(value):
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    # As float32, the dtype that the value is read as.
    if isinstance(value, float):
        return struct.unpack("<f", struct.pack("<f", value))[0] if abs(value) < 3.5e38 else str(math.copysign(inf, value))
    return value


def main():
    header, data, expected = {"__metadata__": {"format": "pt", "author": "Gauß", "": "empty key"}}, b"", []
    for name, dtype, shape, values, raw, read_as in TENSORS:
        header[name] = {"shape": shape, "data_offsets": [len(data), len(data) + len(raw)], "dtype": dtype}
        data += raw
        expected.append(
            {
                "name": name,
                "dtype": dtype,
                "shape": shape,
                "readAs": read_as,
                "values": None if values is None or read_as is None else [plain(v) for v in values],
                "bytes": raw.hex(),
            }
        )
    # Any order of the entries will do; half of the names are escaped.
    items = sorted(header.items(), key=lambda item: item[0][::-1])
    members = [json.dumps(k, ensure_ascii=i % 2 == 0) + " : " + json.dumps(v, ensure_ascii=i % 2 == 0) for i, (k, v) in enumerate(items)]
    text = ("{ " + " ,\n\t".join(members) + "}  ").encode()
    file = struct.pack("<Q", len(text)) + text + data
    out = {"file": base64.b64encode(file).decode(), "metadata": header["__metadata__"], "tensors": expected}
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
