"""Labels that a cross-validation contradicts, and their page."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.evaluation.label_errors import rank_label_errors
from corrosion.report.label_errors_page import write_label_errors


def predictions(count=100, *, wrong=(), seed=0):
    """Sure predictions of all images; `wrong` have the other label."""
    generator = np.random.default_rng(seed)
    truth = np.arange(count) % 2
    label = truth.copy()
    label[list(wrong)] ^= 1
    probability = np.clip(np.where(truth, 0.92, 0.08) + generator.normal(0, 0.02, count), 0, 1)
    paths = [f"/photos/{number:03}.png" for number in range(count)]
    return pd.DataFrame({"path": paths, "label": label, "probability": probability})


def test_labels_that_are_surely_contradicted_come_first():
    table = rank_label_errors([predictions(wrong=(3, 40, 77))])
    assert len(table) == 100
    assert set(table["path"][:3]) == {f"/photos/{number:03}.png" for number in (3, 40, 77)}
    assert table["suspicious"].tolist() == [True] * 3 + [False] * 97
    assert table["quality"].is_monotonic_increasing


def test_without_errors_nothing_is_suspicious():
    assert not rank_label_errors([predictions()])["suspicious"].any()


def test_seeds_are_averaged_whatever_their_order():
    first, second = predictions(seed=1), predictions(seed=2)
    table = rank_label_errors([first, second.sample(frac=1, random_state=0)]).set_index("path")
    expected = (first["probability"] + second["probability"]) / 2
    assert np.allclose(table["probability"][first["path"]], expected)


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([], "no predictions"),
        ([predictions(), predictions(98)], "different images"),
        ([predictions(), predictions(wrong=[5])], "labels differ"),
        ([predictions().iloc[::2]], "one label"),
    ],
)
def test_what_can_not_be_ranked_is_told(tables, message):
    with pytest.raises(CorrosionError, match=message):
        rank_label_errors(tables)


def test_the_page_shows_the_first_and_tells_what_is_gone(tmp_path):
    Image.new("RGB", (30, 20), (120, 60, 30)).save(tmp_path / "there.png")
    table = predictions(20, wrong=[2])
    table.loc[2, "path"] = str(tmp_path / "there.png")
    ranked = rank_label_errors([table])
    write_label_errors(tmp_path / "out", ranked, count=3, title="lite0 <best>")
    page = (tmp_path / "out" / "labels.html").read_text(encoding="utf-8")
    assert page.count("<figure>") == 3
    assert page.count("data:image") == 1
    assert "labelled no_corrosion" in page or "labelled corrosion" in page
    assert "lite0 &lt;best&gt;" in page
    written = pd.read_csv(tmp_path / "out" / "labels.csv")
    assert len(written) == 20
    assert written["label"].isin(["corrosion", "no_corrosion"]).all()


def test_the_command_needs_finished_runs(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    given = ["labels", str(tmp_path / "empty"), "--out", str(tmp_path / "out")]
    assert main(given) == 1
    assert "holds no finished run" in capsys.readouterr().err
