import signal

import pytest

from corrosion.training.resuming import hand_back_to_submitit


@pytest.mark.parametrize(
    ("executor", "name", "expected"),
    [
        ("slurm", None, [signal.SIGUSR2]),
        ("slurm", "USR1", [signal.SIGUSR1]),
        ("local", None, []),
        (None, None, []),
    ],
)
def test_a_job_of_submitits_gets_the_signal_at_which_submitit_puts_it_back(
    monkeypatch, executor, name, expected
):
    given = {"SUBMITIT_EXECUTOR": executor, "SUBMITIT_PREEMPT_SIGNAL": name}
    for key, value in given.items():
        monkeypatch.delenv(key, raising=False)
        if value:
            monkeypatch.setenv(key, value)
    received = []
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.signal(one, lambda number, _: received.append(number)) for one in numbers]
    hand_back_to_submitit()
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    assert received == expected
