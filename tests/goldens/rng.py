"""Writes rng.json: streams of PyTorch's CPU generator, for tests/tensor/random.test.ts.
(Not called random.py, which would shadow Python's own module for every script in this folder.)

Run with PyTorch 1.13 built without MKL (Debian's python3-torch; MKL builds fill bernoulli_(p) by another generator):

    OMP_WAIT_POLICY=PASSIVE python3 tests/goldens/rng.py

Every stream is one seed followed by steps that share the generator, so that a step which draws too much or too little
spoils all that follow it. Long results keep every `stride`-th element.
"""

import base64
import json
import pathlib

import numpy
import torch

SIZES = [1, 2, 3, 15, 16, 17, 23, 24, 32, 100]


def plain(tensor):
    """Numbers with no more digits than the dtype needs to be read back to the bit."""
    if tensor.dtype == torch.float32:
        return [float(str(value)) for value in tensor.numpy().astype(numpy.float32)]
    return tensor.tolist()


def run(step):
    op, size = step["op"], step["size"]
    dtype = getattr(torch, step.get("dtype", "float32"))
    if op == "rand":
        return torch.rand(size, dtype=dtype)
    if op == "randn":
        return torch.randn(size, dtype=dtype)
    if op == "uniform_":
        return torch.empty(size, dtype=dtype).uniform_(step["from"], step["to"])
    if op == "normal_":
        return torch.empty(size, dtype=dtype).normal_(step["mean"], step["std"])
    if op == "randint":
        return torch.randint(step["low"], step["high"], (size,), dtype=dtype)
    if op == "randperm":
        return torch.randperm(size)
    if op == "bernoulli_":
        return torch.empty(size, dtype=dtype).bernoulli_(step["p"])
    if op == "bernoulli":
        return torch.bernoulli(torch.tensor(step["p"], dtype=torch.float32))
    raise ValueError(op)


def stream(seed, steps):
    torch.manual_seed(seed)
    done = []
    for step in steps:
        values = plain(run(step))
        done.append({**step, "values": values[:: step.get("stride", 1)]})
    return {"seed": str(seed), "initialSeed": str(torch.initial_seed()), "steps": done}


def main():
    mixed = []
    for size in SIZES:
        mixed += [{"op": "rand", "size": size}, {"op": "randn", "size": size}]
    others = [
        {"op": "randint", "size": 7, "low": 0, "high": 10, "dtype": "int32"},
        {"op": "randn", "size": 3},
        {"op": "randint", "size": 5, "low": -(2**31), "high": 2**31, "dtype": "int32"},
        {"op": "randint", "size": 5, "low": -5, "high": 2**32 - 5, "dtype": "float64"},
        {"op": "randint", "size": 5, "low": -(2**50), "high": 2**52, "dtype": "float64"},
        {"op": "randint", "size": 5, "low": -100, "high": 100, "dtype": "float32"},
        {"op": "randperm", "size": 0},
        {"op": "randperm", "size": 1},
        {"op": "randperm", "size": 2},
        {"op": "randperm", "size": 30},
        {"op": "uniform_", "size": 20, "from": -0.08838834764831845, "to": 0.08838834764831845},
        {"op": "uniform_", "size": 20, "from": 0.001, "to": 5.7},
        {"op": "uniform_", "size": 3, "from": 2.5, "to": 2.5},
        {"op": "normal_", "size": 10, "mean": 3.7, "std": 0.02},
        {"op": "normal_", "size": 40, "mean": 0.0, "std": 0.02},
        {"op": "normal_", "size": 21, "mean": -4.5, "std": 10.0},
        {"op": "normal_", "size": 3, "mean": 1.5, "std": 0.0},
        {"op": "bernoulli_", "size": 40, "p": 0.3},
        {"op": "bernoulli_", "size": 5, "p": 0.0},
        {"op": "bernoulli_", "size": 5, "p": 1.0},
        {"op": "bernoulli_", "size": 15, "p": 0.9, "dtype": "uint8"},
        {"op": "bernoulli", "size": 9, "p": [0.0, 0.1, 0.25, 0.5, 0.5, 0.5, 0.75, 0.9, 1.0]},
        {"op": "rand", "size": 6, "dtype": "float64"},
        {"op": "uniform_", "size": 6, "from": -3.0, "to": 4.1, "dtype": "float64"},
        {"op": "randn", "size": 5, "dtype": "float64"},
        {"op": "randn", "size": 35, "dtype": "float64"},
        {"op": "randn", "size": 2},
    ]
    long = [
        {"op": "rand", "size": 5003, "stride": 251},
        {"op": "randn", "size": 20011, "stride": 499},
        {"op": "randperm", "size": 3001, "stride": 151},
        {"op": "rand", "size": 4},
    ]
    streams = [
        stream(0, mixed),
        stream(42, mixed + others),
        stream(2**32 + 5, others),
        stream(-1, [{"op": "randn", "size": 20}]),
        stream(-(2**63), [{"op": "rand", "size": 5}]),
        stream(2**64 - 1, [{"op": "rand", "size": 5}]),
        stream(123456789, long),
    ]

    # The notebook's queries, keys and values, and the attention weights that it prints.
    torch.manual_seed(42)
    q, k, v = (torch.randn(1, 3, 4) for _ in range(3))
    weights = torch.softmax(q @ k.transpose(-2, -1) / 2.0, dim=-1)
    notebook = {name: plain(t.flatten()) for name, t in (("q", q), ("k", k), ("v", v), ("weights", weights))}

    # A state with a normal number waiting, and what comes after it.
    torch.manual_seed(2**40 + 7)
    torch.randn(3)
    torch.rand(700)
    torch.randn(1)
    torch.randn(1)
    torch.randn(1)
    state = base64.b64encode(torch.get_rng_state().numpy().tobytes()).decode()
    saved = {"seed": str(2**40 + 7), "bytes": state, "randn": plain(torch.randn(3)), "rand": plain(torch.rand(3))}
    torch.manual_seed(9)
    fresh = base64.b64encode(torch.get_rng_state().numpy().tobytes()).decode()

    out = {
        "torch": torch.__version__,
        "streams": streams,
        "notebook": notebook,
        "state": saved,
        "freshState": {"bytes": fresh, "rand": plain(torch.rand(3))},
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, separators=(",", ":")).replace('{"op"', '\n{"op"').replace('{"seed"', '\n{"seed"') + "\n")


if __name__ == "__main__":
    main()
