"""Rows that torch.utils.data.WeightedRandomSampler draws, and orders of torch.utils.data.DataLoader, for tests/data/samplers.test.ts.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python3 -B tests/goldens/samplers.py
"""
import json
import pathlib

import torch
from torch.utils.data import DataLoader, WeightedRandomSampler

cases = []
for seed, weights, count in [(0, [0.1, 0.9], 20), (42, [1, 2, 3, 4, 0], 50), (7, [0, 0.5, 0.25, 0.25, 0, 1e-3], 40)]:
    generator = torch.Generator().manual_seed(seed)
    rows = list(WeightedRandomSampler(weights, count, replacement=True, generator=generator))
    cases.append(dict(seed=seed, weights=weights, count=count, rows=rows))
orders = []
for seed, length in [(7, 8), (42, 13)]:
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(list(range(length)), batch_size=3, shuffle=True, generator=generator)
    orders.append(dict(seed=seed, length=length, epochs=[[batch.tolist() for batch in loader] for _ in range(3)]))
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(dict(cases=cases, orders=orders), separators=(",", ":")) + "\n")
