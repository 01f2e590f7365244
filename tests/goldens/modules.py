"""Writes modules.json: PyTorch's modules beyond those of layers.json, with their weights, outputs and gradients, and
their default initialisation from a seed.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/modules.py

A case says how to make our twin, `new nn[layer](...args)`, and how to call it, `forward(...call)`: a string that names
one of `inputs` stands for that tensor, also among options, and `{packed, lengths}` for a packed sequence. `outputs` are
all float tensors of the result, nested ones in order (a packed output as its padded tensor); each gets its `upstream`
gradient. `gradients` are those of the float inputs and of every parameter. Modules are in evaluation mode. `printed` is the text
of torch's own classes.
`initialisation` holds state dicts as constructed right after `manualSeed(seed)`, `initialisers` what the functions of
torch.nn.init make after `manualSeed(9)`.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from golden import encode, expected, seed, write
from module_case import randomise
from transformer import (
    CrossAttention,
    LearnedPositions,
    PositionalEncoding,
    RMSNorm,
    RotaryEmbedding,
    SelfAttention,
    TransformerDecoderBlock,
)

cases = []


def printed(module):
    """What torch prints for its own modules; None for those written here. A name that torch gives a Linear for its quantizer is
    left out."""
    return str(module).replace("NonDynamicallyQuantizableLinear", "Linear") if type(module).__module__.startswith("torch.") else None


def flat(result, batch_first=False):
    """The float tensors of a result, in order."""
    if isinstance(result, PackedSequence):
        return [pad_packed_sequence(result, batch_first=batch_first)[0]]
    if isinstance(result, torch.Tensor):
        return [result]
    if result is None:
        return []
    return [tensor for part in result for tensor in flat(part)]


def case(layer, name, args, module, call, inputs, forward):
    """`forward(module, inputs)` is PyTorch's way to say what `call` says; `inputs` a function, called after seeding."""
    title = f"{layer} {name}"
    seed(title)
    randomise(module)
    inputs = inputs()
    upstream = None
    runs = []
    state = {key: encode(value) for key, value in module.state_dict().items()}
    for dtype in (torch.float32, torch.float64):
        module = module.to(dtype).eval()
        given = {
            k: v.to(dtype).requires_grad_(bool(torch.isfinite(v).all())) if v.is_floating_point() else v
            for k, v in inputs.items()
        }
        outputs = flat(forward(module, given))
        if upstream is None:
            upstream = [torch.randn(out.shape) for out in outputs]
        leaves = {k: v for k, v in given.items() if v.requires_grad}
        parameters = dict(module.named_parameters())
        gradients = torch.autograd.grad(
            outputs, [*leaves.values(), *parameters.values()], [g.to(dtype) for g in upstream]
        )
        runs.append((outputs, dict(zip(leaves, gradients)), dict(zip(parameters, gradients[len(leaves) :]))))

    def both(part):
        return {key: expected(runs[0][part][key], value) for key, value in runs[1][part].items()}

    cases.append(
        {
            "name": title,
            "layer": layer,
            "args": args,
            "call": call,
            "printed": printed(module),
            "state": state,
            "inputs": {key: encode(value) for key, value in inputs.items()},
            "outputs": [expected(single, double) for single, double in zip(runs[0][0], runs[1][0])],
            "upstream": [encode(value) for value in upstream],
            "gradients": {"inputs": both(1), "parameters": both(2)},
        }
    )


def randoms(**shapes):
    return lambda: {name: torch.randn(shape) for name, shape in shapes.items()}


# --- Recurrent layers ---------------------------------------------------------------------------------------------

KINDS = {"RNN": nn.RNN, "GRU": nn.GRU, "LSTM": nn.LSTM}
CELLS = {"RNN": nn.RNNCell, "GRU": nn.GRUCell, "LSTM": nn.LSTMCell}
FORMS = {
    "plain": {},
    "no bias": {"bias": False},
    "two layers": {"numLayers": 2},
    "batch first, both directions": {"batchFirst": True, "bidirectional": True},
    "two layers, both directions": {"numLayers": 2, "bidirectional": True},
}
TORCH_OPTIONS = {"numLayers": "num_layers", "batchFirst": "batch_first", "projSize": "proj_size"}


