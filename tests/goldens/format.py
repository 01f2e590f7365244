"""Writes format.json: tensors as PyTorch prints them, for tests/tensor/format.test.ts.

Run with PyTorch 1.13:

    OMP_WAIT_POLICY=PASSIVE python3 tests/goldens/format.py

The suffixes are translated before PyTorch breaks the lines, so that the breaks follow the lengths of our names:
dtype=torch.int32 → dtype=int32, requires_grad=True → requiresGrad=true, grad_fn=<MulBackward0> → gradFn=<MulBackward0>.
"""

import json
import math
import pathlib
import random

import torch
import torch._tensor_str as printer

add_suffixes = printer._add_suffixes


def translated(text, suffixes, indent, force_newline):
    ours = [
        s.replace("dtype=torch.", "dtype=")
        .replace("requires_grad=True", "requiresGrad=true")
        .replace("grad_fn=", "gradFn=")
        for s in suffixes
    ]
    return add_suffixes(text, ours, indent, force_newline)


printer._add_suffixes = translated
cases = []


def plain(value):
    """JSON has no NaN and no infinities."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def case(data, shape=None, dtype="float32", grad=None, **options):
    """`data` is a list, or {"start", "step", "count"} for a long run of numbers."""
    if isinstance(data, dict):
        values = [data["start"] + data["step"] * i for i in range(data["count"])]
    else:
        values = data
    shape = [len(values)] if shape is None else shape
    tensor = torch.tensor(values, dtype=torch.float64 if dtype == "float64" else None).to(getattr(torch, dtype)).reshape(shape)
    if grad == "leaf":
        tensor.requires_grad_()
    elif grad == "mul":
        tensor = tensor.requires_grad_() * 1
    torch.set_printoptions(profile="default")
    names = {"edgeItems": "edgeitems", "lineWidth": "linewidth", "sciMode": "sci_mode"}
    torch.set_printoptions(**{names.get(k, k): v for k, v in options.items()})
    text = str(tensor)
    torch.set_printoptions(profile="default")
    if isinstance(data, list):
        # A half-precision value is written out, since the test has no such type to round to.
        data = [plain(v) for v in (tensor.flatten().tolist() if dtype == "float16" else data)]
    cases.append({"data": data, "shape": shape, "dtype": dtype, "grad": grad, "options": options, "text": text})


def run(start, step, count):
    return {"start": start, "step": step, "count": count}


def main():
    rng = random.Random(7)
    nan, inf = math.nan, math.inf

    # 0-d
    for value in [0.0, -0.0, 1.0, 3.14159265, -2.5, 1e10, 1e-10, nan, inf, -inf, 0.03125, 123456.789]:
        case([value], [])
    case([7], [], "int32")
    case([-7], [], "int32", grad=None)
    case([1], [], "bool")
    case([0], [], "bool")
    case([3.5], [], grad="leaf")
    case([3.5], [], grad="mul")
    case([3.5], [], "float64")

    # 1-d: whole, fractions, mixed, special values
    case([1.0, 2.0, 3.0])
    case([1.0, -2.0, 30.0])
    case([1.0, 2.5, -3.0])
    case([0.0, 0.0])
    case([-0.0, 0.0, 1.5])
    case([-0.0, 0.0, 2.0])
    case([nan, 1.0])
    case([nan, inf, -inf])
    case([nan, 1.5, inf, -inf, 0.0])
    case([inf, 1e-5, 0.0, -inf, nan])
    case([-100.0, 0.5])
    case([1e-8, 1.0])
    case([1e-5, 2e-5])
    case([1e-3, 2e-3])
    case([1e-4, 1e-3])
    case([0.00009999, 0.0001])
    case([1000.0, 1.0])
    case([1001.0, 1.0])
    case([1000.5, 1.0])
    case([1000.5, 1.1])
    case([1e8, 1e8])
    case([1.00000008e8, 1e8])
    case([2e8, 3e8, nan, inf])
    case([1e20, -1e38, 1e-38])
    case([1e-45, 1e-40])
    case([1e-300, 1e300, 1.0], dtype="float64")
    case([1e100, 2e100], dtype="float64")
    case([123456789.123, 0.1], dtype="float64")
    case([0.1, 0.2, 0.3], dtype="float64", grad="leaf")
    case([0.1, 65504.0, -1e-3], dtype="float16")
    case([0.5, 1.25, -3.75], dtype="float16")
    case([1.0, 2.0], dtype="float16")
    case([])
    case([], [0, 3])
    case([], [2, 0, 3], "int32")
    case([], [0], "int32")
    case([], [0], "bool")
    case([], [3, 0], "bool")
    case([], [0], "float64")
    case([], [0, 2], grad="leaf")

    # exact halves, which Python rounds to even
    case([0.03125, 0.09375, 0.15625, 0.21875, -0.03125, -0.09375])
    case([0.03125 + i / 16 for i in range(12)])
    case([0.5, 1.5, 2.5, -0.5, -2.5, 0.25], precision=0)
    case([0.125, 0.375, 0.625, -0.875], precision=2)
    case([1.00005, 2.5, 0.0625], precision=3)
    case([1048577.0, 1.0, 3145731.0, 0.0], precision=5)
    case([1250000.0, 1350000.0, 1.5, 0.00025], precision=1)
    case([99999.5, 0.5, 9.99995], precision=4, sciMode=True)
    case([2.5, 3.5, 25.0], precision=0, sciMode=True)
    case([0.99995, 9.99996, 99.99999])
    case([-1e-5, -4e-5, 0.05])

    # integers and truth values
    case([1, 2, 3], dtype="int32")
    case([-100, 2, 30000], dtype="int32")
    case([2147483647, -2147483648], dtype="int32")
    case([0, 255, 7], dtype="uint8")
    case([1, 0, 1], dtype="bool")
    case([1, 1], dtype="bool")
    case([0, 1, 1, 0], [2, 2], "bool")
    case(list(range(12)), [3, 4], "int32")
    case(list(range(24)), [2, 3, 4], "int32")

    # wrapped lines, matrices, stacks
    case(run(0, 1, 40))
    case(run(0.5, 1, 40))
    case(run(-20, 1.25, 100))
    case(run(0, 1, 100), dtype="int32")
    case([i % 3 != 0 for i in range(30)], dtype="bool")
    case(run(0, 0.1, 12), [3, 4])
    case(run(-3, 0.5, 24), [2, 3, 4])
    case(run(-3, 0.5, 24), [1, 2, 1, 3, 4])
    case(run(0, 1, 16), [2, 2, 2, 2])
    case(run(0, 0.25, 60), [2, 30])
    case(run(0, 0.25, 90), [3, 1, 30])
    case(run(0, 1, 6), [6, 1])
    case(run(0, 1, 6), [1, 6], grad="leaf")
    case(run(0.5, 1, 9), grad="leaf")
    for count in range(1, 10):
        case(run(1.5, 1, count), grad="mul")
        case(run(1.5, 1, count), dtype="float64", grad="leaf")
    case(run(0, 1, 12), [3, 4], "float64", grad="mul")
    for count in range(15, 24):
        case(run(1, 1, count), dtype="int32")

    # summaries
    case(run(0, 1, 1000))
    case(run(0, 1, 1001))
    case(run(0, 1, 1001), dtype="int32")
    case(run(0, 0.5, 2000), [2, 1000])
    case(run(0, 0.5, 2000), [1000, 2])
    case(run(0, 0.001, 2000), [40, 50])
    case(run(0, 0.001, 2100), [7, 300])
    case(run(0, 0.001, 2100), [6, 350])
    case(run(-1000, 1, 2000), [10, 10, 20], "int32")
    case(run(-1, 0.001, 2048), [8, 2, 8, 16])
    case([i % 2 for i in range(1200)], [30, 40], "bool")
    case(run(0, 0.5, 1500), [1500], grad="leaf")
    case(run(0, 0.5, 1500), [30, 50], grad="mul")
    case([1e6] + [0.5] * 1199 + [1e-6], [1201])
    case([0.5] * 600 + [1e6] + [0.5] * 600, [1201])

    # options
    case([1.12345, 2.0], precision=2)
    case([1.12345, 2.0], precision=0)
    case([1.12345, 2.0], precision=10)
    case([1.12345, 1e5], precision=7)
    case(run(0, 1, 10), threshold=5)
    case(run(0, 1, 10), dtype="int32", threshold=5)
    case(run(0, 1, 100), [10, 10], threshold=5, edgeItems=1)
    case(run(0, 1, 100), [10, 10], threshold=5, edgeItems=2)
    case(run(0, 1, 100), [10, 10], lineWidth=40)
    case(run(0, 1.5, 30), lineWidth=20)
    case(run(0, 1.5, 5), lineWidth=5)
    case(run(0, 1, 1001), threshold=10000)
    case([1.0, 2.0, nan], sciMode=True)
    case([0.0, nan], sciMode=True)
    case([1.5, 1e9, 1e-9, inf], sciMode=False)
    case([1.0, 1e9, 1e30], sciMode=False)
    case([1e22, 1e24, 0.5], dtype="float64", sciMode=False)
    case([1.5, -2.25], sciMode=True, precision=2)

    # values of many magnitudes
    for spread in [0.5, 2, 4, 9, 30]:
        for shape in [[7], [3, 5], [2, 2, 6]]:
            count = math.prod(shape)
            values = [rng.choice([-1, 1]) * 10 ** rng.uniform(-spread, spread) for _ in range(count)]
            case(values, shape)
            case(values, shape, "float64")
            case([round(v) for v in values], shape) if spread < 9 else None

    out = {"torch": torch.__version__, "cases": cases}
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, separators=(",", ":"), allow_nan=False).replace('{"data"', '\n{"data"') + "\n")


if __name__ == "__main__":
    main()
