"""Half hours of a lent GPU: what half_hours_here.py and half_hours_there.py have in common.

A plan takes more hours than a machine is lent for, so runs go on from half hour to half hour. What is sent are data sets,
the runs that are recorded and the snapshots of those that are begun, in pieces that each fit into a call; what comes back are
the runs that were finished there and the snapshots of others, as far as they fit. All of it has checksums. ci/gpu says how.
"""

import hashlib
import os
import re
import sys
import tempfile

# files of runs, as `convcheck train` calls them
RUN = re.compile(r"runs/[a-z0-9-]+/[a-z0-9-]+\.(json|snapshot)")


def fail(what):
    print(f"ci/gpu: {what}", file=sys.stderr)
    sys.exit(2)


def say(what):
    print(what, flush=True)


def counted(n, what):
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path, content):
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".half-hours-", delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)
    os.replace(file.name, path)


def piece(folder, n):
    """A piece of what is sent, in a folder of its own beside that of the program."""
    return folder.parent / f"{folder.name}-{n}" / "piece"


def files_of(folder):
    """Finished runs of a folder, and snapshots of those that are not finished, by what they are called there."""
    finished = sorted(folder.glob("runs/*/*.json"))
    begun = [path for path in sorted(folder.glob("runs/*/*.snapshot")) if not path.with_suffix(".json").exists()]
    named = [(path.relative_to(folder).as_posix(), path) for path in finished + begun]
    return {name: path for name, path in named if RUN.fullmatch(name)}