def torch_options(options):
    return {TORCH_OPTIONS.get(key, key): value for key, value in options.items()}


for kind, make in KINDS.items():
    for name, options in FORMS.items():
        module = make(3, 4, **torch_options(options))
        shape = (2, 5, 3) if options.get("batchFirst") else (5, 2, 3)
        case(kind, name, [3, 4, options], module, ["x"], randoms(x=shape), lambda m, i: m(i["x"]))
    rows = 4
    states = {"h": (rows, 2, 4), **({"c": (rows, 2, 4)} if kind == "LSTM" else {})}
    given = ["h", "c"] if kind == "LSTM" else "h"
    options = {"numLayers": 2, "bidirectional": True}

    def with_state(m, i):
        return m(i["x"], (i["h"], i["c"]) if "c" in i else i["h"])

    module = make(3, 4, **torch_options(options))
    case(kind, "own states", [3, 4, options], module, ["x", given], randoms(x=(5, 2, 3), **states), with_state)
    case(kind, "without a batch", [3, 4, {}], make(3, 4), ["x"], randoms(x=(5, 3)), lambda m, i: m(i["x"]))

    for name, lengths, sort in (("sorted", [6, 4, 1], True), ("any order", [2, 5, 3], False)):
        options = {"numLayers": 2, "bidirectional": True, "batchFirst": True}
        module = make(3, 4, **torch_options(options))

        def packed(m, i):
            return m(pack_padded_sequence(i["x"], lengths, batch_first=True, enforce_sorted=sort))

        def time_first(m, i):
            out, state = packed(m, i)
            return pad_packed_sequence(out)[0], state

        def batch_first(m, i):
            out, state = packed(m, i)
            return pad_packed_sequence(out, batch_first=True)[0], state

        call = [{"packed": "x", "lengths": lengths, "batchFirst": True, "enforceSorted": sort}]
        longest = max(lengths)
        case(kind, f"packed, {name}", [3, 4, options], module, call, randoms(x=(3, 6, 3)), time_first)
        case(
            kind,
            f"lengths, {name}",
            [3, 4, options],
            module,
            ["x", None, {"lengths": lengths}],
            randoms(x=(3, longest, 3)),
            batch_first,
        )
    cell = CELLS[kind](3, 4)
    case(f"{kind}Cell", "zero state", [3, 4], cell, ["x"], randoms(x=(2, 3)), lambda m, i: m(i["x"]))
    states = {"h": (2, 4), **({"c": (2, 4)} if kind == "LSTM" else {})}
    case(f"{kind}Cell", "own state", [3, 4], cell, ["x", given], randoms(x=(2, 3), **states), with_state)
    cell = CELLS[kind](3, 4, bias=False)
    case(f"{kind}Cell", "no bias", [3, 4, {"bias": False}], cell, ["x"], randoms(x=(2, 3)), lambda m, i: m(i["x"]))
for kind, make in (("RNN", nn.RNN), ("RNNCell", nn.RNNCell)):
    module = make(3, 4, nonlinearity="relu")
    shape = (5, 2, 3) if kind == "RNN" else (2, 3)
    case(kind, "relu", [3, 4, {"nonlinearity": "relu"}], module, ["x"], randoms(x=shape), lambda m, i: m(i["x"]))

for name, options in {
    "projected": {"projSize": 3},
    "projected, two layers, both directions, batch first": {
        "projSize": 2,
        "numLayers": 2,
        "bidirectional": True,
        "batchFirst": True,
    },
}.items():
    module = nn.LSTM(3, 4, **torch_options(options))
    shape = (2, 5, 3) if options.get("batchFirst") else (5, 2, 3)
    case("LSTM", name, [3, 4, options], module, ["x"], randoms(x=shape), lambda m, i: m(i["x"]))
options = {"projSize": 2}
states = {"h": (1, 2, 2), "c": (1, 2, 4)}
module = nn.LSTM(3, 4, proj_size=2)
case("LSTM", "projected, own states", [3, 4, options], module, ["x", ["h", "c"]], randoms(x=(5, 2, 3), **states), with_state)

# --- torch's attention and transformers -----------------------------------------------------------------------------


def boolean(rows):
    return torch.tensor(rows, dtype=torch.bool)


def ahead(size):
    return nn.Transformer.generate_square_subsequent_mask(size)


