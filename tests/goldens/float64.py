"""Writes float64.json: what PyTorch computes in float64, for tests/tensor/float64.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/float64.py

Numbers are written with all their digits. `draws` come from the random stream after `seed`; `functions` are values of special
functions at `arguments`; `adam` holds a parameter after each of five steps; `casts` are whole numbers of the range that every
implementation agrees on.
"""

import json
import pathlib

import torch

arguments = [-30.0, -6.5, -3.0, -1.25, -0.75, -0.5, -0.1, -1e-9, 0.0, 1e-5, 0.3, 0.5, 0.9, 1.0, 1.7, 2.5, 4.0, 6.3, 9.0, 20.0, 26.0]
x = torch.tensor(arguments, dtype=torch.float64)
gelu = torch.nn.functional.gelu
functions = {
    "erf": torch.erf(x),
    "erfc": torch.erfc(x),
    "gelu": gelu(x),
    "sigmoid": torch.sigmoid(x),
    "tanh": torch.tanh(x),
    "expm1": torch.expm1(x),
    "exp2": torch.exp2(x),
    "softplus": torch.nn.functional.softplus(x, threshold=40),
    "asinh": torch.asinh(x),
}

draws = {}


def draw(name, function):
    torch.manual_seed(77)
    draws[name] = function().double().flatten().tolist()


wide = {"dtype": torch.float64}
probabilities = torch.linspace(0.05, 0.95, 20, **wide)
draw("rand", lambda: torch.rand(5, **wide))
draw("randn few", lambda: torch.randn(7, **wide))
draw("randn many", lambda: torch.randn(37, **wide))
draw("uniform_", lambda: torch.empty(5, **wide).uniform_(-2, 3))
draw("normal_", lambda: torch.empty(20, **wide).normal_(1, 0.5))
draw("exponential_", lambda: torch.empty(6, **wide).exponential_(2.5))
draw("bernoulli", lambda: torch.bernoulli(probabilities))
draw("multinomial", lambda: torch.multinomial(probabilities, 5))
draw("linspace", lambda: torch.linspace(0.1, 12.7, 9, **wide))

steps = []
parameter = torch.tensor([0.5, -1.25, 3.0], dtype=torch.float64, requires_grad=True)
optimizer = torch.optim.AdamW([parameter], lr=0.1, weight_decay=0.01)
for _ in range(5):
    optimizer.zero_grad()
    (parameter.sin() * parameter).sum().backward()
    optimizer.step()
    steps.append(parameter.tolist())

fractions = [-300.7, -129.0, -1.9, -0.5, 0.0, 0.5, 1.9, 127.2, 200.9, 255.0, 256.0, 300.2, 70000.5]
value = torch.tensor(fractions, dtype=torch.float64)
casts = {
    "int32": value.to(torch.int32).tolist(),
    "uint8": value.to(torch.int32).to(torch.uint8).tolist(),
    "bool": value.to(torch.bool).int().tolist(),
    "float32": value.to(torch.float32).double().tolist(),
}
bytes_ = torch.tensor([0, 1, 2, 100, 200, 255], dtype=torch.uint8)
other = torch.tensor([1, 255, 3, 200, 100, 255], dtype=torch.uint8)
uint8 = {
    "add": bytes_ + other,
    "sub": bytes_ - other,
    "mul": bytes_ * other,
    "neg": -bytes_,
    "remainder": bytes_ % other,
    "floorDivide": torch.div(bytes_, other, rounding_mode="floor"),
    "bitwiseNot": ~bytes_,
    "bitwiseLeftShift": bytes_ << 1,
    "addNumber": bytes_ + 100,
    "maximum": torch.maximum(bytes_, other),
    "lt": (bytes_ < other).int(),
}

record = {
    "torch": torch.__version__,
    "arguments": arguments,
    "functions": {name: values.tolist() for name, values in functions.items()},
    "seed": 77,
    "draws": draws,
    "adam": steps,
    "fractions": fractions,
    "casts": casts,
    "uint8": {"left": bytes_.tolist(), "right": other.tolist(), "results": {k: v.tolist() for k, v in uint8.items()}},
}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(record, separators=(",", ":")).replace(',"', ',\n"') + "\n")
