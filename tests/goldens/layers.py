"""Writes layers.json: modules of PyTorch with their weights, outputs and gradients, and their default initialisation
from a seed.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/layers.py

A case holds `layer` (our class), `config` (our constructor's arguments by name), `state` (the state dict), `inputs`
and `outputs` by name, the `upstream` gradient of the first output, and `gradients` of the float inputs and of every
parameter. No dropout: the modules are in evaluation mode. Attention and the encoder block are written out in
transformer.py. `initialisation` holds state dicts as constructed right after `manualSeed(seed)`: they are exact,
weights come from the same stream in the same order.
"""

import math

import torch
from torch import nn

from golden import encode, expected, seed, write
from module_case import randomise
from transformer import MultiHeadAttention, TextClassifier, TransformerEncoderBlock

cases = []


def case(layer, name, config, module, inputs):
    """Runs one module in both precisions. `inputs` is a function: its random numbers are drawn after seeding."""
    title = f"{layer} {name}"
    seed(title)
    randomise(module)
    inputs = inputs()
    upstream = None
    runs = []
    state = {key: encode(value) for key, value in module.state_dict().items()}
    for dtype in (torch.float32, torch.float64):
        module = module.to(dtype).eval()
        module.zero_grad(set_to_none=True)
        given = {k: v.to(dtype).requires_grad_() if v.is_floating_point() else v for k, v in inputs.items()}
        out = module(**given)
        outputs = {"out": out[0], "weights": out[1]} if isinstance(out, tuple) else {"out": out}
        if upstream is None:
            upstream = torch.randn(outputs["out"].shape)
        leaves = {k: v for k, v in given.items() if v.requires_grad}
        parameters = dict(module.named_parameters())
        gradients = torch.autograd.grad(outputs["out"], [*leaves.values(), *parameters.values()], upstream.to(dtype))
        runs.append((outputs, dict(zip(leaves, gradients)), dict(zip(parameters, gradients[len(leaves) :]))))

    def both(part):
        return {key: expected(runs[0][part][key], value) for key, value in runs[1][part].items()}

    cases.append(
        {
            "name": title,
            "layer": layer,
            "config": config,
            "state": state,
            "inputs": {key: encode(value) for key, value in inputs.items()},
            "outputs": both(0),
            "upstream": encode(upstream),
            "gradients": {"inputs": both(1), "parameters": both(2)},
        }
    )


def batch(*shape):
    return lambda: {"input": torch.randn(shape)}


case("Linear", "bias", {"inFeatures": 5, "outFeatures": 3}, nn.Linear(5, 3), batch(2, 4, 5))
case("Linear", "no bias", {"inFeatures": 5, "outFeatures": 3, "bias": False}, nn.Linear(5, 3, bias=False), batch(4, 5))
ids = torch.tensor([[1, 4, 0, 1], [6, 0, 4, 4]])
case("Embedding", "repeated ids", {"numEmbeddings": 7, "embeddingDim": 5}, nn.Embedding(7, 5), lambda: {"input": ids})
case(
    "Embedding",
    "padding index",
    {"numEmbeddings": 7, "embeddingDim": 5, "paddingIdx": 0},
    nn.Embedding(7, 5, padding_idx=0),
    lambda: {"input": ids},
)
case("LayerNorm", "affine", {"normalizedShape": 6}, nn.LayerNorm(6), batch(2, 3, 6))
case(
    "LayerNorm",
    "two dims, own eps",
    {"normalizedShape": [3, 6], "eps": 1e-12},
    nn.LayerNorm([3, 6], eps=1e-12),
    batch(2, 3, 6),
)
case(
    "LayerNorm",
    "no affine",
    {"normalizedShape": 6, "elementwiseAffine": False},
    nn.LayerNorm(6, elementwise_affine=False),
    batch(4, 6),
)
case("GELU", "erf", {}, nn.GELU(), batch(3, 7))
case("GELU", "tanh", {"approximate": "tanh"}, nn.GELU(approximate="tanh"), batch(3, 7))


def sequence(mask=None):
    return lambda: {
        "x": torch.randn(2, 5, 8),
        **({} if mask is None else {"mask": torch.tensor(mask, dtype=torch.bool)}),
    }


