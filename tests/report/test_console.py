"""What a training prints when it is done."""

import pytest

from corrosion.report.console import print_results


@pytest.mark.parametrize(
    ("images", "said", "unsaid"),
    [
        (2, "CAUTION:     only 2 test photographs: these figures may be chance", "almost perfect"),
        (30, "agreement:   almost perfect", "CAUTION"),
    ],
)
def test_figures_of_few_photographs_are_not_praised(tmp_path, capsys, images, said, unsaid):
    print_results({"test/kappa": 1.0}, {}, title="probe", images=images, notes={}, run_dir=tmp_path)
    printed = capsys.readouterr().out
    assert said in printed
    assert unsaid not in printed
