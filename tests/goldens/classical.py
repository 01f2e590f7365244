"""Counts and tf-idf of scikit-learn, and what Python takes for a word character, for tests/data/classical.test.ts.

    python3 -B tests/goldens/classical.py
"""
import json
import pathlib
import re
import sys
import unicodedata

import sklearn
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

texts = [
    "This is the first document, isn't it?",
    "This document is the second document.",
    "And this is the THIRD one -- naïve café 東京 über_x x2!",
    "Is this the first document?\tYes  it is; a b c",
    "smörgåsbord e\u0301t\u0301 ½ Ⅳ ２３ Ελλάς ΟΔΟΣ 😀 ok",
    # White space and what is none, in Python: it knows the separators of files, and no byte order mark.
    "line\x85end\x1cof \x1f record\ufeffmark\u3000\u2003wide\u200bnone",
    "",
]


def matrix(vectorizer):
    x = vectorizer.fit_transform(texts).toarray()
    return dict(names=list(vectorizer.get_feature_names_out()), rows=[[float(v) for v in row] for row in x])


count_cases = [
    {},
    dict(lowercase=False),
    dict(ngram_range=[1, 2]),
    dict(ngram_range=[2, 3], stop_words="english"),
    dict(analyzer="char", ngram_range=[1, 3]),
    dict(analyzer="char_wb", ngram_range=[2, 4]),
    dict(min_df=2),
    dict(max_df=2, binary=True),
    dict(max_df=0.5, min_df=0.3),
    dict(stop_words=["this", "is"], max_features=3),
]
tfidf_cases = [
    {},
    dict(norm="l1"),
    dict(norm=None, smooth_idf=False),
    dict(use_idf=False),
    dict(sublinear_tf=True, ngram_range=[1, 2]),
]


def tuples(options):
    return {k: tuple(v) if k == "ngram_range" else v for k, v in options.items()}


def ranges(holds):
    out, start = [], None
    for point in range(sys.maxunicode + 2):
        inside = point <= sys.maxunicode and not 0xD800 <= point <= 0xDFFF and holds(chr(point))
        if inside and start is None:
            start = point
        elif not inside and start is not None:
            out.append([start, point - 1])
            start = None
    return out


word = re.compile(r"\w")
golden = dict(
    sklearn=sklearn.__version__,
    unicode=unicodedata.unidata_version,
    texts=texts,
    counts=[dict(options=o, **matrix(CountVectorizer(**tuples(o)))) for o in count_cases],
    tfidf=[dict(options=o, **matrix(TfidfVectorizer(**tuples(o)))) for o in tfidf_cases],
    word=ranges(lambda c: word.match(c) is not None),
    space=ranges(lambda c: len(("a" + c + "a").split()) == 2),
    unassigned=ranges(lambda c: unicodedata.category(c) == "Cn"),
)
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(golden, separators=(",", ":"), ensure_ascii=False) + "\n")
