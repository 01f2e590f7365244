"""Writes errors.json: calls that fail here and in PyTorch, with PyTorch's messages, for tests/docs/errors.test.ts, which runs
them and makes the table of docs/errors.md.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/errors.py

`words` stand in both messages: they are what a PyTorch user would search for. A call without a twin in PyTorch, or one that
PyTorch lets pass, has no `torch`.
"""

import torch
import torch.nn.functional as F
from torch import arange, eye, ones, rand, tensor, zeros

from golden import write

errors = []
group = ""


def error(here, there=None, words=None):
    """`there` is PyTorch's twin: an expression, or statements of which the last one fails."""
    record = {"group": group, "here": here}
    if there is not None:
        try:
            exec(there, globals(), {})
        except (RuntimeError, IndexError, ValueError, TypeError, AssertionError) as failure:
            message = str(failure).split("\n")[0].strip()
        else:
            raise SystemExit(f"PyTorch lets pass: {there}")
        if words is not None and words not in message:
            raise SystemExit(f"{there}\n  says: {message}\n  not: {words}")
        record |= {"torch": message} | ({"words": words} if words else {})
    errors.append(record)


group = "Making tensors"
error("tensor([[1, 2], [3]])", "tensor([[1, 2], [3]])", "expected sequence of")
error("tensor(new Float32Array(3), { shape: [2, 2] })", "zeros(3).view(2, 2)", "is invalid for input of size 3")
error("tensor([1, 2, 3], { shape: [2, 2] })", "tensor([1, 2, 3]).view(2, 2)", "is invalid for input of size 3")
error("tensor('text')")
error("tensor(BigInt64Array.of(2n ** 31n))")
error("tensor([3e9], { dtype: 'int32' })", "tensor([3000000000], dtype=torch.int32)", "cannot be converted to type int32 without overflow")
error("zeros([2], { dtype: 'float' })")
error("zeros([2, -1])", "zeros(2, -1)")
error("zeros([2], { dtype: 'int32', requiresGrad: true })", "zeros(2, dtype=torch.int32, requires_grad=True)", "of floating point")
error("arange(3, 1)", "arange(3, 1)", "upper bound and larger bound inconsistent with step sign")
error("linspace(0, 1, -1)", "torch.linspace(0, 1, -1)", "number of steps must be non-negative")
error("logspace(0, 1, -1)", "torch.logspace(0, 1, -1)", "number of steps must be non-negative")
error("oneHot(arange(3), 0)", "F.one_hot(arange(3) - 3, 0)")
error("await oneHot(arange(0))", "F.one_hot(arange(0))", "Can not infer total number of classes from empty tensor")
error("oneHot(ones([3]), 2)", "F.one_hot(ones(3), 2)")
error("meshgrid([])", "torch.meshgrid([], indexing='ij')", "expects a non-empty")
error("meshgrid([zeros([2, 2])])", "torch.meshgrid([zeros(2, 2)], indexing='ij')", "1D tensor in the tensor list but got:")
error("meshgrid([arange(2)], { indexing: 'yx' })", "torch.meshgrid([arange(2)], indexing='yx')", 'indexing must be one of "xy" or "ij"')

