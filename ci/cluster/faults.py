"""Trains runs on a Slurm of two nodes while jobs, nodes and controllers are ended at random, and compares what is found with
what undisturbed training finds. ci/cluster/test installs what this needs and calls it."""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from slurm import NODES, Slurm, kill, processes

HERE = Path(__file__).parent
# seconds after which it hangs, however slow the machine
PATIENCE = 1800

# What is done to a job or a machine in the middle of training.
JOB = ("requeue", "cancel", "terminate", "kill")
MACHINE = ("node", "slurmd", "slurmctld", "snakemake")


class Broken(Exception):
    """Something did not survive."""


class Training:
    """Snakemake, which trains runs into a folder."""

    def __init__(self, profile, output, arms, environment, more=()):
        self.output = output
        self.environment = environment
        # what is trained, and where Snakemake keeps its own
        self.directory = output.parent / f"{output.name}-snakemake"
        self.directory.mkdir(parents=True)
        self.log = (self.directory / "log").open("w")
        self.command = [sys.executable, "-m", "snakemake", "--snakefile", HERE / "Snakefile"]
        self.command += ["--profile", HERE / "profiles" / profile, "--directory", self.directory, *more, "--config"]
        self.command += [f"experiments={HERE / 'faults.toml'}", f"output={output}", f"arms={arms}"]
        self.command += [f"convcheck={environment['CONVCHECK']}", "snapshot_every=1", "pause=2", "mem_mb=500"]
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def finished(self):
        """The files of finished runs, each with what would change if it were written again."""
        files = (self.output / "runs").glob("*/*.json")
        return {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in files}

    def trainers(self):
        """The processes that train a run into this folder now: their numbers, their environments, and that run's snapshot."""
        return [
            (number, environment, self.snapshot(command[command.index("--arm") + 1], command[command.index("--seed") + 1]))
            for number, command, environment in processes()
            if command[:2] == [self.environment["CONVCHECK"], "train"] and str(self.output) in command
        ]

    def snapshot(self, arm, seed):
        """Where the snapshot of a run is, or will be."""
        return self.output / "runs" / "cluster-faults-quick" / f"{arm}-{seed}.snapshot"

    def stop(self):
        # with the jobs that it runs here itself
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()


class Faults:
    """Disturbs a training on a Slurm, in an order that a seed decides."""

    def __init__(self, slurm, training, count, chance):
        self.slurm = slurm
        self.training = training
        self.chance = chance
        kinds = list(JOB + MACHINE)
        self.left = []
        while len(self.left) < count:
            chance.shuffle(kinds)
            self.left += kinds
        self.left = self.left[:count]
        self.dealt = []
        # how many met a run with a snapshot
        self.begun = 0
        # what is down, and until when
        self.down = {}

    def repair(self, now):
        """Starts again what was down for long enough."""
        for name, until in list(self.down.items()):
            if now >= until:
                del self.down[name]
                if name == "snakemake":
                    self.training.start()
                elif name == "slurmctld":
                    self.slurm.start_controller()
                else:
                    self.slurm.start_node(name)

    def deal(self, now):
        """One fault; false where there is nothing to disturb, or it cannot be had now."""
        kind = self.left[0]
        trainers = self.training.trainers()
        if not trainers:
            return False
        number, environment, snapshot = self.chance.choice(trainers)
        begun = snapshot.exists()
        job = environment["SLURM_JOB_ID"]
        if kind in ("requeue", "cancel", "terminate"):
            command = {
                "requeue": ["scontrol", "requeue", job],
                "cancel": ["scancel", job],
                "terminate": ["scancel", "--signal=TERM", job],
            }[kind]
            if "slurmctld" in self.down or self.slurm.ask(*command) is None:
                return False
            what = f"job {job}"
        elif kind == "kill":
            if not kill(number):
                return False
            what = f"job {job}"
        else:
            name = environment["SLURMD_NODENAME"] if kind in ("node", "slurmd") else kind
            if name in self.down:
                return False
            seconds = self.chance.uniform(1, 15)
            what = f"{name}, for {seconds:.0f} s"
            if kind == "node":
                for one in self.slurm.of(name):
                    kill(one)
            elif kind == "snakemake":
                self.training.process.kill()
                self.training.process.wait()
            elif kind == "slurmctld":
                self.slurm.stop_controller()
            else:
                kill(self.slurm.daemon(name))
            self.down[name] = now + seconds
        self.left.pop(0)
        self.dealt.append(kind)
        self.begun += begun
        print(f"  {len(self.training.finished()):2} finished: {kind}, {what}", flush=True)
        return True