padding = boolean([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
masks = {
    "no mask": {},
    "key padding": {"keyPaddingMask": padding},
    "bool mask": {"attnMask": torch.ones(5, 5, dtype=torch.bool).triu(1)},
    "float mask": {"attnMask": ahead(5)},
    "mask a head": {"attnMask": torch.rand(4, 5, 5, generator=torch.Generator().manual_seed(0)).gt(0.7)},
    "both": {"attnMask": torch.ones(5, 5, dtype=torch.bool).triu(1), "keyPaddingMask": padding},
    "float mask and padding": {"attnMask": ahead(5), "keyPaddingMask": padding},
}
# Every query keeps a key: torch gives NaN where none is left.
masks["mask a head"]["attnMask"][:, :, 1] = False


def attention(options):
    def forward(m, i):
        return m(
            i["q"],
            i.get("k", i["q"]),
            i.get("v", i.get("k", i["q"])),
            key_padding_mask=i.get("keyPaddingMask"),
            attn_mask=i.get("attnMask"),
            need_weights=options.get("needWeights", True),
            average_attn_weights=options.get("averageAttnWeights", True),
        )

    return forward


def inputs_of(tensors, extra=None):
    return lambda: {**{name: torch.randn(shape) for name, shape in tensors.items()}, **(extra or {})}


def options_of(extra, more=None):
    return {**{name: name for name in extra}, **(more or {})}


for name, extra in masks.items():
    module = nn.MultiheadAttention(8, 2, batch_first=True)
    args = [8, 2, {"batchFirst": True}]
    call = ["q", "q", "q", options_of(extra)]
    case("MultiheadAttention", f"self, {name}", args, module, call, inputs_of({"q": (2, 5, 8)}, extra), attention({}))
for learned, empty in ((True, False), (False, True), (True, True)):
    for name, extra in masks.items():
        if name not in ("no mask", "both", "float mask and padding"):
            continue
        module = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=learned, add_zero_attn=empty)
        args = [8, 2, {"batchFirst": True, "addBiasKv": learned, "addZeroAttn": empty}]
        title = f"{'one learned' if learned else ''}{' and ' if learned and empty else ''}{'one empty' if empty else ''} key, {name}"
        call = ["q", "q", "q", options_of(extra)]
        case("MultiheadAttention", title, args, module, call, inputs_of({"q": (2, 5, 8)}, extra), attention({}))
causal = {"attnMask": torch.ones(5, 5, dtype=torch.bool).triu(1)}
module = nn.MultiheadAttention(8, 2, batch_first=True, add_bias_kv=True)
args = [8, 2, {"batchFirst": True, "addBiasKv": True}]
case(
    "MultiheadAttention",
    "one learned key, causal",
    args,
    module,
    ["q", "q", "q", {"isCausal": True}],
    inputs_of({"q": (2, 5, 8)}),
    lambda m, i: attention({})(m, {**i, **causal}),
)
for name, extra in {"no mask": {}, "key padding": {"keyPaddingMask": boolean([[0, 0, 1], [0, 0, 0]])}}.items():
    tensors = {"q": (5, 2, 8), "k": (3, 2, 8)}
    call = ["q", "k", "k", options_of(extra)]
    module = nn.MultiheadAttention(8, 2)
    case("MultiheadAttention", f"cross, {name}", [8, 2], module, call, inputs_of(tensors, extra), attention({}))
options = {"kdim": 6, "vdim": 7, "bias": False}
tensors = {"q": (5, 2, 8), "k": (3, 2, 6), "v": (3, 2, 7)}
module = nn.MultiheadAttention(8, 4, **options)
more = {"averageAttnWeights": False}
call = ["q", "k", "v", more]
case("MultiheadAttention", "own widths, no bias", [8, 4, options], module, call, inputs_of(tensors), attention(more))
more = {"needWeights": False}
case(
    "MultiheadAttention",
    "no weights",
    [8, 2],
    nn.MultiheadAttention(8, 2),
    ["q", "q", "q", more],
    inputs_of({"q": (5, 2, 8)}),
    attention(more),
)
case(
    "MultiheadAttention",
    "without a batch",
    [8, 2],
    nn.MultiheadAttention(8, 2),
    ["q", "k", "k", {}],
    inputs_of({"q": (5, 8), "k": (3, 8)}),
    attention({}),
)

LAYER_FORMS = {
    "post-norm relu": ({}, {}),
    "pre-norm gelu": ({"activation": "gelu", "normFirst": True}, {"activation": "gelu", "norm_first": True}),
    "batch first": ({"batchFirst": True}, {"batch_first": True}),
}
for name, (ours, theirs) in LAYER_FORMS.items():
    module = nn.TransformerEncoderLayer(8, 2, dim_feedforward=12, **theirs)
    batch_first = "batchFirst" in ours
    extra = {"srcMask": ahead(5), "srcKeyPaddingMask": padding}
    shapes = {"src": (2, 5, 8) if batch_first else (5, 2, 8), "tgt": (2, 4, 8) if batch_first else (4, 2, 8)}
    args = [8, 2, {"dimFeedforward": 12, **ours}]
    case(
        "TransformerEncoderLayer",
        name,
        args,
        module,
        ["src", options_of(extra)],
        inputs_of({"src": shapes["src"]}, extra),
        lambda m, i: m(i["src"], i["srcMask"], i["srcKeyPaddingMask"]),
    )
    module = nn.TransformerDecoderLayer(8, 2, dim_feedforward=12, **theirs)
    extra = {
        "tgtMask": ahead(4),
        "memoryMask": boolean([[0, 1, 0, 0, 0]] * 4),
        "tgtKeyPaddingMask": boolean([[0, 0, 0, 1], [0, 0, 0, 0]]),
        "memoryKeyPaddingMask": padding,
    }
    case(
        "TransformerDecoderLayer",
        name,
        args,
        module,
        ["tgt", "src", options_of(extra)],
        inputs_of(shapes, extra),
        lambda m, i: m(
            i["tgt"], i["src"], i["tgtMask"], i["memoryMask"], i["tgtKeyPaddingMask"], i["memoryKeyPaddingMask"]
        ),
    )

for name, pre in (("plain", False), ("pre-norm", True)):
    torch_layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=12, norm_first=pre)
    extra = {"mask": ahead(5), "srcKeyPaddingMask": padding}
    # `layer` among the arguments stands for the layer that is repeated.
    args = [{"layer": "TransformerEncoderLayer", "args": [8, 2, {"dimFeedforward": 12, "normFirst": pre}]}, 2]
    case(
        "TransformerEncoder",
        name,
        args,
        nn.TransformerEncoder(torch_layer, 2, enable_nested_tensor=False),
        ["src", options_of(extra)],
        inputs_of({"src": (5, 2, 8)}, extra),
        lambda m, i: m(i["src"], i["mask"], i["srcKeyPaddingMask"]),
    )
    torch_layer = nn.TransformerDecoderLayer(8, 2, dim_feedforward=12, norm_first=pre)
    args = [{"layer": "TransformerDecoderLayer", "args": [8, 2, {"dimFeedforward": 12, "normFirst": pre}]}, 2]
    extra = {"tgtMask": ahead(4), "memoryKeyPaddingMask": padding}
    case(
        "TransformerDecoder",
        name,
        args,
        nn.TransformerDecoder(torch_layer, 2),
        ["tgt", "src", options_of(extra)],
        inputs_of({"src": (5, 2, 8), "tgt": (4, 2, 8)}, extra),
        lambda m, i: m(i["tgt"], i["src"], i["tgtMask"], memory_key_padding_mask=i["memoryKeyPaddingMask"]),
    )

