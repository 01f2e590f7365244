"""The PyTorch twins of our MultiHeadAttention and TransformerEncoderBlock, written out: same names, same state-dict
keys, same order of construction (and so the same initial weights from a seed). Masks are [batch, time], 1 = keep.
"""

import torch
from torch import nn


class MultiHeadAttention(nn.Module):
    def __init__(self, dim, heads=8, dim_head=64):
        super().__init__()
        inner = heads * dim_head
        self.heads, self.dim_head = heads, dim_head
        self.query = nn.Linear(dim, inner)
        self.key = nn.Linear(dim, inner)
        self.value = nn.Linear(dim, inner)
        self.to_out = nn.Linear(inner, dim)

    def forward(self, x, mask=None):
        batch, time, _ = x.shape

        def split(y):
            return y.view(batch, time, self.heads, self.dim_head).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(x)), split(self.value(x))
        scores = q @ k.transpose(-2, -1) * self.dim_head**-0.5
        if mask is not None:
            scores = scores.masked_fill(mask.logical_not().view(batch, 1, 1, time), float("-inf"))
        weights = scores.softmax(-1)
        out = self.to_out((weights @ v).transpose(1, 2).reshape(batch, time, -1))
        return out, weights


class TransformerEncoderBlock(nn.Module):
    def __init__(self, dim, heads=8, dim_head=64, mlp_dim=None, activation="gelu", pre_norm=True):
        super().__init__()
        mlp_dim = mlp_dim or 4 * dim
        self.pre_norm = pre_norm
        self.norm1 = nn.LayerNorm(dim)
        self.attention = MultiHeadAttention(dim, heads, dim_head)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim), {"gelu": nn.GELU, "relu": nn.ReLU}[activation](), nn.Linear(mlp_dim, dim)
        )

    def forward(self, x, mask=None):
        if self.pre_norm:
            x = x + self.attention(self.norm1(x), mask)[0]
            return x + self.mlp(self.norm2(x))
        x = self.norm1(x + self.attention(x, mask)[0])
        return self.norm2(x + self.mlp(x))


class TextClassifier(nn.Module):
    """Token plus learned position embeddings, pre-norm blocks, a norm, the mean over real tokens, a linear head."""

    def __init__(self, vocab_size, dim, max_length, layers, heads, dim_head, classes):
        super().__init__()
        self.embedding = nn.ModuleDict(
            {"token": nn.Embedding(vocab_size, dim), "position": nn.Embedding(max_length, dim)}
        )
        self.blocks = nn.ModuleList(TransformerEncoderBlock(dim, heads, dim_head) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)
        self.classifier = nn.Linear(dim, classes)

    def forward(self, input_ids, mask):
        x = self.embedding["token"](input_ids) + self.embedding["position"](torch.arange(input_ids.shape[1]))
        for block in self.blocks:
            x = block(x, mask)
        keep = mask.to(x.dtype).unsqueeze(-1)
        pooled = (self.norm(x) * keep).sum(1) / keep.sum(1)
        return self.classifier(pooled)
