"""Word vectors by plain NumPy programs in float64, drawn from the same Mersenne Twister: one run of every model on a small text.

Written from the papers and the authors' programs (word2vec.c, gensim, fastText, GloVe), one prediction at a time, with nothing in common with
the library but the random stream: `random()` is a 32-bit word of MT19937 seeded by init_genrand, as PyTorch's generator gives it.
"""
import json
import math
from pathlib import Path

import numpy as np

TWO_32 = 2.0**32
SENTENCES = [
    line.split()
    for line in """the king rules the land
the queen rules the land with the king
a dog barks at the moon
the dog and the cat run home
a cat sleeps at home and the dog barks
the queen sleeps""".split("\n")
]


class Stream:
    def __init__(self, seed):
        self.bits = np.random.RandomState(seed)._bit_generator

    def random(self):
        return int(self.bits.random_raw())


def vocabulary(sentences, min_count):
    counts = {}
    for sentence in sentences:
        for word in sentence:
            counts[word] = counts.get(word, 0) + 1
    words = sorted((w for w in counts if counts[w] >= min_count), key=lambda w: -counts[w])
    return words, [counts[w] for w in words]


class Noise:
    """Vose's alias method for count ** exponent."""

    def __init__(self, counts, exponent, stream):
        n = len(counts)
        powers = [float(c) ** exponent for c in counts]
        total = sum(powers)
        share = [p * n / total for p in powers]
        self.threshold, self.alias, self.stream = [TWO_32] * n, list(range(n)), stream
        small = [i for i in range(n) if share[i] < 1]
        large = [i for i in range(n) if not share[i] < 1]
        while small and large:
            low, high = small.pop(), large.pop()
            self.threshold[low], self.alias[low] = share[low] * TWO_32, high
            share[high] = share[high] + share[low] - 1
            (small if share[high] < 1 else large).append(high)

    def draw(self):
        column = int(self.stream.random() * len(self.alias) / TWO_32)
        return column if self.stream.random() < self.threshold[column] else self.alias[column]


def uniform(rows, width, stream):
    draws = [((stream.random() / TWO_32) * 2 - 1) / width for _ in range(rows * width)]
    return np.array(draws, dtype=np.float32).astype(np.float64).reshape(rows, width)


def keep(counts, sample):
    limit = sample * sum(counts)
    if limit == 0:
        return [TWO_32] * len(counts)
    return [min(1.0, (math.sqrt(c / limit) + 1) * (limit / c)) * TWO_32 for c in counts]


def predict(inputs, outputs, rows, target, alpha, noise, negative, mean, train_from=0):
    hidden = inputs[rows].sum(0)
    if mean:
        hidden = hidden / len(rows)
    error = np.zeros_like(hidden)
    for n in range(negative + 1):
        word = target if n == 0 else noise.draw()
        if n > 0 and word == target:
            continue
        step = ((1.0 if n == 0 else 0.0) - 1 / (1 + math.exp(-(outputs[word] @ hidden)))) * alpha
        error += step * outputs[word]
        if train_from == 0:
            outputs[word] += step * hidden
    if not mean:
        error = error / len(rows)
    for row in rows:
        if row >= train_from:
            inputs[row] += error


def window_pass(words, rows_of, o, inputs, outputs, noise, stream, thresholds, alpha, docs=(), mode="cbow", train_from=0):
    kept = [w for w in words if thresholds[w] >= TWO_32 or stream.random() < thresholds[w]]
    common = (noise, o["negative"], o["mean"], train_from)
    if mode in ("sg", "cbow"):
        for i, center in enumerate(kept):
            reach = 1 + stream.random() % o["window"] if o["shrink"] else o["window"]
            around = [kept[j] for j in range(max(0, i - reach), min(len(kept), i + reach + 1)) if j != i]
            if mode == "sg":
                for word in around:
                    predict(inputs, outputs, rows_of(word), center, alpha, *common)
            else:
                rows = [r for word in around for r in rows_of(word)] + list(docs)
                if rows:
                    predict(inputs, outputs, rows, center, alpha, *common)
    if mode != "cbow":
        for doc in docs:
            for center in kept:
                predict(inputs, outputs, [doc], center, alpha, *common)


def fnv(ngram):
    h = 2166136261
    for byte in ngram.encode("utf-8"):
        h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return h


def ngrams(word, low, high):
    text = f"<{word}>"
    found = []
    for i in range(len(text)):
        for n in range(low, high + 1):
            if i + n <= len(text) and not (n == 1 and (i == 0 or i == len(text) - 1)):
                found.append(text[i : i + n])
    return found


DEFAULTS = dict(width=6, window=3, shrink=True, minCount=1, sg=False, negative=3, mean=True, sample=0.02, alpha=0.4, minAlpha=0.05, epochs=4, seed=7)