everything = {
    "srcMask": boolean([[0, 0, 1, 0, 0]] * 5),
    "tgtMask": ahead(4),
    "memoryMask": boolean([[0, 1, 0, 0, 0]] * 4),
    "srcKeyPaddingMask": padding,
    "tgtKeyPaddingMask": boolean([[0, 0, 0, 1], [0, 0, 0, 0]]),
    "memoryKeyPaddingMask": padding,
}


def transformer(m, i):
    return m(
        i["src"],
        i["tgt"],
        i.get("srcMask"),
        i.get("tgtMask"),
        i.get("memoryMask"),
        i.get("srcKeyPaddingMask"),
        i.get("tgtKeyPaddingMask"),
        i.get("memoryKeyPaddingMask"),
    )


for name, extra in {"no mask": {}, "causal": {"tgtMask": ahead(4)}, "all masks": everything}.items():
    for order, first in (("time first", False), ("batch first", True)):
        if first and name == "no mask":
            continue
        args = {
            "dModel": 8,
            "nhead": 2,
            "numEncoderLayers": 2,
            "numDecoderLayers": 2,
            "dimFeedforward": 12,
            "batchFirst": first,
        }
        module = nn.Transformer(8, 2, 2, 2, 12, batch_first=first)
        shapes = {"src": (2, 5, 8), "tgt": (2, 4, 8)} if first else {"src": (5, 2, 8), "tgt": (4, 2, 8)}
        call = ["src", "tgt", options_of(extra)]
        case("Transformer", f"{name}, {order}", [args], module, call, inputs_of(shapes, extra), transformer)

