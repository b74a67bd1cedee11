import lightning as L
import pytest
import torch

from corrosion.errors import CorrosionError
from corrosion.training.ema import AveragedWeights

STEPS = 30
DECAY = 0.5


class Counting(L.LightningModule):
    """Its only weight is the number of steps; it remembers what validation sees of it."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.validated = []

    def training_step(self, batch, batch_index):
        self.batches += 1
        return -self.weight

    def validation_step(self, batch, batch_index):
        self.validated.append(self.weight.item())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=1.0)

    def train_dataloader(self):
        return [0] * STEPS

    def val_dataloader(self):
        return [0]


def average(steps, decay=DECAY):
    value = 1.0
    for step in range(1, steps):
        kept = min(decay, (1 + step) / (10 + step))
        value = kept * value + (1 - kept) * (step + 1)
    return value


@pytest.fixture
def trained(tmp_path):
    module = Counting()
    trainer = L.Trainer(
        max_epochs=1,
        accelerator="cpu",
        callbacks=[AveragedWeights(DECAY)],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        num_sanity_val_steps=0,
        enable_checkpointing=True,
    )
    trainer.fit(module)
    return trainer, module


def test_the_average_follows_the_weights_the_slower_the_longer_it_runs(trained):
    _, module = trained
    assert module.weight.item() == pytest.approx(average(STEPS), rel=1e-5)
    assert average(STEPS, decay=0.9999) < average(STEPS)  # the warm-up has ended
    assert module.batches == STEPS


def test_validation_sees_the_average(trained):
    _, module = trained
    assert module.validated == [pytest.approx(average(STEPS), rel=1e-5)]


def test_checkpoints_hold_the_average_and_what_a_resumed_training_needs(trained):
    trainer, _ = trained
    content = torch.load(trainer.checkpoint_callback.best_model_path, weights_only=True)
    assert content["state_dict"]["weight"].item() == pytest.approx(average(STEPS), rel=1e-5)
    assert content["current_model_state"]["weight"] == STEPS


def test_a_later_validation_sees_the_weights_it_is_given(trained):
    trainer, module = trained
    with torch.no_grad():
        module.weight.fill_(-3)
    trainer.validate(module, verbose=False)
    assert module.validated[-1] == -3


@pytest.mark.parametrize("decay", [0, 1, 1.5, -0.1, float("nan")])
def test_a_decay_out_of_range_is_an_error_that_names_the_key(decay):
    with pytest.raises(CorrosionError, match="decay"):
        AveragedWeights(decay)