masks = {
    "no mask": None,
    "mask": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]],
    "mask with holes": [[0, 1, 0, 1, 1], [1, 0, 0, 0, 1]],
}
for name, mask in masks.items():
    config = {"dim": 8, "heads": 2, "dimHead": 3}
    case("MultiHeadAttention", name, config, MultiHeadAttention(8, 2, 3), sequence(mask))
for norm, order in {"pre-norm": "pre", "post-norm": "post"}.items():
    for activation in ("gelu", "relu"):
        for name in ("no mask", "mask"):
            config = {"dim": 8, "heads": 2, "dimHead": 4, "norm": order, "activation": activation}
            block = TransformerEncoderBlock(8, 2, 4, activation=activation, pre_norm=order == "pre")
            case("TransformerEncoderBlock", f"{norm} {activation}, {name}", config, block, sequence(masks[name]))
config = {"dim": 8, "heads": 2, "dimHead": 3, "mlpDim": 10}
case(
    "TransformerEncoderBlock",
    "own widths",
    config,
    TransformerEncoderBlock(8, 2, 3, mlp_dim=10),
    sequence(masks["mask with holes"]),
)

tables = []
for length, dim in ((1, 2), (12, 6), (20, 7), (64, 32)):
    # Vaswani et al. 2017, 3.5: sin(t / 10000^(2i/dim)) at 2i, cos at 2i + 1; an odd width ends with a sine.
    time = torch.arange(length, dtype=torch.float64).unsqueeze(1)
    frequency = torch.exp(torch.arange(0, dim, 2, dtype=torch.float64) * (-math.log(10000.0) / dim))
    table = torch.zeros(length, dim, dtype=torch.float64)
    table[:, 0::2] = torch.sin(time * frequency)
    table[:, 1::2] = torch.cos(time * frequency)[:, : dim // 2]
    tables.append({"length": length, "dim": dim, "table": encode(table)})

initialisation = []


def construct(layer, name, value, config, make):
    torch.manual_seed(value)
    state = {key: encode(tensor) for key, tensor in make().state_dict().items()}
    # One more draw: a constructor that takes too much or too little from the stream shows here.
    initialisation.append(
        {
            "name": f"{layer} {name}",
            "layer": layer,
            "seed": value,
            "config": config,
            "state": state,
            "next": encode(torch.rand(3)),
        }
    )


construct("Linear", "small", 0, {"inFeatures": 5, "outFeatures": 3}, lambda: nn.Linear(5, 3))
construct(
    "Linear", "no bias", 1, {"inFeatures": 5, "outFeatures": 3, "bias": False}, lambda: nn.Linear(5, 3, bias=False)
)
construct("Linear", "wide", 42, {"inFeatures": 33, "outFeatures": 9}, lambda: nn.Linear(33, 9))
construct("Embedding", "small", 0, {"numEmbeddings": 3, "embeddingDim": 4}, lambda: nn.Embedding(3, 4))
construct("Embedding", "above 16 numbers", 7, {"numEmbeddings": 7, "embeddingDim": 4}, lambda: nn.Embedding(7, 4))
construct(
    "Embedding",
    "padding index",
    7,
    {"numEmbeddings": 7, "embeddingDim": 4, "paddingIdx": 2},
    lambda: nn.Embedding(7, 4, padding_idx=2),
)
construct("LayerNorm", "draws nothing", 3, {"normalizedShape": 6}, lambda: nn.LayerNorm(6))
construct(
    "MultiHeadAttention",
    "query, key, value, out",
    0,
    {"dim": 6, "heads": 2, "dimHead": 5},
    lambda: MultiHeadAttention(6, 2, 5),
)
construct(
    "TransformerEncoderBlock",
    "in order",
    0,
    {"dim": 6, "heads": 2, "dimHead": 3},
    lambda: TransformerEncoderBlock(6, 2, 3),
)
construct(
    "TextClassifier",
    "in order",
    5,
    {"vocabSize": 11, "dim": 6, "maxLength": 4, "layers": 2, "heads": 2, "dimHead": 3, "classes": 3},
    lambda: TextClassifier(11, 6, 4, 2, 2, 3, 3),
)

write(__file__, {"cases": cases, "sinusoidal": tables, "initialisation": initialisation})
