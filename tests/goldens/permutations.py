"""Writes permutations.json: orders that NumPy's default generator shuffles into, for tests/data/dataset.test.ts.

Run with any NumPy since 1.17 (the stream of default_rng has not changed since):

    python3 -B tests/goldens/permutations.py
"""

import json
import pathlib

import numpy

CASES = [(0, 1), (0, 2), (0, 7), (42, 10), (42, 100), (1, 257), (2**32 - 1, 33), (2**32, 33), (2**40 + 7, 65), (2**53 - 1, 20)]
LONG = [(42, 5000), (123456789, 70000)]

cases = [
    {"seed": seed, "length": length, "order": numpy.random.default_rng(seed).permutation(length).tolist()}
    for seed, length in CASES
]
# Every 997th entry of a long one.
long = [
    {"seed": seed, "length": length, "order": numpy.random.default_rng(seed).permutation(length)[::997].tolist()}
    for seed, length in LONG
]
text = json.dumps({"numpy": numpy.__version__, "cases": cases, "long": long}, separators=(",", ":"))
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(text.replace('{"seed"', '\n{"seed"') + "\n")
