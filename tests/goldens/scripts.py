"""Writes scripts.json: training scripts as people write them for torch.nn, and the numbers that they print, for
tests/nn/scripts.golden.test.ts, which has the same scripts line by line.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/scripts.py

Losses are PyTorch's in float32. A script of one name gives `losses`, and what else it says there: the keys of its state
dict, its text, learning rates.
"""

import copy
import math
import warnings

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel

from golden import write

warnings.filterwarnings("ignore", message=".*epoch parameter in `scheduler.step.*")


def numbers(tensor):
    return [float(value) for value in tensor.detach().reshape(-1)]


def text(module):
    return str(module).replace("NonDynamicallyQuantizableLinear", "Linear")


class Block(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.norm = nn.LayerNorm(d)
        self.ffw = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))
        self.gate = nn.Parameter(torch.zeros(1))
        self.register_buffer("steps", torch.zeros(1))

    def forward(self, x):
        return x + torch.tanh(self.gate + 0.5) * self.ffw(self.norm(x))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([nn.ModuleList([Block(4) for _ in range(2)]) for _ in range(2)])
        self.heads = nn.ModuleDict({"cls": nn.Linear(4, 3), "reg": nn.Linear(4, 1)})
        self.apply(self.init)

    def init(self, module):
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)

    def forward(self, x):
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return {name: head(x) for name, head in self.heads.items()}


def nested_modules():
    torch.manual_seed(0)
    model = Net()
    x, y, z = torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]), torch.randn(5, 1)
    groups = [{"params": model.stages.parameters(), "lr": 1e-3}, {"params": model.heads.parameters()}]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, weight_decay=0.1)
    parts = [lr_scheduler.LinearLR(optimizer, 0.1, total_iters=3), lr_scheduler.CosineAnnealingLR(optimizer, 7)]
    scheduler = lr_scheduler.SequentialLR(optimizer, parts, milestones=[3])
    losses, norms, rates = [], [], []
    for _ in range(10):
        out = model(x)
        loss = F.cross_entropy(out["cls"], y, label_smoothing=0.1) + 0.5 * F.mse_loss(out["reg"], z)
        optimizer.zero_grad()
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        rates.append([group["lr"] for group in optimizer.param_groups])
    return {"keys": list(model.state_dict()), "text": text(model), "losses": losses, "norms": norms, "rates": rates}


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(20, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(10, 2)

    def forward(self, ids, lengths):
        embedded = self.embedding(ids)
        packed = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        packed, (h, _) = self.lstm(packed)
        out, lengths = nn.utils.rnn.pad_packed_sequence(packed, batch_first=True)
        mask = (torch.arange(out.size(1))[None] < lengths[:, None]).unsqueeze(-1)
        pooled = (out * mask).sum(1) / lengths[:, None]
        return self.fc(torch.cat([h[-2], h[-1]], 1) + pooled)


def packed_lstm():
    torch.manual_seed(1)
    model = Recurrent()
    ids, lengths = torch.randint(1, 20, (4, 7)), torch.tensor([7, 3, 5, 1])
    for i, length in enumerate(lengths):
        ids[i, length:] = 0
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-2, momentum=0.9, centered=True)
    losses = []
    for _ in range(8):
        loss = F.cross_entropy(model(ids, lengths), torch.tensor([0, 1, 0, 1]), weight=torch.tensor([1.0, 2.0]))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        optimizer.step()
        losses.append(loss.item())
    return {"text": text(model), "ids": numbers(ids), "losses": losses}


class Translator(nn.Module):
    def __init__(self, vocabulary=12, d=8):
        super().__init__()
        self.src = nn.Embedding(vocabulary, d, padding_idx=0)
        self.tgt = nn.Embedding(vocabulary, d, padding_idx=0)
        self.transformer = nn.Transformer(
            d, 2, 2, 2, 16, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
        )
        self.generator = nn.Linear(d, vocabulary, bias=False)
        self.generator.weight = self.tgt.weight

    def forward(self, a, b):
        out = self.transformer(
            self.src(a) * math.sqrt(8),
            self.tgt(b) * math.sqrt(8),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(b.size(1)),
            src_key_padding_mask=a == 0,
            tgt_key_padding_mask=b == 0,
            memory_key_padding_mask=a == 0,
        )
        return self.generator(out)


