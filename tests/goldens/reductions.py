"""Writes reductions.json: PyTorch's running totals, norms, products and orders, for
tests/tensor/reductions.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/reductions.py

What a case holds is told in op_case.py.
"""

import torch

from golden import write
from op_case import INF, NAN, Input, between, case, cases, normal, permuted, refused, truths


def whole(low, high, *shape):
    return torch.randint(low, high, shape)


def scans():
    for op, function, sample in (
        ("cumsum", torch.cumsum, normal),
        ("cumprod", torch.cumprod, lambda *s: between(0.5, 1.6, *s)),
    ):
        for dim in (0, 1, -1):
            case(op, f"dim {dim}", lambda x: function(x, dim), lambda: [sample(3, 4, 5)], {"dim": dim})
        case(op, "permuted", lambda x: function(x, 1), lambda: [permuted(sample(5, 3, 2), 2, 0, 1)], {"dim": 1})
        case(op, "long", lambda x: function(x, -1), lambda: [sample(2, 333)], {"dim": -1})
        case(op, "long columns", lambda x: function(x, 0), lambda: [sample(400, 3)], {"dim": 0})
        case(op, "scalar", lambda x: function(x, 0), lambda: [sample()], {"dim": 0})
        case(op, "empty", lambda x: function(x, 0), lambda: [sample(0, 3)], {"dim": 0})
    case("cumsum", "integers", lambda x: x.cumsum(1), lambda: [whole(-9, 9, 3, 70)], {"dim": 1})
    case("cumsum", "truths", lambda x: x.cumsum(0), lambda: [truths(50)], {"dim": 0})
    case("cumsum", "very long", lambda x: x.cumsum(0), lambda: [between(0, 1, 3000)], {"dim": 0})
    zeros = torch.tensor([[2.0, 0, 3, -1], [0, 0, 1.5, 2], [1, 2, 3, 0]])
    case("cumprod", "zeros", lambda x: x.cumprod(1), lambda: [zeros], {"dim": 1})

    case("prod", "all", lambda x: x.prod(), lambda: [normal(3, 4)])
    case("prod", "dim", lambda x: x.prod(1), lambda: [normal(3, 4, 2)], {"dim": 1})
    case("prod", "kept", lambda x: x.prod(0, True), lambda: [normal(3, 4)], {"dim": 0, "keepDim": True})
    case("prod", "zeros", lambda x: x.prod(1), lambda: [zeros], {"dim": 1})
    case("prod", "permuted", lambda x: x.prod(2), lambda: [permuted(normal(5, 3, 2), 2, 1, 0)], {"dim": 2})
    case("prod", "integers", lambda x: x.prod(0), lambda: [whole(-4, 4, 5, 3)], {"dim": 0})
    case("prod", "empty", lambda x: x.prod(0), lambda: [normal(0, 3)], {"dim": 0})


def norms():
    for p in (0, 0.5, 1, 1.5, 2, 3, INF, -INF):
        name = "Infinity" if p == INF else "-Infinity" if p == -INF else p
        case(
            "norm",
            f"p {p}, all",
            lambda x: torch.linalg.vector_norm(x, p),
            lambda: [normal(3, 5)],
            {"p": name},
            differentiable=p != 0,
        )
        case(
            "norm",
            f"p {p}, one dim",
            lambda x: torch.linalg.vector_norm(x, p, 1),
            lambda: [normal(2, 4, 3)],
            {"p": name, "dim": 1},
            differentiable=p != 0,
        )
    case(
        "norm",
        "two dims, kept",
        lambda x: torch.linalg.vector_norm(x, 2, (0, 2), True),
        lambda: [normal(2, 4, 3)],
        {"p": 2, "dim": [0, 2], "keepDim": True},
    )
    holes = torch.tensor([[0.0, 0, 0], [0, 3, 4], [1, 0, -1]])
    for p in (1, 1.5, 2, 3):
        case("norm", f"p {p}, zeros", lambda x: torch.linalg.vector_norm(x, p, 1), lambda: [holes], {"p": p, "dim": 1})
    case("argmin", "dim", lambda x: x.argmin(1), lambda: [normal(3, 7)], {"dim": 1})
    case("argmin", "all", lambda x: x.argmin(), lambda: [permuted(normal(3, 7), 1, 0)])
    for op in ("any", "all"):
        mostly = 0.1 if op == "any" else 0.9
        case(op, "dim", lambda x: getattr(x, op)(1), lambda: [truths(5, 7, p=mostly)], {"dim": 1})
        case(op, "everything", lambda x: getattr(x, op)(), lambda: [truths(5, 7, p=mostly)])
    case("countNonzero", "dim", lambda x: torch.count_nonzero(x, 1), lambda: [Input(holes, grad=False)], {"dim": 1})
    case("countNonzero", "all truths", torch.count_nonzero, lambda: [truths(5, 7)])
    case("var", "two dims", lambda x: x.var((0, 2)), lambda: [normal(2, 4, 3)], {"dim": [0, 2]})
    case("std", "two dims", lambda x: x.std((1, 2)), lambda: [normal(2, 4, 3)], {"dim": [1, 2]})


