"""Writes published.json: BERT, DistilBERT and GPT-2 with their heads, written out after their papers with the parameter
names of the public checkpoints, for tests/models/published.golden.test.ts.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/published.py

A case holds the class, its configuration (as config.json has it), the state dict by the names of a saved file, the inputs,
and what PyTorch computes in float64: outputs, loss, and the gradients of all parameters. float32Error is as in golden.py.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

from golden import encode, expected, seed, write
from module_case import randomise

ACTIVATIONS = {
    "gelu": F.gelu,
    "relu": F.relu,
    "gelu_new": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}


class Config:
    def __init__(self, **fields):
        self.__dict__.update(fields)


def attend(q, k, v, mask, scale):
    """softmax over the keys that are kept; q, k, v [batch, heads, time, width]."""
    scores = q @ k.transpose(-2, -1) * scale
    weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
    return weights @ v, weights


def split(x, heads):
    batch, time, width = x.shape
    return x.view(batch, time, heads, width // heads).transpose(1, 2)


def merge(x):
    batch, heads, time, width = x.shape
    return x.transpose(1, 2).reshape(batch, time, heads * width)


class Named(nn.Module):
    """A module made of named children: keeps the scripts short where a class would only hold them."""

    def __init__(self, /, **children):
        super().__init__()
        for name, child in children.items():
            setattr(self, name, child)


class BertModel(nn.Module):
    def __init__(self, c, pooler):
        super().__init__()
        self.c = c
        norm = lambda: nn.LayerNorm(c.hidden_size, eps=c.layer_norm_eps)
        self.embeddings = Named(
            word_embeddings=nn.Embedding(c.vocab_size, c.hidden_size, padding_idx=c.pad_token_id),
            position_embeddings=nn.Embedding(c.max_position_embeddings, c.hidden_size),
            token_type_embeddings=nn.Embedding(c.type_vocab_size, c.hidden_size),
            LayerNorm=norm(),
        )
        square = lambda: nn.Linear(c.hidden_size, c.hidden_size)
        self.encoder = Named(
            layer=nn.ModuleList(
                Named(
                    attention=Named(
                        self=Named(query=square(), key=square(), value=square()),
                        output=Named(dense=square(), LayerNorm=norm()),
                    ),
                    intermediate=Named(dense=nn.Linear(c.hidden_size, c.intermediate_size)),
                    output=Named(dense=nn.Linear(c.intermediate_size, c.hidden_size), LayerNorm=norm()),
                )
                for _ in range(c.num_hidden_layers)
            )
        )
        if pooler:
            self.pooler = Named(dense=square())

    def forward(self, ids, mask, types):
        c, e = self.c, self.embeddings
        if getattr(c, "model_type", "bert") == "roberta":
            real = (ids != c.pad_token_id).long()
            places = e.position_embeddings(real.cumsum(1) * real + c.pad_token_id)
        else:
            places = e.position_embeddings.weight[: ids.shape[1]]
        x = e.word_embeddings(ids) + places + e.token_type_embeddings(types)
        x = e.LayerNorm(x)
        keep = mask.bool()[:, None, None, :]
        states, attentions = [x], []
        for layer in self.encoder.layer:
            a, heads = layer.attention, c.num_attention_heads
            q, k, v = (split(p(x), heads) for p in (a.self.query, a.self.key, a.self.value))
            out, weights = attend(q, k, v, keep, (c.hidden_size // heads) ** -0.5)
            x = a.output.LayerNorm(a.output.dense(merge(out)) + x)
            middle = ACTIVATIONS[c.hidden_act](layer.intermediate.dense(x))
            x = layer.output.LayerNorm(layer.output.dense(middle) + x)
            states.append(x)
            attentions.append(weights)
        pooled = torch.tanh(self.pooler.dense(x[:, 0])) if hasattr(self, "pooler") else None
        return x, pooled, states, attentions


class DistilBertModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        norm = lambda: nn.LayerNorm(c.dim, eps=1e-12)
        square = lambda: nn.Linear(c.dim, c.dim)
        self.embeddings = Named(
            word_embeddings=nn.Embedding(c.vocab_size, c.dim, padding_idx=c.pad_token_id),
            position_embeddings=nn.Embedding(c.max_position_embeddings, c.dim),
            LayerNorm=norm(),
        )
        self.transformer = Named(
            layer=nn.ModuleList(
                Named(
                    attention=Named(q_lin=square(), k_lin=square(), v_lin=square(), out_lin=square()),
                    sa_layer_norm=norm(),
                    ffn=Named(lin1=nn.Linear(c.dim, c.hidden_dim), lin2=nn.Linear(c.hidden_dim, c.dim)),
                    output_layer_norm=norm(),
                )
                for _ in range(c.n_layers)
            )
        )

    def forward(self, ids, mask):
        c, e = self.c, self.embeddings
        x = e.LayerNorm(e.word_embeddings(ids) + e.position_embeddings.weight[: ids.shape[1]])
        keep = mask.bool()[:, None, None, :]
        states, attentions = [x], []
        for layer in self.transformer.layer:
            a = layer.attention
            q, k, v = (split(p(x), c.n_heads) for p in (a.q_lin, a.k_lin, a.v_lin))
            out, weights = attend(q, k, v, keep, (c.dim // c.n_heads) ** -0.5)
            x = layer.sa_layer_norm(a.out_lin(merge(out)) + x)
            x = layer.output_layer_norm(layer.ffn.lin2(ACTIVATIONS[c.activation](layer.ffn.lin1(x))) + x)
            states.append(x)
            attentions.append(weights)
        return x, None, states, attentions


class Conv1D(nn.Module):
    def __init__(self, nf, nx):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.empty(nf))

    def forward(self, x):
        return x @ self.weight + self.bias


class GPT2Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        norm = lambda: nn.LayerNorm(c.n_embd, eps=c.layer_norm_epsilon)
        inner = c.n_inner or 4 * c.n_embd
        self.wte = nn.Embedding(c.vocab_size, c.n_embd)
        self.wpe = nn.Embedding(c.n_positions, c.n_embd)
        self.h = nn.ModuleList(
            Named(
                ln_1=norm(),
                attn=Named(c_attn=Conv1D(3 * c.n_embd, c.n_embd), c_proj=Conv1D(c.n_embd, c.n_embd)),
                ln_2=norm(),
                mlp=Named(c_fc=Conv1D(inner, c.n_embd), c_proj=Conv1D(c.n_embd, inner)),
            )
            for _ in range(c.n_layer)
        )
        self.ln_f = norm()

    def forward(self, ids, mask):
        c, time = self.c, ids.shape[1]
        x = self.wte(ids) + self.wpe.weight[:time]
        causal = torch.ones(time, time, dtype=torch.bool).tril()
        keep = mask.bool()[:, None, None, :] & causal
        states, attentions = [x], []
        for i, block in enumerate(self.h):
            q, k, v = (split(p, c.n_head) for p in block.attn.c_attn(block.ln_1(x)).split(c.n_embd, -1))
            scale = (c.n_embd // c.n_head) ** -0.5
            if getattr(c, "scale_attn_by_inverse_layer_idx", False):
                scale /= i + 1
            out, weights = attend(q, k, v, keep, scale)
            x = x + block.attn.c_proj(merge(out))
            x = x + block.mlp.c_proj(ACTIVATIONS[c.activation_function](block.mlp.c_fc(block.ln_2(x))))
            states.append(x)
            attentions.append(weights)
        x = self.ln_f(x)
        states[-1] = x
        return x, None, states, attentions


class Decoder(nn.Module):
    """The scores of all words, by the table of word embeddings, which the file does not hold a second time."""

    def __init__(self, c, width, act):
        super().__init__()
        self.bias = nn.Parameter(torch.empty(c.vocab_size))
        self.transform = Named(dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=c.layer_norm_eps))
        self.act = ACTIVATIONS[act]

    def forward(self, x, words):
        return self.transform.LayerNorm(self.act(self.transform.dense(x))) @ words.t() + self.bias


def tokens(logits, labels):
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1))


def spans(logits, start, end):
    first, last = logits[..., 0], logits[..., 1]
    time = first.shape[1]
    one = lambda x, at: F.cross_entropy(x, at.clamp(0, time), ignore_index=time)
    return first, last, (one(first, start) + one(last, end)) / 2


class Head(nn.Module):
    """One published class: the base model and what its head adds. Returns outputs by our names; `loss` if labels were given."""

    def __init__(self, name, c):
        super().__init__()
        self.name, self.c = name, c
        labels = len(c.id2label) if hasattr(c, "id2label") else 2
        if name.startswith("Bert"):
            self.prefix = "bert"
            base = BertModel(c, pooler=name in ("BertModel", "BertForPreTraining", "BertForNextSentencePrediction", "BertForSequenceClassification"))
            width, act = c.hidden_size, c.hidden_act
        elif name.startswith("Roberta"):
            self.prefix, c.model_type = "roberta", "roberta"
            base, width, act = BertModel(c, pooler=name == "RobertaModel"), c.hidden_size, None
        elif name.startswith("DistilBert"):
            self.prefix = "distilbert"
            base, width, act = DistilBertModel(c), c.dim, c.activation
        else:
            self.prefix = "transformer"
            base, width, act = GPT2Model(c), c.n_embd, None
        setattr(self, self.prefix, base)
        kind = name.split("For")[-1] if "For" in name else name
        self.kind = kind
        if name in ("BertForMaskedLM", "BertForPreTraining"):
            self.cls = Named(predictions=Decoder(c, width, act))
        if name in ("BertForPreTraining", "BertForNextSentencePrediction"):
            if not hasattr(self, "cls"):
                self.cls = Named()
            self.cls.seq_relationship = nn.Linear(width, 2)
        if name == "RobertaForMaskedLM":
            self.lm_head = Named(
                dense=nn.Linear(width, width),
                layer_norm=nn.LayerNorm(width, eps=c.layer_norm_eps),
                bias=nn.Parameter(torch.empty(c.vocab_size)),
            )
        if name == "DistilBertForMaskedLM":
            self.vocab_transform = nn.Linear(width, width)
            self.vocab_layer_norm = nn.LayerNorm(width, eps=1e-12)
            self.vocab_projector = Named()
            self.vocab_projector.bias = nn.Parameter(torch.empty(c.vocab_size))
        if kind in ("SequenceClassification", "TokenClassification"):
            if name == "DistilBertForSequenceClassification":
                self.pre_classifier = nn.Linear(width, width)
            if name == "RobertaForSequenceClassification":
                self.classifier = Named(dense=nn.Linear(width, width), out_proj=nn.Linear(width, labels))
            else:
                self.classifier = nn.Linear(width, labels)
        if kind == "QuestionAnswering":
            self.qa_outputs = nn.Linear(width, 2)

    def forward(self, ids, mask, types, labels):
        base = getattr(self, self.prefix)
        args = (ids, mask, types) if self.prefix in ("bert", "roberta") else (ids, mask)
        hidden, pooled, states, attentions = base(*args)
        out = {}
        if self.name in BASES:
            out["lastHiddenState"] = hidden
            if pooled is not None:
                out["poolerOutput"] = pooled
            out["hiddenStates"] = torch.stack(states)
            out["attentions"] = torch.stack(attentions)
        elif self.name == "BertForMaskedLM":
            out["logits"] = self.cls.predictions(hidden, base.embeddings.word_embeddings.weight)
            out["loss"] = tokens(out["logits"], labels["labels"])
        elif self.name == "BertForPreTraining":
            out["predictionLogits"] = self.cls.predictions(hidden, base.embeddings.word_embeddings.weight)
            out["seqRelationshipLogits"] = self.cls.seq_relationship(pooled)
            out["loss"] = tokens(out["predictionLogits"], labels["labels"]) + F.cross_entropy(
                out["seqRelationshipLogits"], labels["nextSentenceLabel"]
            )
        elif self.name == "BertForNextSentencePrediction":
            out["logits"] = self.cls.seq_relationship(pooled)
            out["loss"] = F.cross_entropy(out["logits"], labels["labels"])
        elif self.name == "RobertaForMaskedLM":
            x = self.lm_head.layer_norm(F.gelu(self.lm_head.dense(hidden)))
            out["logits"] = x @ base.embeddings.word_embeddings.weight.t() + self.lm_head.bias
            out["loss"] = tokens(out["logits"], labels["labels"])
        elif self.name == "DistilBertForMaskedLM":
            x = self.vocab_layer_norm(ACTIVATIONS[self.c.activation](self.vocab_transform(hidden)))
            out["logits"] = x @ base.embeddings.word_embeddings.weight.t() + self.vocab_projector.bias
            out["loss"] = tokens(out["logits"], labels["labels"])
        elif self.name == "GPT2LMHeadModel":
            out["logits"] = hidden @ base.wte.weight.t()
            out["loss"] = tokens(out["logits"][:, :-1], labels["labels"][:, 1:])
        elif self.kind == "SequenceClassification":
            if self.prefix == "roberta":
                logits = self.classifier.out_proj(torch.tanh(self.classifier.dense(hidden[:, 0])))
            else:
                logits = self.classifier(pooled if self.prefix == "bert" else F.relu(self.pre_classifier(hidden[:, 0])))
            out["logits"] = logits
            target = labels["labels"]
            if logits.shape[-1] == 1:
                out["loss"] = F.mse_loss(logits.squeeze(-1), target.to(logits.dtype))
            elif target.is_floating_point():
                out["loss"] = F.binary_cross_entropy_with_logits(logits, target.to(logits.dtype))
            else:
                out["loss"] = F.cross_entropy(logits, target)
        elif self.kind == "TokenClassification":
            out["logits"] = self.classifier(hidden)
            out["loss"] = tokens(out["logits"], labels["labels"])
        elif self.kind == "QuestionAnswering":
            out["startLogits"], out["endLogits"], out["loss"] = spans(
                self.qa_outputs(hidden), labels["startPositions"], labels["endPositions"]
            )
        return out


BASES = ("BertModel", "DistilBertModel", "GPT2Model", "RobertaModel")
CASES = []


def saved_names(name, model):
    """Keys as a saved file has them: base models carry no prefix."""
    base = name in BASES
    return {key[len(model.prefix) + 1 :] if base else key: value for key, value in model.named_parameters()}


def case(name, note, config, lengths, labels):
    seed(f"{name} {note}")
    c = Config(**config)
    single = Head(name, c)
    randomise(single)
    double = Head(name, c).double()
    double.load_state_dict({key: value.double() for key, value in single.state_dict().items()})
    batch, time = len(lengths), max(lengths)
    pad = getattr(c, "pad_token_id", 0)
    ids = torch.randint(pad + 1, c.vocab_size, (batch, time))
    mask = torch.zeros(batch, time, dtype=torch.long)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
    ids = torch.where(mask.bool(), ids, torch.tensor(pad))
    types = (torch.arange(time) >= time // 2).long().expand(batch, time) * mask
    if single.prefix == "roberta":
        types = torch.zeros_like(types)
    targets = labels(ids, mask)

    def run(model):
        model.zero_grad()
        out = model(ids, mask, types, targets)
        if "loss" in out:
            out["loss"].backward()
        else:
            # Padding's own states mean nothing: only real tokens flow back.
            kept = mask[..., None].to(out["lastHiddenState"].dtype)
            total = (out["lastHiddenState"] * kept).pow(2).sum() + sum(x.sum() for x in [out.get("poolerOutput")] if x is not None)
            total.backward()
        return out, {key: p.grad for key, p in saved_names(name, model).items()}

    (o1, g1), (o2, g2) = run(single), run(double)
    CASES.append(
        {
            "name": f"{name}, {note}",
            "model": name,
            "config": {"model_type": "gpt2" if single.prefix == "transformer" else single.prefix, **config},
            "state": {key: encode(value) for key, value in saved_names(name, single).items()},
            "inputs": {
                "inputIds": encode(ids),
                "attentionMask": encode(mask),
                **({"tokenTypeIds": encode(types)} if single.prefix == "bert" else {}),
                **{key: encode(value) for key, value in targets.items()},
            },
            "outputs": {key: expected(o1[key], o2[key]) for key in o1},
            "gradients": {
                key: expected(g1[key], g2[key]) for key in g1 if g1[key] is not None
            },
        }
    )


def drawn_case(name, number):
    """A configuration and the lengths of a ragged batch, as drawn for a head."""
    seed(f"{name} drawn {number}")
    draw = lambda low, high: int(torch.randint(low, high + 1, ()))
    heads = draw(1, 3)
    # Not narrower: norms over two or four numbers multiply every rounding.
    width, inner, layers, words, longest = heads * draw(2, 3) * (4 // heads + 1), draw(3, 9), draw(1, 2), draw(9, 14), draw(7, 9)
    act = ["gelu", "relu", "gelu_new"][draw(0, 2)]
    eps = [1e-12, 1e-6, 1e-5][draw(0, 2)]
    lengths = [draw(3, 6)] + [draw(2, 6) for _ in range(draw(1, 2))]
    if name.startswith("Bert"):
        return dict(
            vocab_size=words, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner, hidden_act=act,
            max_position_embeddings=longest, type_vocab_size=draw(2, 3), layer_norm_eps=eps, pad_token_id=0,
        ), lengths  # fmt: skip
    if name.startswith("Roberta"):
        return dict(
            vocab_size=words, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner, hidden_act=act,
            max_position_embeddings=longest + 2, type_vocab_size=1, layer_norm_eps=eps, pad_token_id=1,
        ), lengths  # fmt: skip
    if name.startswith("DistilBert"):
        return dict(vocab_size=words, dim=width, n_layers=layers, n_heads=heads, hidden_dim=inner, activation=act, max_position_embeddings=longest, pad_token_id=0), lengths  # fmt: skip
    return dict(vocab_size=words, n_positions=longest, n_embd=width, n_layer=layers, n_head=heads, n_inner=inner, activation_function=act, layer_norm_epsilon=eps), lengths  # fmt: skip


def main():
    bert = dict(
        vocab_size=23, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12, hidden_act="gelu",
        max_position_embeddings=10, type_vocab_size=2, layer_norm_eps=1e-12, pad_token_id=0,
    )  # fmt: skip
    other = dict(bert, vocab_size=17, hidden_size=12, num_hidden_layers=1, num_attention_heads=3, intermediate_size=7, hidden_act="relu", layer_norm_eps=1e-5)  # fmt: skip
    distil = dict(vocab_size=23, dim=8, n_layers=2, n_heads=2, hidden_dim=12, activation="gelu", max_position_embeddings=10, pad_token_id=0)  # fmt: skip
    gpt = dict(vocab_size=23, n_positions=10, n_embd=8, n_layer=2, n_head=2, n_inner=None, activation_function="gelu_new", layer_norm_epsilon=1e-5)  # fmt: skip
    three = {"id2label": {"0": "a", "1": "b", "2": "c"}}
    ragged = [6, 4, 1]

    none = lambda ids, mask: {}
    words = lambda ids, mask: {"labels": torch.where((torch.rand(ids.shape) < 0.5) & mask.bool(), ids, torch.tensor(-100))}
    classes = lambda n: lambda ids, mask: {"labels": torch.randint(0, n, (len(ids),))}
    tags = lambda ids, mask: {"labels": torch.where(mask.bool(), torch.randint(0, 3, ids.shape), torch.tensor(-100))}
    answers = lambda ids, mask: {"startPositions": torch.tensor([1, 0, 9]), "endPositions": torch.tensor([3, 2, 9])}
    follows = lambda ids, mask: {"labels": torch.tensor([0, 1, 1])}

    case("BertModel", "2 layers", bert, ragged, none)
    case("BertModel", "relu, 3 heads", other, [5, 5], none)
    case("BertForMaskedLM", "ragged", bert, ragged, words)
    case("BertForMaskedLM", "relu, 3 heads", other, [5, 3], words)
    case("BertForNextSentencePrediction", "ragged", bert, ragged, follows)
    case(
        "BertForPreTraining", "ragged", bert, ragged,
        lambda ids, mask: {**words(ids, mask), "nextSentenceLabel": torch.tensor([1, 0, 0])},
    )  # fmt: skip
    case("BertForSequenceClassification", "three classes", {**bert, **three}, ragged, classes(3))
    case("BertForSequenceClassification", "regression", {**bert, "id2label": {"0": "x"}}, ragged, lambda ids, mask: {"labels": torch.randn(3)})
    case("BertForSequenceClassification", "several classes at once", {**bert, **three}, ragged, lambda ids, mask: {"labels": torch.randint(0, 2, (3, 3)).float()})
    case("BertForTokenClassification", "ragged", {**bert, **three}, ragged, tags)
    case("BertForQuestionAnswering", "one answer outside the text", bert, ragged, answers)
    case("DistilBertModel", "2 layers", distil, ragged, none)
    case("DistilBertForMaskedLM", "ragged", distil, ragged, words)
    case("DistilBertForSequenceClassification", "three classes", {**distil, **three}, ragged, classes(3))
    case("DistilBertForTokenClassification", "ragged", {**distil, **three}, ragged, tags)
    case("DistilBertForQuestionAnswering", "one answer outside the text", distil, ragged, answers)
    case("GPT2Model", "2 layers", gpt, ragged, none)
    case("GPT2LMHeadModel", "ragged", gpt, [6, 4, 2], lambda ids, mask: {"labels": torch.where(mask.bool(), ids, torch.tensor(-100))})
    case("GPT2LMHeadModel", "inverse layer index", {**gpt, "n_embd": 12, "n_head": 3, "n_inner": 20, "scale_attn_by_inverse_layer_idx": True}, [5, 5], lambda ids, mask: {"labels": ids})

    # Every head again, on configurations and batches that are drawn.
    spans_of = lambda ids, mask: {key: torch.randint(0, ids.shape[1] + 2, (len(ids),)) for key in ("startPositions", "endPositions")}
    causal = lambda ids, mask: {"labels": torch.where(mask.bool(), ids, torch.tensor(-100))}
    heads = {
        "BertModel": none,
        "BertForMaskedLM": words,
        "BertForNextSentencePrediction": classes(2),
        "BertForPreTraining": lambda ids, mask: {**words(ids, mask), "nextSentenceLabel": torch.randint(0, 2, (len(ids),))},
        "BertForSequenceClassification": classes(3),
        "BertForTokenClassification": tags,
        "BertForQuestionAnswering": spans_of,
        "DistilBertModel": none,
        "DistilBertForMaskedLM": words,
        "DistilBertForSequenceClassification": classes(3),
        "DistilBertForTokenClassification": tags,
        "DistilBertForQuestionAnswering": spans_of,
        "GPT2Model": none,
        "GPT2LMHeadModel": causal,
        "RobertaModel": none,
        "RobertaForMaskedLM": words,
        "RobertaForSequenceClassification": classes(3),
    }
    for name, labels in heads.items():
        for drawn in (1, 2):
            config, lengths = drawn_case(name, drawn)
            if "SequenceClassification" in name or "TokenClassification" in name:
                config.update(three)
            case(name, f"drawn {drawn}", config, lengths, labels)
    write(__file__, {"cases": CASES})


if __name__ == "__main__":
    main()
