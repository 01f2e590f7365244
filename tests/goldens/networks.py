"""Writes networks.json: PyTorch's losses, convolution, pooling, products and activations, for
tests/tensor/networks.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/networks.py

What a case holds is told in op_case.py.
"""

import torch
import torch.nn.functional as F

from golden import write
from op_case import Input, between, case, cases, normal, permuted, refused, truths

REDUCTIONS = ("mean", "sum", "none")


def losses():
    def pairs(op, name, function, options={}, inputs=lambda: [normal(3, 4), normal(3, 4)]):
        for reduction in REDUCTIONS:
            args = {**options, "reduction": reduction}
            case(op, f"{name}, {reduction}", lambda *x: function(*x, reduction=reduction), inputs, args)

    pairs("mseLoss", "matrices", F.mse_loss)
    pairs("mseLoss", "permuted", F.mse_loss, inputs=lambda: [permuted(normal(4, 3), 1, 0), normal(3, 4)])
    pairs("l1Loss", "matrices", F.l1_loss)
    pairs("huberLoss", "delta 0.7", lambda *x, **k: F.huber_loss(*x, delta=0.7, **k), {"delta": 0.7})
    pairs("smoothL1Loss", "beta 1", F.smooth_l1_loss)
    pairs("smoothL1Loss", "beta 0.3", lambda *x, **k: F.smooth_l1_loss(*x, beta=0.3, **k), {"beta": 0.3})
    probabilities = lambda: [between(0.02, 0.98, 3, 4), between(0, 1, 3, 4)]
    pairs("bceLoss", "soft targets", F.binary_cross_entropy, inputs=probabilities)
    weighted = lambda: [between(0.02, 0.98, 3, 4), truths(3, 4).float(), Input(between(0.2, 2, 4), grad=False)]
    pairs("bceLoss", "weighted", lambda x, t, w, **k: F.binary_cross_entropy(x, t, w, **k), inputs=weighted)
    ends = lambda: [torch.tensor([0.0, 1, 0, 1, 0.5]), Input(torch.tensor([0.0, 1, 1, 0, 1]), grad=False)]
    pairs("bceLoss", "certain", F.binary_cross_entropy, inputs=ends)
    logits = lambda: [normal(3, 4, scale=3), between(0, 1, 3, 4)]
    pairs("bceWithLogits", "soft targets", F.binary_cross_entropy_with_logits, inputs=logits)
    large = lambda: [torch.tensor([-100.0, -20, 0, 20, 100]), Input(torch.tensor([0.0, 1, 1, 0, 1]), grad=False)]
    pairs("bceWithLogits", "large", F.binary_cross_entropy_with_logits, inputs=large)
    for reduction in REDUCTIONS:
        case(
            "bceWithLogits",
            f"positive weight, {reduction}",
            lambda x, t, w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w, reduction=reduction),
            lambda: [normal(3, 4), between(0, 1, 3, 4), Input(between(0.5, 3, 4), grad=False)],
            {"reduction": reduction, "posWeight": True},
        )
    shares = lambda: [normal(3, 4).log_softmax(-1), between(0.1, 1, 3, 4)]
    pairs("klDiv", "targets", F.kl_div, inputs=shares)
    pairs("klDiv", "logarithms", lambda *x, **k: F.kl_div(*x, log_target=True, **k), {"logTarget": True})
    case("klDiv", "batch mean", lambda *x: F.kl_div(*x, reduction="batchmean"), shares, {"reduction": "batchmean"})
    holes = lambda: [normal(2, 3), Input(torch.tensor([[0.0, 0.4, 0.6], [1, 0, 0]]), grad=False)]
    case("klDiv", "zeros in the target", F.kl_div, holes, {"reduction": "mean"})

    targets = torch.tensor([2, 0, 3, -100, 1])
    pairs("nllLoss", "ignored row", F.nll_loss, inputs=lambda: [normal(5, 4), targets])
    own = lambda: [normal(5, 4), targets, Input(between(0.2, 2, 4), grad=False)]
    pairs("nllLoss", "weighted", lambda x, t, w, **k: F.nll_loss(x, t, w, **k), inputs=own)
    deep = lambda: [normal(2, 4, 3), torch.tensor([[0, 3, -100], [1, 1, 2]])]
    pairs("nllLoss", "classes in dim 1", F.nll_loss, inputs=deep)
    case("nllLoss", "one row", F.nll_loss, lambda: [normal(4), torch.tensor(2)], {"reduction": "mean"})

    soft = lambda: [normal(5, 4, scale=2), normal(5, 4).softmax(-1)]
    pairs("crossEntropySoft", "probabilities", F.cross_entropy, inputs=soft)
    smooth = lambda x, t, **k: F.cross_entropy(x, t, label_smoothing=0.1, **k)
    pairs("crossEntropySoft", "smoothed", smooth, {"labelSmoothing": 0.1}, soft)
    own = lambda: [normal(5, 4), normal(5, 4).softmax(-1), Input(between(0.2, 2, 4), grad=False)]
    pairs("crossEntropySoft", "weighted", lambda x, t, w, **k: F.cross_entropy(x, t, w, **k), inputs=own)
    deep = lambda: [normal(2, 4, 3), normal(2, 4, 3).softmax(1)]
    pairs("crossEntropySoft", "classes in dim 1", F.cross_entropy, inputs=deep)

    case("cosineSimilarity", "rows", F.cosine_similarity, lambda: [normal(3, 5), normal(3, 5)], {"dim": 1})
    case(
        "cosineSimilarity",
        "broadcast",
        lambda a, b: F.cosine_similarity(a, b, dim=-1),
        lambda: [normal(3, 1, 5), normal(4, 5)],
        {"dim": -1},
    )
    case("normalize", "rows", F.normalize, lambda: [normal(3, 5)], {"dim": 1})
    case("normalize", "p 1", lambda x: F.normalize(x, p=1, dim=0), lambda: [normal(3, 5)], {"dim": 0, "p": 1})