def orders():
    def both(op, name, function, inputs, args, **options):
        case(op, name, lambda x: tuple(function(x)), inputs, args, **options)

    for descending in (False, True):
        args = {"dim": -1, "descending": descending}
        direction = "falling" if descending else "rising"

        def ordered(x, dim=-1):
            return torch.sort(x, stable=True, dim=dim, descending=descending)

        both("sort", f"{direction}", ordered, lambda: [normal(3, 7)], args)
        both("sort", f"{direction}, blocks", ordered, lambda: [normal(3, 33)], args)
        both("sort", f"{direction}, long", ordered, lambda: [normal(2, 1000)], args)
        both("sort", f"{direction}, first dim", lambda x: ordered(x, 0), lambda: [normal(9, 4)], {**args, "dim": 0})
        both("sort", f"{direction}, permuted", ordered, lambda: [permuted(normal(40, 3), 1, 0)], args)
        both("sort", f"{direction}, equals", ordered, lambda: [whole(0, 4, 3, 100)], args)
        both("sort", f"{direction}, truths", ordered, lambda: [truths(2, 65)], args)
        both("sort", f"{direction}, one", ordered, lambda: [normal(3, 1)], args)
        both("sort", f"{direction}, none", ordered, lambda: [normal(3, 0)], args)
        special = torch.tensor([[NAN, 1.0, -INF, 0.0, -0.0, INF, -1.0, NAN, 0.0]])
        both(
            "sort",
            f"{direction}, special values",
            ordered,
            lambda: [special],
            args,
            special=True,
            differentiable=False,
        )
    case("argsort", "falling", lambda x: x.argsort(-1, True), lambda: [normal(4, 9)], {"dim": -1, "descending": True})
    both("topk", "largest", lambda x: x.topk(3), lambda: [normal(4, 9)], {"k": 3, "dim": -1, "largest": True})
    smallest = {"k": 2, "dim": 0, "largest": False}
    both("topk", "smallest, first dim", lambda x: x.topk(2, 0, False), lambda: [normal(50, 3)], smallest)
    both("topk", "all", lambda x: x.topk(5), lambda: [normal(5)], {"k": 5, "dim": -1, "largest": True})
    case("median", "all", lambda x: x.median(), lambda: [normal(4, 4)])
    both("median", "odd", lambda x: x.median(1), lambda: [normal(3, 7)], {"dim": 1})
    both("median", "even, kept", lambda x: x.median(0, True), lambda: [normal(6, 3)], {"dim": 0, "keepDim": True})
    both(
        "median",
        "NaN",
        lambda x: x.median(1),
        lambda: [torch.tensor([[1.0, NAN, 3.0], [5.0, 4.0, 3.0]])],
        {"dim": 1},
        special=True,
        differentiable=False,
    )


scans()
norms()
orders()
write(__file__, {"cases": cases, "refused": refused})