# --- The course's blocks ----------------------------------------------------------------------------------------------

kept = boolean([[1, 1, 1, 0], [1, 1, 1, 1]])
context_kept = boolean([[1, 0, 1, 1, 0], [1, 1, 1, 1, 1]])
for norm, pre in (("pre", True), ("post", False)):
    module = TransformerDecoderBlock(8, 2, 3, mlp_dim=10, pre_norm=pre)
    extra = {"mask": kept, "contextMask": context_kept}
    case(
        "TransformerDecoderBlock",
        f"{norm}-norm",
        [8, 2, 3, {"mlpDim": 10, "norm": norm}],
        module,
        ["x", "context", options_of(extra)],
        inputs_of({"x": (2, 4, 8), "context": (2, 5, 8)}, extra),
        lambda m, i: m(i["x"], i["context"], i["mask"], i["contextMask"]),
    )
case(
    "MultiHeadAttention",
    "cross-attention",
    [8, 2, 3],
    CrossAttention(8, 2, 3),
    ["x", "mask", {"context": "context"}],
    inputs_of({"x": (2, 4, 8), "context": (2, 5, 8)}, {"mask": context_kept}),
    lambda m, i: m(i["x"], i["context"], i["mask"]),
)
case(
    "MultiHeadAttention",
    "causal",
    [8, 2, 3],
    CrossAttention(8, 2, 3),
    ["x", None, {"isCausal": True}],
    inputs_of({"x": (2, 4, 8)}),
    lambda m, i: m(i["x"], i["x"], causal=True),
)
for name, interleaved in (("halves", False), ("neighbours", True)):
    module = RotaryEmbedding(6, base=100.0, interleaved=interleaved)
    args = [6, {"base": 100, "interleaved": interleaved, "maxLength": 16}]
    case("RotaryEmbedding", name, args, module, ["x"], randoms(x=(2, 2, 5, 6)), lambda m, i: m(i["x"]))
    case(
        "RotaryEmbedding",
        f"{name}, from a place on",
        args,
        module,
        ["x", {"offset": 7}],
        randoms(x=(2, 2, 5, 6)),
        lambda m, i: m(i["x"], 7),
    )

# --- Activations, losses, convolutions --------------------------------------------------------------------------------


def plain(m, i):
    return m(*i.values())


def spread(*shape):
    """Numbers on both sides of every corner of the activations, none of them close to one."""
    return lambda: {"x": torch.randn(shape) * 3 + 0.013}


ACTIVATIONS = [
    ("ReLU", [], nn.ReLU()),
    ("ReLU6", [], nn.ReLU6()),
    ("LeakyReLU", [0.2], nn.LeakyReLU(0.2)),
    ("PReLU", [], nn.PReLU()),
    ("PReLU", [5], nn.PReLU(5)),
    ("ELU", [1.3], nn.ELU(1.3)),
    ("CELU", [1.3], nn.CELU(1.3)),
    ("SELU", [], nn.SELU()),
    ("GELU", [], nn.GELU()),
    ("GELU", [{"approximate": "tanh"}], nn.GELU(approximate="tanh")),
    ("Sigmoid", [], nn.Sigmoid()),
    ("LogSigmoid", [], nn.LogSigmoid()),
    ("Hardsigmoid", [], nn.Hardsigmoid()),
    ("Tanh", [], nn.Tanh()),
    ("Tanhshrink", [], nn.Tanhshrink()),
    ("Hardtanh", [-2, 1], nn.Hardtanh(-2.0, 1.0)),
    ("SiLU", [], nn.SiLU()),
    ("Hardswish", [], nn.Hardswish()),
    ("Mish", [], nn.Mish()),
    ("Softplus", [2, 5], nn.Softplus(2, 5)),
    ("Softsign", [], nn.Softsign()),
    ("Softshrink", [0.7], nn.Softshrink(0.7)),
    ("Hardshrink", [0.7], nn.Hardshrink(0.7)),
    ("Threshold", [0.5, -1], nn.Threshold(0.5, -1)),
    ("GLU", [1], nn.GLU(1)),
    ("Softmax", [1], nn.Softmax(1)),
    ("Softmin", [1], nn.Softmin(1)),
    ("LogSoftmax", [1], nn.LogSoftmax(1)),
]
for layer, args, module in ACTIVATIONS:
    shape = (4, 6, 3) if layer == "GLU" else (4, 5, 3)
    case(layer, f"{args}", args, module, ["x"], spread(*shape), plain)