def convolutions():
    def conv(name, inputs, **options):
        case("conv1d", name, lambda x, w, b=None: F.conv1d(x, w, b, **options), inputs, options)

    conv("plain", lambda: [normal(2, 3, 9), normal(4, 3, 3), normal(4)])
    conv("no bias", lambda: [normal(2, 3, 9), normal(4, 3, 2)])
    conv("stride", lambda: [normal(2, 3, 10), normal(4, 3, 3), normal(4)], stride=2)
    conv("padding", lambda: [normal(2, 3, 7), normal(4, 3, 4), normal(4)], padding=2)
    conv("dilation", lambda: [normal(2, 3, 11), normal(4, 3, 3), normal(4)], dilation=3)
    conv("groups", lambda: [normal(2, 4, 8), normal(6, 2, 3), normal(6)], groups=2)
    conv("depthwise", lambda: [normal(2, 4, 8), normal(4, 1, 3), normal(4)], groups=4, padding=1)
    conv("same", lambda: [normal(2, 3, 8), normal(4, 3, 4), normal(4)], padding="same")
    conv(
        "all at once",
        lambda: [normal(2, 4, 17), normal(6, 2, 3), normal(6)],
        stride=3,
        padding=4,
        dilation=2,
        groups=2,
    )
    conv("whole vectors", lambda: [normal(2, 4, 16), normal(8, 4, 4), normal(8)], padding=2)
    conv("a border wider than the kernel", lambda: [normal(2, 3, 6), normal(4, 3, 2), normal(4)], padding=5)
    conv("same, dilated", lambda: [normal(2, 3, 9), normal(4, 3, 4), normal(4)], padding="same", dilation=3)
    conv("stride and dilation", lambda: [normal(2, 3, 14), normal(4, 3, 3), normal(4)], stride=2, dilation=3, padding=1)
    conv("stride wider than the kernel", lambda: [normal(2, 3, 14), normal(4, 3, 2), normal(4)], stride=4)
    conv("unbatched, padded", lambda: [normal(4, 9), normal(6, 2, 3), normal(6)], padding=1, groups=2)
    conv("unbatched", lambda: [normal(3, 9), normal(4, 3, 3), normal(4)])
    conv("permuted", lambda: [permuted(normal(9, 2, 3), 1, 2, 0), permuted(normal(3, 3, 4), 2, 1, 0), normal(4)])
    conv("kernel of one", lambda: [normal(2, 3, 5), normal(4, 3, 1), normal(4)])

    def pool(op, name, function, inputs, kernel, **options):
        keys = {"ceil_mode": "ceilMode", "count_include_pad": "countIncludePad"}
        args = {keys.get(key, key): value for key, value in options.items()}
        case(op, name, lambda x: function(x, kernel, **options), inputs, {"kernelSize": kernel, **args})

    def sample():
        return [normal(2, 3, 11)]

    def with_indices(x, kernel, **options):
        return tuple(F.max_pool1d(x, kernel, return_indices=True, **options))

    pools = {"maxPool1d": F.max_pool1d, "avgPool1d": F.avg_pool1d, "maxPool1dWithIndices": with_indices}
    for op, function in pools.items():
        pool(op, "plain", function, sample, 3)
        pool(op, "stride", function, sample, 3, stride=2)
        pool(op, "padding", function, sample, 4, stride=2, padding=2)
        pool(op, "ceiling", function, sample, 4, stride=3, ceil_mode=True)
        pool(op, "ceiling and padding", function, sample, 3, stride=3, padding=1, ceil_mode=True)
        pool(op, "permuted", function, lambda: [permuted(normal(11, 2, 3), 1, 2, 0)], 2)
        pool(op, "unbatched", function, lambda: [normal(3, 8)], 2)
    pool("maxPool1d", "dilation", F.max_pool1d, sample, 3, stride=2, dilation=2)
    pool("avgPool1d", "without the border", F.avg_pool1d, sample, 4, stride=2, padding=2, count_include_pad=False)
    for size in (1, 3, 4, 11):
        args = {"outputSize": size}
        case("adaptiveAvgPool1d", f"to {size}", lambda x: F.adaptive_avg_pool1d(x, size), sample, args)
        case("adaptiveMaxPool1d", f"to {size}", lambda x: F.adaptive_max_pool1d(x, size), sample, args)


