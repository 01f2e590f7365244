"""Writes ops.json: tensor ops of PyTorch, their outputs and the gradients of their inputs, for
tests/tensor/ops.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/ops.py

What a case holds is told in op_case.py.
"""

import itertools

import torch
import torch.nn.functional as F

from golden import write
from op_case import INF, NAN, Input, between, case, cases, normal, permuted, refused, truths


def pointwise():
    binary = {
        "add": (torch.add, normal),
        "sub": (torch.sub, normal),
        "mul": (torch.mul, normal),
        "div": (torch.div, lambda *s: between(0.2, 3, *s) * torch.where(truths(*s), 1.0, -1.0)),
        "maximum": (torch.maximum, normal),
        "minimum": (torch.minimum, normal),
    }
    for op, (function, second) in binary.items():
        case(op, "same shape", function, lambda: [normal(3, 5), second(3, 5)])
        case(op, "broadcast row and column", function, lambda: [normal(2, 1, 5), second(3, 1)])
        case(op, "vector to matrix", function, lambda: [normal(4, 7), second(7)])
        case(op, "permuted beside dense", function, lambda: [permuted(normal(5, 3, 2), 2, 1, 0), second(2, 3, 5)])
    for op, function in {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div}.items():
        case(op, "number", lambda a: function(a, 1.7), lambda: [normal(3, 5)], {"other": 1.7})
        case(op, "zero-dim tensor", function, lambda: [normal(3, 5), torch.tensor(-0.6)])
        case(op, "same tensor twice", lambda a: function(a, a), lambda: [between(0.5, 2, 3, 3)], {"twice": True})
    case(
        "add",
        "expanded and narrowed",
        torch.add,
        lambda: [Input(normal(1, 4), ("expand", [3, 4])), Input(normal(5, 4), ("narrow", 0, 1, 3))],
    )
    case(
        "mul",
        "narrowed columns",
        torch.mul,
        lambda: [Input(normal(3, 7), ("narrow", 1, 2, 4)), permuted(normal(4, 3), 1, 0)],
    )
    case("add", "empty", torch.add, lambda: [normal(0, 3), normal(3)])
    case("maximum", "ties", torch.maximum, lambda: [torch.tensor([1.0, 2, 3, 0]), torch.tensor([1.0, 3, 2, 0])])
    case("minimum", "ties", torch.minimum, lambda: [torch.tensor([1.0, 2, 3, 0]), torch.tensor([1.0, 3, 2, 0])])

    case("pow", "positive base", torch.pow, lambda: [between(0.3, 3, 3, 5), normal(3, 5)])
    case("pow", "broadcast", torch.pow, lambda: [between(0.3, 3, 4, 1), normal(3)])
    case("pow", "zero-dim base", torch.pow, lambda: [torch.tensor(2.5), normal(3, 4)])
    case(
        "pow",
        "negative base, whole exponents",
        torch.pow,
        lambda: [between(-3, -0.5, 2, 5), Input(torch.tensor([2.0, 3, -1, 0, 1]), grad=False)],
    )
    case("pow", "zero base", torch.pow, lambda: [torch.tensor([0.0, 0, 0, 2]), torch.tensor([0.0, 1, 2.5, 0])])
    for exponent in (2, 3, -1, 0, 1):
        case("pow", f"number {exponent}", lambda a: a**exponent, lambda: [normal(3, 5)], {"other": exponent})
    for exponent in (0.5, -0.5, 1.7):
        case("pow", f"number {exponent}", lambda a: a**exponent, lambda: [between(0.3, 3, 3, 5)], {"other": exponent})

    unary = {
        "neg": (torch.neg, normal),
        "abs": (torch.abs, normal),
        "sqrt": (torch.sqrt, lambda *s: between(0.1, 9, *s)),
        "rsqrt": (torch.rsqrt, lambda *s: between(0.1, 9, *s)),
        "exp": (torch.exp, lambda *s: normal(*s, scale=2)),
        "expm1": (torch.expm1, normal),
        "log": (torch.log, lambda *s: between(0.05, 9, *s)),
        "log1p": (torch.log1p, lambda *s: between(-0.9, 9, *s)),
        "sin": (torch.sin, lambda *s: between(-3, 3, *s)),
        "cos": (torch.cos, lambda *s: between(-3, 3, *s)),
        "tanh": (torch.tanh, lambda *s: normal(*s, scale=2)),
        "sigmoid": (torch.sigmoid, lambda *s: normal(*s, scale=3)),
        "erf": (torch.erf, normal),
        "relu": (torch.relu, normal),
        "gelu": (F.gelu, lambda *s: normal(*s, scale=2)),
        "geluTanh": (lambda x: F.gelu(x, approximate="tanh"), lambda *s: normal(*s, scale=2)),
        "silu": (F.silu, lambda *s: normal(*s, scale=3)),
    }
    for op, (function, sample) in unary.items():
        case(op, "dense", function, lambda: [sample(3, 7)])
        case(op, "permuted", function, lambda: [permuted(sample(2, 3, 5), 2, 0, 1)])
    case("expm1", "small", torch.expm1, lambda: [normal(9, scale=1e-4)])
    case("log1p", "small", torch.log1p, lambda: [normal(9, scale=1e-4)])
    case("tanh", "large", torch.tanh, lambda: [torch.tensor([-100.0, -20, -9, 9, 20, 100])])
    case("sigmoid", "large", torch.sigmoid, lambda: [torch.tensor([-100.0, -30, 30, 100])])
    case("gelu", "large", F.gelu, lambda: [torch.tensor([-30.0, -6, 6, 30])])
    case("relu", "zero", torch.relu, lambda: [torch.tensor([-1.0, 0, 1])])
    case("abs", "zero", torch.abs, lambda: [torch.tensor([-1.0, 0, 1])])

    case("clamp", "both", lambda a: a.clamp(-0.5, 0.7), lambda: [normal(3, 5)], {"min": -0.5, "max": 0.7})
    case("clamp", "below", lambda a: a.clamp(min=0.1), lambda: [normal(3, 5)], {"min": 0.1})
    case("clamp", "above", lambda a: a.clamp(max=0.1), lambda: [permuted(normal(3, 5), 1, 0)], {"max": 0.1})
    case(
        "clamp",
        "at the bounds",
        lambda a: a.clamp(-1, 1),
        lambda: [torch.tensor([-2.0, -1, 0, 1, 2])],
        {"min": -1, "max": 1},
    )
    case("where", "same shape", torch.where, lambda: [truths(3, 5), normal(3, 5), normal(3, 5)])
    case("where", "broadcast", torch.where, lambda: [truths(4, 1), normal(5), permuted(normal(4, 2, 1), 1, 0, 2)])
    for name, mask in {"same shape": (3, 5), "row": (5,), "column": (3, 1)}.items():
        case(
            "maskedFill",
            name,
            lambda a, m: a.masked_fill(m, -2.5),
            lambda: [normal(3, 5), truths(*mask)],
            {"value": -2.5},
        )
    case(
        "maskedFill",
        "minus infinity",
        lambda a, m: a.masked_fill(m, -INF),
        lambda: [normal(3, 5), truths(3, 5)],
        {"value": "-Infinity"},
        special=True,
    )


