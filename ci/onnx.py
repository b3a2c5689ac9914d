"""Writes networks as ONNX, checks the files, and holds what ONNX Runtime computes against `convcheck forward`."""

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
from safetensors.numpy import load_file, save_file

CONVCHECK = os.environ["CONVCHECK"]
# Relative L2 in f32: two programs that sum in other orders differ so far in nets of a thousand layers.
TOLERANCE = 1e-4
SAMPLES = 2


def convcheck(*arguments):
    return subprocess.run([CONVCHECK, *map(str, arguments)], capture_output=True, text=True)


def compared(model, folder):
    """What is wrong with a network's file; nothing if it is right."""
    shown = convcheck("show", model["name"], "--json")
    if shown.returncode != 0:
        return "refused", shown.stderr.strip()
    shape = [SAMPLES, *json.loads(shown.stdout)["input"]]
    file, batch, own = folder / "it.onnx", folder / "batch.safetensors", folder / "own.safetensors"
    weights = ["--weights", "fill:default"]
    written = convcheck("export", model["name"], "--onnx", file, *weights)
    if written.returncode != 0:
        return "refused", written.stderr.strip()
    x = np.random.default_rng(zlib.crc32(model["name"].encode())).standard_normal(shape).astype(np.float32)
    save_file({"input": x}, batch)
    run = convcheck("forward", model["name"], *weights, "--input", batch, "--output", own)
    if run.returncode != 0:
        return "wrong", f"convcheck does not run it: {run.stderr.strip()}"
    onnx.checker.check_model(str(file))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    found = dict(zip(names, session.run(names, {session.get_inputs()[0].name: x})))
    apart = 0.0
    for name, expected in load_file(own).items():
        if found[name].shape != expected.shape:
            return "wrong", f"{name}: {found[name].shape} where convcheck has {expected.shape}"
        difference = np.linalg.norm((found[name] - expected).astype(np.float64))
        apart = max(apart, difference / np.linalg.norm(expected.astype(np.float64)))
    if not apart <= TOLERANCE:
        return "wrong", f"{apart:.1e} apart"
    # the file read again is the same network, but for what was said when it was written
    remarks = written.stdout.strip().splitlines()[1:]
    again = convcheck("diff", model["name"], file)
    if again.returncode != 0 and not remarks:
        return "read otherwise", again.stdout.strip().splitlines()[0]
    return "agrees", f"{apart:.1e} apart" + "".join(f"; {remark}" for remark in remarks)


def main():
    models = json.loads(convcheck("list", "models", "--json").stdout)
    asked = sys.argv[1:]
    known = {model["name"] for model in models}
    if unknown := [name for name in asked if name not in known]:
        sys.exit(f"ci/onnx: there is no model {', '.join(unknown)}")
    models = [model for model in models if not asked or model["name"] in asked]
    counts = {}
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            kind, what = compared(model, pathlib.Path(folder))
        counts[kind] = counts.get(kind, 0) + 1
        print(f"{model['name']}: {kind}: {what}", flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())))
    sys.exit(1 if set(counts) & {"wrong", "read otherwise"} else 0)


main()
