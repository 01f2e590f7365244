"""What the golden scripts share: seeded inputs, tensors as JSON, running one case, writing the file.

Expected values are computed by PyTorch in float64 from inputs that are float32 to the bit, then rounded once to
float32: they are as exact as the dtype allows and do not depend on the machine's BLAS or vector width. Beside each
stands `float32Error`, the largest error that PyTorch's own float32 kernels make on the same case (rounded up to one
digit): a yardstick for tolerances.
"""

import base64
import json
import math
import os
import pathlib
import sys
import zlib

import numpy
import torch

# The order of summation, and so the last bits of float32, must not depend on the number of threads.
if os.environ.get("OMP_NUM_THREADS") != "1":
    sys.exit(f"run as: OMP_NUM_THREADS=1 python3 -B {sys.argv[0]}")
torch.use_deterministic_algorithms(True)

DTYPES = {torch.float32: "<f4", torch.int64: "<i4", torch.bool: "|u1"}
NAMES = {torch.float32: "float32", torch.int64: "int32", torch.bool: "bool"}


def seed(name):
    """Seeds the generator by the name of a case, so that a new case leaves the numbers of all others alone."""
    torch.manual_seed(zlib.crc32(name.encode()))


def encode(tensor, exact=None):
    """A tensor as `{dtype, shape, data}`: base64 of little-endian float32, int32 (from int64) or one byte a bool."""
    tensor = tensor.detach()
    if tensor.dtype == torch.float64:
        tensor = tensor.float()
    data = base64.b64encode(tensor.contiguous().numpy().astype(DTYPES[tensor.dtype]).tobytes()).decode()
    encoded = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape), "data": data}
    return encoded if exact is None else {**encoded, "float32Error": exact}


def error(single, double):
    """The largest absolute error of float32 against float64 where they are finite, rounded up to one digit."""
    assert torch.equal(torch.isfinite(single), torch.isfinite(double))
    difference = (single.detach().double() - double.detach()).abs()
    difference = difference[torch.isfinite(difference)]
    worst = difference.max().item() if difference.numel() else 0.0
    if worst == 0.0:
        return 0.0
    digit = 10.0 ** math.floor(math.log10(worst))
    return float(f"{math.ceil(worst / digit) * digit:.0e}")


def expected(single, double):
    """The float64 result with the error of the float32 result beside it; integers and truths must agree."""
    if double is None:
        return None
    if not double.is_floating_point():
        assert torch.equal(single, double)
        return encode(double)
    return encode(double, error(single, double))


def write(script, content):
    """Writes `<script>.json`, one case a line, so that a changed case is one changed line."""
    parts = []
    for key, value in {"torch": torch.__version__, **content}.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            lines = ",\n".join(json.dumps(item, separators=(",", ":")) for item in value)
            parts.append(f'"{key}":[\n{lines}\n]')
        elif isinstance(value, dict):
            lines = ",\n".join(f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in value.items())
            parts.append(f'"{key}":{{\n{lines}\n}}')
        else:
            parts.append(f'"{key}":{json.dumps(value, separators=(",", ":"))}')
    pathlib.Path(script).with_suffix(".json").write_text("{\n" + ",\n".join(parts) + "\n}\n")