group = "Random numbers"
error("manualSeed(0.5)")
error("manualSeed(2n ** 64n)", "torch.manual_seed(2**64)")
error("new Generator().setState(new Uint8Array(3))", "torch.Generator().set_state(torch.zeros(3, dtype=torch.uint8))")
error("new Generator().setState(new Uint8Array(5056))", "torch.Generator().set_state(torch.zeros(5056, dtype=torch.uint8))")
error("rand([2], { dtype: 'int32' })", "rand(2, dtype=torch.int32)", "not implemented for")
error("randnLike(arange(3))", "torch.randn_like(arange(3))", "not implemented for")
error("randint(3, 3, [2])", "torch.randint(3, 3, (2,))", "random_ expects 'from' to be less than 'to', but got from=3 >= to=3")
error("randint(0.5, 3, [2])", "torch.randint(0.5, 3, (2,))")
error("randint(-(2 ** 32), 0, [2])", "torch.zeros(2, dtype=torch.int32).random_(-2**32, 0)", "is out of bounds for int")
error("randint(0, 2 ** 32, [2])", "torch.zeros(2, dtype=torch.int32).random_(0, 2**32)", "is out of bounds for int")
error("normal(0, 1)")
error("normal(zeros([2]), -1)", "torch.normal(zeros(2), -1.0)", "normal expects std >= 0.0, but found std")
error("zeros([2]).normal_(0, -1)", "zeros(2).normal_(0, -1)", "normal expects std >= 0.0, but found std")
error("zeros([2]).uniform_(1, 0)", "zeros(2).uniform_(1, 0)", "uniform_ expects to return a [from, to) range, but found from=1 > to=0")
error("zeros([2]).uniform_(0, 1e39)", "zeros(2).uniform_(0, 1e39)")
error("zeros([2]).bernoulli_(2)", "zeros(2).bernoulli_(2)", "bernoulli_ expects p to be in [0, 1], but got p=2")
error("zeros([2]).exponential_(0)")
error("arange(3).normal_()", "arange(3).normal_()", "not implemented for")
error("bernoulli(arange(2))", "torch.bernoulli(arange(2))")
error("multinomial(ones([2, 2, 2]), 1)", "torch.multinomial(ones(2, 2, 2), 1)", "prob_dist must be 1 or 2 dim")
error("multinomial(ones([2]), 0)", "torch.multinomial(ones(2), 0)", "cannot sample n_sample <= 0 samples")
error("multinomial(ones([2]), 3)", "torch.multinomial(ones(2), 3)", "cannot sample n_sample > prob_dist.size(-1) samples without replacement")

group = "Element by element"
error("zeros([2, 3]).add(zeros([2]))", "zeros(2, 3) + zeros(2)", "The size of tensor a (3) must match the size of tensor b (2) at non-singleton dimension 1")
error("arange(3).add(3e9)", "arange(3, dtype=torch.int32) + 2**40000")

error("zeros([3]).maskedFill(arange(3), 0)", "zeros(3).masked_fill(arange(3), 0)")
error("zeros([3]).clamp({})", "zeros(3).clamp()", "At least one of 'min' or 'max' must not be None")
error("ones([3]).bitwiseAnd(1)", "ones(3) & 1", "not implemented for")
error("ones([3]).hardtanh(1, -1)", "torch.nn.Hardtanh(1, -1)")
error("zeros([2]).dropout(2)", "F.dropout(zeros(2), 2.0)", "dropout probability has to be between 0 and 1, but got 2")

error("where(tensor([1]), 1, 0)")

group = "In place"
error("zeros([1]).expand([3]).add_(1)", "zeros(1).expand(3).add_(1)", "more than one element of the written-to tensor")
error("noGrad(() => arange(3).add_(0.5))", "arange(3).add_(0.5)", "can't be cast to the desired output type")
error("noGrad(() => zeros([1]).add_(zeros([2])))", "zeros(1).add_(zeros(2))", "doesn't match the broadcast shape")
error("zeros([2]).copy_(zeros([3]))", "zeros(2).copy_(zeros(3))")
error("zeros([2], { requiresGrad: true }).add_(1)", "zeros(2, requires_grad=True).add_(1)", "a leaf Variable that requires grad is being used in an in-place operation")
error("zeros([2], { requiresGrad: true }).exp().add_(1)")

group = "Reductions and orders"
error("zeros([2]).sum(1)", "zeros(2).sum(1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)")
error("zeros([2, 2]).sum([0, 0])", "zeros(2, 2).sum((0, 0))", "dim 0 appears multiple times in the list of dims")
error("arange(3).mean()", "arange(3).mean()", "could not infer output dtype.")
error("arange(3).norm()", "torch.linalg.vector_norm(arange(3))")
error("zeros([2]).norm(0, { p: NaN })")
error("arange(3).logsumexp(0)")
error("zeros([0]).max()", "zeros(0).max()", "Expected reduction dim")
error("zeros([0]).argmax()", "zeros(0).argmax()", "Expected reduction dim")
error("zeros([2, 0]).max(1)", "zeros(2, 0).max(1)", "Expected reduction dim 1 to have non-zero size")
error("zeros([0]).median(0)", "zeros(0).median(0)", "Expected reduction dim")
error("zeros([2]).topk(3)", "zeros(2).topk(3)", "selected index k out of range")
error("zeros([2]).softmax(1)", "zeros(2).softmax(1)", "Dimension out of range (expected to be in range of [-1, 0], but got 1)")
error("zeros([2, 3]).softmax(-1, { mask: zeros([4, 3]).eq(0) })")
error("await unique(zeros([0, 2]), { dim: 1 })", "torch.unique(zeros(0, 2), dim=1)", "There are 0 sized dimensions, and they aren't selected")

