"""A Slurm of two nodes on this host, for as long as a test lasts: its own ports, no accounting, nothing outside its folder."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

CONFIGURATION = """
ClusterName=convcheck
SlurmctldHost=localhost
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
# seconds until a requeued job may start
AuthInfo=cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
# a node that comes back may work again
ReturnToService=2
SlurmdTimeout=10
KillWait=10
MailProg=/bin/true
NodeName=node1 NodeHostname=localhost Port={ports[1]} CPUs=1 RealMemory=4000
NodeName=node2 NodeHostname=localhost Port={ports[2]} CPUs=1 RealMemory=4000
PartitionName=all Nodes=ALL Default=YES State=UP
"""

NODES = ("node1", "node2")

# by these all that belongs to a node is found: its daemon, what watches over jobs, the jobs
NODE = "CONVCHECK_CLUSTER_NODE"


def free_ports(count):
    """Ports that nobody uses now."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def processes():
    """Each process that can be looked at: its number, its command, its environment as it was at the start."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().split(b"\0")
                environment = (entry / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            yield int(entry.name), [os.fsdecode(word) for word in command if word], {
                key: value
                for key, _, value in (os.fsdecode(entry).partition("=") for entry in environment)
            }


def kill(number, with_signal=signal.SIGKILL):
    """Whether there was such a process."""
    try:
        os.kill(number, with_signal)
        return True
    except ProcessLookupError:
        return False


class Slurm:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.configuration = self.folder / "slurm.conf"
        self.configuration.write_text(CONFIGURATION.format(folder=self.folder, ports=free_ports(3)))
        (self.folder / "state").mkdir()
        (self.folder / "bin").mkdir()
        for node in NODES:
            (self.folder / node).mkdir()
        (self.folder / "bin" / "sacct").symlink_to(Path(__file__).absolute().parent / "without-accounting" / "sacct")
        # The plugin drops SLURM_CONF in a job, in which srun would then look for the host's own Slurm.
        srun = self.folder / "bin" / "srun"
        srun.write_text(f'#!/bin/sh\nSLURM_CONF={self.configuration} exec {shutil.which("srun")} "$@"\n')
        srun.chmod(0o755)

    def environment(self):
        """In which Slurm's programs find this Slurm."""
        path = f"{self.folder}/bin:{os.environ['PATH']}:/usr/sbin"
        return os.environ | {"SLURM_CONF": str(self.configuration), "PATH": path}

    def ask(self, *command):
        """What one of Slurm's programs says; nothing where it cannot."""
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else None

    def start_controller(self):
        subprocess.run(["slurmctld", "-f", self.configuration], env=self.environment(), check=True)

    def stop_controller(self):
        """Ends it by TERM, upon which it saves what it knows. By KILL it would forget up to five seconds: jobs that were submitted
        in these are lost to Slurm, and those that were begun in these begin beside themselves, for which it drains the node."""
        number = self.daemon("slurmctld")
        kill(number, signal.SIGTERM)
        for _ in range(120):
            if not Path(f"/proc/{number}").exists():
                return
            time.sleep(0.5)
        raise RuntimeError(f"slurmctld does not end: {self.log('slurmctld')}")

    def start_node(self, node):
        environment = self.environment() | {NODE: f"{self.folder}/{node}"}
        subprocess.run(["slurmd", "-f", self.configuration, "-N", node], env=environment, check=True)

    def start(self):
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        for _ in range(60):
            if self.ask("sinfo", "--noheader", "--format=%D %t") == f"{len(NODES)} idle":
                return
            time.sleep(0.5)
        raise RuntimeError(f"Slurm did not start: {self.log('slurmctld')}")

    def log(self, name):
        """The end of a daemon's log."""
        file = self.folder / f"{name}.log"
        return "\n".join(file.read_text(errors="replace").splitlines()[-8:]) if file.exists() else ""

    def of(self, node):
        """All processes of a node."""
        return [
            number
            for number, _, environment in processes()
            if environment.get(NODE) == f"{self.folder}/{node}"
            or (
                environment.get("SLURMD_NODENAME") == node
                and environment.get("SLURM_CONF") == str(self.configuration)
            )
        ]

    def daemon(self, name):
        """The number of slurmctld, or of a node's slurmd."""
        return int((self.folder / f"{name}.pid").read_text())

    def stop(self):
        """Ends all of it, whatever state it is in."""
        try:
            kill(self.daemon("slurmctld"))
        except (OSError, ValueError):
            pass
        for _ in range(5):
            left = [number for node in NODES for number in self.of(node)]
            if not left:
                return
            for number in left:
                kill(number)
            time.sleep(0.2)
        raise RuntimeError(f"processes {left} cannot be ended")
