"""The schedules of Hugging Face's transformers written out, as factors for torch's LambdaLR: warm-up from 0, then
decay to 0.
"""

import math


def linear_warmup(warmup, total):
    """Hugging Face's get_linear_schedule_with_warmup."""

    def factor(step):
        if step < warmup:
            return step / max(1, warmup)
        return max(0.0, (total - step) / max(1, total - warmup))

    return factor


def cosine_warmup(warmup, total, cycles=0.5):
    """Hugging Face's get_cosine_schedule_with_warmup."""

    def factor(step):
        if step < warmup:
            return step / max(1, warmup)
        progress = (step - warmup) / max(1, total - warmup)
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * cycles * 2.0 * progress)))

    return factor


SCHEDULES = {"LinearWarmup": linear_warmup, "CosineWarmup": cosine_warmup}