group = "Shapes"
error("zeros([6]).view([4, 2])", "zeros(6).view(4, 2)", "shape '[4, 2]' is invalid for input of size 6")
error("zeros([6]).view([4, -1])", "zeros(6).view(4, -1)", "shape '[4, -1]' is invalid for input of size 6")
error("zeros([6]).view([-1, -1])", "zeros(6).view(-1, -1)", "only one dimension can be inferred")
error("zeros([0, 2]).view([0, -1])", "zeros(0, 2).view(0, -1)")
error("zeros([6]).reshape([2.5])")
error("zeros([2, 3]).T.view([6])", "zeros(2, 3).T.view(6)", "is not compatible with")
error("zeros([2, 3]).permute([0, 0])", "zeros(2, 3).permute(0, 0)")
error("zeros([2, 3, 4]).T")
error("zeros([2, 3]).flatten(1, 0)", "zeros(2, 3).flatten(1, 0)", "start_dim cannot come after end_dim")
error("zeros([2, 3]).expand([4, 3])", "zeros(2, 3).expand(4, 3)", "must match the existing size")
error("zeros([2]).narrow(0, 1, 2)", "zeros(2).narrow(0, 1, 2)", "start (1) + length (2) exceeds dimension size (2)")
error("zeros([2]).select(0, 2)", "zeros(2).select(0, 2)", "out of")
error("zeros([]).select(0, 0)", "zeros(()).select(0, 0)", "cannot be applied to a 0-dim tensor")
error("zeros([2]).slice(0, 0)", "zeros(2)[0, 0]", "too many indices for tensor of dimension 1")
error("zeros([2]).slice('...', '...')")
error("zeros([2]).slice(zeros([2]))", "zeros(2)[zeros(2)]")
error("zeros([2]).slice(zeros([2]).eq(0))")
error("zeros([2, 2]).slice(arange(2), arange(3))", "zeros(2, 2)[arange(2), arange(3)]")
error("zeros([2]).slice([0, 2, 0])", "zeros(2)[0:2:0]", "step")
error("cat([])", "torch.cat([])", "expected a non-empty list of")
error("cat([zeros([]), zeros([])])", "torch.cat([zeros(()), zeros(())])", "zero-dimensional tensor (at position 0) cannot be concatenated")
error("cat([zeros([2, 3]), zeros([2, 2])])", "torch.cat([zeros(2, 3), zeros(2, 2)])", "Sizes of tensors must match except in dimension 0. Expected")
error("stack([])", "torch.stack([])")
error("stack([zeros([2]), zeros([3])])", "torch.stack([zeros(2), zeros(3)])", "stack expects each tensor to be equal size, but got [2] at entry 0 and [3] at entry 1")
error("zeros([5]).split(0)", "zeros(5).split(-1)")
error("zeros([5]).split([2, 2])", "zeros(5).split([2, 2])", "sum exactly to 5")
error("zeros([5]).chunk(0)", "zeros(5).chunk(0)", "to be greater than 0")
error("broadcastShapes('f', [2], [3])", "torch.broadcast_shapes((2,), (3,))")
error("zeros([2, 2]).repeat([2])", "zeros(2, 2).repeat(2)", "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor")
error("zeros([2]).repeat([-1])", "zeros(2).repeat(-1)")
error("zeros([2]).repeatInterleave(-1)", "zeros(2).repeat_interleave(-1)", "repeats")
error("zeros([2]).repeatInterleave([1, 2, 3], 0)", "zeros(2).repeat_interleave(tensor([1, 2, 3]), 0)", "repeats must have the same size as input along dim")
error("zeros([4]).roll([1, 2])", "zeros(4).roll((1, 2))", "shifts")
error("zeros([4]).roll([1, 2], [0])", "zeros(4).roll((1, 2), (0,))", "shifts and dimensions must align. shifts: 2, dims")
error("zeros([4]).roll(0.5, 0)", "zeros(4).roll(0.5, 0)")
error("zeros([2, 3]).movedim([0, 1], [0])", "zeros(2, 3).movedim((0, 1), (0,))", "Invalid source or destination dims")
error("zeros([4]).unflatten(0, [])", "zeros(4).unflatten(0, ())")
error("zeros([3]).pad([1])", "F.pad(zeros(3), (1,))")
error("zeros([3]).pad([1, 1], { mode: 'mirror' })", "F.pad(zeros(1, 1, 3), (1, 1), 'mirror')", "Unrecognised padding mode mirror")
error("zeros([3]).pad([-2, -2])", "F.pad(zeros(3), (-2, -2))")
error("zeros([1, 1, 3]).pad([3, 0], { mode: 'reflect' })", "F.pad(zeros(1, 1, 3), (3, 0), 'reflect')", "adding size should be less than the corresponding input dimension, but got: padding (3, 0) at dimension 2 of input")
error("zeros([2]).unfold(0, 3, 1)", "zeros(2).unfold(0, 3, 1)", "maximum size for tensor at dimension 0 is 2 but size is 3")
error("zeros([2]).unfold(0, 1, 0)", "zeros(2).unfold(0, 1, 0)", "step is 0 but must be > 0")
error("zeros([2, 2]).diagonal({ dim0: 1, dim1: 1 })", "zeros(2, 2).diagonal(0, 1, 1)", "diagonal dimensions cannot be identical 1, 1")
error("diag(zeros([2, 2, 2]))", "torch.diag(zeros(2, 2, 2))")
error("zeros([2]).tril()", "zeros(2).tril()")

