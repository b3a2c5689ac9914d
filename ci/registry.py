"""Exports networks as .pt2 and holds what convcheck reads there against its registry."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import warnings

import timm
import torch
import torchvision

warnings.filterwarnings("ignore")
CONVCHECK = os.environ["CONVCHECK"]


def convcheck(*arguments):
    return subprocess.run([CONVCHECK, *map(str, arguments)], capture_output=True, text=True)


def made(model):
    """The network as its library makes it; none if no library has it under the name."""
    name = model["name"]
    library = model["source"].split(":")[0].split(",")[0].split("'")[0]
    if library == "timm":
        return timm.create_model(name) if name in timm.list_models() else None
    if library != "torchvision":
        return None
    name, transforms = name.removesuffix("_transform_input"), name.endswith("_transform_input")
    make = getattr(torchvision.models, name, None)
    if make is None:
        return None
    if name not in ("googlenet", "inception_v3"):
        return make(weights=None)
    return make(weights=None, init_weights=False, aux_logits=False, transform_input=transforms)


def main():
    models = json.loads(convcheck("list", "models", "--json").stdout)
    asked = sys.argv[1:]
    counts = {}
    for model in models:
        if asked and model["name"] not in asked:
            continue
        network = made(model)
        if network is None:
            continue
        shape = json.loads(convcheck("show", model["name"], "--json").stdout)["input"]
        with tempfile.TemporaryDirectory() as folder, torch.no_grad():
            file = pathlib.Path(folder) / "it.pt2"
            torch.export.save(torch.export.export(network.eval(), (torch.zeros(1, *shape),)), file)
            found = convcheck("diff", model["name"], file)
        lines = (found.stdout + found.stderr).strip().splitlines()
        kind = {0: "the same", 1: "differs"}.get(found.returncode, "cannot be read")
        counts[kind] = counts.get(kind, 0) + 1
        print(f"{model['name']}: {kind}" + "".join(f"\n  {line}" for line in lines[:6] if found.returncode), flush=True)
    print(", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "no network of that name")
    sys.exit(0 if set(counts) == {"the same"} else 1)


main()
