"""Writes indexing.json: PyTorch's ops that rearrange, pick and place elements, for
tests/tensor/indexing.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/indexing.py

What a case holds is told in op_case.py.
"""

import torch
import torch.nn.functional as F

from golden import write
from op_case import Input, case, cases, normal, permuted, refused, truths


def places(high, *shape):
    return torch.randint(0, high, shape)


def picking():
    case("gather", "rows", lambda x, i: x.gather(0, i), lambda: [normal(5, 3), places(5, 4, 3)], {"dim": 0})
    case("gather", "columns", lambda x, i: x.gather(1, i), lambda: [normal(5, 3), places(3, 5, 7)], {"dim": 1})
    case("gather", "middle", lambda x, i: x.gather(1, i), lambda: [normal(2, 4, 3), places(4, 2, 5, 3)], {"dim": 1})
    case("gather", "last", lambda x, i: x.gather(-1, i), lambda: [normal(2, 4, 3), places(3, 2, 4, 1)], {"dim": -1})
    case(
        "gather",
        "smaller index",
        lambda x, i: x.gather(1, i),
        lambda: [normal(4, 3, 5), places(3, 2, 6, 4)],
        {"dim": 1},
    )
    case(
        "gather",
        "permuted",
        lambda x, i: x.gather(1, i),
        lambda: [permuted(normal(3, 5), 1, 0), permuted(places(3, 2, 5), 1, 0)],
        {"dim": 1},
    )
    case(
        "gather",
        "repeated index",
        lambda x, i: x.gather(1, i),
        lambda: [normal(3, 4), Input(places(4, 3, 1), ("expand", [3, 6]))],
        {"dim": 1},
    )
    case("gather", "vector", lambda x, i: x.gather(0, i), lambda: [normal(9), places(9, 20)], {"dim": 0})
    case("gather", "no index", lambda x, i: x.gather(0, i), lambda: [normal(3, 2), places(3, 0, 2)], {"dim": 0})
    case("gather", "integers", lambda x, i: x.gather(0, i), lambda: [places(99, 5, 3), places(5, 2, 3)], {"dim": 0})
    case(
        "takeAlongDim",
        "broadcast",
        lambda x, i: torch.take_along_dim(x, i, 1),
        lambda: [normal(4, 3, 1), places(3, 1, 2, 5)],
        {"dim": 1},
    )
    case("takeAlongDim", "flattened", lambda x, i: torch.take_along_dim(x, i), lambda: [normal(4, 3), places(12, 2, 3)])

    case("indexSelect", "rows", lambda x, i: x.index_select(0, i), lambda: [normal(5, 3), places(5, 7)], {"dim": 0})
    case(
        "indexSelect",
        "middle",
        lambda x, i: x.index_select(1, i),
        lambda: [normal(2, 4, 3), places(4, 5)],
        {"dim": 1},
    )
    case(
        "indexSelect",
        "last, aligned",
        lambda x, i: x.index_select(-1, i),
        lambda: [normal(2, 8), places(8, 3)],
        {"dim": -1},
    )
    case(
        "indexSelect",
        "wide rows",
        lambda x, i: x.index_select(0, i),
        lambda: [normal(5, 8), places(5, 3)],
        {"dim": 0},
    )
    case(
        "indexSelect",
        "permuted",
        lambda x, i: x.index_select(0, i),
        lambda: [permuted(normal(3, 5), 1, 0), places(5, 4)],
        {"dim": 0},
    )
    case(
        "indexSelect",
        "every second index",
        lambda x, i: x.index_select(0, i),
        lambda: [normal(5, 2), Input(places(5, 6), ("narrow", 0, 1, 4))],
        {"dim": 0},
    )
    case("indexSelect", "truths", lambda x, i: x.index_select(0, i), lambda: [truths(5, 3), places(5, 4)], {"dim": 0})
    case("maskedSelect", "same shape", torch.masked_select, lambda: [normal(4, 5), truths(4, 5)])
    case("maskedSelect", "broadcast", torch.masked_select, lambda: [permuted(normal(5, 4), 1, 0), truths(4, 1)])
    case("nonzero", "truths", torch.nonzero, lambda: [truths(3, 4, 2)])
    case("nonzero", "numbers", torch.nonzero, lambda: [Input(normal(7).relu(), grad=False)])


