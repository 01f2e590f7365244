"""The PyTorch twins of our MultiHeadAttention and TransformerEncoderBlock, written out: same names, same state-dict
keys, same order of construction (and so the same initial weights from a seed). Masks are [batch, time], 1 = keep.
"""

import math

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


class CrossAttention(MultiHeadAttention):
    """Queries from x, keys and values from a context of another length."""

    def forward(self, x, context, mask=None, causal=False):
        def split(y):
            return y.view(y.shape[0], y.shape[1], self.heads, self.dim_head).transpose(1, 2)

        q, k, v = split(self.query(x)), split(self.key(context)), split(self.value(context))
        scores = q @ k.transpose(-2, -1) * self.dim_head**-0.5
        if mask is not None:
            scores = scores.masked_fill(mask.logical_not().view(mask.shape[0], 1, 1, -1), float("-inf"))
        if causal:
            ahead = torch.ones(x.shape[1], context.shape[1], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(ahead, float("-inf"))
        weights = scores.softmax(-1)
        return self.to_out((weights @ v).transpose(1, 2).reshape(x.shape[0], x.shape[1], -1)), weights


class TransformerDecoderBlock(nn.Module):
    def __init__(self, dim, heads=8, dim_head=64, mlp_dim=None, activation="gelu", pre_norm=True):
        super().__init__()
        mlp_dim = mlp_dim or 4 * dim
        self.pre_norm = pre_norm
        self.norm1 = nn.LayerNorm(dim)
        self.attention = CrossAttention(dim, heads, dim_head)
        self.norm2 = nn.LayerNorm(dim)
        self.cross_attention = CrossAttention(dim, heads, dim_head)
        self.norm3 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(
            nn.Linear(dim, mlp_dim), {"gelu": nn.GELU, "relu": nn.ReLU}[activation](), nn.Linear(mlp_dim, dim)
        )

    def forward(self, x, context, mask=None, context_mask=None):
        parts = [
            (self.norm1, lambda y: self.attention(y, y, mask, causal=True)[0]),
            (self.norm2, lambda y: self.cross_attention(y, context, context_mask)[0]),
            (self.norm3, self.mlp),
        ]
        for norm, part in parts:
            x = x + part(norm(x)) if self.pre_norm else norm(x + part(x))
        return x


class RotaryEmbedding(nn.Module):
    """Su et al. 2021: pairs (i, i + dim / 2), or neighbours, turned by t / base^(2i / dim)."""

    def __init__(self, dim, base=10000.0, interleaved=False):
        super().__init__()
        self.dim, self.base, self.interleaved = dim, base, interleaved

    def forward(self, x, offset=0):
        time = torch.arange(offset, offset + x.shape[-2], dtype=torch.float64)
        frequency = self.base ** (-torch.arange(0, self.dim, 2, dtype=torch.float64) / self.dim)
        angle = time[:, None] * frequency
        # Tables are float32 in every implementation, ours included.
        cos, sin = angle.cos().float().to(x.dtype), angle.sin().float().to(x.dtype)
        if self.interleaved:
            a, b = x[..., 0::2], x[..., 1::2]
            return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


class RMSNorm(nn.Module):
    """Zhang & Sennrich 2019; torch has it from 2.4 on."""

    def __init__(self, dim, eps=1e-5):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight


class SelfAttention(nn.Module):
    """One head; mask [batch, time], True = keep."""

    def __init__(self, dim, dim_head):
        super().__init__()
        self.query = nn.Linear(dim, dim_head)
        self.key = nn.Linear(dim, dim_head)
        self.value = nn.Linear(dim, dim_head)

    def forward(self, x, mask):
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        weights = scores.masked_fill(~mask[:, None, :], -math.inf).softmax(-1)
        return weights @ v, weights


class PositionalEncoding(nn.Module):
    """x plus the sinusoidal table of Vaswani et al. 2017."""

    def __init__(self, dim, length):
        super().__init__()
        places = torch.arange(length, dtype=torch.float64)[:, None]
        even = torch.arange(0, dim, 2, dtype=torch.float64)
        angles = places / 10000.0 ** (even / dim)
        table = torch.stack([angles.sin(), angles.cos()], -1).flatten(1)
        self.register_buffer("table", table, persistent=False)

    def forward(self, x):
        return x + self.table[: x.shape[1]].to(x.dtype)


class LearnedPositions(nn.Module):
    """x plus learned positions."""

    def __init__(self, dim, length):
        super().__init__()
        self.position = nn.Embedding(length, dim)

    def forward(self, x):
        return x + self.position.weight[: x.shape[1]]
