"""Times convcheck and PyTorch, eager and compiled, in turns on a GPU; a throughput.jsonl for each precision.

Started by ci/gpu, there where the GPU is. As ci/peers.py: in each round of a network, a batch and a step the engines
come one after the other, each warmed up, on images that are on the GPU already. A sample is a step to its end.

Before that runs are trained side by side (at_once.py); `--only-at-once` does nothing else.

Compiling takes PyTorch minutes a network. So that is done before anything is timed, some networks side by side: PyTorch
keeps what it has compiled on disk.
"""

import argparse
import concurrent.futures
import json
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import at_once
import torch
from peers import lines, said, write
from peers_engines import samples
from peers_models import MODELS
from torch import nn

QUICK = ["article_lenet5_cifar10", "resnet20_cifar", "vgg16", "resnet50"]
PRECISIONS = ["f32", "tf32", "bf16"]
STEPS = ["training", "inference"]
GPU = torch.device("cuda")


def fail(what):
    print(f"ci/gpu: {what}", file=sys.stderr)
    sys.exit(2)


def batches(shape):
    """A small one, which a GPU cannot fill, and one of the size that people train with."""
    return (8, 128) if shape[-1] > 100 else (64, 512)


def step_of(make, compiled, shape, batch, step, precision):
    """A step of a network as src/bench/workload.rs takes it, the way PyTorch does it best; it ends with the GPU's work."""
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    model = make().to(GPU, memory_format=torch.channels_last)
    x = (torch.rand(batch, *shape, device=GPU) * 2 - 1).to(memory_format=torch.channels_last)
    half = precision == "bf16"
    model.eval()
    with torch.inference_mode():
        classes = model(x[:2]).shape[1]
    if step == "inference" and half:
        # weights that do not change need no cast at every step
        model, x = model.bfloat16(), x.bfloat16()
    model.train(step == "training")
    network = torch.compile(model, mode="reduce-overhead") if compiled else model

    def infer():
        torch.compiler.cudagraph_mark_step_begin()
        with torch.inference_mode():
            network(x)
        torch.cuda.synchronize()

    if step == "inference":
        return infer
    labels = torch.arange(batch, device=GPU) % classes
    descent = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9, fused=True)

    def learn():
        torch.compiler.cudagraph_mark_step_begin()
        descent.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=half):
            loss = nn.functional.cross_entropy(network(x), labels)
        loss.backward()
        descent.step()
        torch.cuda.synchronize()

    return learn


def compiled_once(name, shape, batch, precision, step):
    """Runs a compiled step; what cannot be compiled says so again when it is timed."""
    try:
        run = step_of(MODELS[name], True, shape, batch, step, precision)
        for _ in range(3):
            run()
    except (RuntimeError, ValueError, AssertionError):
        pass


def compile_ahead(options, tasks):
    start = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.side_by_side, multiprocessing.get_context("spawn")) as pool:
        runs = [pool.submit(compiled_once, *task, step) for task in tasks for step in options.step]
        concurrent.futures.wait(runs)
    print(f"{len(runs)} steps compiled in {time.monotonic() - start:.0f} s", flush=True)


def measure(options, name, shape, batch, precision):
    """The timings of each round, and why an engine is missing."""
    timings, missing, runs = [], {}, {}

    def ours():
        which = [["--step", step] for step in options.step]
        which = ["--device", "cuda", "--precision", precision, "--batch", batch, *sum(which, [])]
        return lines(options.convcheck, "time", name, *which, "--samples", options.samples, "--json")

    def peer(engine, step):
        # made, and compiled, in its first turn
        if (engine, step) not in runs:
            compiled = engine == "pytorch-compiled"
            runs[engine, step] = step_of(MODELS[name], compiled, shape, batch, step, precision)
        return {"engine": engine, "version": torch.__version__, **samples(runs[engine, step], options.samples)}

    for turn in range(1, options.rounds + 1):
        for first in ours():
            first["round"] = turn
            timings.append(first)
            step = first["what"]["network"]["step"]
            for engine in ["pytorch"] + (["pytorch-compiled"] if name in options.compiled else []):
                if (engine, step) not in missing:
                    try:
                        timings.append({**first, **peer(engine, step)})
                    except (RuntimeError, ValueError, AssertionError) as error:
                        missing[engine, step] = (str(error).splitlines() or [type(error).__name__])[0]
    runs.clear()
    torch._dynamo.reset()
    torch.cuda.empty_cache()
    return timings, missing