def brackets():
    def index(name, spec, inputs):
        """`spec` as `slice` takes it here; "t" stands for the next input."""

        def pick(x, *tensors):
            rest = iter(tensors)
            item = {"t": lambda: next(rest), ":": lambda: slice(None)}
            return x[tuple(item[s]() if isinstance(s, str) else slice(*s) if isinstance(s, list) else s for s in spec)]

        case("index", name, pick, inputs, {"spec": spec})

    index("rows", ["t"], lambda: [normal(5, 3), places(5, 4)])
    index("rows from the end", ["t"], lambda: [normal(5, 3), places(5, 4) - 5])
    index("columns, in the index's shape", [":", "t"], lambda: [normal(3, 5), places(5, 2, 4)])
    index("elements", ["t", "t"], lambda: [normal(4, 5), places(4, 7), places(5, 7)])
    index("broadcast", ["t", "t"], lambda: [normal(4, 5), places(4, 3, 1), places(5, 2)])
    index("side by side behind a range", [[1, 3], "t", "t"], lambda: [normal(4, 3, 5), places(3, 6), places(5, 6) - 5])
    index("apart", ["t", ":", "t"], lambda: [normal(4, 3, 5), places(4, 6), places(5, 6)])
    index("after a number and a new dim", [0, None, "t"], lambda: [normal(4, 3, 5), places(3, 2)])
    index("permuted", [":", "t"], lambda: [permuted(normal(5, 4, 3), 2, 0, 1), places(5, 6)])
    index("one place", ["t"], lambda: [normal(4, 3), places(4)])


def placing():
    def distinct(high, rows, count):
        return torch.stack([torch.randperm(high)[:count] for _ in range(rows)])

    case(
        "scatter",
        "columns",
        lambda x, i, v: x.scatter(1, i, v),
        lambda: [normal(3, 6), distinct(6, 3, 4), normal(3, 4)],
        {"dim": 1},
    )
    case(
        "scatter",
        "rows",
        lambda x, i, v: x.scatter(0, i, v),
        lambda: [normal(6, 3), permuted(distinct(6, 3, 4), 1, 0), normal(4, 3)],
        {"dim": 0},
    )
    case(
        "scatter",
        "smaller index",
        lambda x, i, v: x.scatter(1, i, v),
        lambda: [normal(5, 6), distinct(6, 3, 4), normal(3, 4)],
        {"dim": 1},
    )
    case(
        "scatter",
        "number",
        lambda x, i: x.scatter(1, i, 2.5),
        lambda: [normal(3, 6), distinct(6, 3, 4)],
        {"dim": 1, "value": 2.5},
    )
    case(
        "scatterAdd",
        "columns",
        lambda x, i, v: x.scatter_add(1, i, v),
        lambda: [normal(3, 5), places(5, 3, 8), normal(3, 8)],
        {"dim": 1},
    )
    case(
        "scatterAdd",
        "rows",
        lambda x, i, v: x.scatter_add(0, i, v),
        lambda: [normal(4, 7), places(4, 9, 7), normal(9, 7)],
        {"dim": 0},
    )
    case(
        "scatterAdd",
        "middle",
        lambda x, i, v: x.scatter_add(1, i, v),
        lambda: [normal(2, 3, 5), places(3, 2, 9, 5), normal(2, 9, 5)],
        {"dim": 1},
    )
    case(
        "scatterAdd",
        "one long row",
        lambda x, i, v: x.scatter_add(0, i, v),
        lambda: [normal(7), places(7, 3000), normal(3000)],
        {"dim": 0},
    )
    case(
        "scatterAdd",
        "smaller index",
        lambda x, i, v: x.scatter_add(1, i, v),
        lambda: [normal(4, 3, 5), places(3, 2, 6, 4), normal(2, 6, 4)],
        {"dim": 1},
    )
    case(
        "scatterAdd",
        "larger source",
        lambda x, i, v: x.scatter_add(0, i, v),
        lambda: [normal(4), places(4, 3), Input(normal(6), grad=False)],
        {"dim": 0},
    )
    case(
        "scatterAdd",
        "permuted source",
        lambda x, i, v: x.scatter_add(1, i, v),
        lambda: [permuted(normal(4, 3), 1, 0), places(4, 3, 5), permuted(normal(5, 3), 1, 0)],
        {"dim": 1},
    )
    case(
        "scatterAdd",
        "integers",
        lambda x, i, v: x.scatter_add(0, i, v),
        lambda: [places(9, 4), places(4, 600), places(9, 600)],
        {"dim": 0},
    )
    case(
        "indexAdd",
        "rows",
        lambda x, i, v: x.index_add(0, i, v),
        lambda: [normal(4, 3), places(4, 6), normal(6, 3)],
        {"dim": 0},
    )
    case(
        "indexAdd",
        "columns, alpha",
        lambda x, i, v: x.index_add(1, i, v, alpha=-0.5),
        lambda: [normal(2, 4, 3), places(4, 6), normal(2, 6, 3)],
        {"dim": 1, "alpha": -0.5},
    )
    case(
        "indexAdd",
        "long vector",
        lambda x, i, v: x.index_add(0, i, v),
        lambda: [normal(5), places(5, 2000), normal(2000)],
        {"dim": 0},
    )
    case(
        "indexCopy",
        "rows",
        lambda x, i, v: x.index_copy(0, i, v),
        lambda: [normal(5, 3), torch.tensor([4, 0, 2]), normal(3, 3)],
        {"dim": 0},
    )
    case(
        "indexCopy",
        "columns",
        lambda x, i, v: x.index_copy(1, i, v),
        lambda: [normal(2, 5), torch.tensor([3, 1]), normal(2, 2)],
        {"dim": 1},
    )