def pair(a, b):
    return lambda: {"a": a(), "b": b()}


def normal():
    return torch.randn(5, 4)


def probability():
    return torch.rand(5, 4) * 0.98 + 0.01


def sign():
    return torch.randint(0, 2, (5, 4)) * 2 - 1


def distribution():
    return torch.randn(5, 4).softmax(-1)


def loss(layer, name, ours, module, inputs):
    case(layer, name, [ours] if ours else [], module, list(inputs().keys()), inputs, plain)


for reduction in ("mean", "sum", "none"):
    ours = {"reduction": reduction}
    loss("MSELoss", reduction, ours, nn.MSELoss(**ours), pair(normal, normal))
    loss("L1Loss", reduction, ours, nn.L1Loss(**ours), pair(normal, normal))
    loss("BCELoss", reduction, ours, nn.BCELoss(**ours), pair(probability, lambda: torch.rand(5, 4)))
    classes = pair(lambda: torch.randn(5, 4).log_softmax(-1), lambda: torch.tensor([1, 0, -100, 3, 1]))
    loss("NLLLoss", reduction, ours, nn.NLLLoss(**ours), classes)
    logits = pair(lambda: torch.randn(5, 4), lambda: torch.tensor([1, 0, -100, 3, 1]))
    loss("CrossEntropyLoss", reduction, ours, nn.CrossEntropyLoss(**ours), logits)
logits = pair(lambda: torch.randn(5, 4), lambda: torch.tensor([1, 0, 2, 3, 1]))
smooth = {"labelSmoothing": 0.1}
loss("CrossEntropyLoss", "smoothed labels", smooth, nn.CrossEntropyLoss(label_smoothing=0.1), logits)
for beta in (1.0, 0.3):
    loss("SmoothL1Loss", f"{beta}", {"beta": beta}, nn.SmoothL1Loss(beta=beta), pair(normal, normal))
    loss("HuberLoss", f"{beta}", {"delta": beta}, nn.HuberLoss(delta=beta), pair(normal, normal))
targets = pair(normal, lambda: torch.rand(5, 4))
loss("BCEWithLogitsLoss", "plain", None, nn.BCEWithLogitsLoss(), targets)
for reduction in ("mean", "batchmean", "sum"):
    ours = {"reduction": reduction}
    logs = pair(lambda: distribution().log(), distribution)
    loss("KLDivLoss", reduction, ours, nn.KLDivLoss(**ours), logs)
ours = {"reduction": "batchmean", "logTarget": True}
both_logs = pair(lambda: distribution().log(), lambda: distribution().log())
loss("KLDivLoss", "of logarithms", ours, nn.KLDivLoss(reduction="batchmean", log_target=True), both_logs)


def signed(a, b):
    return lambda: {"a": a(), "b": b(), "t": torch.tensor([1, -1, 1, 1, -1])}


ours = {"margin": 0.1}
loss("CosineEmbeddingLoss", "margin", ours, nn.CosineEmbeddingLoss(**ours), signed(normal, normal))
ranks = signed(lambda: torch.randn(5), lambda: torch.randn(5))
loss("MarginRankingLoss", "margin", ours, nn.MarginRankingLoss(**ours), ranks)
loss("HingeEmbeddingLoss", "plain", None, nn.HingeEmbeddingLoss(), pair(lambda: torch.rand(5, 4) * 2, sign))
loss("SoftMarginLoss", "plain", None, nn.SoftMarginLoss(), pair(normal, sign))
triples = lambda: {"a": normal(), "b": normal(), "t": normal()}  # noqa: E731
loss("TripletMarginLoss", "plain", None, nn.TripletMarginLoss(), triples)

