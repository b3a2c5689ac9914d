"""Times convcheck, PyTorch and stock candle layers in turns and writes throughput.jsonl, all samples in it.

Started by ci/peers. In each round of a network, a batch and a step the engines come one after the other, each warmed
up; ratios are taken within a round, so that what slows the machine for a while slows all.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from peers_models import MODELS, batches
from torch import nn

QUICK = ["article_lenet5_cifar10", "resnet20_cifar", "resnet18", "resnet50"]
WARM_UP = (3, 0.5)  # steps and seconds at least, as in src/bench.rs
CANDLE_ROUNDS, CANDLE_SAMPLES = 1, 1  # it is slow


def fail(what):
    print(f"ci/peers: {what}", file=sys.stderr)
    sys.exit(2)


def said(program, *arguments):
    """The lines that a program prints; a program that fails raises its first words."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        wrong = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise RuntimeError(wrong[0].removeprefix("Error: "))
    return done.stdout.splitlines()


def lines(program, *arguments):
    return [json.loads(line) for line in said(program, *arguments)]


def step_of(model, x, labels, step):
    """A step of a network, as src/bench/workload.rs takes it."""
    if step == "inference":
        model.eval()

        def run():
            with torch.inference_mode():
                model(x)

        return run
    model.train()
    descent = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

    def run():
        descent.zero_grad()
        nn.functional.cross_entropy(model(x), labels).backward()
        descent.step()

    return run


def samples(run, count):
    def timed():
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    start, steps = time.perf_counter(), 0
    while steps < WARM_UP[0] or time.perf_counter() - start < WARM_UP[1]:
        timed()
        steps += 1
    return [timed() for _ in range(count)]


def measure(options, name, model, shape, batch, step, candle):
    """The timings of each round, and why an engine is missing."""
    timings, missing = [], {}
    with torch.inference_mode():
        classes = model.eval()(torch.zeros(1, *shape)).shape[1]
    run = step_of(model, torch.rand(batch, *shape) * 2 - 1, torch.arange(batch) % classes, step)

    def ours():
        which = ["--batch", batch, "--step", step, "--samples", options.samples]
        return lines(options.convcheck, "time", name, *which, "--json")[0]

    def pytorch():
        return {"engine": "pytorch", "version": torch.__version__, "seconds": samples(run, options.samples)}

    def stock():
        return lines(candle, "candle", name, batch, step, min(CANDLE_SAMPLES, options.samples))[0]

    for turn in range(1, options.rounds + 1):
        # threads that wait for PyTorch's next step spin for a while
        time.sleep(0.3)
        first = {**ours(), "round": turn}
        timings.append(first)
        for engine, peer in [("PyTorch", pytorch)] + ([("candle", stock)] if candle and turn <= CANDLE_ROUNDS else []):
            if engine not in missing:
                try:
                    timings.append({**first, **peer(), "round": turn})
                except (RuntimeError, ValueError) as error:
                    missing[engine] = str(error).splitlines()[0]
    return timings, missing


def write(folder, timings):
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / ".throughput.jsonl"
    part.write_text("".join(json.dumps(timing) + "\n" for timing in timings))
    part.replace(folder / "throughput.jsonl")


def main():
    parser = argparse.ArgumentParser(prog="ci/peers", description="Times convcheck beside PyTorch and candle.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of those in ci/peers_models.py; all without one")
    parser.add_argument("--quick", action="store_true", help="a few networks, three rounds")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--samples", type=int, default=5, help="in each round")
    record = Path("target/peers/record")
    parser.add_argument("--output", type=Path, default=record, help="folder for throughput.jsonl")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.convcheck, candle = os.environ["CONVCHECK"], os.environ.get("CANDLE")
    names = options.models or (QUICK if options.quick else list(MODELS))
    for name in names:
        if name not in MODELS:
            fail(f"{name} is not among the models: {', '.join(MODELS)}")
    if min(options.threads, options.rounds, options.samples) < 1:
        fail("--threads, --rounds and --samples must be 1 or more")
    torch.set_num_threads(options.threads)
    os.environ["RAYON_NUM_THREADS"] = str(options.threads)

    shapes, differ = {}, False
    for name in names:
        shown = json.loads("".join(said(options.convcheck, "show", name, "--json")))
        ours = shown["totals"]["params"]
        with torch.device("meta"):
            theirs = sum(weight.numel() for weight in MODELS[name]().parameters())
        if ours != theirs:
            print(f"ci/peers: {name} has {ours} parameters, {theirs} in PyTorch", file=sys.stderr)
            differ = True
        shapes[name] = shown["input"]
    if differ:
        sys.exit(1)

    print(f"{options.threads} threads, {options.rounds} rounds of {options.samples} samples", flush=True)
    timings = lines(options.convcheck, "time", "--kernels", "--json")
    for name in names:
        model, shape = MODELS[name](), shapes[name]
        for batch in batches(name, shape):
            for step in ("inference", "training"):
                new, missing = measure(options, name, model, shape, batch, step, candle)
                timings += new
                write(options.output, timings)
                without = "".join(f"; {engine}: {why}" for engine, why in missing.items())
                print(f"{name}, batch {batch}, {step}{without}", flush=True)
    sys.stdout.flush()
    subprocess.run([options.convcheck, "time", "--from", options.output], check=True)
    print(f"record: {options.output / 'throughput.jsonl'}")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
        fail(error)