def rearranging():
    def sample():
        return normal(2, 3, 4)

    def either(op, name, function, args, inputs=lambda: [sample()]):
        case(op, name, function, inputs, args)

    either("repeat", "same dims", lambda x: x.repeat(2, 1, 3), {"times": [2, 1, 3]})
    either("repeat", "new dims", lambda x: x.repeat(2, 3), {"times": [2, 3]}, lambda: [normal(4)])
    either("repeat", "none", lambda x: x.repeat(2, 0, 1), {"times": [2, 0, 1]})
    either(
        "repeat",
        "permuted",
        lambda x: x.repeat(1, 2, 2),
        {"times": [1, 2, 2]},
        lambda: [permuted(sample(), 2, 0, 1)],
    )
    either("tile", "fewer times", lambda x: torch.tile(x, (2, 3)), {"times": [2, 3]})
    either("repeatInterleave", "dim", lambda x: x.repeat_interleave(3, 1), {"repeats": 3, "dim": 1})
    either("repeatInterleave", "flattened", lambda x: x.repeat_interleave(2), {"repeats": 2})
    either(
        "repeatInterleave",
        "own counts",
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 3]), 1),
        {"repeats": [2, 0, 3], "dim": 1},
    )
    either("flip", "one dim", lambda x: x.flip(1), {"dims": [1]})
    either("flip", "all dims", lambda x: x.flip(0, 1, 2), {"dims": [0, 1, 2]})
    either(
        "flip",
        "last dim of a permuted one",
        lambda x: x.flip(-1),
        {"dims": [-1]},
        lambda: [permuted(sample(), 2, 0, 1)],
    )
    either("flip", "empty", lambda x: x.flip(0), {"dims": [0]}, lambda: [normal(0, 3)])
    either("roll", "one dim", lambda x: x.roll(1, 2), {"shifts": [1], "dims": [2]})
    either("roll", "two dims", lambda x: x.roll((-1, 5), (0, 1)), {"shifts": [-1, 5], "dims": [0, 1]})
    either("roll", "flattened", lambda x: x.roll(7), {"shifts": [7]})
    either("movedim", "one", lambda x: x.movedim(0, -1), {"source": [0], "destination": [-1]})
    either("movedim", "two", lambda x: x.movedim((0, 1), (2, 0)), {"source": [0, 1], "destination": [2, 0]})
    either("swapaxes", "outer", lambda x: x.swapaxes(0, 2), {"dims": [0, 2]})
    either("unflatten", "last", lambda x: x.unflatten(2, (2, -1)), {"dim": 2, "sizes": [2, -1]})
    either("broadcastTo", "new dim", lambda x: x.broadcast_to(2, 3, 4), {"shape": [2, 3, 4]}, lambda: [normal(3, 1)])
    either("hstack", "matrices", lambda *x: torch.hstack(x), {}, lambda: [normal(2, 3), normal(2, 1)])
    either("hstack", "vectors", lambda *x: torch.hstack(x), {}, lambda: [normal(3), normal(2)])
    either("vstack", "vectors", lambda *x: torch.vstack(x), {}, lambda: [normal(3), normal(3)])

    either("pad", "last dim", lambda x: F.pad(x, (1, 2)), {"amounts": [1, 2]})
    either(
        "pad",
        "three dims, value",
        lambda x: F.pad(x, (1, 0, 0, 2, 1, 1), value=-1.5),
        {"amounts": [1, 0, 0, 2, 1, 1], "value": -1.5},
    )
    either("pad", "cut off", lambda x: F.pad(x, (-1, 2, 1, -1)), {"amounts": [-1, 2, 1, -1]})
    either("pad", "permuted", lambda x: F.pad(x, (2, 1)), {"amounts": [2, 1]}, lambda: [permuted(sample(), 2, 0, 1)])
    for mode in ("reflect", "replicate", "circular"):
        either("pad", mode, lambda x: F.pad(x, (2, 3), mode=mode), {"amounts": [2, 3], "mode": mode})
    either(
        "pad",
        "reflect, two dims",
        lambda x: F.pad(x, (1, 2, 2, 0), mode="reflect"),
        {"amounts": [1, 2, 2, 0], "mode": "reflect"},
        lambda: [normal(2, 2, 3, 4)],
    )

    either("unfold", "overlapping", lambda x: x.unfold(2, 3, 1), {"dim": 2, "size": 3, "step": 1})
    either("unfold", "apart", lambda x: x.unfold(1, 2, 3), {"dim": 1, "size": 2, "step": 3}, lambda: [normal(2, 9, 3)])
    either(
        "unfold",
        "permuted",
        lambda x: x.unfold(0, 2, 1),
        {"dim": 0, "size": 2, "step": 1},
        lambda: [permuted(sample(), 2, 0, 1)],
    )
    either("diagonal", "main", lambda x: x.diagonal(), {}, lambda: [normal(3, 5)])
    either("diagonal", "above, last dims", lambda x: x.diagonal(1, 1, 2), {"offset": 1, "dim0": 1, "dim1": 2})
    either("diagonal", "below", lambda x: x.diagonal(-1, 0, 2), {"offset": -1, "dim0": 0, "dim1": 2})
    either("diagonal", "outside", lambda x: x.diagonal(7), {"offset": 7}, lambda: [normal(3, 5)])
    either("diag", "of a vector", lambda x: x.diag(-2), {"offset": -2}, lambda: [normal(3)])
    either("diag", "of a matrix", lambda x: x.diag(1), {"offset": 1}, lambda: [normal(4, 3)])
    either("diagEmbed", "batch", lambda x: torch.diag_embed(x, 1), {"offset": 1}, lambda: [normal(2, 3)])
    for offset in (0, 1, -2):
        either("tril", f"offset {offset}", lambda x: x.tril(offset), {"offset": offset}, lambda: [normal(2, 4, 5)])
        either(
            "triu",
            f"offset {offset}",
            lambda x: x.triu(offset),
            {"offset": offset},
            lambda: [permuted(normal(5, 4), 1, 0)],
        )


picking()
brackets()
placing()
rearranging()
write(__file__, {"cases": cases, "refused": refused})