def run(kind, **changes):
    o = {**DEFAULTS, **changes}
    stream = Stream(o["seed"])
    words, counts = vocabulary(SENTENCES, o["minCount"])
    index = {w: i for i, w in enumerate(words)}
    corpus = [[index[w] for w in s if w in index] for s in SENTENCES]
    v = len(words)
    rows = {i: [i] for i in range(v)}
    extra, docs = 0, [()] * len(corpus)
    if kind == "fasttext":
        row_of = {}
        for w, text in enumerate(words):
            for n in ngrams(text, o["minN"], o["maxN"]):
                bucket = fnv(n) % o["bucket"]
                row_of.setdefault(bucket, v + len(row_of))
                rows[w].append(row_of[bucket])
        extra = len(row_of)
    if kind == "doc2vec":
        extra, docs = len(corpus) + 1, [(v + d,) for d in range(len(corpus))]
    inputs = uniform(v + extra, o["width"], stream)
    outputs = np.zeros((v, o["width"]))
    noise = Noise(counts, 0.75, stream)
    thresholds = keep(counts, o["sample"])
    mode = {"doc2vec": "cbow" if o.get("dm", True) else "none"}.get(kind, "sg" if o["sg"] else "cbow")
    total, done = o["epochs"] * sum(map(len, corpus)), 0
    for _ in range(o["epochs"]):
        for sentence, own in zip(corpus, docs):
            alpha = o["alpha"] - (o["alpha"] - o["minAlpha"]) * done / total
            window_pass(sentence, rows.__getitem__, o, inputs, outputs, noise, stream, thresholds, alpha, own, mode)
            done += len(sentence)
    case = dict(kind=kind, options=o, words=words, counts=counts)
    if kind == "doc2vec":
        case["vectors"], case["documents"] = inputs[:v], inputs[v:-1]
        query = ["the", "cat", "rules", "unheard"]
        fresh = Stream(o["seed"])
        own = uniform(1, o["width"], fresh)
        matrix = np.concatenate([inputs[:-1], own])
        noise.stream = fresh
        for epoch in range(o["epochs"]):
            alpha = o["alpha"] - (o["alpha"] - o["minAlpha"]) * epoch / o["epochs"]
            known = [index[w] for w in query if w in index]
            window_pass(known, rows.__getitem__, o, matrix, outputs, noise, fresh, keep(counts, 0), alpha, (v + extra - 1,), mode, v + extra - 1)
        case["inferred"] = dict(words=query, vector=matrix[-1])
    elif kind == "fasttext":
        case["vectors"] = np.stack([inputs[rows[w]].mean(0) for w in range(v)])
        known = [row_of[fnv(n) % o["bucket"]] for n in ngrams("barking", o["minN"], o["maxN"]) if fnv(n) % o["bucket"] in row_of]
        case["unseen"] = dict(word="barking", vector=inputs[known].mean(0))
    else:
        case["vectors"] = inputs
    return case


def glove(**changes):
    o = {**dict(width=5, window=4, minCount=1, xMax=3, alpha=0.75, learningRate=0.1, epochs=10, seed=7, symmetric=True), **changes}
    words, counts = vocabulary(SENTENCES, o["minCount"])
    index = {w: i for i, w in enumerate(words)}
    x = np.zeros((len(words), len(words)))
    for sentence in SENTENCES:
        ids = [index[w] for w in sentence if w in index]
        for i, word in enumerate(ids):
            for distance in range(1, o["window"] + 1):
                if i - distance < 0:
                    break
                x[word, ids[i - distance]] += 1 / distance
                if o["symmetric"]:
                    x[ids[i - distance], word] += 1 / distance
    stream, n, d = Stream(o["seed"]), len(words), o["width"]
    values = np.array([(stream.random() / TWO_32 - 0.5) / d for _ in range(2 * n * (d + 1))]).reshape(2 * n, d + 1)
    squares = np.ones_like(values)
    pairs = [(i, j) for i in range(n) for j in range(n) if x[i, j] > 0]
    for i in range(len(pairs) - 1, 0, -1):
        j = stream.random() % (i + 1)
        pairs[i], pairs[j] = pairs[j], pairs[i]
    losses = []
    for _ in range(o["epochs"]):
        loss = 0.0
        for i, j in pairs:
            a, b = values[i].copy(), values[n + j].copy()
            difference = a[:d] @ b[:d] + a[d] + b[d] - math.log(x[i, j])
            weighted = min(1.0, (x[i, j] / o["xMax"]) ** o["alpha"]) * difference
            loss += 0.5 * weighted * difference
            step = weighted * o["learningRate"]
            for row, gradient in ((i, np.append(step * b[:d], step)), (n + j, np.append(step * a[:d], step))):
                values[row] -= gradient / np.sqrt(squares[row])
                squares[row] += gradient**2
        losses.append(loss / len(pairs))
    return dict(options=o, words=words, counts=counts, matrix=x, losses=losses, vectors=(values[:n] + values[n:])[:, :d])


def plain(value):
    if isinstance(value, np.ndarray):
        return [float(f"{x:.9g}") for x in value.ravel()]
    if isinstance(value, dict):
        return {k: plain(x) for k, x in value.items()}
    if isinstance(value, list):
        return [plain(x) for x in value]
    return value


GOLDEN = dict(
    sentences=SENTENCES,
    cases=[
        run("word2vec"),
        run("word2vec", sg=True),
        run("word2vec", mean=False, shrink=False, minCount=2),
        run("fasttext", sg=True, minN=3, maxN=4, bucket=50),
        run("fasttext", minN=2, maxN=3, bucket=1000),
        run("doc2vec"),
        run("doc2vec", dm=False),
    ],
    glove=[glove(), glove(symmetric=False, minCount=2)],
    hashes={ngram: fnv(ngram) for ngram in ["<fo", "ball>", "é", "日本", "x" * 20]},
)
path = Path(__file__).with_suffix("").with_name("word-vectors.json")
path.write_text(json.dumps(plain(GOLDEN), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
