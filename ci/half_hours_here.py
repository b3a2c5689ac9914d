"""Packs what a GPU trains of a plan, and takes in what came back. Started by ci/gpu, whose first lines say how."""

import argparse
import hashlib
import io
import json
import lzma
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from half_hours import RUN, counted, digest, fail, files_of, piece, say, write

ROOT = Path(__file__).resolve().parent.parent
# what a call carries in all, the checkout among it, and what other files of a call may take
CALL, REST = 64 << 20, 1 << 20
# the most that a piece has
PIECE = 60_000_000


class Pieces(io.RawIOBase):
    """What is written stands in files of a size, each in a folder of its own, which a call carries."""

    def __init__(self, folder, first, others):
        self.folder, self.room, self.others = folder, first, others
        self.file, self.all = None, []

    def writable(self):
        return True

    def write(self, content):
        left = memoryview(content)
        while len(left) > 0:
            if self.file is None or self.left == 0:
                self.next()
            part, left = left[: self.left], left[self.left :]
            self.file.write(part)
            self.sum.update(part)
            self.left -= len(part)
        return len(content)

    def next(self):
        self.finish()
        path = piece(self.folder, len(self.all) + 1)
        path.parent.mkdir()
        self.file, self.sum, self.left = open(path, "wb"), hashlib.sha256(), self.room
        self.room = self.others

    def finish(self):
        if self.file is not None:
            self.all.append({"bytes": self.file.tell(), "sha256": self.sum.hexdigest()})
            self.file.close()
            self.file = None


def rooms(folder, most):
    """How large the first piece may be, with which the program travels, and the others."""
    # the checkout travels with each call
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout
    checkout = [ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name]
    size = sum(path.lstat().st_size for path in checkout if path.exists())
    program = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    left = CALL - REST - size
    if left <= program:
        fail(f"the checkout ({size / 1e6:.0f} MB) and the program ({program / 1e6:.0f} MB) take all of a call, which carries {CALL >> 20} MiB")
    return min(most, left - program), min(most, left)


def chosen(data, named):
    """The data sets of a folder, each a folder in it; those that are named, if any are."""
    if data is None:
        if named:
            fail("--set names data sets of --data")
        return []
    if not data.is_dir():
        fail(f"--data: {data} is no folder")
    known = sorted(path.name for path in data.iterdir() if path.is_dir() and path.name[0] not in "._")
    for name in named:
        if name not in known:
            fail(f"--set: there is no {name} in {data}, but {', '.join(known) or 'nothing'}")
    return named or known


def recorded(reports):
    """The lines of records that are of runs on a GPU."""
    lines = []
    for record in sorted(reports.glob("**/training.jsonl")):
        own = record.read_bytes().splitlines(keepends=True)
        lines += [line for line in own if line.endswith(b"\n") and b'"backend":"cuda-' in line]
    return lines


