"""Runs one sender as a process of its own and reads its time and memory from the system's accounts."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage


@dataclass(frozen=True, slots=True)
class Run:
    """What sending so many letters took. cpu: seconds, user and system. peak: MB; idle: MB before the first letter."""

    letters: int
    seconds: float
    cpu: float
    peak: float = 0.0
    idle: float = 0.0

    @property
    def rate(self) -> float:
        return self.letters / self.seconds

    @property
    def micros(self) -> float:
        return self.cpu / self.letters * 1e6


def run_program(command: Sequence[str], letters: int) -> Run:
    """A whole process, from its start to its end, as the system accounts for it; its memory isn't told apart."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    cpu = used.ru_utime + used.ru_stime
    return Run(letters, time.perf_counter() - began, cpu)


def run_client(*words: str) -> Run:
    """A client of benchmarks/clients.py, which tells what it took from its first letter to its last."""
    command = [sys.executable, "-m", "benchmarks.clients", *words]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Run(**json.loads(done.stdout.splitlines()[-1]))


class Stopwatch:
    """Inside a client: begins when made; `tell` prints the Run."""

    def __init__(self) -> None:
        self._idle = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        self._cpu = time.process_time()
        self._began = time.perf_counter()

    def tell(self, letters: int) -> None:
        seconds, cpu = time.perf_counter() - self._began, time.process_time() - self._cpu
        peak = getrusage(RUSAGE_SELF).ru_maxrss / 1024
        run = {"letters": letters, "seconds": seconds, "cpu": cpu, "peak": peak, "idle": self._idle}
        print(json.dumps(run))


def median(runs: Iterable[Run], of: Callable[[Run], float]) -> float:
    return statistics.median(of(run) for run in runs)


def cpu_of(process: int) -> float:
    """Seconds of CPU, user and system, that another process has used so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def load() -> str:
    """How busy the machine is, so that figures can be judged."""
    return "load " + " ".join(f"{value:.2f}" for value in os.getloadavg())
