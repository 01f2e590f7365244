# PyTorch on the CPU with all cores: `python3 torch_cpu.py`, asked as in harness.mjs. Joins where the system's python3 has torch.
import json
import os
import statistics
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(os.cpu_count())
torch.manual_seed(0)


def measure(prepare):
    run = prepare()
    for _ in range(3):
        run()
    times = []
    start = time.perf_counter()
    while len(times) < 7 or (time.perf_counter() - start < 0.8 and len(times) < 200):
        before = time.perf_counter()
        run()
        times.append((time.perf_counter() - before) * 1e3)
    return {"ms": statistics.median(times), "runs": len(times)}


def inference(prepare):
    def prepared():
        with torch.no_grad():
            run = prepare()

        def quiet():
            with torch.no_grad():
                return run()

        return quiet

    return prepared


def matmul(n):
    a, b = torch.rand(n, n), torch.rand(n, n)
    return lambda: a @ b


def softmax():
    x = torch.randn(4096, 512)
    return lambda: F.softmax(x, -1)


def layer_norm():
    x, weight, bias = torch.randn(4096, 768), torch.rand(768), torch.rand(768)
    return lambda: F.layer_norm(x, (768,), weight, bias)


def gelu():
    x = torch.randn(4096, 3072)
    return lambda: F.gelu(x)


def attention():
    q, k, v = [torch.randn(8, 12, 128, 64) for _ in range(3)]
    return lambda: torch.softmax((q @ k.transpose(-1, -2)) * 0.125, -1) @ v


def small_op():
    start, one = torch.randn(64), torch.ones(64)

    def chain():
        x = start
        for _ in range(1000):
            x = x + one

    return chain


def bert(batch):
    layer = nn.TransformerEncoderLayer(768, 12, 3072, activation="gelu", batch_first=True)
    model = nn.TransformerEncoder(layer, 12).eval()
    x = torch.randn(batch, 128, 768)
    return lambda: model(x)


class Classifier(nn.Module):
    def __init__(self, vocab, length, dim, dropout):
        super().__init__()
        self.token, self.position, self.dropout = nn.Embedding(vocab, dim), nn.Embedding(length, dim), nn.Dropout(dropout)
        layer = nn.TransformerEncoderLayer(dim, 4, 4 * dim, activation="gelu", batch_first=True, dropout=dropout, norm_first=True)
        self.blocks, self.norm, self.classifier = nn.TransformerEncoder(layer, 2), nn.LayerNorm(dim), nn.Linear(dim, 2)

    def forward(self, ids, mask):
        x = self.dropout(self.token(ids) + self.position.weight[: ids.shape[1]])
        x = self.norm(self.blocks(x, src_key_padding_mask=mask == 0))
        return self.classifier((x * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True))


def learner(model):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def learn(ids, mask, labels):
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(ids, mask), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss.detach()

    return learn


def training_step():
    learn = learner(Classifier(30522, 128, 128, 0.0).train())
    ids, labels = torch.randint(0, 30522, (32, 128)), torch.randint(0, 2, (32,))
    mask = torch.ones(32, 128)
    return lambda: learn(ids, mask, labels).item()


def main_job():
    with open(os.path.join(os.environ["COURSE_BENCH_FOLDER"], "batches.json")) as file:
        batches = json.load(file)
    batches = [
        (torch.tensor(b["inputIds"]), torch.tensor(b["attentionMask"], dtype=torch.float32), torch.tensor(b["labels"]))
        for b in batches
    ]
    learn = learner(Classifier(8000, 64, 64, 0.1).train())
    return lambda: [loss.item() for loss in [learn(*batch) for batch in batches]]


WORKLOADS = {
    "softmax [4096, 512]": inference(softmax),
    "layer norm [4096, 768]": inference(layer_norm),
    "GELU [4096, 3072]": inference(gelu),
    "attention B8 H12 T128 d64": inference(attention),
    "small op": inference(small_op),
    "training step": training_step,
    "main job, 50 steps": main_job,
}
for size in (256, 512, 1024):
    WORKLOADS[f"matmul {size}"] = inference(lambda size=size: matmul(size))
for size in (1, 8):
    WORKLOADS[f"BERT-base shape, batch {size}"] = inference(lambda size=size: bert(size))

print(json.dumps({"ready": True}), flush=True)
for line in sys.stdin:
    name = line.strip()
    answer = measure(WORKLOADS[name]) if name in WORKLOADS else {}
    print(json.dumps({"name": name, **answer}), flush=True)
