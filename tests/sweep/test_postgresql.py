"""Processes that share a study through a PostgreSQL server, which these tests start and stop."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from commands import Started
from optuna.trial import TrialState

WORKER = """
import sys, time
import optuna
from corrosion.sweep.study import open_study

url, name = sys.argv[1:]
study = open_study(url, "test", directions=["minimize"], settings={}, n_trials=8, heartbeat=1,
                   sampler=lambda trial: optuna.samplers.RandomSampler(seed=trial))
while trials := study.claim(1):
    with study.alive(trials):
        value = trials[0].suggest_float("x", 0, 1)
        print(trials[0].number, flush=True)
        time.sleep(3600 if name == "doomed" else 0.3)
        study.complete(trials[0], (value,), {"worker": name})
"""


def programs():
    """Folder of initdb and pg_ctl, which Debian keeps off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb", path=os.pathsep.join(map(str, [*folders, os.environ["PATH"]])))
    return Path(found).parent if found else None


@pytest.fixture
def server():
    """Address of a fresh server that only a socket in a temporary folder leads to."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    user = "postgres" if os.geteuid() == 0 else None  # the server refuses to run as root
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        directory = Path(name)
        if user:
            shutil.chown(directory, user)

        def run(program, *arguments):
            subprocess.run(
                [folder / program, *arguments],
                user=user, cwd=directory, check=True, stdout=subprocess.DEVNULL,
            )  # fmt: skip

        data = directory / "data"
        run("initdb", "--pgdata", data, "--auth=trust", "--username=corrosion", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={directory} -c fsync=off"
        start = ("--pgdata", data, "--log", directory / "log", "--options", options, "--wait")
        run("pg_ctl", *start, "start")
        try:
            yield f"postgresql+psycopg://corrosion@/postgres?host={directory}"
        finally:
            run("pg_ctl", "--pgdata", data, "--mode=immediate", "stop")


def numbers(said):
    """Trials of which a worker speaks, beside what Optuna says."""
    return [int(line) for line in re.findall(r"^(\d+)\n", said, re.MULTILINE)]


def test_no_trial_is_lost_or_run_twice_when_one_of_three_processes_is_killed(server, tmp_path):
    program = tmp_path / "worker.py"
    program.write_text(WORKER)

    def start(name):
        return Started(
            {"args": [sys.executable, str(program), server, name], "env": {**os.environ}}
        )

    doomed, *others = [start(name) for name in ("doomed", "second", "third")]
    while not (claims := numbers(doomed.said())) and doomed.running():
        time.sleep(0.05)
    [claimed] = claims
    time.sleep(0.1)
    os.kill(doomed.pid, signal.SIGKILL)
    outputs = [worker.end(seconds=120) for worker in others]
    doomed.end(-signal.SIGKILL)

    trials = optuna.load_study(study_name="test", storage=server).trials
    # both others may add the same trial anew: the one that comes second waits for ever
    begun = [trial for trial in trials if trial.state != TrialState.WAITING]
    assert Counter(trial.state for trial in begun) == {TrialState.COMPLETE: 8, TrialState.FAIL: 1}
    assert trials[claimed].state == TrialState.FAIL
    (again,) = [trial for trial in begun if trial.system_attrs.get("failed_trial") == claimed]
    assert again.state == TrialState.COMPLETE
    assert again.params == trials[claimed].params
    ran = [number for output in outputs for number in numbers(output)]
    assert len(ran) == len(set(ran)) == 8
    assert claimed not in ran
