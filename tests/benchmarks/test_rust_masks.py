"""The benchmark of masks, on a tiny network and a sample."""

import json
import sys

import pytest
import rust_masks
from samples import write_checkpoint

from corrosion.data.images import read_image
from corrosion.data.sample import make_sample


def test_masks_are_judged_against_baselines_and_drawn(monkeypatch, tmp_path, capsys):
    checkpoint = tmp_path / "best.ckpt"
    write_checkpoint(checkpoint)
    sample = make_sample(tmp_path / "sample", count=24, size=64, seed=5)
    command = [
        "rust_masks", str(checkpoint), str(sample), "--sound",
        str(sample / "images/no_corrosion"), "--json", str(tmp_path / "masks.json"),
        "--page", str(tmp_path / "page.png"), "--count", "3",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", command)
    rust_masks.main()
    found = json.loads((tmp_path / "masks.json").read_text())
    assert len(found["shares"]) == 12
    assert {"rust", "evidence", "gradcam", "colour alone", "redness"} <= set(
        found["means"]["network"]
    )
    facts = found["masks"]
    errors = [abs(one["found"] - one["true"]) for one in found["shares"]]
    assert facts["mean absolute error of the share"] == pytest.approx(sum(errors) / len(errors))
    assert facts["sound photographs"] == 12
    gated, ungated = (
        facts[name]
        for name in ("share of their pixels called rust", "the same without the decision")
    )
    assert 0 <= gated <= ungated <= 1
    assert read_image(tmp_path / "page.png").shape == (400, 1600, 3)
    assert "pixel AP" in capsys.readouterr().out
