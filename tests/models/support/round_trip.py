"""Takes a model folder through PyTorch, for tests/models/pytorch.test.ts:

    OMP_NUM_THREADS=1 python3 -B round_trip.py folder other_folder

Reads config.json and model.safetensors into the classes of tests/goldens/published.py, strictly: every key and every shape has to fit. Runs
them on inputs.safetensors, takes a step of SGD, writes the new weights into the other folder, and prints the outputs before and after.
"""

import json
import pathlib
import shutil
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "goldens"))

import torch

from published import Config, Head, saved_names

DTYPES = {"F32": torch.float32, "I32": torch.int32}


def load(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + at for at in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def save(path, tensors):
    header, parts, at = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in tensors.items():
        parts.append(tensor.detach().contiguous().numpy().tobytes())
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(parts[-1])]}
        at += len(parts[-1])
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main(source, target):
    config = json.loads((source / "config.json").read_text())
    name = config["architectures"][0]
    model = Head(name, Config(**config)).eval()
    own, given = saved_names(name, model), load(source / "model.safetensors")
    assert own.keys() == given.keys(), sorted(own.keys() ^ given.keys())
    with torch.no_grad():
        for key, parameter in own.items():
            assert parameter.shape == given[key].shape, key
            parameter.copy_(given[key])
    inputs = {key: value.long() for key, value in load(source / "inputs.safetensors").items()}
    labels = {key: value for key, value in inputs.items() if key not in ("inputIds", "attentionMask", "tokenTypeIds")}

    def run():
        outputs = model(inputs["inputIds"], inputs["attentionMask"], inputs.get("tokenTypeIds"), labels)
        return {key: value for key, value in outputs.items() if key not in ("hiddenStates", "attentions")}

    before = run()
    sum(value.sum() for value in before.values()).backward()
    with torch.no_grad():
        for parameter in own.values():
            if parameter.grad is not None:
                parameter -= 1e-3 * parameter.grad
        after = run()
    save(target / "model.safetensors", own)
    shutil.copy(source / "config.json", target)
    print(json.dumps([{key: value.flatten().tolist() for key, value in outputs.items()} for outputs in (before, after)]))


main(*map(pathlib.Path, sys.argv[1:]))