def tied_transformer():
    torch.manual_seed(2)
    model = Translator()
    a, b = torch.randint(1, 12, (3, 6)), torch.randint(1, 12, (3, 5))
    a[1, 4:] = 0
    b[2, 3:] = 0
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, betas=(0.9, 0.98), eps=1e-9)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) ** -0.5, (step + 1) * 4**-1.5))
    losses = []
    for _ in range(6):
        logits = model(a, b[:, :-1])
        loss = F.cross_entropy(logits.reshape(-1, 12), b[:, 1:].reshape(-1), ignore_index=0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    count = sum(parameter.numel() for parameter in model.parameters())
    return {"keys": list(model.state_dict()), "parameters": count, "text": text(model), "losses": losses}


def convolutions():
    torch.manual_seed(3)
    model = nn.Sequential(
        nn.Conv1d(3, 4, 3, padding="same"),
        nn.ReLU(),
        nn.MaxPool1d(2, stride=1, padding=1),
        nn.Conv1d(4, 6, 2, stride=2, groups=2),
        nn.LeakyReLU(0.2),
        nn.AdaptiveMaxPool1d(1),
        nn.Flatten(),
        nn.Linear(6, 2),
        nn.LogSoftmax(dim=-1),
    )
    x = torch.randn(4, 3, 9)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-3)
    losses = []
    for _ in range(6):
        loss = F.nll_loss(model(x), torch.tensor([0, 1, 1, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"text": text(model), "losses": losses}


def rate_finder():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    x, y = torch.randn(16, 4), torch.randn(16, 1)
    state = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    factor = (1 / 1e-5) ** (1 / 19)
    losses = []
    for _ in range(20):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        for group in optimizer.param_groups:
            group["lr"] *= factor
    model.load_state_dict(state)
    losses.append(F.mse_loss(model(x), y).item())
    return {"losses": losses}


def frozen_features():
    torch.manual_seed(5)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(8))
    head = nn.Linear(8, 2)
    for parameter in encoder.layers[0].parameters():
        parameter.requires_grad = False
    features = {}
    encoder.layers[1].register_forward_hook(lambda module, args, output: features.update(last=output.detach()))
    x = torch.randn(2, 3, 8)
    mask = torch.tensor([[False, False, True], [False, False, False]])
    learned = [p for p in [*encoder.parameters(), *head.parameters()] if p.requires_grad]
    optimizer = torch.optim.Adagrad(learned, lr=0.05)
    losses = []
    for _ in range(5):
        loss = F.cross_entropy(head(encoder(x, src_key_padding_mask=mask)[:, 0]), torch.tensor([0, 1]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    gradients = [parameter.grad is not None for parameter in encoder.parameters()]
    return {
        "text": text(encoder), "losses": losses, "features": numbers(features["last"]), "gradients": gradients
    }


def cells():
    torch.manual_seed(6)
    cell, out = nn.GRUCell(3, 4), nn.Linear(4, 3)
    x = torch.randn(5, 2, 3)
    optimizer = torch.optim.Adam([*cell.parameters(), *out.parameters()], lr=1e-2, amsgrad=True)
    losses = []
    for _ in range(5):
        hx, loss = torch.zeros(2, 4), 0.0
        for t in range(4):
            hx = cell(x[t], hx)
            loss = loss + F.smooth_l1_loss(out(hx), x[t + 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses}


def accumulation_and_averages():
    torch.manual_seed(7)
    model = nn.Sequential(nn.Linear(4, 6), nn.PReLU(), nn.Linear(6, 2))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.bias, 0.1)
    nn.init.orthogonal_(model[2].weight)
    weights = numbers(model[0].weight) + numbers(model[2].weight)
    average = AveragedModel(model, avg_fn=lambda mean, value, n: 0.9 * mean + 0.1 * value)
    average.update_parameters(model)
    xs, ys = torch.randn(8, 2, 4), torch.randint(0, 2, (8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for i in range(8):
        loss = F.cross_entropy(model(xs[i]), ys[i]) / 2
        loss.backward()
        losses.append(loss.item())
        if (i + 1) % 2 == 0:
            optimizer.step()
            optimizer.zero_grad()
            average.update_parameters(model)
    return {"weights": weights, "losses": losses, "average": numbers(average.module[0].weight)}


def trainer():
    """What transformers.Trainer does with AdamW, warm-up and linear decay, weight decay in groups, clipping and label smoothing."""
    torch.manual_seed(8)
    model = nn.Sequential(nn.Linear(3, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 2))
    rows = [[math.sin(3 * i) + (1 if i % 2 else -1), math.cos(i), math.sin(7 * i)] for i in range(12)]
    x, y = torch.tensor(rows), torch.tensor([i % 2 for i in range(12)])
    decayed = [model[0].weight, model[3].weight]
    others = [model[0].bias, model[1].weight, model[1].bias, model[3].bias]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-2, betas=(0.9, 0.999), eps=1e-8)
    warm, total = 3, 10
    rate = lambda step: step / warm if step < warm else max(0.0, (total - step) / (total - warm))
    scheduler = lr_scheduler.LambdaLR(optimizer, rate)
    losses, norms, rates = [], [], []
    for _ in range(total):
        loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
        loss.backward()
        norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.3).item())
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        rates.append([optimizer.param_groups[0]["lr"]])
    return {"losses": losses, "norms": norms, "rates": rates, "weights": numbers(model[0].weight)}


SCRIPTS = {
    "nestedModules": nested_modules,
    "packedLstm": packed_lstm,
    "tiedTransformer": tied_transformer,
    "convolutions": convolutions,
    "rateFinder": rate_finder,
    "frozenFeatures": frozen_features,
    "cells": cells,
    "accumulationAndAverages": accumulation_and_averages,
    "trainer": trainer,
}

write(__file__, {name: script() for name, script in SCRIPTS.items()})
