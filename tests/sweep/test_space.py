"""What is searched, in Hydra's override grammar."""

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from corrosion.sweep.space import parse_space, suggest

PARAMS = {
    "model.lr": "tag(log, interval(1e-5, 1e-4))",
    "model.dense_units": "range(64, 513, 64)",
    "model.dropout": "interval(0.3, 0.6)",
}


def test_the_spaces_of_the_configuration_are_optunas_distributions():
    space, fixed = parse_space(PARAMS, ["sweep=paper"])
    assert space == {
        "model.lr": FloatDistribution(1e-5, 1e-4, log=True),
        "model.dense_units": IntDistribution(64, 512, step=64),
        "model.dropout": FloatDistribution(0.3, 0.6),
    }
    assert fixed == ["sweep=paper"]


def test_the_command_line_widens_adds_and_fixes():
    arguments = ["model.lr=interval(0.1,0.2)", "model.dropout=0.5", "model=choice(a,b)", "+x=1"]
    space, fixed = parse_space(PARAMS, arguments)
    assert space["model.lr"] == FloatDistribution(0.1, 0.2)
    assert space["model"] == CategoricalDistribution(("a", "b"))
    assert "model.dropout" not in space
    assert fixed == ["model.dropout=0.5", "+x=1"]


def test_a_drawn_trial_is_a_list_of_overrides():
    trial = optuna.create_study().ask()
    space, _ = parse_space(
        {"model.dense_units": "range(64, 65, 64)", "augment": "choice(none)"}, []
    )
    assert suggest(trial, space) == ["model.dense_units=64", "augment=none"]