CONVOLUTIONS = {
    "plain": {},
    "stride, padding, dilation": {"stride": 2, "padding": 3, "dilation": 2},
    "same": {"padding": "same"},
    "groups, no bias": {"groups": 2, "bias": False},
}
for name, options in CONVOLUTIONS.items():
    module = nn.Conv1d(4, 6, 3, **options)
    case("Conv1d", name, [4, 6, 3, options], module, ["x"], randoms(x=(2, 4, 11)), plain)
for name, options in {"plain": {}, "stride and padding": {"stride": 2, "padding": 1}}.items():
    case("MaxPool1d", name, [3, options], nn.MaxPool1d(3, **options), ["x"], randoms(x=(2, 4, 11)), plain)
    case("AvgPool1d", name, [3, options], nn.AvgPool1d(3, **options), ["x"], randoms(x=(2, 4, 11)), plain)
for size in (1, 4):
    case("AdaptiveAvgPool1d", f"{size}", [size], nn.AdaptiveAvgPool1d(size), ["x"], randoms(x=(2, 4, 11)), plain)
    case("AdaptiveMaxPool1d", f"{size}", [size], nn.AdaptiveMaxPool1d(size), ["x"], randoms(x=(2, 4, 11)), plain)
case("Unflatten", "a dim", [1, [2, 3]], nn.Unflatten(1, (2, 3)), ["x"], randoms(x=(2, 6, 4)), plain)
case("Identity", "as it is", [], nn.Identity(), ["x"], randoms(x=(2, 3)), plain)
case("Dropout", "in evaluation", [0.4], nn.Dropout(0.4), ["x"], randoms(x=(2, 3)), plain)
case("Linear", "plain", [4, 3], nn.Linear(4, 3), ["x"], randoms(x=(2, 5, 4)), plain)
case("Linear", "no bias", [4, 3, {"bias": False}], nn.Linear(4, 3, bias=False), ["x"], randoms(x=(5, 4)), plain)
case("LayerNorm", "two dims", [[3, 4], {"eps": 1e-3}], nn.LayerNorm([3, 4], eps=1e-3), ["x"], randoms(x=(2, 3, 4)), plain)
ids = torch.tensor([[0, 4, 2], [2, 1, 2]])
for name, ours, theirs in (
    ("plain", {}, {}),
    ("padding", {"paddingIdx": 2}, {"padding_idx": 2}),
):
    module = nn.Embedding(5, 3, **theirs)
    case("Embedding", name, [5, 3, ours], module, ["ids"], lambda: {"ids": ids}, plain)


case("SelfAttention", "mask", [6, 4], SelfAttention(6, 4), ["x", "mask"], inputs_of({"x": (2, 4, 6)}, {"mask": kept}), plain)
case("PositionalEncoding", "sines", [6, {"maxLength": 9}], PositionalEncoding(6, 9), ["x"], randoms(x=(2, 4, 6)), plain)
case("LearnedPositions", "learned", [6, 9], LearnedPositions(6, 9), ["x"], randoms(x=(2, 4, 6)), plain)
case("Flatten", "all but the batch", [], nn.Flatten(), ["x"], randoms(x=(2, 3, 4)), plain)
case("Flatten", "some dims", [0, 1], nn.Flatten(0, 1), ["x"], randoms(x=(2, 3, 4)), plain)
case("RMSNorm", "weight", [6], RMSNorm(6, 2.0**-23), ["x"], randoms(x=(2, 3, 6)), plain)
case("RMSNorm", "own eps", [6, {"eps": 0.1}], RMSNorm(6, 0.1), ["x"], randoms(x=(2, 3, 6)), plain)

# --- Default initialisation -------------------------------------------------------------------------------------------

initialisation = []


def construct(layer, name, value, args, make):
    torch.manual_seed(value)
    state = {key: encode(tensor) for key, tensor in make().state_dict().items()}
    # One more draw: a constructor that takes too much or too little from the stream shows here.
    initialisation.append(
        {"name": f"{layer} {name}", "layer": layer, "seed": value, "args": args, "state": state, "next": encode(torch.rand(3))}
    )