group = "Picking and placing"
error("zeros([2, 2]).gather(1, zeros([2, 2]))", "zeros(2, 2).gather(1, zeros(2, 2))")
error("zeros([2, 2]).gather(1, arange(2))", "zeros(2, 2).gather(1, arange(2))", "Index tensor must have the same number of dimensions as input tensor")
error("zeros([2, 2]).gather(1, arange(6).view([3, 2]))", "zeros(2, 2).gather(1, arange(6).view(3, 2))", "Size does not match at dimension 0 expected index [3, 2] to be smaller than")
error("zeros([2]).takeAlongDim(arange(4).view([2, 2]), 0)", "torch.take_along_dim(zeros(2), arange(4).view(2, 2), 0)", "input and indices should have the same number of dimensions")
error("zeros([3]).scatter(0, arange(2), arange(2))", "zeros(3).scatter(0, arange(2), arange(2))", "Expected self.dtype to be equal to src.dtype")
error("zeros([3, 3]).indexSelect(0, arange(4).view([2, 2]))", "zeros(3, 3).index_select(0, arange(4).view(2, 2))", "Index is supposed to be a vector")
error("zeros([3]).indexAdd(0, arange(2), arange(2))", "zeros(3).index_add(0, arange(2), arange(2))", "must have the same scalar type")
error("zeros([3]).indexAdd(0, arange(2), zeros([3]))", "zeros(3).index_add(0, arange(2), zeros(3))")
error("zeros([3]).indexCopy(0, arange(2), zeros([3]))", "zeros(3).index_copy(0, arange(2), zeros(3))")
error("await zeros([3]).maskedSelect(ones([3]))", "zeros(3).masked_select(ones(3))")

