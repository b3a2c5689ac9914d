"""How much faster do several runs learn side by side on a GPU than one after the other, and how much of a step is launches?

Started by gpu.py, there where the GPU is; by itself it needs nothing but Python and the program that $CONVCHECK names. Eight
runs of ResNet-20 for CIFAR learn from the embedded digits, enlarged to 32x32, so that no data set is needed: one at a time, then
more. They are trained twice, three times as long the second time: what that takes longer are steps and nothing else. A step of two images costs what launching its kernels costs; that beside a step of 128 is the share of launches.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETWORK, BATCH, RUNS = "resnet20_cifar", 128, 8
EXPERIMENT = f"""
name = "at-once"
title = "Runs side by side"
source = "ci/at_once.py"

[recipe]
data = "digits"
batch = {BATCH}
epochs = EPOCHS
augment = [{{ pad-crop = 4 }}, "flip"]
init = "he"
optimizer = {{ sgd = {{ rate = 0.1, momentum = 0.9, weight_decay = 1e-4 }} }}

[quick]
seeds = SEEDS

[[arm]]
name = "residual"
title = "residual"
recipe.model = "{NETWORK}"

[[question]]
name = "it-learns"
says = "The last error is below a tenth."
metric = "test_error"
contrast = {{ residual = 1 }}
below = 0.1
"""


def said(*arguments, queues=None):
    """What the program prints; one that fails raises its first words. A GPU takes streams by so many queues, 8 unless told."""
    environment = os.environ | ({"CUDA_DEVICE_MAX_CONNECTIONS": str(queues)} if queues else {})
    command = [os.environ["CONVCHECK"], *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        wrong = done.stderr.strip().splitlines() or ["it ended without a word"]
        raise RuntimeError(wrong[0].removeprefix("Error: "))
    return done.stdout, done.stderr


def trained(at_once, device, precision, epochs, queues):
    """Steps of all runs, and the seconds that they took, with so many side by side."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "at-once.toml"
        seeds = max(RUNS, at_once)
        file.write_text(EXPERIMENT.replace("EPOCHS", str(epochs)).replace("SEEDS", str(seeds)))
        on = ["--device", device, "--precision", precision, "--at-once", at_once]
        start = time.monotonic()
        _, warned = said("train", file, "--output", folder, "--snapshot-every", 3600, *on, queues=queues)
        seconds = time.monotonic() - start
        if "no room" in warned:
            raise RuntimeError(f"{at_once} runs have no room on {device}")
        kept = [json.loads(path.read_text()) for path in Path(folder).glob("runs/*/*.json")]
        if len(kept) != seeds:
            raise RuntimeError(f"{len(kept)} of {seeds} runs are finished")
        return sum(len(run["curve"]["losses"]) for run in kept), seconds


def rate(short, long):
    """Steps a second of all runs together, from one training and from one that was longer."""
    return (long[0] - short[0]) / (long[1] - short[1])


def step_seconds(batch, device, precision):
    """The median of a training step."""
    which = ["--device", device, "--precision", precision, "--batch", batch, "--step", "training"]
    printed, _ = said("time", NETWORK, *which, "--samples", 50, "--json")
    return statistics.median(json.loads(printed)["seconds"])


def measure(output, device="cuda", precisions=("f32", "bf16"), numbers=(1, 2, 4, 8, 16), epochs=60):
    """Measures, prints, and leaves OUTPUT/at-once.json."""
    found = []
    for precision in precisions:
        few, many = (step_seconds(batch, device, precision) for batch in (2, BATCH))
        print(f"{NETWORK}, {precision}: a training step of {BATCH} images {1e3 * many:.3f} ms, of 2 images {1e3 * few:.3f} ms: "
              f"{few / many:.0%} of it is launches", flush=True)
        row = {"network": NETWORK, "precision": precision, "step_seconds": many, "step_seconds_of_2": few, "at_once": []}
        found.append(row)
        for number, queues in [(number, None) for number in numbers] + [(number, 32) for number in numbers if number >= 8]:
            what = f"  {number} at once" + (f", {queues} queues" if queues else "")
            try:
                short, long = (trained(number, device, precision, times * epochs, queues) for times in (1, 3))
            except RuntimeError as error:
                print(f"{what}: {error}", flush=True)
                continue
            together = rate(short, long)
            row["at_once"].append({"runs": number, "queues": queues, "steps_per_second": together, "steps_and_seconds": [short, long]})
            alone = row["at_once"][0]["steps_per_second"]
            print(f"{what}: {together:.0f} steps/s, {together / alone:.2f} times the first", flush=True)
            output.mkdir(parents=True, exist_ok=True)
            (output / "at-once.json").write_text(json.dumps(found, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(prog="ci/at_once.py", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for at-once.json")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", action="append", choices=["f32", "tf32", "bf16"], help="can be given several times")
    parser.add_argument("--at-once", action="append", type=int, metavar="N", help="can be given several times; 1, 2, 4, 8 and 16 without it")
    parser.add_argument("--epochs", type=int, default=60, help="of some 11 steps")
    options = parser.parse_args()
    numbers = options.at_once or [1, 2, 4, 8, 16]
    measure(options.output, options.device, options.precision or ["f32", "bf16"], numbers, options.epochs)


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, KeyError) as error:
        print(f"ci/at_once.py: {error}", file=sys.stderr)
        sys.exit(2)
