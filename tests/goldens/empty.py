"""Writes empty.json: what PyTorch makes of tensors without elements, for tests/tensor/empty.golden.test.ts: shapes, dtypes, the values of
what is left, and gradients, or that it refuses.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/empty.py

A case is an expression here and its twin in PyTorch over `x`, `y` and `z` of the shapes given; integers are written `i` and a
shape, and index from 0.
"""

import torch
import torch.nn.functional as F
from torch import arange, cat, ones, stack, zeros

from golden import encode, write

cases = []


def operand(shape):
    if isinstance(shape, tuple):
        return torch.zeros(shape, dtype=torch.int64)
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float32).view(shape) / 4 + 0.5).requires_grad_()


def case(here, there, *shapes):
    operands = [operand(shape) for shape in shapes]
    record = {
        "here": here,
        "shapes": [list(shape) for shape in shapes],
        "integers": [isinstance(shape, tuple) for shape in shapes],
    }
    try:
        result = eval(there, globals(), dict(zip("xyz", operands)))
        if result.requires_grad:
            result.sum().backward()
    except (RuntimeError, IndexError, ValueError) as error:
        record["error"] = str(error).split("\n")[0]
    else:
        record["result"] = encode(result)
        record["gradients"] = [None if each.grad is None else encode(each.grad) for each in operands]
    cases.append(record)


for shape in ([0], [0, 3], [3, 0], [2, 0, 3]):
    rank = len(shape)
    for name in ("sum", "prod", "mean", "amax", "amin", "all", "any", "argmax", "argmin", "var", "std"):
        python = {"var": "var", "std": "std"}.get(name, name)
        if name not in ("amax", "amin", "var", "std", "argmax", "argmin"):
            case(f"x.{name}()", f"x.{python}()", shape)
        for dim in range(rank):
            case(f"x.{name}({dim})", f"x.{python}({dim})", shape)
            case(f"x.{name}({dim}, {{ keepDim: true }})", f"x.{python}({dim}, keepdim=True)", shape)
    case("x.norm()", "x.norm()", shape)
    case("x.logsumexp(0)", "x.logsumexp(0)", shape)
    case("x.add(1).mul(2)", "(x + 1) * 2", shape)
    case("x.gt(0)", "x > 0", shape)
    case("x.flatten()", "x.flatten()", shape)
    case("x.reshape([0])", "x.reshape(0)", shape)
    case("x.reshape([-1])", "x.reshape(-1)", shape)
    case("x.reshape([5, 0, 7])", "x.reshape(5, 0, 7)", shape)
    case("x.reshape([-1, 0])", "x.reshape(-1, 0)", shape)
    case("x.transpose(0, -1)", "x.transpose(0, -1)", shape)
    case("cat([x, x])", "cat([x, x])", shape)
    case("stack([x, x])", "stack([x, x])", shape)
    case("x.clone()", "x.clone()", shape)
    for dim in range(rank):
        case(f"x.softmax({dim})", f"x.softmax({dim})", shape)
        case(f"x.logSoftmax({dim})", f"x.log_softmax({dim})", shape)
        case(f"x.cumsum({dim})", f"x.cumsum({dim})", shape)
        case(f"x.cumprod({dim})", f"x.cumprod({dim})", shape)
        case(f"x.sort({dim}).values", f"x.sort({dim}).values", shape)
        case(f"x.argsort({dim})", f"x.argsort({dim})", shape)
        case(f"x.flip({dim})", f"x.flip({dim})", shape)
        case(f"x.roll(1, {dim})", f"x.roll(1, {dim})", shape)
        case(f"topk(x, 0, {dim}).values", f"x.topk(0, {dim}).values", shape)
        case(f"x.narrow({dim}, 0, 0)", f"x.narrow({dim}, 0, 0)", shape)
        case(f"x.unsqueeze({dim})", f"x.unsqueeze({dim})", shape)

case("x.add(y)", "x + y", [0], [1])
case("x.add(y)", "x + y", [3, 0], [3, 1])
case("x.add(y)", "x + y", [0], [3])
case("x.mul(y)", "x * y", [2, 0, 3], [3])
case("x.expand([0, 3])", "x.expand(0, 3)", [1, 3])
case("x.expand([4, 0, 3])", "x.expand(4, 0, 3)", [0, 3])
for shapes in (([0, 3], [3, 2]), ([2, 0], [0, 3]), ([2, 3], [3, 0]), ([0, 0], [0, 0]), ([0], [0]), ([2, 0], [0]), ([0, 2], [2])):
    case("x.matmul(y)", "x @ y", *shapes)
for shapes in (([2, 0, 3], [3, 2]), ([0, 2, 3], [3, 2]), ([2, 3, 0], [0, 2]), ([2, 3, 4], [4, 0]), ([0, 2, 3], [0, 3, 4]), ([2, 2, 0], [2, 0, 3])):
    case("x.matmul(y)", "x @ y", *shapes)