def main():
    parser = argparse.ArgumentParser(prog="ci/gpu", description="Times convcheck beside PyTorch on a GPU.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of those in ci/peers_models.py; all without one")
    parser.add_argument("--quick", action="store_true", help="a few networks, three rounds")
    parser.add_argument("--precision", action="append", choices=PRECISIONS, help="can be given several times; all without one")
    parser.add_argument("--batch", action="append", type=int, help="can be given several times")
    parser.add_argument("--step", action="append", choices=STEPS, help="can be given several times; both without one")
    parser.add_argument("--compiled", action="append", metavar="MODEL", help="those that compiled PyTorch runs too; all without one")
    parser.add_argument("--eager", action="store_true", help="without compiled PyTorch")
    parser.add_argument("--side-by-side", type=int, default=4, help="networks compiled at once, which share the GPU's memory")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--samples", type=int, default=20, help="in each round")
    parser.add_argument("--minutes", type=float, default=9, help="after so long nothing new is begun")
    parser.add_argument("--only-at-once", action="store_true", help="measure runs side by side, and nothing else")
    parser.add_argument("--output", type=Path, required=True, help="folder for at-once.json and PRECISION/throughput.jsonl")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.convcheck = os.environ["CONVCHECK"]
    names = options.models or (QUICK if options.quick else list(MODELS))
    options.step = options.step or STEPS
    options.compiled = [] if options.eager else options.compiled or names
    for name in names + options.compiled:
        if name not in MODELS:
            fail(f"{name} is not among the models: {', '.join(MODELS)}")
    if min(options.rounds, options.samples, options.side_by_side, *(options.batch or [1])) < 1:
        fail("--rounds, --samples, --side-by-side and --batch must be 1 or more")
    if not torch.cuda.is_available():
        fail("PyTorch finds no GPU")

    at_once.measure(options.output)
    if options.only_at_once:
        return

    shapes, differ = {}, False
    for name in names:
        shown = json.loads("".join(said(options.convcheck, "show", name, "--json")))
        with torch.device("meta"):
            theirs = sum(weight.numel() for weight in MODELS[name]().parameters())
        if shown["totals"]["params"] != theirs:
            print(f"ci/gpu: {name} has {shown['totals']['params']} parameters, {theirs} in PyTorch", file=sys.stderr)
            differ = True
        shapes[name] = shown["input"]
    if differ:
        sys.exit(1)

    tasks = [
        (name, shapes[name], batch, precision)
        for precision in options.precision or PRECISIONS
        for name in names
        for batch in options.batch or batches(shapes[name])
    ]
    end, timings, left = time.monotonic() + 60 * options.minutes, {}, 0
    print(f"{torch.cuda.get_device_name()}, {options.rounds} rounds of {options.samples} samples", flush=True)
    if options.compiled:
        compile_ahead(options, [task for task in tasks if task[0] in options.compiled])
    for name, shape, batch, precision in tasks:
        if time.monotonic() > end:
            left += 1
            continue
        what = f"{name}, batch {batch}, {precision}"
        try:
            new, missing = measure(options, name, shape, batch, precision)
        except RuntimeError as error:
            print(f"{what}: {error}", flush=True)
            continue
        timings.setdefault(precision, []).extend(new)
        write(options.output / precision, timings[precision])
        without = "".join(f"; {engine}, {step}: {why}" for (engine, step), why in missing.items())
        print(f"{what}{without}", flush=True)
    for precision in timings:
        print(f"\n{precision}", flush=True)
        subprocess.run([options.convcheck, "time", "--from", options.output / precision], check=True)
    if left:
        print(f"{left} measurements were not begun within {options.minutes:g} minutes")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
        fail(error)
