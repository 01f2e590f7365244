"""Writes optimizers.json: parameters after steps of PyTorch's optimizers, learning rates of the schedules, clipped
gradients.

    OMP_NUM_THREADS=1 python3 -B tests/goldens/optimizers.py

Every optimizer case starts from the same `parameters` and is given the same `gradients` ([steps, ...shape], row k at
step k + 1), so a test needs no autograd. One weight gets no gradient but zeros for the first five steps (Adam then
divides by eps alone), and one for all steps. A case holds `groups` (names of parameters and the options of their
group), the `options` of all, an optional `schedule`, and the parameters `after` some steps. `schedules` hold the
learning rate of step k, counted from 0; `torchSchedules` those of torch's own schedules for two groups at each step,
`plateaus` those after each metric. The options' names are ours.
"""

import math

import torch
from torch import optim

from golden import encode, expected, seed, write
from schedules import SCHEDULES

STEPS = 50
SEEN = (1, 2, 10, STEPS)
TORCH_NAMES = {
    "weightDecay": "weight_decay",
    "lrDecay": "lr_decay",
    "initialAccumulatorValue": "initial_accumulator_value",
}

seed("optimizers")
parameters = {"weight": torch.randn(3, 4), "bias": torch.randn(5)}
gradients = {name: torch.randn(STEPS, *value.shape) * 0.3 + 0.1 for name, value in parameters.items()}
gradients["weight"][:5, 1, 2] = 0.0
gradients["weight"][:, 2, 3] = 0.0
gradients["bias"][:, 4] *= 1e-4


def torch_options(options):
    return {TORCH_NAMES.get(key, key): tuple(value) if key == "betas" else value for key, value in options.items()}


def run(kind, options, groups, schedule, dtype):
    values = {name: value.to(dtype).clone().requires_grad_() for name, value in parameters.items()}
    torch_groups = [
        {"params": [values[name] for name in g["parameters"]], **torch_options(g["options"])} for g in groups
    ]
    optimizer = getattr(optim, kind)(torch_groups, **torch_options(options))
    scheduler = None
    if schedule is not None:
        scheduler = optim.lr_scheduler.LambdaLR(
            optimizer, SCHEDULES[schedule["kind"]](schedule["warmupSteps"], schedule["totalSteps"])
        )
    seen = {}
    for step in range(1, STEPS + 1):
        for name, value in values.items():
            value.grad = gradients[name][step - 1].to(dtype)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if step in SEEN:
            seen[step] = {name: value.detach().clone() for name, value in values.items()}
    return seen


cases = []


def case(name, kind, options, groups=None, schedule=None):
    groups = groups or [{"parameters": list(parameters), "options": {}}]
    single, double = (run(kind, options, groups, schedule, dtype) for dtype in (torch.float32, torch.float64))
    after = [
        {"step": step, "parameters": {key: expected(single[step][key], value) for key, value in double[step].items()}}
        for step in SEEN
    ]
    record = {"name": f"{kind} {name}", "optimizer": kind, "options": options, "groups": groups, "after": after}
    cases.append({**record, **({"schedule": schedule} if schedule else {})})