group = "Products"
error("zeros([2, 3]).matmul(zeros([4, 5]))", "zeros(2, 3) @ zeros(4, 5)", "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)")
error("zeros([]).matmul(zeros([2]))", "zeros(()) @ zeros(2)", "both arguments to matmul need to be at least 1D, but they are 0D and 1D")
error("arange(3).matmul(arange(3))")
error("ones([2, 2]).matmul(ones([2, 2], { dtype: 'float64' }))", "ones(2, 2) @ ones(2, 2, dtype=torch.float64)")
error("zeros([2, 3]).mm(zeros([2, 3, 4]))", "torch.mm(zeros(2, 3), zeros(2, 3, 4))")
error("zeros([2, 3, 4]).bmm(zeros([2, 3, 4]))", "torch.bmm(zeros(2, 3, 4), zeros(2, 3, 4))", "Expected size for first two dimensions of batch2 tensor to be: [2, 4] but got: [2, 3]")
error("zeros([2]).dot(zeros([3]))", "torch.dot(zeros(2), zeros(3))", "inconsistent tensor size")
error("einsum('ij,jk', zeros([2, 3]))", "torch.einsum('ij,jk', zeros(2, 3))")
error("einsum('')")
error("einsum('ii', zeros([2, 3]))", "torch.einsum('ii', zeros(2, 3))", "subscript i is repeated for")
error("einsum('i,i', zeros([2]), zeros([3]))", "torch.einsum('i,i', zeros(2), zeros(3))", "subscript i has size 3")
error("linear(zeros([2, 3]), zeros([4, 5]))", "F.linear(zeros(2, 3), zeros(4, 5))", "mat1 and mat2 shapes cannot be multiplied (")
error("linear(zeros([2, 3]), zeros([4, 3]), zeros([5]))", "F.linear(zeros(2, 3), zeros(4, 3), zeros(5))")

group = "Layers as functions"
error("layerNorm(zeros([2, 3]), [4])", "F.layer_norm(zeros(2, 3), (4,))", "expected input with shape [*, 4], but got input of size")
error("layerNorm(zeros([2, 3]), [3], { weight: ones([2]) })", "F.layer_norm(zeros(2, 3), (3,), ones(2))", "Expected weight to be of same shape as normalized")
error("rmsNorm(zeros([2, 3]), [4])")
error("rmsNorm(zeros([2, 3]), [3], { weight: ones([2]) })")
error("embedding(arange(3), zeros([4]))", "F.embedding(arange(3), zeros(4))", "'weight' must be 2-D")
error("embedding(zeros([3]), zeros([4, 2]))", "F.embedding(zeros(3), zeros(4, 2))")
error("embedding(arange(3), zeros([4, 2]), { paddingIdx: 4 })", "F.embedding(arange(3), zeros(4, 2), padding_idx=4)", "must be within")
error("conv1d(zeros([3]), zeros([1, 1, 1]))", "F.conv1d(zeros(3), zeros(1, 1, 1))", "Expected 2D (unbatched) or 3D (batched) input")
error("conv1d(zeros([1, 2, 8]), zeros([4, 3, 2]))", "F.conv1d(zeros(1, 2, 8), zeros(4, 3, 2))", "to have 3 channels, but got 2 channels instead")
error("conv1d(zeros([1, 2, 8]), zeros([4, 2, 3]), zeros([3]))", "F.conv1d(zeros(1, 2, 8), zeros(4, 2, 3), zeros(3))", "expected bias to be 1-dimensional with 4 elements")
error("conv1d(zeros([1, 2, 2]), zeros([4, 2, 3]))", "F.conv1d(zeros(1, 2, 2), zeros(4, 2, 3))", "Kernel size can't be greater than actual input size")
error("conv1d(zeros([1, 2, 8]), zeros([4, 2, 3]), null, { stride: 2, padding: 'same' })", "F.conv1d(zeros(1, 2, 8), zeros(4, 2, 3), None, 2, 'same')", "padding='same' is not supported for strided convolutions")
error("conv1d(zeros([1, 2, 8]), zeros([4, 2, 3]), null, { padding: -1 })", "F.conv1d(zeros(1, 2, 8), zeros(4, 2, 3), None, 1, -1)", "negative padding is not supported")
error("maxPool1d(zeros([8]), 2)", "F.max_pool1d(zeros(8), 2)", "Expected 2D or 3D")
error("maxPool1d(zeros([1, 8]), 0)", "F.max_pool1d(zeros(1, 8), 0)", "must be")
error("maxPool1d(zeros([1, 8]), 2, { padding: 2 })", "F.max_pool1d(zeros(1, 8), 2, padding=2)", "at most half of")
error("maxPool1d(zeros([1, 2]), 3)")
error("adaptiveAvgPool1d(zeros([8]), 2)", "F.adaptive_avg_pool1d(zeros(8), 2)", "Expected 2")

error("scaledDotProductAttention(zeros([2, 3]), zeros([2, 4]), zeros([2, 4]))")
error("scaledDotProductAttention(ones([2, 3]), ones([2, 3]), ones([2, 3]), { mask: arange(2) })")

