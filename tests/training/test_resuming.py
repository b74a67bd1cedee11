import os
import signal

import lightning as L
import pytest
import torch

from corrosion.training.resuming import LastCheckpoint, Preempted, hand_back_to_submitit


class Linear(L.LightningModule):
    """Sends itself signals in the batches that a test names."""

    def __init__(self, signals):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
        self.signals = signals
        self.batches = 0

    def training_step(self, batch, batch_idx):
        for number in self.signals.get(batch_idx, ()):
            os.kill(os.getpid(), number)
        self.batches += 1
        return self.layer(batch[0]).mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def fit(module, path):
    data = torch.utils.data.TensorDataset(torch.zeros(8, 1))
    trainer = L.Trainer(
        callbacks=[LastCheckpoint(path, every=None)],
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, torch.utils.data.DataLoader(data))


@pytest.mark.parametrize(
    ("number", "end"),
    [(signal.SIGINT, SystemExit), (signal.SIGTERM, Preempted), (signal.SIGUSR1, Preempted)],
)
def test_a_signal_ends_the_run_after_the_batch_in_hand_which_is_saved(tmp_path, number, end):
    module = Linear({2: [number]})
    before = signal.getsignal(number)
    with pytest.raises(end) as caught:
        fit(module, tmp_path / "last.ckpt")
    assert isinstance(caught.value, Preempted) == (end is Preempted)
    assert module.batches == 3
    assert torch.load(tmp_path / "last.ckpt", weights_only=False)["global_step"] == 3
    assert signal.getsignal(number) == before


def test_a_second_ctrl_c_ends_the_run_at_once(tmp_path):
    module = Linear({2: [signal.SIGINT, signal.SIGINT]})
    with pytest.raises(SystemExit):
        fit(module, tmp_path / "last.ckpt")
    assert module.batches == 2
    assert not (tmp_path / "last.ckpt").exists()


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