split = [
    {"parameters": ["weight"], "options": {"weightDecay": 0.1}},
    {"parameters": ["bias"], "options": {"weightDecay": 0, "lr": 0.03}},
]
case("defaults", "AdamW", {})
case("no decay", "AdamW", {"lr": 0.01, "weightDecay": 0})
case("decay", "AdamW", {"lr": 0.01, "weightDecay": 0.01})
case("own betas and eps", "AdamW", {"lr": 0.01, "betas": [0.8, 0.95], "eps": 1e-6, "weightDecay": 0.3})
case("groups", "AdamW", {"lr": 0.01}, split)
case(
    "warm-up",
    "AdamW",
    {"lr": 0.02, "weightDecay": 0.01},
    schedule={"kind": "LinearWarmup", "warmupSteps": 5, "totalSteps": 40},
)
case("groups and cosine", "AdamW", {"lr": 0.02}, split, {"kind": "CosineWarmup", "warmupSteps": 5, "totalSteps": 50})
case("defaults", "Adam", {})
case("L2", "Adam", {"lr": 0.01, "weightDecay": 0.1})
case("plain", "SGD", {"lr": 0.1})
case("decay", "SGD", {"lr": 0.1, "weightDecay": 0.1})
case("momentum", "SGD", {"lr": 0.05, "momentum": 0.9})
case("momentum and dampening", "SGD", {"lr": 0.05, "momentum": 0.9, "dampening": 0.5})
case("Nesterov", "SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True})
case("Nesterov and decay", "SGD", {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weightDecay": 0.1})
case("groups", "SGD", {"lr": 0.05, "momentum": 0.9}, split)

case("amsgrad", "Adam", {"lr": 0.01, "weightDecay": 0.1, "amsgrad": True})
case("amsgrad", "AdamW", {"lr": 0.01, "weightDecay": 0.1, "amsgrad": True})
case("maximize", "AdamW", {"lr": 0.01, "maximize": True})
case("maximize", "SGD", {"lr": 0.05, "momentum": 0.9, "maximize": True})
case("defaults", "RMSprop", {})
case("decay and own alpha", "RMSprop", {"lr": 0.005, "alpha": 0.9, "eps": 1e-6, "weightDecay": 0.1})
case("momentum", "RMSprop", {"momentum": 0.9})
case("centered", "RMSprop", {"centered": True, "alpha": 0.95})
case("centered, momentum, decay", "RMSprop", {"centered": True, "alpha": 0.95, "momentum": 0.5, "weightDecay": 0.01})
case("groups", "RMSprop", {"lr": 0.01}, split)
case("defaults", "Adagrad", {})
case("decays and a start", "Adagrad", {"lr": 0.1, "lrDecay": 0.05, "weightDecay": 0.1, "initialAccumulatorValue": 0.2})
case("groups", "Adagrad", {"lr": 0.1}, split)

schedules = []


def schedule(kind, lr, warmup, total, steps):
    """The learning rates that the optimizer sees at `steps`, as LambdaLR sets them."""
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = optim.lr_scheduler.LambdaLR(optimizer, SCHEDULES[kind](warmup, total))
    rates = []
    for _ in range(max(steps) + 1):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    schedules.append({
        "name": f"{kind} {warmup} of {total}", "kind": kind, "lr": lr, "warmupSteps": warmup, "totalSteps": total,
        "steps": list(steps), "rates": [rates[step] for step in steps],
    })  # fmt: skip


for kind in SCHEDULES:
    schedule(kind, 5e-5, 100, 1000, [0, 1, 2, 50, 99, 100, 101, 102, 333, 550, 775, 998, 999, 1000, 1001, 1200])
    schedule(kind, 1e-3, 5, 20, range(24))
    schedule(kind, 0.1, 0, 10, range(13))
    schedule(kind, 0.1, 1, 3, range(6))
    schedule(kind, 0.1, 4, 4, range(7))

torch_schedules = []


def torch_schedule(kind, options, make, lr=0.1, steps=STEPS):
    """The learning rates, and the momenta, of torch's own schedules at steps 0, 1, ... of an optimizer with two groups.
    `make` is the options of the class in torch, or makes the schedule itself."""
    weights = [torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)]
    groups = [{"params": weights[:1]}, {"params": weights[1:], "lr": lr / 4}]
    optimizer = optim.SGD(groups, lr=lr, momentum=0.9)
    scheduler = make(optimizer) if callable(make) else getattr(optim.lr_scheduler, kind)(optimizer, **make)
    rates, momenta = [], []
    for step in range(steps):
        rates.append([group["lr"] for group in optimizer.param_groups])
        momenta.append(optimizer.param_groups[0]["momentum"])
        if step < steps - 1:
            optimizer.step()
            scheduler.step()
    torch_schedules.append(
        {"name": f"{kind} {options}", "kind": kind, "options": options, "lr": lr, "rates": rates, "momenta": momenta}
    )


torch_schedule("StepLR", {"stepSize": 7}, {"step_size": 7})
torch_schedule("StepLR", {"stepSize": 1, "gamma": 0.9}, {"step_size": 1, "gamma": 0.9})
torch_schedule("MultiStepLR", {"milestones": [3, 4, 30], "gamma": 0.5}, {"milestones": [3, 4, 30], "gamma": 0.5})
torch_schedule("ExponentialLR", {"gamma": 0.95}, {"gamma": 0.95})
torch_schedule("ConstantLR", {}, {})
torch_schedule("ConstantLR", {"factor": 0.5, "totalIters": 9}, {"factor": 0.5, "total_iters": 9})
torch_schedule("LinearLR", {}, {})
torch_schedule(
    "LinearLR",
    {"startFactor": 0.1, "endFactor": 0.7, "totalIters": 20},
    {"start_factor": 0.1, "end_factor": 0.7, "total_iters": 20},
)
torch_schedule("CosineAnnealingLR", {"tMax": 49}, {"T_max": 49})
torch_schedule("CosineAnnealingLR", {"tMax": 12, "etaMin": 0.01}, {"T_max": 12, "eta_min": 0.01})
torch_schedule("CosineAnnealingWarmRestarts", {"t0": 10}, {"T_0": 10})
torch_schedule(
    "CosineAnnealingWarmRestarts", {"t0": 5, "tMult": 2, "etaMin": 0.01}, {"T_0": 5, "T_mult": 2, "eta_min": 0.01}
)
torch_schedule("PolynomialLR", {}, {})
torch_schedule("PolynomialLR", {"totalIters": 40, "power": 2}, {"total_iters": 40, "power": 2})
# Functions do not travel in JSON: the factor is `base` to the power of the step.
torch_schedule("LambdaLR", {"base": 0.93}, lambda o: optim.lr_scheduler.LambdaLR(o, lambda step: 0.93**step))
torch_schedule("OneCycleLR", {"maxLr": 0.5, "totalSteps": 50}, {"max_lr": 0.5, "total_steps": 50})
torch_schedule(
    "OneCycleLR",
    {
        "maxLr": [0.5, 0.2],
        "totalSteps": 50,
        "pctStart": 0.4,
        "annealStrategy": "linear",
        "threePhase": True,
        "divFactor": 10,
        "finalDivFactor": 100,
    },
    {
        "max_lr": [0.5, 0.2],
        "total_steps": 50,
        "pct_start": 0.4,
        "anneal_strategy": "linear",
        "three_phase": True,
        "div_factor": 10,
        "final_div_factor": 100,
    },
)
torch_schedule(
    "OneCycleLR",
    {"maxLr": 0.5, "totalSteps": 60, "cycleMomentum": False},
    {"max_lr": 0.5, "total_steps": 60, "cycle_momentum": False},
)


def sequence(optimizer):
    make = optim.lr_scheduler
    warmup = make.LinearLR(optimizer, start_factor=0.1, total_iters=10)
    cosine = make.CosineAnnealingLR(optimizer, T_max=20)
    decay = make.ExponentialLR(optimizer, gamma=0.9)
    return make.SequentialLR(optimizer, [warmup, cosine, decay], milestones=[10, 30])


torch_schedule(
    "SequentialLR",
    {
        "schedulers": [
            ["LinearLR", {"startFactor": 0.1, "totalIters": 10}],
            ["CosineAnnealingLR", {"tMax": 20}],
            ["ExponentialLR", {"gamma": 0.9}],
        ],
        "milestones": [10, 30],
    },
    sequence,
)

plateaus = []


def plateau(options, theirs, lr=0.1):
    """The learning rates after each of some metrics: falling, flat, rising, with a NaN."""
    seed("plateau")
    steady = [1.0 / (1 + k) for k in range(12)]
    noisy = (torch.rand(38) * 0.02 + 0.08).tolist()
    metrics = [*steady, *noisy]
    optimizer = optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, **theirs)
    rates = []
    for metric in metrics:
        scheduler.step(metric)
        rates.append(optimizer.param_groups[0]["lr"])
    plateaus.append({"name": f"{options}", "options": options, "lr": lr, "metrics": metrics, "rates": rates})


plateau({}, {})
plateau({"mode": "max", "patience": 3}, {"mode": "max", "patience": 3})
plateau({"patience": 2, "factor": 0.5, "cooldown": 3}, {"patience": 2, "factor": 0.5, "cooldown": 3})
plateau(
    {"patience": 0, "factor": 0.5, "threshold": 0.01, "thresholdMode": "abs", "minLr": 0.01, "eps": 1e-3},
    {"patience": 0, "factor": 0.5, "threshold": 0.01, "threshold_mode": "abs", "min_lr": 0.01, "eps": 1e-3},
)

clips = []


def clip(name, make, max_norm, norm_type=2.0):
    seed(f"clip {name}")
    given = make()
    runs = []
    for dtype in (torch.float32, torch.float64):
        holders = [torch.zeros_like(g, dtype=dtype, requires_grad=True) for g in given]
        for holder, gradient in zip(holders, given):
            holder.grad = gradient.to(dtype).clone()
        norm = torch.nn.utils.clip_grad_norm_(holders, max_norm, norm_type)
        runs.append((norm, [holder.grad for holder in holders]))
    clips.append(
        {
            "name": name,
            "maxNorm": max_norm,
            "normType": "Infinity" if norm_type == math.inf else norm_type,
            "gradients": [encode(g) for g in given],
            "norm": expected(runs[0][0], runs[1][0]),
            "clipped": [expected(single, double) for single, double in zip(runs[0][1], runs[1][1])],
        }
    )


def some(scale):
    return lambda: [torch.randn(3, 4) * scale, torch.randn(5) * scale, torch.randn(2, 2, 2) * scale]


clip("above the bound", some(2.0), 1.0)
clip("below the bound", some(0.05), 1.0)
clip("own bound", some(1.0), 0.25)
clip("zeros", lambda: [torch.zeros(3), torch.zeros(2, 2)], 1.0)
clip("large numbers", some(1e6), 1.0)
clip("sum of magnitudes", some(1.0), 1.0, 1.0)
clip("largest magnitude", some(1.0), 0.5, math.inf)

write(
    __file__,
    {
        "parameters": {name: encode(value) for name, value in parameters.items()},
        "gradients": {name: encode(value) for name, value in gradients.items()},
        "cases": cases,
        "schedules": schedules,
        "torchSchedules": torch_schedules,
        "plateaus": plateaus,
        "clips": clips,
    },
)
