"""A small model in fastText's own format, written field by field after `FastText::saveModel`, with the vectors that words have by it.

    python3 -B tests/goldens/fasttext_bin.py

Words in the dictionary are the mean of their row and those of their n-grams, unknown ones the mean of the rows of their n-grams alone.
"""
import base64
import json
import struct
from pathlib import Path

import numpy as np

MAGIC, VERSION = 793712314, 12
DIM, BUCKET, MIN_N, MAX_N = 5, 23, 2, 4
WORDS = [("</s>", 9), ("where", 7), ("here", 5), ("né", 3), ("水", 2)]
LABELS = [("__label__a", 4)]


def fnv(ngram):
    h = 2166136261
    for byte in ngram.encode():
        h = ((h ^ (byte if byte < 128 else byte | 0xFFFFFF00)) * 16777619) & 0xFFFFFFFF
    return h


def ngrams(word):
    text = f"<{word}>"
    return [text[i : i + n] for i in range(len(text)) for n in range(MIN_N, MAX_N + 1) if i + n <= len(text)]


def save(rows, version=VERSION, labels=(), model=2, quantised=False, pruned=-1):
    options = [DIM, 5, 1, 1, 5, 1, 2, model, BUCKET, MIN_N, MAX_N, 100]
    out = struct.pack("<ii12id", MAGIC, version, *options, 1e-4)
    entries = [(w, c, 0) for w, c in WORDS] + [(w, c, 1) for w, c in labels]
    out += struct.pack("<iiiqq", len(entries), len(WORDS), len(labels), 26, pruned)
    for word, count, kind in entries:
        out += word.encode() + b"\0" + struct.pack("<qb", count, kind)
    out += struct.pack("<?qq", quantised, *rows.shape) + rows.astype("<f4").tobytes()
    return out + struct.pack("<?qq", False, len(WORDS), DIM) + bytes(4 * DIM * len(WORDS))


def buckets(word):
    return [len(WORDS) + fnv(gram) % BUCKET for gram in ngrams(word)]


def main():
    rows = np.random.RandomState(5).randn(len(WORDS) + BUCKET, DIM).astype(np.float32)
    own = {word: [i] + ([] if word == "</s>" else buckets(word)) for i, (word, _) in enumerate(WORDS)}
    unseen = {word: buckets(word) for word in ("there", "wherever", "x", "水水")}
    mean = {word: rows[index].astype(np.float64).mean(0).tolist() for word, index in {**own, **unseen}.items()}
    unit = {word: np.array(vector) / np.linalg.norm(vector) for word, vector in mean.items()}
    near = sorted(own, key=lambda word: -float(unit[word] @ unit["there"]))
    golden = {
        "file": base64.b64encode(save(rows)).decode(),
        "classifier": base64.b64encode(save(rows, labels=LABELS, model=3)).decode(),
        "quantised": base64.b64encode(save(rows, quantised=True)).decode(),
        "words": [word for word, _ in WORDS],
        "counts": [count for _, count in WORDS],
        "vectors": mean,
        "unseen": list(unseen),
        "nearThere": near,
    }
    path = Path(__file__).with_name("fasttext-bin.json")
    path.write_text(json.dumps(golden, ensure_ascii=False) + "\n")


main()
