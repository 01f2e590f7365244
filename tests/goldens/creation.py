"""Writes creation.json: tensors that PyTorch makes from rules and from its random stream, for
tests/tensor/creation.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/creation.py

A case holds `op` (our name), `args`, and the `output`; those that draw start from `seed` and end with `next`,
two uniform numbers that show where the stream was left. Weights and probabilities are float32 to the bit.
"""

import torch
import torch.nn.functional as F

from golden import encode, write

cases = []


def made(op, name, function, args):
    cases.append({"name": f"{op} {name}", "op": op, "args": args, "output": encode(function())})


def drawn(op, name, function, args, inputs=()):
    torch.manual_seed(1234 + len(cases))
    seed = torch.initial_seed()
    output = function(*inputs)
    record = {"name": f"{op} {name}", "op": op, "args": args, "seed": seed, "inputs": [encode(i) for i in inputs]}
    cases.append({**record, "output": encode(output), "next": encode(torch.rand(2))})


for start, end, steps in ((0, 1, 5), (-1, 1, 7), (0.1, 12.7, 100), (3, -2, 11), (2, 9, 1), (2, 9, 0), (-1e3, 1e5, 33)):
    args = {"start": start, "end": end, "steps": steps}
    made("linspace", f"{start} to {end} in {steps}", lambda: torch.linspace(start, end, steps), args)
made("logspace", "tens", lambda: torch.logspace(-2, 2, 5), {"start": -2, "end": 2, "steps": 5})
made("eye", "square", lambda: torch.eye(3), {"n": 3})
made("eye", "wide", lambda: torch.eye(2, 4), {"n": 2, "m": 4})
labels = [[0, 2], [1, 2]]
made("oneHot", "matrix", lambda: F.one_hot(torch.tensor(labels), 4), {"labels": labels, "classes": 4})

generator = torch.Generator().manual_seed(5)
weights = torch.rand((3, 7), generator=generator)
weights[1, 2:] = 0
probabilities = torch.rand((4, 5), generator=generator)
for count in (1, 2):
    drawn("multinomial", f"{count} of rows", lambda w: torch.multinomial(w, count), {"count": count}, [weights])
drawn("multinomial", "all of a vector", lambda w: torch.multinomial(w, 7), {"count": 7}, [weights[0].clone()])
again = {"count": 50, "replacement": True}
drawn("multinomial", "with replacement", lambda w: torch.multinomial(w, 50, True), again, [weights])
drawn("multinomial", "vector with replacement", lambda w: torch.multinomial(w, 50, True), again, [weights[2].clone()])
drawn("bernoulli", "matrix", torch.bernoulli, {}, [probabilities])
drawn("exponential_", "rate 1", lambda: torch.empty(20).exponential_(), {"size": 20, "rate": 1})
drawn("exponential_", "rate 2.5", lambda: torch.empty(7).exponential_(2.5), {"size": 7, "rate": 2.5})
drawn("bernoulli_", "p 0.3", lambda: torch.empty(20).bernoulli_(0.3), {"size": 20, "p": 0.3})
drawn("normal", "tensors", torch.normal, {}, [probabilities, probabilities + 1])
drawn("normal", "mean", lambda m: torch.normal(m, 2.0), {"std": 2}, [probabilities])
drawn("normal", "deviation", lambda s: torch.normal(1.5, s), {"mean": 1.5}, [probabilities])
drawn("normal", "numbers", lambda: torch.normal(1.5, 2.0, (3, 7)), {"mean": 1.5, "std": 2, "shape": [3, 7]})
drawn("randnLike", "matrix", torch.randn_like, {}, [probabilities])
drawn("randLike", "matrix", torch.rand_like, {}, [probabilities])
write(__file__, {"cases": cases})
