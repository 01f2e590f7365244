"""Writes names.json: the public names of PyTorch's modules, for tests/docs/names.test.ts, which puts ours beside them.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/names.py

Names that PyTorch 2 added to those of 1.13 are written out here.
"""

import torch
import torch.utils.checkpoint

from golden import write

MODULES = {
    "torch.Tensor": torch.Tensor,
    "torch": torch,
    "torch.nn": torch.nn,
    "torch.nn.functional": torch.nn.functional,
    "torch.nn.utils": torch.nn.utils,
    "torch.nn.utils.rnn": torch.nn.utils.rnn,
    "torch.nn.Module": torch.nn.Module,
    "torch.optim": torch.optim,
    "torch.optim.lr_scheduler": torch.optim.lr_scheduler,
    "torch.autograd": torch.autograd,
    "torch.utils.checkpoint": torch.utils.checkpoint,
}
NEWER = {
    "torch.nn": ["RMSNorm", "Buffer"],
    "torch.nn.functional": ["rms_norm", "scaled_dot_product_attention"],
}

names = {
    module: sorted({name for name in dir(thing) if not name.startswith("_")} | set(NEWER.get(module, [])))
    for module, thing in MODULES.items()
}
write(__file__, {"modules": names})
