"""What layers.py and modules.py share: parameters away from their special initial values."""

import math

import torch


def randomise(module):
    """Every parameter drawn anew: LayerNorm's ones and zeros would hide mistakes."""
    for name, parameter in module.named_parameters():
        scale = 1.0 / math.sqrt(parameter.shape[-1]) if parameter.dim() > 1 else 0.5
        with torch.no_grad():
            parameter.normal_().mul_(scale)
            if name.endswith("weight") and parameter.dim() == 1:
                parameter.add_(1.0)