def products():
    def sum_of(equation, *shapes):
        inputs = lambda: [normal(*s) for s in shapes]
        case("einsum", equation, lambda *x: torch.einsum(equation, *x), inputs, {"equation": equation})

    sum_of("ij,jk->ik", (2, 3), (3, 4))
    sum_of("ij,kj->ki", (2, 3), (4, 3))
    sum_of("bij,bjk->bik", (2, 3, 4), (2, 4, 5))
    sum_of("bhqd,bhkd->bhqk", (2, 3, 4, 5), (2, 3, 6, 5))
    sum_of("...ij,...jk->...ik", (2, 1, 3, 4), (5, 4, 2))
    sum_of("ij->ji", (2, 3))
    sum_of("ij->", (2, 3))
    sum_of("ii->i", (3, 3))
    sum_of("ii", (3, 3))
    sum_of("bii->b", (2, 3, 3))
    sum_of("i,j->ij", (2,), (3,))
    sum_of("i,i->", (4,), (4,))
    sum_of("ij,ij->i", (2, 3), (2, 3))
    sum_of("ij,jk,kl->il", (2, 3), (3, 4), (4, 2))
    sum_of("ba,cb", (3, 2), (4, 3))
    sum_of("...a,a->...", (2, 3, 4), (4,))
    sum_of("i...->...", (2, 3, 4))
    sum_of("bn,anm,bm->ba", (2, 3), (5, 3, 4), (2, 4))
    sum_of("ijk,ilm->jkl", (2, 3, 4), (2, 5, 2))
    sum_of("ij,j->ij", (2, 3), (3,))
    sum_of("abcd,cdef->abef", (2, 2, 3, 4), (3, 4, 2, 3))
    case("bmm", "stacks", torch.bmm, lambda: [normal(2, 3, 4), normal(2, 4, 5)])
    case("mm", "matrices", torch.mm, lambda: [normal(3, 4), normal(4, 5)])
    case("mv", "matrix and vector", torch.mv, lambda: [normal(3, 4), normal(4)])
    case("dot", "vectors", torch.dot, lambda: [normal(7), normal(7)])
    case("outer", "vectors", torch.outer, lambda: [normal(3), normal(4)])
    case(
        "addmm",
        "scaled",
        lambda c, a, b: torch.addmm(c, a, b, alpha=0.5, beta=-2),
        lambda: [normal(5), normal(3, 4), normal(4, 5)],
        {"alpha": 0.5, "beta": -2},
    )

    def rms(x, weight=None):
        y = x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()
        return y if weight is None else y * weight

    case("rmsNorm", "weighted", rms, lambda: [normal(2, 3, 5), normal(5)], {"eps": 1e-6})
    case("rmsNorm", "many rows", rms, lambda: [normal(131, 6), normal(6)], {"eps": 1e-6})
    case("rmsNorm", "long rows, far from zero", rms, lambda: [normal(3, 333, shift=5), normal(333)], {"eps": 1e-6})
    case("rmsNorm", "plain", rms, lambda: [permuted(normal(5, 3), 1, 0)], {"eps": 1e-6})


