"""Writes classifier.json: 20 training steps of a small transformer classifier, to be repeated by our modules from the
same numbers.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/classifier.py

The model is TextClassifier of transformer.py, constructed after `torch.manual_seed(0)`; no dropout. A step: mean
cross-entropy, backward, clip_grad_norm_, AdamW, then the schedule. `losses`, `gradientNorms` (before clipping) and
`final` (sum and sum of squares of each parameter after the last step) are computed twice from the same float32
weights: in float32, as PyTorch trains by default, and in float64, which tells how much of a difference is rounding.
Batches are padded with 0 to their longest row; their `logits` are those of float64 before the step.

`final` leaves out the key biases: their gradient is zero but for rounding (a constant added to all scores of a row
does not change its softmax), Adam divides it by its own size, and so they wander by noise, without any effect.
"""

import torch
import torch.nn.functional as F

from golden import encode, write
from schedules import linear_warmup
from transformer import TextClassifier

CONFIG = {"vocabSize": 50, "dim": 32, "maxLength": 16, "layers": 2, "heads": 4, "dimHead": 8, "classes": 2}
TRAINING = {"lr": 1e-3, "weightDecay": 0.01, "warmupSteps": 5, "totalSteps": 20, "maxNorm": 1.0}
STEPS, ROWS, LONGEST = 20, 8, 12


def make_batches():
    """Random ids and lengths; the label says whether most ids are 25 or above, so there is something to learn."""
    generator = torch.Generator().manual_seed(1)
    batches = []
    for _ in range(STEPS):
        lengths = torch.randint(2, LONGEST + 1, (ROWS,), generator=generator)
        mask = torch.arange(int(lengths.max())).unsqueeze(0) < lengths.unsqueeze(1)
        ids = torch.randint(1, CONFIG["vocabSize"], mask.shape, generator=generator) * mask
        labels = (((ids >= 25) & mask).sum(1) * 2 > lengths).long()
        batches.append((ids, mask, labels))
    return batches


def build():
    torch.manual_seed(0)
    return TextClassifier(
        *(CONFIG[k] for k in ("vocabSize", "dim", "maxLength", "layers", "heads", "dimHead", "classes"))
    )


def digits(value):
    """Ten significant digits: more than float32 has, and in float64 the order of summation does not reach them."""
    return float(f"{value.item():.10g}")


def train(batches, dtype):
    model = build().to(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=TRAINING["lr"], weight_decay=TRAINING["weightDecay"])
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, linear_warmup(TRAINING["warmupSteps"], TRAINING["totalSteps"])
    )
    logits, losses, norms, rates = [], [], [], []
    for ids, mask, labels in batches:
        out = model(ids, mask)
        loss = F.cross_entropy(out, labels)
        optimizer.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), TRAINING["maxNorm"])
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        logits.append(out.detach())
        losses.append(digits(loss))
        norms.append(digits(norm))
    final = {
        key: {"sum": digits(value.double().sum()), "sumOfSquares": digits(value.double().square().sum())}
        for key, value in model.state_dict().items()
        if not key.endswith("attention.key.bias")
    }
    return logits, {"losses": losses, "gradientNorms": norms, "final": final}, rates


batches = make_batches()
logits, single, rates = train(batches, torch.float32)
logits64, double, _ = train(batches, torch.float64)
deviation = max(abs(a - b) / b for a, b in zip(single["losses"], double["losses"]))
print(f"losses {double['losses'][0]:.4f} to {double['losses'][-1]:.4f}, float32 is off by {deviation:.1e} relative")

write(
    __file__,
    {
        "config": CONFIG,
        "training": TRAINING,
        "state": {key: encode(value) for key, value in build().state_dict().items()},
        "batches": [
            {"inputIds": encode(ids), "attentionMask": encode(mask), "labels": encode(labels), "logits": encode(out)}
            for (ids, mask, labels), out in zip(batches, logits64)
        ],
        "rates": rates,
        "float32": single,
        "float64": double,
    },
)