error("adamStep(zeros([2]), zeros([3]), zeros([2]), zeros([2]), {})")
error("descentSteps([{ param: zeros([2]), grad: zeros([3]) }], { rule: 'sgd', lr: 1, weightDecay: 0 })")
error("totalNorm([zeros([2]), zeros([2], { dtype: 'int32' })])")
error("autocast(() => eye(2).matmul(eye(2)))")
error("autocast(() => eye(2), { dtype: 'bfloat16' })")

group = "Losses"
error("mseLoss(zeros([2]), zeros([3]))", "F.mse_loss(zeros(2), zeros(3))")
error("mseLoss(zeros([2]), zeros([2]), { reduction: 'max' })", "F.mse_loss(zeros(2), zeros(2), reduction='max')", "is not a valid value for reduction")
error("huberLoss(zeros([2]), zeros([2]), { delta: 0 })", "F.huber_loss(zeros(2), zeros(2), delta=0)")
error("smoothL1Loss(zeros([2]), zeros([2]), { beta: -1 })", "F.smooth_l1_loss(zeros(2), zeros(2), beta=-1)")
error("bceLoss(zeros([2]), zeros([3]))", "F.binary_cross_entropy(zeros(2), zeros(3))", "Please ensure they have the same size.")
error("crossEntropy(zeros([2, 3]), arange(3))", "F.cross_entropy(zeros(2, 3), arange(3))")
error("crossEntropy(zeros([2, 3]), arange(2), { weight: ones([2]) })", "F.cross_entropy(zeros(2, 3), arange(2), ones(2))", "classes or no classes but got weight tensor of shape: [2]")
error("crossEntropy(zeros([2, 3]), arange(2), { labelSmoothing: 2 })", "F.cross_entropy(zeros(2, 3), arange(2), label_smoothing=2.0)", "must be between 0.0 and 1.0. Got: 2")
error("nllLoss(zeros([2, 3]), arange(3))", "F.nll_loss(zeros(2, 3), arange(3))")
error("nllLoss(zeros([2, 3]), arange(2), { weight: ones([2]) })", "F.nll_loss(zeros(2, 3), arange(2), ones(2))", "weight tensor should be defined either for all 3 classes or no classes but got weight tensor of shape: [2]")

group = "Gradients"
error("zeros([2]).backward()", "zeros(2).backward()", "element 0 of tensors does not require grad and does not have a grad_fn")
error("zeros([2], { requiresGrad: true }).exp().backward()", "zeros(2, requires_grad=True).exp().backward()", "grad can be implicitly created only for scalar outputs")
error("zeros([2], { requiresGrad: true }).exp().backward({ gradient: ones([3]) })", "zeros(2, requires_grad=True).exp().backward(ones(3))", "Mismatch in shape")
error(
    "const x = zeros([], { requiresGrad: true }); const y = x.exp(); y.backward(); y.backward()",
    "x = zeros((), requires_grad=True); y = x.exp(); y.backward(); y.backward()",
    "Trying to backward through the graph a second time",
)
error(
    "const x = zeros([], { requiresGrad: true }); const h = x.mul(1); const y = h.exp(); noGrad(() => y.add_(1)); y.backward()",
    "x = zeros((), requires_grad=True); h = x * 1; y = h.exp(); y.add_(1); y.backward()",
    "one of the variables needed for gradient computation has been modified by an inplace operation",
)
error("grad(ones([], { requiresGrad: true }).exp(), [zeros([2])])", "torch.autograd.grad(ones((), requires_grad=True).exp(), [zeros(2)])", "One of the differentiated Tensors does not require grad")
error(
    "grad(ones([], { requiresGrad: true }).exp(), [zeros([2], { requiresGrad: true })])",
    "torch.autograd.grad(ones((), requires_grad=True).exp(), [zeros(2, requires_grad=True)])",
    "One of the differentiated Tensors appears to not have been used in the graph",
)
error("zeros([2], { requiresGrad: true }).exp().requiresGrad_(false)", "zeros(2, requires_grad=True).exp().requires_grad_(False)", "you can only change requires")
error("zeros([2]).retainGrad()", "zeros(2).retain_grad()", "can't retain_grad on Tensor that has requires")
error("zeros([2]).registerHook((g) => g)", "zeros(2).register_hook(lambda g: g)", "cannot register a hook on a tensor that doesn't require gradient")
error("const x = zeros([2]); x.grad = zeros([2])")
error("const x = zeros([2], { requiresGrad: true }); x.grad = zeros([3])", "x = zeros(2, requires_grad=True); x.grad = zeros(3)", "assigned grad has data of a different size")
error("const x = zeros([2], { requiresGrad: true }); x.registerHook((g) => g.sum()); x.exp().sum().backward()")
error("await gradcheck((x) => x.detach().add(x.sub(x)), [ones([1], { requiresGrad: true })])")
error("await detectAnomaly(() => tensor([-1], { requiresGrad: true }).sqrt())")
error("defineFunction({ name: 'f', forward: (_, x) => x.mul(1), backward: () => [] })(ones([], { requiresGrad: true })).backward()")
error("defineFunction({ name: 'f', forward: (c, x) => c.savedTensors[0], backward: () => [] })(ones([]))")
error("defineFunction({ name: 'f', forward: (_, x) => x.mul(1), backward: (c, g) => [c.saveForBackward(g)] })(ones([], { requiresGrad: true })).backward()")
error("const x = ones([], { requiresGrad: true }); grad(checkpoint((v) => v.exp(), x), [x])")

