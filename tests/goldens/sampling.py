"""The rules of generation as transformers defines them (`generation/logits_process.py`), on random scores: what may come next, and how probably.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/sampling.py

Each processor is written as the reference has it, on [rows, vocabulary] in PyTorch, in the order in which `generate` applies them.
"""
import itertools
import json
from pathlib import Path

import torch

INF = float("inf")


def repetition_penalty(ids, scores, penalty):
    score = torch.gather(scores, 1, ids)
    return scores.scatter(1, ids, torch.where(score < 0, score * penalty, score / penalty))


def no_repeat_ngram(ids, scores, size):
    if size == 0 or ids.shape[1] + 1 < size:
        return scores
    scores = scores.clone()
    for row, said in enumerate(ids.tolist()):
        following = {}
        for gram in zip(*[said[i:] for i in range(size)]):
            following.setdefault(gram[:-1], []).append(gram[-1])
        start = len(said) + 1 - size
        scores[row, following.get(tuple(said[start:]), [])] = -INF
    return scores


def min_new_tokens(scores, added, least, ends):
    if added < least:
        scores = scores.clone()
        scores[:, ends] = -INF
    return scores


def top_k(scores, k):
    k = min(k, scores.shape[-1])
    return scores.masked_fill(scores < torch.topk(scores, k)[0][..., -1, None], -INF)


def top_p(scores, p):
    ordered, indices = torch.sort(scores, descending=False)
    remove = ordered.softmax(-1).cumsum(-1) <= 1 - p
    remove[..., -1:] = False
    return scores.masked_fill(remove.scatter(1, indices, remove), -INF)


def case(generator, vocabulary, options):
    temperature, k, p, penalty, size, least = options
    said = torch.randint(0, vocabulary, (1, 12), generator=generator)
    scores = torch.randn(1, vocabulary, generator=generator) * 3
    ended = [vocabulary - 1, 2]
    result = scores
    if penalty != 1:
        result = repetition_penalty(said, result, penalty)
    result = no_repeat_ngram(said, result, size)
    result = min_new_tokens(result, 3, least, ended)
    greedy = int(result.argmax(-1))
    result = result / temperature
    if k > 0:
        result = top_k(result, k)
    if p < 1:
        result = top_p(result, p)
    return {
        "options": dict(
            temperature=temperature, topK=k, topP=p, repetitionPenalty=penalty, noRepeatNgramSize=size, minNewTokens=least
        ),
        "said": said[0].tolist(),
        "endTokens": ended,
        "scores": [float(x) for x in scores[0]],
        "greedy": greedy,
        "probabilities": [round(float(x), 9) for x in result.softmax(-1)[0]],
    }


def main():
    generator = torch.Generator().manual_seed(9)
    grid = itertools.product((1.0, 0.7, 1.9), (0, 1, 5, 50), (1.0, 0.9, 0.3), (1.0, 1.3, 0.8), (0, 1, 2), (0, 5))
    cases = [case(generator, 11, options) for options in itertools.islice(grid, 0, None, 9)]
    Path(__file__).with_name("sampling.json").write_text(json.dumps({"cases": cases}, separators=(",", ":")) + "\n")


main()
