"""Orders that Hugging Face's `datasets` draws from NumPy: stratified splits and the buffer of a streamed shuffle. The functions are
written out after datasets 3 (utils/stratify.py and iterable_dataset.py), which take them from scikit-learn and NumPy.

    python3 -B tests/goldens/datasets.py
"""
import json
import pathlib

import numpy as np


def approximate_mode(class_counts, n_draws, rng):
    continuous = n_draws * class_counts / class_counts.sum()
    floored = np.floor(continuous)
    need_to_add = int(n_draws - floored.sum())
    if need_to_add > 0:
        remainder = continuous - floored
        values = np.sort(np.unique(remainder))[::-1]
        for value in values:
            (inds,) = np.where(remainder == value)
            add_now = min(len(inds), need_to_add)
            inds = rng.choice(inds, size=add_now, replace=False)
            floored[inds] += 1
            need_to_add -= add_now
            if need_to_add == 0:
                break
    return floored.astype(np.int64)


def stratified(y, n_train, n_test, rng):
    classes, y_indices = np.unique(y, return_inverse=True)
    class_counts = np.bincount(y_indices)
    class_indices = np.split(np.argsort(y_indices, kind="mergesort"), np.cumsum(class_counts)[:-1])
    n_i = approximate_mode(class_counts, n_train, rng)
    t_i = approximate_mode(class_counts - n_i, n_test, rng)
    train, test = [], []
    for i in range(len(classes)):
        permutation = rng.permutation(class_counts[i])
        rows = class_indices[i].take(permutation, mode="clip")
        train.extend(rows[: n_i[i]])
        test.extend(rows[n_i[i] : n_i[i] + t_i[i]])
    return rng.permutation(train), rng.permutation(test)


def buffered(rows, buffer_size, seed):
    rng = np.random.default_rng(seed)

    def places():
        while True:
            yield from (int(i) for i in rng.integers(0, buffer_size, size=1000))

    indices, buffer, out = places(), [], []
    for row in rows:
        if len(buffer) == buffer_size:
            i = next(indices)
            out.append(buffer[i])
            buffer[i] = row
        else:
            buffer.append(row)
    rng.shuffle(buffer)
    return out + buffer


splits = []
for seed, length, classes, test_size in [(0, 20, 2, 5), (42, 101, 3, 25), (7, 60, 7, 13), (2**40, 500, 5, 100), (3, 11, 4, 4)]:
    labels = [int(x) for x in np.random.default_rng(seed + 1).integers(0, classes, size=length)]
    for label in range(classes):  # at least two of each
        labels[2 * label] = labels[2 * label + 1] = label
    train, test = stratified(np.array(labels), length - test_size, test_size, np.random.default_rng(seed))
    splits.append(dict(seed=seed, labels=labels, testSize=test_size, train=train.tolist(), test=test.tolist()))

shuffles = []
for seed, length, size in [(0, 10, 4), (42, 50, 7), (1, 2500, 100), (5, 3, 10), (9, 300, 1)]:
    shuffles.append(dict(seed=seed, length=length, bufferSize=size, order=buffered(range(length), size, seed)))

path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(dict(splits=splits, shuffles=shuffles), separators=(",", ":")) + "\n")
