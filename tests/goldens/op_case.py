"""Cases of tensor ops, run by PyTorch: what the scripts that write golden ops share.

A case holds `op` (our name), `args` (our option names), `inputs`, `outputs`, and, where the op has a derivative, the
`upstream` gradient of the first output and `gradients`, one an input (null where it has none). An input is a dense
tensor with the `views` that are taken of it before it reaches the op, so that kernels see permuted, offset and
repeating strides; gradients are those of the dense tensor. `special` marks cases about NaN and infinity, which WebGPU
promises for some ops only.

The first case of an op is repeated with inputs in other layouts: turned (stored in the opposite order of dims), repeated (expanded
along a dim), empty, and scalar. Where PyTorch refuses one of them, `refused` tells why.
"""

import math

import torch

from golden import encode, expected, seed

INF, NAN = math.inf, math.nan
cases = []
refused = []
walked = set()


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


def case(op, name, function, inputs, args=None, special=False, differentiable=True, layout=None):
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
        assert layout or special or all(g is None or torch.isfinite(g).all() for g in gradients64), title
    assert layout or special or all(torch.isfinite(o).all() for o in outputs64), title
    if layout:
        record["layout"] = layout
    if special:
        record["special"] = True
    cases.append(record)
    if op not in walked and not special and not layout and differentiable:
        walked.add(op)
        walk_layouts(op, title, function, [i.seen(i.tensor) for i in inputs], args or {})


# Of equal elements each of these may choose another.
CHOOSING = ("max", "min", "argmax", "argmin", "topk", "median", "maxPool1d", "maxPool1dWithIndices", "adaptiveMaxPool1d")

NOT_COMPARED = {
    ("maskedSelect", "turned"): "PyTorch 1.13 gives back gradients in the order of memory",
    ("rmsNorm", "scalar"): "a normalised shape of no dims",
}


def walk_layouts(op, title, function, inputs, args):
    first = inputs[0]
    rank = first.dim()

    def turned(x):
        order = list(range(x.dim()))[::-1]
        return Input(x.permute(order).contiguous(), ("permute", order))

    def repeated():
        dims = args.get("dim", args.get("dims", []))
        taken = [d % max(rank, 1) for d in (dims if isinstance(dims, list) else [dims])]
        # An empty list, and so an error, where equal elements would leave a choice.
        free = [d for d in range(rank) if first.shape[d] > 1 and (op not in CHOOSING or (taken and d not in taken))]
        once = Input(first.narrow(free[0], 0, 1).contiguous(), ("expand", list(first.shape)))
        return [once, *inputs[1:]]

    def without(dim):
        size = first.shape[dim]

        def less(x):
            return x.narrow(dim, 0, 0) if x.dim() > dim and x.shape[dim] == size else x

        return [less(x).contiguous() for x in inputs]

    makers = {
        "turned": [lambda: [turned(x) if x.dim() > 1 else x for x in inputs]] if any(x.dim() > 1 for x in inputs) else [],
        "repeated": [repeated],
        "empty": [lambda d=d: without(d) for d in range(rank)] + [lambda: [x.flatten()[:0].view([0] * x.dim()) for x in inputs]],
        "scalar": [lambda: [x.flatten()[0].clone() for x in inputs]],
    }
    for layout, attempts in makers.items():
        why = NOT_COMPARED.get((op, layout), "no dim to turn")
        for attempt in [] if (op, layout) in NOT_COMPARED else attempts:
            try:
                case(op, f"{title[len(op) + 1:]}, {layout}", function, attempt, args, layout=layout)
            except (RuntimeError, IndexError, ValueError, TypeError) as failure:
                why = str(failure).split("\n")[0]
            else:
                break
        else:
            refused.append({"op": op, "layout": layout, "why": why})


def normal(*shape, scale=1.0, shift=0.0):
    return torch.randn(shape) * scale + shift


def between(low, high, *shape):
    return torch.rand(shape) * (high - low) + low


def truths(*shape, p=0.5):
    return torch.rand(shape) < p


def permuted(tensor, *dims):
    """What the op sees has its dims in the order `dims` of the given dense tensor."""
    return Input(tensor, ("permute", list(dims)))
