"""Writes masking.json: what masked language modeling hides of padded batches, for tests/data/language-modeling.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/masking.py

The steps and their order are those of `DataCollatorForLanguageModeling.torch_mask_tokens` of transformers.
"""

import json
import pathlib

import torch

MASK, VOCAB = 4, 50


def hide(ids, special, probability, seed):
    torch.manual_seed(seed)
    inputs = torch.tensor(ids)
    labels = inputs.clone()
    probabilities = torch.full(labels.shape, probability)
    probabilities.masked_fill_(torch.tensor(special, dtype=torch.bool), value=0.0)
    masked = torch.bernoulli(probabilities).bool()
    labels[~masked] = -100
    replaced = torch.bernoulli(torch.full(labels.shape, 0.8)).bool() & masked
    inputs[replaced] = MASK
    random = torch.bernoulli(torch.full(labels.shape, 0.5)).bool() & masked & ~replaced
    words = torch.randint(VOCAB, labels.shape, dtype=torch.long)
    inputs[random] = words[random]
    return {"seed": seed, "probability": probability, "inputIds": inputs.tolist(), "labels": labels.tolist()}


# [CLS] = 2, [SEP] = 3, [PAD] = 0; words are 5 to 49. Rows of 30, 17 and 5 tokens.
lengths = [30, 17, 5]
rows = [[2] + [5 + (7 * i + 11 * n) % 45 for i in range(n - 2)] + [3] for n in lengths]
ids = [row + [0] * (30 - len(row)) for row in rows]
special = [[int(i in (0, 2, 3)) for i in row] for row in ids]
cases = [hide(ids, special, p, seed) for p, seed in [(0.15, 0), (0.15, 42), (0.5, 7), (1.0, 3)]]
text = json.dumps({"rows": rows, "maskId": MASK, "vocabSize": VOCAB, "cases": cases}, separators=(",", ":"))
pathlib.Path(__file__).with_suffix(".json").write_text(text.replace('{"seed"', '\n{"seed"') + "\n")