for shapes in (([0, 3], [2, 3], [2]), ([2, 0], [3, 0], [3]), ([2, 3], [0, 3], [0]), ([0, 4, 3], [2, 3], [2])):
    case("linear(x, y, z)", "F.linear(x, y, z)", *shapes)
case("bmm(x, y)", "torch.bmm(x, y)", [0, 2, 3], [0, 3, 2])
case("dot(x, y)", "torch.dot(x, y)", [0], [0])
case("outer(x, y)", "torch.outer(x, y)", [0], [3])
case("x.mean([0, 1])", "x.mean([0, 1])", [0, 3])
case("x.sum([0, 1])", "x.sum([0, 1])", [0, 3])
case("x.max(0).values", "x.max(0).values", [0, 3])
case("x.max(1).values", "x.max(1).values", [0, 3])
case("x.max()", "x.max()", [0])
case("x.argmax()", "x.argmax()", [0])
case("x.median(0).values", "x.median(0).values", [0])
case("layerNorm(x, [3])", "F.layer_norm(x, [3])", [0, 3])
case("layerNorm(x, [3], { weight: y, bias: z })", "F.layer_norm(x, [3], y, z)", [0, 3], [3], [3])
case("layerNorm(x, [3], { weight: y, bias: z })", "F.layer_norm(x, [3], y, z)", [2, 0, 3], [3], [3])
case("embedding(x, y)", "F.embedding(x, y)", (0,), [4, 3])
case("embedding(x, y)", "F.embedding(x, y)", (2, 0), [4, 3])
case("embedding(x, y)", "F.embedding(x, y)", (2,), [4, 0])
case("x.gather(0, y)", "x.gather(0, y)", [3, 2], (0, 2))
case("x.gather(0, y)", "x.gather(0, y)", [0, 2], (0, 2))
case("x.indexSelect(0, y)", "x.index_select(0, y)", [3, 2], (0,))
case("x.indexSelect(1, y)", "x.index_select(1, y)", [0, 2], (3,))
case("x.indexSelect(0, y)", "x.index_select(0, y)", [2, 0], (3,))
case("x.scatterAdd(0, y, z)", "x.scatter_add(0, y, z)", [3, 2], (0, 2), [0, 2])
case("x.scatter(0, y, 1)", "x.scatter(0, y, 1)", [3, 2], (0, 2))
case("x.indexAdd(0, y, z)", "x.index_add(0, y, z)", [3, 2], (0,), [0, 2])
case("x.indexCopy(0, y, z)", "x.index_copy(0, y, z)", [3, 2], (0,), [0, 2])
case("crossEntropy(x, y)", "F.cross_entropy(x, y)", [0, 3], (0,))
case("crossEntropy(x, y, { reduction: 'sum' })", "F.cross_entropy(x, y, reduction='sum')", [0, 3], (0,))
case("crossEntropy(x, y, { reduction: 'none' })", "F.cross_entropy(x, y, reduction='none')", [0, 3], (0,))
case("mseLoss(x, y)", "F.mse_loss(x, y)", [0], [0])
case("mseLoss(x, y, { reduction: 'sum' })", "F.mse_loss(x, y, reduction='sum')", [0], [0])
case("bceWithLogits(x, y)", "F.binary_cross_entropy_with_logits(x, y)", [0], [0])
case("pad(x, [1, 1])", "F.pad(x, [1, 1])", [0, 3])
case("pad(x, [1, 1])", "F.pad(x, [1, 1])", [2, 0])
case("x.unfold(1, 2, 1)", "x.unfold(1, 2, 1)", [0, 3])
case("conv1d(x, y)", "F.conv1d(x, y)", [0, 2, 5], [3, 2, 2])
case("conv1d(x, y, z)", "F.conv1d(x, y, z)", [0, 2, 5], [3, 2, 2], [3])
case("x.repeatInterleave(2, 0)", "x.repeat_interleave(2, 0)", [0, 3])
case("x.tril()", "x.tril()", [0, 3])
case("x.diagonal()", "x.diagonal()", [0, 3])
case("where(x.gt(0), x, y)", "torch.where(x > 0, x, y)", [0, 3], [3])
case("maskedFill(x, x.gt(0), 1)", "x.masked_fill(x > 0, 1)", [0, 3])
case("x.split(2)[0]", "x.split(2)[0]", [0, 3])
case("x.chunk(2)[0]", "x.chunk(2)[0]", [0, 3])
case("x.unbind(1)[2]", "x.unbind(1)[2]", [0, 3])
case("unique(x)", "torch.unique(x.detach())", [0])
case("nonzero(x)", "torch.nonzero(x)", [0, 3])
case("maskedSelect(x, x.gt(99))", "x.masked_select(x > 99)", [2, 3])
case("einsum('ij,jk->ik', x, y)", "torch.einsum('ij,jk->ik', x, y)", [2, 0], [0, 3])
case("einsum('ij->j', x)", "torch.einsum('ij->j', x)", [0, 3])

write(__file__, {"cases": cases})
