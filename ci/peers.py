"""Times convcheck, its peers and stock candle layers in turns and writes throughput.jsonl, all samples in it.

Started by ci/peers. In each round of a network, a batch and a step the engines come one after the other, each warmed
up and in a process of its own (peers_engines.py); ratios are taken within a round, so that what slows the machine for a
while slows all.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

QUICK = ["article_lenet5_cifar10", "resnet20_cifar", "resnet18", "resnet50"]
STEPS = ["inference", "training"]
# the engines that learn, and those that infer only, from what PyTorch exports
LEARN = ["pytorch", "pytorch-channels-last", "pytorch-compiled"]
INFER = ["onnx-runtime", "openvino"]
CANDLE_ROUNDS, CANDLE_SAMPLES = 1, 1  # it is slow
PAUSE = 0.3  # seconds before a turn: threads that wait for an engine's next step spin for a while
PATIENCE = 1800  # seconds for a turn; to compile a large network takes minutes


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


class Peer:
    """An engine in its process, which waits between its turns."""

    def __init__(self, engine):
        self.engine, self.process = engine, None

    def turn(self, turn):
        """What it answers, or why it does not."""
        if not self.process:
            command = [sys.executable, Path(__file__).with_name("peers_engines.py"), self.engine]
            log = open(Path("target/peers") / f"{self.engine}.log", "a")
            pipe = subprocess.PIPE
            self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True)
        try:
            self.process.stdin.write(json.dumps(turn) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answered = select.select([self.process.stdout], [], [], PATIENCE)[0]
        answer = self.process.stdout.readline() if answered else ""
        if answer:
            return json.loads(answer)
        code = self.end()
        ended = f"its process ended with {code}, see target/peers/{self.engine}.log"
        return {"missing": ended if answered else f"it took longer than {PATIENCE} s"}

    def end(self):
        """The exit code; the next turn has a process of its own."""
        process, self.process = self.process, None
        if not process:
            return None
        try:
            process.stdin.close()
            # one that waits for its turn ends, one that is at something does not
            return process.wait(timeout=10)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            process.kill()
            return process.wait()


def measure(options, peers, name, shape, batch, step, candle):
    """The timings of each round, and why an engine is missing."""
    timings, missing, task = [], {}, {"model": name, "shape": shape, "batch": batch, "step": step}
    task["threads"] = options.threads
    engines = [engine for engine in peers if step == "inference" or engine in LEARN]

    def ours():
        which = ["--batch", batch, "--step", step, "--samples", options.samples]
        return lines(options.convcheck, "time", name, *which, "--json")[0]

    def peer(engine, samples):
        """Nothing of one that is missing, which is noted."""
        if engine in missing:
            return None
        time.sleep(PAUSE)
        answer = peers[engine].turn({**task, "samples": samples})
        if "missing" in answer:
            missing[engine] = answer["missing"]
            return None
        return answer

    def stock():
        return lines(candle, "candle", name, batch, step, min(CANDLE_SAMPLES, options.samples))[0]

    with tempfile.TemporaryDirectory(dir="target/peers") as exported:
        task["exported"] = exported
        if any(engine in INFER for engine in engines):
            exporter = Peer("export")
            why = exporter.turn(task).get("missing")
            exporter.end()
            if why:
                missing = {engine: f"not exported: {why}" for engine in engines if engine in INFER}
        # made, and compiled, before the first round, which would else take minutes from its first engine to its last
        for engine in engines:
            peer(engine, 1)
        for turn in range(1, options.rounds + 1):
            time.sleep(PAUSE)
            first = {**ours(), "round": turn}
            timings.append(first)
            alone = {key: first[key] for key in first if key != "cpu_seconds"}
            for engine in engines:
                if answer := peer(engine, options.samples):
                    timings.append({**alone, **answer})
            if candle and turn <= CANDLE_ROUNDS:
                time.sleep(PAUSE)
                try:
                    timings.append({**alone, **stock(), "round": turn})
                except (RuntimeError, ValueError) as error:
                    missing["candle"] = str(error).splitlines()[0]
    return timings, missing


def write(folder, timings):
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / ".throughput.jsonl"
    part.write_text("".join(json.dumps(timing) + "\n" for timing in timings))
    part.replace(folder / "throughput.jsonl")


def parsed():
    parser = argparse.ArgumentParser(prog="ci/peers", description="Times convcheck beside its peers.")
    parser.add_argument("models", nargs="*", metavar="MODEL", help="of those in ci/peers_models.py; all without one")
    parser.add_argument("--quick", action="store_true", help="a few networks, three rounds")
    parser.add_argument("--engine", action="append", choices=LEARN + INFER, help="can be given several times; all without one")
    parser.add_argument("--batch", action="append", type=int, help="can be given several times")
    parser.add_argument("--step", action="append", choices=STEPS, help="can be given several times; both without one")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--samples", type=int, default=5, help="in each round")
    record = Path("target/peers/record")
    parser.add_argument("--output", type=Path, default=record, help="folder for throughput.jsonl")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.convcheck = os.environ["CONVCHECK"]
    if min(options.threads, options.rounds, options.samples, *(options.batch or [1])) < 1:
        fail("--threads, --rounds, --samples and --batch must be 1 or more")
    return options


def shapes(options, names):
    """The inputs of the networks, if PyTorch has the same."""
    import torch
    from peers_models import MODELS

    for name in names:
        if name not in MODELS:
            fail(f"{name} is not among the models: {', '.join(MODELS)}")
    shapes, differ = {}, False
    for name in names or MODELS:
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
    return shapes


def main():
    from peers_models import batches

    options, candle = parsed(), os.environ.get("CANDLE")
    threads = str(options.threads)
    os.environ.update(RAYON_NUM_THREADS=threads, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
    # what compiled PyTorch does best: weights that do not change are folded; what it has compiled is kept
    os.environ.update(TORCHINDUCTOR_FREEZING="1", TORCHINDUCTOR_CACHE_DIR=os.path.abspath("target/peers/inductor"))
    tasks = [
        (name, shape, batch, step)
        for name, shape in shapes(options, options.models or (QUICK if options.quick else [])).items()
        for batch in options.batch or batches(name, shape)
        for step in options.step or STEPS
    ]
    print(f"{threads} threads, {options.rounds} rounds of {options.samples} samples", flush=True)
    timings = lines(options.convcheck, "time", "--kernels", "--json")
    peers = {engine: Peer(engine) for engine in options.engine or LEARN + INFER}
    for name, shape, batch, step in tasks:
        new, missing = measure(options, peers, name, shape, batch, step, candle)
        timings += new
        write(options.output, timings)
        without = "".join(f"; no {engine}: {why}" for engine, why in missing.items())
        print(f"{name}, batch {batch}, {step}{without}", flush=True)
    for peer in peers.values():
        peer.end()
    sys.stdout.flush()
    subprocess.run([options.convcheck, "time", "--from", options.output], check=True)
    print(f"record: {options.output / 'throughput.jsonl'}")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
        fail(error)
