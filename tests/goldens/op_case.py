"""Cases of tensor ops, run by PyTorch: what the scripts that write golden ops share.

A case holds `op` (our name), `args` (our option names), `inputs`, `outputs`, and, where the op has a derivative, the
`upstream` gradient of the first output and `gradients`, one an input (null where it has none). An input is a dense
tensor with the `views` that are taken of it before it reaches the op, so that kernels see permuted, offset and
repeating strides; gradients are those of the dense tensor. `special` marks cases about NaN and infinity, which WebGPU
promises for some ops only.
"""

import math

import torch

from golden import encode, expected, seed

INF, NAN = math.inf, math.nan
cases = []


class Input:
    """A dense tensor, the views taken of it, and whether its gradient is asked for."""

    def __init__(self, tensor, *views, grad=None):
        self.tensor, self.views = tensor, views
        self.grad = tensor.is_floating_point() if grad is None else grad

    def leaf(self, dtype):
        leaf = self.tensor.to(dtype) if self.tensor.is_floating_point() else self.tensor
        return leaf.clone().requires_grad_(self.grad)

    def seen(self, leaf):
        for kind, *args in self.views:
            leaf = getattr(leaf, kind)(*args)
        return leaf

    def json(self):
        return {**encode(self.tensor), **({"views": [list(view) for view in self.views]} if self.views else {})}


def case(op, name, function, inputs, args=None, special=False, differentiable=True):
    """Runs one case. `inputs` is a function, so that its random numbers are drawn after seeding by the case's name."""
    title = f"{op} {name}"
    assert all(c["name"] != title for c in cases), title
    seed(title)
    inputs = [i if isinstance(i, Input) else Input(i) for i in inputs()]
    upstream = None
    runs = []
    for dtype in (torch.float32, torch.float64):
        leaves = [i.leaf(dtype) for i in inputs]
        outputs = function(*(i.seen(leaf) for i, leaf in zip(inputs, leaves)))
        outputs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        gradients = None
        if differentiable and outputs[0].requires_grad:
            if upstream is None:
                upstream = torch.randn(outputs[0].shape)
            wanted = [leaf for leaf in leaves if leaf.requires_grad]
            found = iter(torch.autograd.grad(outputs[0], wanted, upstream.to(dtype)))
            gradients = [next(found) if leaf.requires_grad else None for leaf in leaves]
        runs.append((outputs, gradients))
    (outputs32, gradients32), (outputs64, gradients64) = runs
    record = {"name": title, "op": op, "args": args or {}, "inputs": [i.json() for i in inputs]}
    record["outputs"] = [expected(a, b) for a, b in zip(outputs32, outputs64)]
    if gradients64 is not None:
        record["upstream"] = encode(upstream)
        record["gradients"] = [expected(a, b) for a, b in zip(gradients32, gradients64)]
        assert special or all(g is None or torch.isfinite(g).all() for g in gradients64), title
    assert special or all(torch.isfinite(o).all() for o in outputs64), title
    if special:
        record["special"] = True
    cases.append(record)


def normal(*shape, scale=1.0, shift=0.0):
    return torch.randn(shape) * scale + shift


def between(low, high, *shape):
    return torch.rand(shape) * (high - low) + low


def truths(*shape, p=0.5):
    return torch.rand(shape) < p


def permuted(tensor, *dims):
    """What the op sees has its dims in the order `dims` of the given dense tensor."""
    return Input(tensor, ("permute", list(dims)))
