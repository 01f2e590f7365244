"""Loads a checkpoint of ours into the same model in PyTorch and runs it, for tests/nn/pytorch.test.ts:

    python3 load_in_torch.py model.safetensors inputs.safetensors

`load_file` of the package safetensors where it is installed, else the few lines below that read the format's layout: a length of 8 bytes, a
JSON header, the numbers. Prints the outputs as JSON. `load_state_dict` is strict: every key and every shape has to fit.
"""

import json
import struct
import sys

import torch
from torch import nn

try:
    from safetensors.torch import load_file
except ImportError:

    def load_file(path):
        data = open(path, "rb").read()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        dtypes = {"F32": torch.float32, "I32": torch.int32, "I64": torch.int64}
        return {
            name: torch.frombuffer(
                bytearray(data[8 + length + entry["data_offsets"][0] : 8 + length + entry["data_offsets"][1]]),
                dtype=dtypes[entry["dtype"]],
            ).reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.token_embedding = nn.Embedding(11, 8, padding_idx=0)
        self.encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2)
        self.recurrent = nn.LSTM(8, 6, bidirectional=True, batch_first=True, proj_size=3)
        self.head = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 2))

    def forward(self, ids):
        hidden = self.encoder(self.token_embedding(ids))
        return self.head(self.recurrent(hidden)[0].mean(1))


model = Reader().eval()
model.load_state_dict(load_file(sys.argv[1]), strict=True)
with torch.no_grad():
    print(json.dumps(model(load_file(sys.argv[2])["ids"].long()).tolist()))