def packed(members):
    """A compressed archive of these files, by name; each a path or bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:xz", preset=1) as tar:
        for name, content in members.items():
            if isinstance(content, bytes):
                add(tar, name, content)
            else:
                tar.add(content, name)
    return archive.getvalue()


def add(tar, name, content):
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def send(options):
    """Data sets, the plan and what there is of runs, cut into pieces beside the folder of the program."""
    folder, data, plan = options.folder, options.data, options.plan
    for old in folder.parent.glob(f"{folder.name}-*"):
        if re.fullmatch(r"\d+", old.name[len(folder.name) + 1 :]) and (old / "piece").exists():
            shutil.rmtree(old)
    sets = chosen(data, options.set)
    own = plan.endswith(".toml")
    if own and not Path(plan).is_file():
        fail(f"--plan: there is no {plan}")
    finished = recorded(options.reports)
    begun = {name: path for name, path in files_of(options.runs).items() if name.endswith(".snapshot")}
    pieces = Pieces(folder, *rooms(folder, options.piece))
    with tarfile.open(fileobj=pieces, mode="w|") as tar:
        if own:
            # experiments of its own stand beside it
            for path in sorted(Path(plan).parent.glob("*.toml")):
                tar.add(path, f"plan/{path.name}")
        for name in sets:
            tar.add(data / name, f"data/{name}")
        if data and (data / "unpack.py").exists():
            tar.add(data / "unpack.py", "data/unpack.py")
        add(tar, "runs.tar.xz", packed({**begun, "recorded/training.jsonl": b"".join(finished)}))
    pieces.finish()
    manifest = {
        "pieces": pieces.all,
        "plan": f"plan/{Path(plan).name}" if own else plan,
        "sets": sets,
        "sent": {name: digest(path) for name, path in begun.items()},
    }
    write(folder / "pieces.json", json.dumps(manifest, indent=1).encode())
    size = sum(each["bytes"] for each in pieces.all) / 1e6
    runs = f"{counted(len(finished), 'finished run')}, {len(begun)} begun"
    say(f"{counted(len(pieces.all), 'piece')}, {size:.1f} MB: {', '.join(sets) or 'no data sets'}, {runs}")
    for n in range(1, len(pieces.all) + 1):
        say(f"call {n} carries {f'{folder} and ' if n == 1 else ''}{piece(folder, n).parent}")


def taken(folder):
    """What came back, by the names of files, and what is wrong with it."""
    try:
        said = json.loads((folder / "back.json").read_bytes())
    except (OSError, ValueError) as error:
        fail(f"{folder / 'back.json'}: {error}")
    found, wrong = {}, []
    for bundle in said["bundles"]:
        path = folder / bundle["name"]
        if not path.is_file():
            wrong.append(f"{path} is missing")
        elif path.stat().st_size != bundle["bytes"]:
            wrong.append(f"{path} is cut: it has {path.stat().st_size} bytes of {bundle['bytes']}")
        elif digest(path) != bundle["sha256"]:
            wrong.append(f"{path} was changed: it has another checksum")
        else:
            with tarfile.open(path) as tar:
                for member in tar:
                    found[member.name.removesuffix(".xz")] = lzma.decompress(tar.extractfile(member).read())
    for name, content in found.items():
        if not RUN.fullmatch(name) or hashlib.sha256(content).hexdigest() != said["files"].get(name):
            fail(f"{name} is not what was packed")
    return said, found, wrong


def back(options):
    """Adds finished runs to a report, and keeps snapshots where the next half hour is packed from."""
    said, found, wrong = taken(options.folder)
    finished = [name for name in found if name.endswith(".json")]
    report = options.report or ROOT / f"reports/{said['date']}-{slug(said['gpu'])}"
    for into, names in [(report, finished), (options.runs, [name for name in found if name not in finished])]:
        if names:
            with tempfile.TemporaryDirectory() as folder:
                for name in names:
                    write(Path(folder) / name, found[name])
                merged = subprocess.run([options.convcheck, "merge", into, folder])
            if merged.returncode != 0:
                fail(f"not all of what came back is added to {into}")
    for name in finished:
        (options.runs / name).with_suffix(".snapshot").unlink(missing_ok=True)
    for name in said["left"]:
        say(f"did not fit, and goes on from where it was sent: {name}")
    if wrong:
        fail("; ".join(wrong))


def slug(gpu):
    """h200 of NVIDIA H200, as folders of reports are called."""
    words = re.findall(r"[a-z0-9]+", gpu.lower().removeprefix("nvidia "))
    return "-".join(words[:1]) or "gpu"


def main():
    parser = argparse.ArgumentParser(prog="ci/gpu", description=__doc__.splitlines()[0])
    parts = parser.add_subparsers(required=True)
    part = parts.add_parser("send")
    part.set_defaults(do=send)
    part.add_argument("folder", type=Path)
    part.add_argument("--plan", default="full-scale", help="its name, or a file of your own (NAME.toml)")
    part.add_argument("--data", type=Path, help="folder with the data sets, a folder each; an unpack.py there writes them out")
    part.add_argument("--set", action="append", default=[], metavar="NAME", help="one of them; all without it")
    part.add_argument("--piece", type=int, default=PIECE, help="its bytes; fewer where a call has no room for them")
    part.add_argument("--runs", type=Path, default=ROOT / "target/gpu-runs", help="snapshots that came back before")
    part.add_argument("--reports", type=Path, default=ROOT / "reports", help="records, whose runs are not trained again")
    part = parts.add_parser("back")
    part.set_defaults(do=back)
    part.add_argument("folder", type=Path)
    part.add_argument("--runs", type=Path, default=ROOT / "target/gpu-runs", help="where snapshots are kept")
    part.add_argument("--report", type=Path, help="folder of records that finished runs are added to; reports/DATE-GPU without it")
    part.add_argument("--convcheck", default=os.environ.get("CONVCHECK", ROOT / "target/release/convcheck"))
    options = parser.parse_args()
    options.do(options)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError, TypeError, subprocess.CalledProcessError, tarfile.TarError, lzma.LZMAError) as error:
        fail(repr(error) if isinstance(error, (KeyError, TypeError)) else error)
