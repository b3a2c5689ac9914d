"""Writes networks as ONNX and .pt2, checks the files, and holds what ONNX Runtime and PyTorch compute against `convcheck forward`."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import zlib

import numpy as np
import onnx
import onnxruntime
import torch
from safetensors.numpy import load_file, save_file

CONVCHECK = os.environ["CONVCHECK"]
# Relative L2 in f32: two programs that sum in other orders differ so far in nets of a thousand layers.
TOLERANCE = 1e-4
SAMPLES = 2


def convcheck(*arguments):
    return subprocess.run([CONVCHECK, *map(str, arguments)], capture_output=True, text=True)


def run_onnx(file, x):
    onnx.checker.check_model(str(file))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})


def run_pt2(file, x):
    with torch.no_grad():
        outputs = torch.export.load(file).module()(torch.from_numpy(x))
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [output.numpy() for output in outputs]


def apart(found, expected):
    """Relative L2 of outputs, each held against the one of its shape that is nearest."""
    worst = 0.0
    for output in found:
        alike = [other for other in expected if other.shape == output.shape]
        if not alike:
            return float("inf")
        norms = [np.linalg.norm((output - other).astype(np.float64)) / np.linalg.norm(other.astype(np.float64)) for other in alike]
        worst = max(worst, min(norms))
    return worst if len(found) == len(expected) else float("inf")


def compared(name, folder):
    """What becomes of a network in each format: a kind and a line."""
    shown = convcheck("show", name, "--json")
    if shown.returncode != 0:
        yield "wrong", f"convcheck does not show it: {shown.stderr.strip()}"
        return
    batch, own = folder / "batch.safetensors", folder / "own.safetensors"
    shape = [SAMPLES, *next(layer for layer in json.loads(shown.stdout)["layers"] if layer["op"] == "input")["output"]]
    # a file has weights of its own
    weights = [] if "." in name else ["--weights", "fill:default"]
    x = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    save_file({"input": x}, batch)
    run = convcheck("forward", name, *weights, "--input", batch, "--output", own)
    if run.returncode != 0:
        yield "wrong", f"convcheck does not run it: {run.stderr.strip()}"
        return
    expected = list(load_file(own).values())
    for ending, run in (("onnx", run_onnx), ("pt2", run_pt2)):
        file = folder / f"it.{ending}"
        written = convcheck("export", name, f"--{ending}", file, *weights)
        if written.returncode != 0:
            yield f"{ending} refused", written.stderr.strip()
            continue
        remarks = written.stdout.strip().splitlines()[1:]
        distance = apart(run(file, x), expected)
        # the file read again is the same network, but for what was said when it was written
        again = convcheck("diff", name, file)
        file.unlink()
        kind = "agrees" if distance <= TOLERANCE else "WRONG"
        same = "" if again.returncode == 0 else ", not the same layer by layer"
        yield f"{ending} {kind}{same}", f"{distance:.1e} apart" + "".join(f"; {remark}" for remark in remarks)


def main():
    models = json.loads(convcheck("list", "models", "--json").stdout)
    names = sys.argv[1:] or [model["name"] for model in models]
    counts = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            for kind, what in compared(name, pathlib.Path(folder)):
                counts[kind] = counts.get(kind, 0) + 1
                print(f"{name}: {kind}: {what}", flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    sys.exit(1 if any("WRONG" in kind or kind == "wrong" for kind in counts) else 0)


main()