group = "More than a device holds"
error("zeros([2 ** 20, 2 ** 20])", "zeros(2**20, 2**20)", "4398046511104 bytes")
error("rand([2 ** 20, 2 ** 20])", "rand(2**20, 2**20)", "4398046511104 bytes")
error("linspace(0, 1, 2 ** 40)", "torch.linspace(0, 1, 2**40)", "4398046511104 bytes")
error("ones([2 ** 20, 1]).add(ones([1, 2 ** 20]))", "ones(2**20, 1) + ones(1, 2**20)", "4398046511104 bytes")
error("ones([2 ** 20, 1]).matmul(ones([1, 2 ** 20]))", "ones(2**20, 1) @ ones(1, 2**20)", "4398046511104 bytes")
error("ones([1, 2 ** 20]).expand([2 ** 20, 2 ** 20]).contiguous()", "ones(1, 2**20).expand(2**20, 2**20).contiguous()", "4398046511104 bytes")
error("embedding(zeros([2 ** 20], { dtype: 'int32' }), ones([2, 2 ** 20]))", "F.embedding(zeros(2**20, dtype=torch.int32), ones(2, 2**20))", "4398046511104 bytes")

group = "Reading, printing, lifetime"
error("await zeros([2]).item()", "zeros(2).item()")
error("zeros([2]).to('float')")
error("zeros([2]).replaceData(zeros([3]))")
error("const x = zeros([2, 3]); x.dispose(); x.add(1)")
error("scope(async () => zeros([2]))")
error("setPrintOptions({ precision: -1 })")
error("setPrintOptions({ threshold: -1 })")
error("setPrintOptions({ profile: 'long' })")
error("formatTensor({ data: [1], shape: [2], dtype: 'float32' })")
error("await init({ device: 'tpu' })")

group = "Captured functions, profiles"
error("capture((x) => x, { maxRecordings: 0 })")
error("capture('forward')")
error("capture(async (x) => x)(ones([2]))")
error("capture((x) => x.mul(2))(ones([2], { requiresGrad: true }))")
error("capture((x) => x)(new Map())")
error("capture((x) => { void x.data().catch(() => 0); })(ones([2]))")
error("capture((x) => x.add_(1))(ones([2]))")
error("const f = capture((x) => x.add(randn([2]))); for (let i = 0; i < 9; i++) f(ones([2]))")
error("let k = 1; const f = capture((x) => x.mul(k)); for (let i = 0; i < 40; i++) { f(ones([2])); if (i > 8) k = 2; }")
error("const sum = zeros([2]); capture((x) => { const y = x.exp().contiguous(); y.compute(); eachTime(() => sum.add_(y)); })(ones([2]))")
error("await profile(() => profile(() => 0))")
error("await profile(rand([2]))")
error("await profile(() => warmup(() => 0))")
error("await warmup(async () => 0)")
error("await warmup(rand([2]))")

write(__file__, {"errors": errors})