def undisturbed(output, arms):
    """The same on this machine alone."""
    training = Training("local", output, arms, dict(os.environ))
    try:
        if training.process.wait(timeout=PATIENCE) != 0:
            raise Broken(f"undisturbed training failed: {training.directory / 'log'}")
    finally:
        training.stop()
    return training


def disturbed(slurm, output, arms, runs, count, chance, until):
    """All runs, while `count` faults are dealt: one whenever so many more are finished."""
    environment = slurm.environment()
    more = ["--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "5", "--jobs", "6"]
    training = Training("slurm", output, arms, environment, more)
    faults = Faults(slurm, training, count, chance)
    seen = {}
    begins = None
    try:
        while True:
            now = time.monotonic()
            if now > until:
                raise Broken(f"not done after {PATIENCE} s, with {len(seen)} of {runs} runs: {training.directory / 'log'}")
            finished = training.finished()
            for name, written in seen.items():
                if finished.get(name) != written:
                    raise Broken(f"{name} was finished, and was written again or lost")
            seen = finished
            faults.repair(now)
            # some time in the life of a run, which is some seconds long
            due = bool(faults.left) and len(seen) >= len(faults.dealt) * runs // (count + 1)
            if due and training.trainers():
                begins = begins or now + chance.uniform(0.3, 4)
                if now >= begins and faults.deal(now):
                    begins = None
            over = training.process.poll()
            if over is not None and "snakemake" not in faults.down:
                if over != 0:
                    raise Broken(f"Snakemake gave up: {training.directory / 'log'}")
                # what an earlier Snakemake had submitted
                if not faults.down and not training.trainers() and slurm.ask("squeue", "--noheader") == "":
                    break
            time.sleep(0.2)
    finally:
        training.stop()
    if faults.left:
        raise Broken(f"the runs were finished before these faults were dealt: {faults.left}")
    print(f"{faults.begun} of {count} faults met a run with a snapshot", flush=True)
    return training


def records(training):
    """What `convcheck merge` makes of the finished runs, a run a line, without what is chance in them."""
    merged = training.output.parent / f"{training.output.name}-merged"
    command = [training.environment["CONVCHECK"], "merge", merged, training.output]
    merge = subprocess.run(command, capture_output=True, text=True)
    if merge.returncode != 0:
        raise Broken(f"the runs of {training.output} do not merge: {merge.stderr.strip()}")
    found = {}
    for line in (merged / "training.jsonl").read_text().splitlines():
        run = json.loads(line)
        for chance in ("seconds", "date", "sum"):
            run.pop(chance, None)
        found[f"{run['arm']}, seed {run['seed']}"] = run
    return found


def main():
    parser = argparse.ArgumentParser(prog="ci/cluster/test", description=__doc__)
    parser.add_argument("--short", action="store_true", help="8 runs and 3 faults instead of 24 and 20")
    parser.add_argument("--seed", type=int, help="which faults; the clock gives one without it")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    runs, count, arms = (8, 3, "residual") if options.short else (24, 20, "plain residual preactivation")
    print(f"ci/cluster/test --seed {seed}{' --short' if options.short else ''}", flush=True)

    # what was started is ended when this is
    for end in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(end, lambda *_: sys.exit(2))
    began = time.monotonic()
    kept = Path("target/cluster/test").absolute()
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir(parents=True)
    try:
        expected = undisturbed(kept / "undisturbed", arms)
        print(f"undisturbed: {len(expected.finished())} runs in {time.monotonic() - began:.0f} s", flush=True)
        # sockets have short names
        with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
            slurm = Slurm(folder)
            try:
                slurm.start()
                chance = random.Random(seed)
                found = disturbed(slurm, kept / "disturbed", arms, runs, count, chance, began + PATIENCE)
            finally:
                slurm.stop()
                for log in Path(folder).glob("*.log"):
                    shutil.copy(log, kept)
        expected, found = records(expected), records(found)
        if len(expected) != runs:
            raise Broken(f"undisturbed training left {len(expected)} runs instead of {runs}")
        if expected != found:
            differ = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            raise Broken(f"these runs differ from undisturbed ones: {'; '.join(differ)}")
    except Broken as broken:
        print(f"ci/cluster/test: {broken}", file=sys.stderr)
        return 1
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        print(f"ci/cluster/test: could not run: {error}", file=sys.stderr)
        return 2
    print(f"{runs} runs with {count} faults are those of undisturbed training; {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