def functions():
    unary = {
        "exp2": (torch.exp2, lambda *s: normal(*s, scale=2)),
        "log2": (torch.log2, lambda *s: between(0.05, 9, *s)),
        "log10": (torch.log10, lambda *s: between(0.05, 9, *s)),
        "tan": (torch.tan, lambda *s: between(-1.3, 1.3, *s)),
        "asin": (torch.asin, lambda *s: between(-0.95, 0.95, *s)),
        "acos": (torch.acos, lambda *s: between(-0.95, 0.95, *s)),
        "atan": (torch.atan, lambda *s: normal(*s, scale=3)),
        "sinh": (torch.sinh, normal),
        "cosh": (torch.cosh, normal),
        "asinh": (torch.asinh, lambda *s: normal(*s, scale=3)),
        "acosh": (torch.acosh, lambda *s: between(1.1, 9, *s)),
        "atanh": (torch.atanh, lambda *s: between(-0.9, 0.9, *s)),
        "erfc": (torch.erfc, normal),
        "softplus": (F.softplus, lambda *s: normal(*s, scale=3)),
        "mish": (F.mish, lambda *s: normal(*s, scale=3)),
        "logSigmoid": (F.logsigmoid, lambda *s: normal(*s, scale=3)),
        "leakyRelu": (F.leaky_relu, normal),
        "elu": (F.elu, normal),
        "hardtanh": (F.hardtanh, lambda *s: normal(*s, scale=2)),
    }
    for op, (function, sample) in unary.items():
        case(op, "dense", function, lambda: [sample(3, 7)])
        case(op, "permuted", function, lambda: [permuted(sample(2, 3, 5), 2, 0, 1)])
    for op in ("sign", "floor", "ceil", "round", "trunc", "reciprocal", "isinf"):
        case(op, "dense", getattr(torch, op), lambda: [normal(3, 7, scale=3)])
    for op in ("And", "Or", "Xor"):
        case(f"logical{op}", "truths", getattr(torch, f"logical_{op.lower()}"), lambda: [truths(3, 7), truths(3, 7)])
    case("logicalNot", "truths", torch.logical_not, lambda: [truths(3, 7)])
    corners = torch.tensor([-100.0, -1, 0, 1, 100])
    for op in ("leakyRelu", "elu", "hardtanh", "softplus", "mish", "logSigmoid"):
        case(op, "corners", unary[op][0], lambda: [corners])
    case("leakyRelu", "slope", lambda x: F.leaky_relu(x, 0.3), lambda: [normal(3, 5)], {"slope": 0.3})
    case("elu", "alpha", lambda x: F.elu(x, 1.7), lambda: [normal(3, 5)], {"alpha": 1.7})
    case("hardtanh", "bounds", lambda x: F.hardtanh(x, 0, 6), lambda: [normal(3, 5, scale=5)], {"min": 0, "max": 6})
    steep = {"beta": 3, "threshold": 4}
    case("softplus", "steep", lambda x: F.softplus(x, 3, 4), lambda: [normal(3, 5)], steep)

    def away(*shape):
        return between(0.6, 3, *shape) * torch.where(truths(*shape), 1.0, -1.0)

    case("atan2", "same shape", torch.atan2, lambda: [away(3, 7), away(3, 7)])
    case("atan2", "broadcast", torch.atan2, lambda: [away(3, 1), away(4)])
    case("remainder", "same shape", torch.remainder, lambda: [normal(3, 7, scale=5), away(3, 7)])
    case("fmod", "same shape", torch.fmod, lambda: [normal(3, 7, scale=5), away(3, 7)])
    case("fmod", "number", lambda x: torch.fmod(x, 1.5), lambda: [normal(3, 7, scale=5)], {"other": 1.5})
    whole = lambda low, high, *s: torch.randint(low, high, s)
    signs = lambda *s: whole(1, 9, *s) * torch.where(truths(*s), 1, -1)
    case("fmod", "integers", torch.fmod, lambda: [whole(-50, 50, 40), signs(40)])
    floor = lambda a, b: torch.div(a, b, rounding_mode="floor")
    case("floorDivide", "same shape", floor, lambda: [normal(3, 7, scale=5), away(3, 7)])
    case("floorDivide", "integers", floor, lambda: [whole(-50, 50, 40), signs(40)])
    case("lerp", "tensor", torch.lerp, lambda: [normal(3, 5), normal(3, 5), between(0, 1, 3, 5)])
    case("lerp", "number", lambda a, b: torch.lerp(a, b, 0.3), lambda: [normal(3, 5), normal(3, 5)], {"weight": 0.3})
    numbers = lambda: [whole(-1000, 1000, 3, 7), whole(-1000, 1000, 7)]
    flags = lambda: [truths(3, 7), truths(3, 7)]
    for op in ("and", "or", "xor"):
        function = getattr(torch, f"bitwise_{op}")
        case(f"bitwise{op.capitalize()}", "integers", function, numbers)
        case(f"bitwise{op.capitalize()}", "truths", function, flags)
    case("bitwiseNot", "integers", torch.bitwise_not, lambda: [whole(-1000, 1000, 3, 7)])
    case("bitwiseNot", "truths", torch.bitwise_not, lambda: [truths(3, 7)])
    case("bitwiseLeftShift", "integers", torch.bitwise_left_shift, lambda: [whole(-99, 99, 30), whole(0, 9, 30)])
    case("bitwiseRightShift", "integers", torch.bitwise_right_shift, lambda: [whole(-99, 99, 30), whole(0, 9, 30)])


losses()
convolutions()
products()
functions()
write(__file__, {"cases": cases, "refused": refused})