for kind, make in KINDS.items():
    options = {"numLayers": 2, "bidirectional": True}
    construct(kind, "in order", 3, [3, 5, options], lambda: make(3, 5, **torch_options(options)))
    construct(f"{kind}Cell", "in order", 3, [3, 5], lambda: CELLS[kind](3, 5))
construct("MultiheadAttention", "packed", 0, [6, 2], lambda: nn.MultiheadAttention(6, 2))
options = {"kdim": 4, "vdim": 5}
construct("MultiheadAttention", "own widths", 0, [6, 2, options], lambda: nn.MultiheadAttention(6, 2, **options))
options = {"addBiasKv": True}
construct("MultiheadAttention", "one learned key", 0, [6, 2, options], lambda: nn.MultiheadAttention(6, 2, add_bias_kv=True))
construct("LSTM", "projected", 3, [3, 5, {"projSize": 2}], lambda: nn.LSTM(3, 5, proj_size=2))
options = {"dimFeedforward": 7}
construct("TransformerEncoderLayer", "in order", 1, [6, 2, options], lambda: nn.TransformerEncoderLayer(6, 2, 7))
construct("TransformerDecoderLayer", "in order", 1, [6, 2, options], lambda: nn.TransformerDecoderLayer(6, 2, 7))
options = {"dModel": 6, "nhead": 2, "numEncoderLayers": 2, "numDecoderLayers": 3, "dimFeedforward": 7}
construct("Transformer", "copies, then drawn anew", 2, [options], lambda: nn.Transformer(6, 2, 2, 3, 7))
construct(
    "TransformerDecoderBlock", "in order", 4, [6, 2, 3], lambda: TransformerDecoderBlock(6, 2, 3)
)

construct("Conv1d", "in order", 6, [4, 6, 3, {"groups": 2}], lambda: nn.Conv1d(4, 6, 3, groups=2))
construct("PReLU", "a quarter", 6, [3], lambda: nn.PReLU(3))

initialisers = []


def initialiser(name, shape, args, fill):
    """What one of torch.nn.init makes of a tensor right after `manualSeed(9)`."""
    tensor = torch.zeros(shape)
    torch.manual_seed(9)
    fill(tensor)
    initialisers.append({"name": name, "args": args, "value": encode(tensor), "next": encode(torch.rand(3))})


init = nn.init
initialiser("uniform_", (5, 4), [-2, 3], lambda t: init.uniform_(t, -2, 3))
initialiser("normal_", (5, 4), [1, 0.5], lambda t: init.normal_(t, 1, 0.5))
initialiser("constant_", (3, 2), [0.3], lambda t: init.constant_(t, 0.3))
initialiser("ones_", (3, 2), [], init.ones_)
initialiser("zeros_", (3, 2), [], init.zeros_)
initialiser("eye_", (3, 5), [], init.eye_)
initialiser("dirac_", (4, 3, 3), [], init.dirac_)
initialiser("xavierUniform_", (5, 4, 3), [], init.xavier_uniform_)
initialiser("xavierNormal_", (5, 4), [2], lambda t: init.xavier_normal_(t, 2))
initialiser("kaimingUniform_", (5, 4), [{"a": 0.2}], lambda t: init.kaiming_uniform_(t, 0.2))
ours = {"mode": "fanOut", "nonlinearity": "relu"}
initialiser("kaimingNormal_", (5, 4, 3), [ours], lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"))
initialiser("orthogonal_", (5, 8), [], init.orthogonal_)
initialiser("orthogonal_", (8, 2, 3), [0.5], lambda t: init.orthogonal_(t, 0.5))
initialiser("sparse_", (7, 4), [0.4], lambda t: init.sparse_(t, 0.4))
initialiser("truncNormal_", (6, 5), [], init.trunc_normal_)
ours = {"mean": 0.3, "std": 0.5, "a": -0.5, "b": 2}
initialiser("truncNormal_", (6, 5), [ours], lambda t: init.trunc_normal_(t, 0.3, 0.5, -0.5, 2))

write(__file__, {"cases": cases, "initialisation": initialisation, "initialisers": initialisers})