def comparisons():
    for op in ("eq", "ne", "lt", "le", "gt", "ge"):
        numbers = lambda: [torch.randint(-3, 3, (3, 7)).float(), torch.randint(-3, 3, (3, 7)).float()]
        case(op, "some equal", getattr(torch, op), numbers)
    for op, function in {"isNan": torch.isnan, "isFinite": torch.isfinite}.items():
        case(op, "numbers", function, lambda: [normal(3, 7)])


def special_values():
    """NaN, infinities and signed zeros through ops that promise IEEE results everywhere, or on CPU only."""
    values = [NAN, INF, -INF, 0.0, -0.0, 1.5, -2.0]
    pairs = list(itertools.product(values, values))
    left, right = (torch.tensor(column) for column in zip(*pairs))
    for op in ("add", "sub", "mul", "div", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"):
        case(op, "special values", getattr(torch, op), lambda: [left, right], special=True, differentiable=False)
    for op in ("neg", "abs", "relu", "isNan", "isFinite", "sqrt", "exp", "log", "tanh", "sigmoid"):
        function = {"isNan": torch.isnan, "isFinite": torch.isfinite}.get(op) or getattr(torch, op)
        case(op, "special values", function, lambda: [torch.tensor(values)], special=True, differentiable=False)
    case(
        "clamp",
        "special values",
        lambda a: a.clamp(-1, 1),
        lambda: [torch.tensor(values)],
        {"min": -1, "max": 1},
        special=True,
        differentiable=False,
    )
    holes = torch.tensor([[1.0, -INF, 0.5], [-INF, -INF, 2.0], [0.0, 0.0, -INF]])
    for op, function in {
        "softmax": torch.softmax,
        "logSoftmax": torch.log_softmax,
        "logsumexp": torch.logsumexp,
    }.items():
        case(
            op,
            "minus infinity among numbers",
            lambda a: function(a, -1),
            lambda: [holes],
            {"dim": -1},
            special=True,
            differentiable=False,
        )
    rows = torch.tensor([[1.0, NAN, 3.0, NAN], [-INF, -INF, -INF, -INF], [INF, 0.0, INF, 1.0]])
    case(
        "max",
        "special values",
        lambda a: tuple(a.max(1)),
        lambda: [rows],
        {"dim": 1},
        special=True,
        differentiable=False,
    )
    case(
        "argmax",
        "special values",
        lambda a: a.argmax(1),
        lambda: [rows],
        {"dim": 1},
        special=True,
        differentiable=False,
    )
    case("sum", "special values", lambda a: a.sum(1), lambda: [rows], {"dim": 1}, special=True, differentiable=False)


def reductions():
    def sample():
        return normal(3, 4, 5)

    shapes = {
        "all": {},
        "first": {"dim": 0},
        "middle": {"dim": 1},
        "last": {"dim": -1},
        "last kept": {"dim": -1, "keepDim": True},
        "two dims": {"dim": [0, 2]},
        "two dims kept": {"dim": [0, -1], "keepDim": True},
    }
    functions = {"sum": torch.sum, "mean": torch.mean, "logsumexp": torch.logsumexp, "var": torch.var, "std": torch.std}
    for op, function in functions.items():
        for name, args in shapes.items():
            dim, keep = args.get("dim", [0, 1, 2]), args.get("keepDim", False)
            more = {"correction": 1} if op in ("var", "std") else {}
            if op == "logsumexp" and "dim" not in args:
                args = {"dim": [0, 1, 2]}
            case(op, name, lambda a: function(a, dim, keepdim=keep, **more), lambda: [sample()], {**args, **more})
        case(
            op,
            "permuted",
            lambda a: function(a, [1], **({"correction": 1} if op in ("var", "std") else {}), keepdim=False),
            lambda: [permuted(sample(), 2, 0, 1)],
            {"dim": 1, **({"correction": 1} if op in ("var", "std") else {})},
        )
    for op in ("var", "std"):
        function = functions[op]
        case(
            op,
            "biased",
            lambda a: function(a, [-1], correction=0, keepdim=False),
            lambda: [sample()],
            {"dim": -1, "correction": 0},
        )
        case(
            op,
            "far from zero",
            lambda a: function(a, [-1], correction=1, keepdim=False),
            lambda: [normal(3, 40, shift=300)],
            {"dim": -1, "correction": 1},
        )
    case("sum", "expanded", lambda a: a.sum(0), lambda: [Input(normal(1, 4), ("expand", [3, 4]))], {"dim": 0})
    case("sum", "long rows", lambda a: a.sum(1), lambda: [normal(2, 1031)], {"dim": 1})
    case("sum", "long columns", lambda a: a.sum(0), lambda: [normal(517, 3)], {"dim": 0})
    case("sum", "empty", lambda a: a.sum(0), lambda: [normal(0, 3)], {"dim": 0})
    case("mean", "long", torch.mean, lambda: [normal(1500, shift=5)])
    case("logsumexp", "large", lambda a: a.logsumexp(1), lambda: [normal(3, 5, scale=100, shift=500)], {"dim": 1})

    for op in ("max", "min"):
        function = getattr(torch, op)
        case(op, "all", function, lambda: [normal(3, 5)])
        for dim, keep in ((0, False), (1, False), (-1, True)):
            case(
                op,
                f"dim {dim}{' kept' if keep else ''}",
                lambda a: tuple(function(a, dim, keep)),
                lambda: [sample()],
                {"dim": dim, "keepDim": keep},
            )
        case(
            op,
            "permuted",
            lambda a: tuple(function(a, 1)),
            lambda: [permuted(sample(), 2, 0, 1)],
            {"dim": 1, "keepDim": False},
        )
    case("argmax", "all", torch.argmax, lambda: [normal(3, 5)])
    case("argmax", "dim 0", lambda a: a.argmax(0), lambda: [normal(3, 5)], {"dim": 0})
    case("argmax", "dim 1 kept", lambda a: a.argmax(1, True), lambda: [sample()], {"dim": 1, "keepDim": True})
    case("argmax", "permuted", lambda a: a.argmax(-1), lambda: [permuted(sample(), 2, 0, 1)], {"dim": -1})
    case(
        "argmax",
        "ties take the first",
        lambda a: a.argmax(1),
        lambda: [torch.tensor([[1.0, 3, 3], [2, 2, 2], [0, -1, 0]])],
        {"dim": 1},
    )

    for op, function in {"softmax": torch.softmax, "logSoftmax": torch.log_softmax}.items():
        for dim in (0, 1, -1):
            case(op, f"dim {dim}", lambda a: function(a, dim), lambda: [normal(3, 4, 5, scale=2)], {"dim": dim})
        case(op, "vector", lambda a: function(a, 0), lambda: [normal(7)], {"dim": 0})
        case(op, "permuted", lambda a: function(a, -1), lambda: [permuted(sample(), 2, 0, 1)], {"dim": -1})
        case(op, "large", lambda a: function(a, -1), lambda: [normal(3, 6, scale=50, shift=400)], {"dim": -1})
        case(op, "long", lambda a: function(a, -1), lambda: [normal(2, 301)], {"dim": -1})


def matmuls():
    def product(name, *inputs):
        case("matmul", name, torch.matmul, lambda: [i() for i in inputs])

    product("2-D", lambda: normal(2, 3), lambda: normal(3, 4))
    product("2-D odd", lambda: normal(5, 7), lambda: normal(7, 3))
    product("2-D one row", lambda: normal(1, 9), lambda: normal(9, 6))
    product("2-D across tiles", lambda: normal(37, 19), lambda: normal(19, 21))
    product("2-D long inner", lambda: normal(3, 300), lambda: normal(300, 2))
    product("2-D empty inner", lambda: normal(2, 0), lambda: normal(0, 3))
    product("2-D left transposed", lambda: permuted(normal(4, 5), 1, 0), lambda: normal(4, 3))
    product("2-D right transposed", lambda: normal(5, 4), lambda: permuted(normal(3, 4), 1, 0))
    product("2-D both transposed", lambda: permuted(normal(4, 5), 1, 0), lambda: permuted(normal(3, 4), 1, 0))
    product(
        "2-D narrowed",
        lambda: Input(normal(5, 6), ("narrow", 1, 2, 3)),
        lambda: Input(normal(5, 4), ("narrow", 0, 1, 3)),
    )
    product("batched", lambda: normal(2, 3, 4), lambda: normal(2, 4, 5))
    product("batched right transposed", lambda: normal(2, 3, 4), lambda: permuted(normal(2, 5, 4), 0, 2, 1))
    product(
        "batched heads",
        lambda: permuted(normal(2, 5, 3, 4), 0, 2, 1, 3),
        lambda: permuted(normal(2, 5, 3, 4), 0, 2, 3, 1),
    )
    product("batched, batch innermost", lambda: permuted(normal(3, 4, 2), 2, 0, 1), lambda: normal(2, 4, 5))
    product("batch by matrix", lambda: normal(2, 3, 4), lambda: normal(4, 5))
    product("matrix by batch", lambda: normal(3, 4), lambda: normal(2, 4, 5))
    product("broadcast batches", lambda: normal(2, 1, 3, 4), lambda: normal(3, 4, 2))
    product("expanded batch", lambda: Input(normal(1, 3, 4), ("expand", [2, 3, 4])), lambda: normal(2, 4, 5))
    product("vector by vector", lambda: normal(7), lambda: normal(7))
    product("matrix by vector", lambda: normal(3, 7), lambda: normal(7))
    product("vector by matrix", lambda: normal(7), lambda: normal(7, 3))
    product("batch by vector", lambda: normal(2, 3, 4), lambda: normal(4))
    product("vector by batch", lambda: normal(3), lambda: normal(2, 3, 4))


def movement():
    def sample():
        return normal(2, 3, 4)

    case("transpose", "last two", lambda a: a.transpose(-2, -1), lambda: [sample()], {"dims": [-2, -1]})
    case("transpose", "outer", lambda a: a.transpose(0, 2), lambda: [sample()], {"dims": [0, 2]})
    case("permute", "rotate", lambda a: a.permute(2, 0, 1), lambda: [sample()], {"dims": [2, 0, 1]})
    case("reshape", "dense", lambda a: a.reshape(6, -1), lambda: [sample()], {"shape": [6, -1]})
    case("reshape", "permuted", lambda a: a.reshape(4, 6), lambda: [permuted(sample(), 2, 0, 1)], {"shape": [4, 6]})
    case("flatten", "from 1", lambda a: a.flatten(1), lambda: [sample()], {"startDim": 1})
    case("unsqueeze", "middle", lambda a: a.unsqueeze(1), lambda: [sample()], {"dim": 1})
    case("squeeze", "middle", lambda a: a.squeeze(1), lambda: [normal(2, 1, 3)], {"dim": 1})
    case("expand", "new and old dims", lambda a: a.expand(3, 2, 4), lambda: [normal(2, 1)], {"shape": [3, 2, 4]})
    case("expand", "keep by -1", lambda a: a.expand(3, -1), lambda: [normal(1, 4)], {"shape": [3, -1]})

    def brackets(*spec):
        """Our `slice(...)` as Python's index: ':' all, a number selects, null inserts, [start, stop, step]."""
        return tuple(slice(None) if s == ":" else slice(*s) if isinstance(s, list) else s for s in spec)

    for name, spec in {
        "rows": [[1, 3]],
        "columns and a new dim": [":", [1, 3], None],
        "negative bounds": [":", [-3, -1]],
        "open end": [[2, None], [None, 2]],
        "every second": [[0, 5, 2], [1, None, 2]],
        "number and range": [-1, [0, 3]],
        "empty range": [[3, 3]],
    }.items():
        case("slice", name, lambda a: a[brackets(*spec)], lambda: [normal(5, 4, 2)], {"spec": spec})
    case("slice", "permuted", lambda a: a[1:3, :, 0], lambda: [permuted(sample(), 2, 0, 1)], {"spec": [[1, 3], ":", 0]})
    case("select", "first dim", lambda a: a.select(0, 1), lambda: [sample()], {"dim": 0, "index": 1})
    case("select", "last dim from the end", lambda a: a.select(-1, -1), lambda: [sample()], {"dim": -1, "index": -1})
    case("cat", "rows", lambda *t: torch.cat(t, 0), lambda: [normal(2, 3), normal(1, 3), normal(4, 3)], {"dim": 0})
    case(
        "cat",
        "columns, permuted",
        lambda *t: torch.cat(t, -1),
        lambda: [normal(2, 3), permuted(normal(4, 2), 1, 0)],
        {"dim": -1},
    )
    case(
        "cat",
        "middle, one empty",
        lambda *t: torch.cat(t, 1),
        lambda: [normal(2, 3, 2), normal(2, 0, 2), normal(2, 1, 2)],
        {"dim": 1},
    )
    case("stack", "new first", lambda *t: torch.stack(t, 0), lambda: [normal(2, 3), normal(2, 3)], {"dim": 0})
    case(
        "stack",
        "new last",
        lambda *t: torch.stack(t, -1),
        lambda: [normal(2, 3), permuted(normal(3, 2), 1, 0), normal(2, 3)],
        {"dim": -1},
    )


def layer_functions():
    def norm(name, inputs, shape, eps=1e-5):
        case(
            "layerNorm",
            name,
            lambda x, w=None, b=None: F.layer_norm(x, shape, w, b, eps),
            inputs,
            {"normalizedShape": shape, "eps": eps},
        )

    norm("affine", lambda: [normal(2, 3, 5), normal(5), normal(5)], [5])
    norm("no affine", lambda: [normal(3, 5)], [5])
    norm("two dims", lambda: [normal(2, 3, 5), normal(3, 5), normal(3, 5)], [3, 5])
    norm("small eps", lambda: [normal(3, 8, scale=1e-2), normal(8), normal(8)], [8], 1e-12)
    norm("far from zero", lambda: [normal(3, 33, shift=100), normal(33), normal(33)], [33])
    norm("permuted", lambda: [permuted(normal(4, 2, 3), 1, 2, 0), normal(4), normal(4)], [4])
    norm("many rows", lambda: [normal(67, 6), normal(6), normal(6)], [6])

    ids = torch.tensor([[1, 4, 1], [0, 6, 4]])
    case("embedding", "repeated ids", lambda i, w: F.embedding(i, w), lambda: [ids, normal(7, 3)])
    case(
        "embedding", "vector of ids", lambda i, w: F.embedding(i, w), lambda: [torch.tensor([2, 2, 2, 5]), normal(6, 5)]
    )
    case(
        "embedding",
        "padding index",
        lambda i, w: F.embedding(i, w, padding_idx=4),
        lambda: [ids, normal(7, 3)],
        {"paddingIdx": 4},
    )
    case("embedding", "permuted table", lambda i, w: F.embedding(i, w), lambda: [ids, permuted(normal(3, 7), 1, 0)])

    targets = torch.tensor([2, 0, 3, 2, 1])
    ignored = torch.tensor([2, -100, 3, -100, 1])
    for reduction in ("mean", "sum", "none"):
        for name, target in {"": targets, ", ignored rows": ignored}.items():
            case(
                "crossEntropy",
                reduction + name,
                lambda x, t: F.cross_entropy(x, t, reduction=reduction),
                lambda: [normal(5, 4, scale=2), target],
                {"reduction": reduction},
            )
        case(
            "crossEntropy",
            f"{reduction}, smoothed",
            lambda x, t: F.cross_entropy(x, t, reduction=reduction, label_smoothing=0.1),
            lambda: [normal(5, 4, scale=2), ignored],
            {"reduction": reduction, "labelSmoothing": 0.1},
        )
        case(
            "crossEntropy",
            f"{reduction}, weighted",
            lambda x, t, w: F.cross_entropy(x, t, w, reduction=reduction),
            lambda: [normal(5, 4, scale=2), ignored, Input(between(0.2, 2, 4), grad=False)],
            {"reduction": reduction},
        )
        case(
            "crossEntropy",
            f"{reduction}, weighted and smoothed",
            lambda x, t, w: F.cross_entropy(x, t, w, reduction=reduction, label_smoothing=0.2),
            lambda: [normal(5, 4, scale=2), ignored, Input(between(0.2, 2, 4), grad=False)],
            {"reduction": reduction, "labelSmoothing": 0.2},
        )
    case(
        "crossEntropy",
        "own ignore index",
        lambda x, t: F.cross_entropy(x, t, ignore_index=2),
        lambda: [normal(5, 4), targets],
        {"reduction": "mean", "ignoreIndex": 2},
    )
    case(
        "crossEntropy",
        "large logits",
        F.cross_entropy,
        lambda: [normal(5, 4, scale=100, shift=300), targets],
        {"reduction": "mean"},
    )
    case(
        "crossEntropy",
        "permuted logits",
        F.cross_entropy,
        lambda: [permuted(normal(4, 5), 1, 0), targets],
        {"reduction": "mean"},
    )
    case(
        "crossEntropy",
        "classes in dim 1",
        F.cross_entropy,
        lambda: [normal(2, 4, 3), torch.tensor([[0, 3, -100], [1, 1, 2]])],
        {"reduction": "mean"},
    )

    case("linear", "bias", F.linear, lambda: [normal(3, 5), normal(4, 5), normal(4)])
    case("linear", "no bias", F.linear, lambda: [normal(3, 5), normal(4, 5)])
    case("linear", "batch", F.linear, lambda: [normal(2, 3, 5), normal(4, 5), normal(4)])
    case("linear", "vector", F.linear, lambda: [normal(5), normal(4, 5), normal(4)])
    case("linear", "permuted batch", F.linear, lambda: [permuted(normal(3, 5, 2), 2, 0, 1), normal(4, 5), normal(4)])

    def attention(q, k, v, mask=None, causal=False, scale=None):
        """As torch 2's function of this name (True = keep), but a row with no key left gives zeros instead of NaN."""
        scores = q @ k.transpose(-2, -1) * (scale or q.shape[-1] ** -0.5)
        if causal:
            mask = torch.ones(q.shape[-2], k.shape[-2], dtype=torch.bool).tril()
        if mask is None:
            return scores.softmax(-1) @ v
        nothing = mask.any(-1, keepdim=True).logical_not()
        scores = scores.masked_fill(mask.logical_not(), -INF).masked_fill(nothing, 0.0)
        return scores.softmax(-1).masked_fill(nothing, 0.0) @ v

    def qkv(queries=4, keys=4):
        return [normal(2, 3, queries, 5), normal(2, 3, keys, 5), normal(2, 3, keys, 6)]

    padding = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1]], dtype=torch.bool).view(2, 1, 1, 4)
    nothing = torch.tensor([[0, 0, 0, 0], [1, 0, 1, 1]], dtype=torch.bool).view(2, 1, 1, 4)
    sdpa = "scaledDotProductAttention"
    case(sdpa, "no mask", attention, qkv)
    case(sdpa, "other length of keys", attention, lambda: qkv(3, 7))
    case(sdpa, "padding mask", attention, lambda: [*qkv(), padding])
    case(sdpa, "full mask", attention, lambda: [*qkv(), truths(2, 3, 4, 4, p=0.7) | torch.eye(4, dtype=torch.bool)])
    case(sdpa, "row without keys", attention, lambda: [*qkv(), nothing])
    case(sdpa, "causal", lambda q, k, v: attention(q, k, v, causal=True), qkv, {"isCausal": True})
    def plus(q, k, v, mask):
        """With a float mask, which is added."""
        return (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + mask).softmax(-1) @ v

    hidden = torch.tensor([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1], [1, 1, 1, 1]], dtype=torch.bool)
    case(sdpa, "added mask", plus, lambda: [*qkv(), Input(normal(4, 4), grad=False)])
    hiding = lambda: Input(normal(4, 4).masked_fill(hidden.logical_not(), -INF), grad=False)
    case(sdpa, "added mask that hides", plus, lambda: [*qkv(), hiding()])
    case(sdpa, "added mask with a gradient", plus, lambda: [*qkv(), normal(3, 1, 4)])
    blocks = lambda: [normal(1, 2, 70, 4), normal(1, 2, 70, 4), normal(1, 2, 70, 3)]
    case(sdpa, "several blocks", attention, blocks)
    case(sdpa, "several blocks, causal", lambda q, k, v: attention(q, k, v, causal=True), blocks, {"isCausal": True})
    case(sdpa, "own scale", lambda q, k, v: attention(q, k, v, scale=0.3), qkv, {"scale": 0.3})
    case(sdpa, "split heads", attention, lambda: [permuted(normal(2, 4, 3, 5), 0, 2, 1, 3) for _ in range(3)])


pointwise()
comparisons()
special_values()
reductions()
matmuls()
movement()
layer_functions()
write(__file__, {"cases": cases, "refused": refused})
