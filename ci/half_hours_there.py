"""Trains a plan on the machine to which it was sent, until its time is up, and packs what comes back. Started by ci/gpu."""

import argparse
import concurrent.futures
import datetime
import io
import json
import lzma
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from half_hours import counted, digest, fail, files_of, piece, say, write

# what a call brings back: files, the size of one, and of all
FILES, FILE, ALL = 8, 16_000_000, 63_000_000
# a member of a tar has a header and fills blocks; a tar has an end
BLOCK, END = 512, 10240


def unpacked(here):
    """What the pieces held, in the folder `work`, once all of them are there and whole."""
    manifest_file, work = here / "pieces.json", here / "work"
    if not manifest_file.exists():
        fail("it was packed without a plan: ci/gpu FOLDER --plan PLAN packs one")
    manifest = json.loads(manifest_file.read_bytes())
    if work.exists():
        return manifest, work
    count = len(manifest["pieces"])
    for n, said in enumerate(manifest["pieces"], 1):
        path, which = piece(here, n), f"piece {n} of {count}"
        if not path.is_file():
            fail(f"{which} is missing: {path} is not there")
        size = path.stat().st_size
        if size != said["bytes"]:
            fail(f"{which} is cut: {path} has {size} bytes of {said['bytes']}")
        if digest(path) != said["sha256"]:
            fail(f"{which} was changed: {path} has another checksum")
    part = here / "work.part"
    shutil.rmtree(part, ignore_errors=True)
    (part / "data").mkdir(parents=True)
    with tempfile.TemporaryFile(dir=here) as whole:
        for n in range(1, count + 1):
            with open(piece(here, n), "rb") as file:
                shutil.copyfileobj(file, whole)
        whole.seek(0)
        with tarfile.open(fileobj=whole) as tar:
            tar.extractall(part, filter="data")
    with tarfile.open(part / "runs.tar.xz") as tar:
        tar.extractall(part / "output", filter="data")
    (part / "output" / "recorded").rename(part / "recorded")
    script = part / "data" / "unpack.py"
    if script.exists():
        # what writes the sets in the formats in which they are published
        subprocess.run([sys.executable, script.resolve(), part / "sets", *manifest["sets"]], check=True)
    part.rename(work)
    return manifest, work


def seconds(text):
    """9m, 90s, 1.5h or 1h30m, as `convcheck train` takes it."""
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise argparse.ArgumentTypeError(f"`{text}` is no time: 90s, 9m, 1.5h or 1h30m would be one")
    return sum(float(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)


def train(output, until, options):
    """Runs of the plan until the time is up; the exit code of `convcheck train`."""
    began = time.monotonic()
    here = Path(__file__).resolve().parent
    manifest, work = unpacked(here)
    plan = manifest["plan"]
    sets = work / "sets" if (work / "sets").exists() else work / "data"
    command = [here / "convcheck", "train", "--plan", work / plan if plan.endswith(".toml") else plan]
    command += ["--resume", "--output", work / "output", "--runs", work / "recorded", "--data", sets]
    command += ["--device", "cuda"]
    if until is not None:
        left = until - (time.monotonic() - began)
        if left < 0.01:
            fail(f"no time is left: putting the pieces together took {until - left:.0f} s")
        command += ["--until", f"{left:.2f}s"]
    status = subprocess.run([*command, *options]).returncode
    bring(work / "output", output, manifest["sent"])
    return status


def steps(snapshot):
    """How far the run of a snapshot is; one that cannot be read is at its beginning."""
    try:
        with open(snapshot, "rb") as file:
            length = int.from_bytes(file.read(8), "little")
            begin, end = json.loads(file.read(length))["state"]["data_offsets"]
            file.seek(8 + length + begin)
            return json.loads(file.read(end - begin))["progress"]["steps"]
    except (OSError, ValueError, KeyError, TypeError, MemoryError, OverflowError):
        return 0


def bring(folder, output, sent):
    """Packs what is other than it was sent: finished runs first, then snapshots, the most advanced first."""
    for old in output.glob("back*"):
        old.unlink()
    new = {name: path for name, path in files_of(folder).items() if sent.get(name) != digest(path)}
    finished = [name for name in new if name.endswith(".json")]
    begun = sorted((name for name in new if name not in finished), key=lambda name: -steps(new[name]))
    # each has a size and its members
    bundles, files, left = [], {}, []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        packed = pool.map(lambda name: (name, lzma.compress(new[name].read_bytes(), preset=1)), finished + begun)
        for name, content in packed:
            size = BLOCK + -(-len(content) // BLOCK) * BLOCK
            room = ALL - sum(size for size, _ in bundles)
            bundle = next((it for it in bundles if size <= min(FILE - it[0], room)), None)
            # one file says what is in the others, another what the GPU is
            if bundle is None and len(bundles) < FILES - 2 and END + size <= min(FILE, room):
                bundles.append(bundle := [END, []])
            if bundle is None:
                left.append(name)
                continue
            bundle[0] += size
            bundle[1].append((name, content))
            files[name] = digest(new[name])
    said = []
    for n, (_, members) in enumerate(bundles, 1):
        path = output / f"back-{n}.tar"
        with tarfile.open(path, "w") as tar:
            for name, content in members:
                member = tarfile.TarInfo(f"{name}.xz")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        said.append({"name": path.name, "bytes": path.stat().st_size, "sha256": digest(path)})
    gpu = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    back = {
        "bundles": said,
        "files": files,
        "left": left,
        "gpu": (gpu.stdout.splitlines() or [""])[0],
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
    }
    write(output / "back.json", json.dumps(back, indent=1).encode())
    runs = sum(name in files for name in finished)
    come = f"{counted(runs, 'finished run')} and {counted(len(files) - runs, 'snapshot')} come back"
    say(f"{come} in {counted(len(said), 'file')}, {sum(each['bytes'] for each in said) / 1e6:.1f} MB")
    for name in left:
        say(f"left there, since no more fits: {name}" + ("" if name in finished else f", at step {steps(new[name])}"))


def main():
    parser = argparse.ArgumentParser(prog="gpu --plan", description=__doc__.splitlines()[0], allow_abbrev=False)
    parser.add_argument("output", type=Path)
    parser.add_argument("--until", type=seconds, help="the time from now on, after which all is snapshotted and packed")
    own, others = parser.parse_known_args()
    sys.exit(train(own.output, own.until, others))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, subprocess.CalledProcessError, tarfile.TarError, lzma.LZMAError) as error:
        fail(error)
