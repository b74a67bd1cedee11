import pytest

from corrosion.cli.main import main


def test_a_checkpoint_becomes_a_file_and_a_table(exported, tmp_path, capsys):
    out = tmp_path / "tiny.pt2"
    command = ["export", str(exported.checkpoint), "--out", str(out)]
    assert main([*command, "--photographs", str(exported.photographs)]) == 0
    said = capsys.readouterr().out
    assert f"6 photographs of {exported.photographs}" in said
    assert "Decisions changed: 0 of 6" in said
    assert out.is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--format", "tflite"], "litert-torch"),
        (["--photographs", "nowhere"], "There is no folder nowhere"),
        (["--calibration", "."], "--calibration is for --int8"),
        (["--int8", "--format", "torch"], "--int8 goes with --format"),
        (["--format", "onnx", "--out", "a.xml"], "files of --format=onnx end in .onnx"),
        (["--out", "a.tar"], "--out=a.tar: its ending says the format: .onnx (onnx), .xml"),
        (["--int8", "--out", "a.pt2"], "--int8 goes with --format=onnx"),
        (["--web-runtime", "a.tgz", "--out", "a.xml"], "--web-runtime is for --format=html"),
        (["--web-runtime", "a.tgz", "--out", "a.html"], "--web-runtime=a.tgz: this is not the npm"),
    ],
)
def test_mistakes_are_told_before_long_work(exported, capsys, options, said):
    assert main(["export", str(exported.checkpoint), *options]) == 1
    assert said in capsys.readouterr().err


def test_a_file_tells_what_it_is(exported, capsys):
    assert main(["info", str(exported.onnx)]) == 0
    said = capsys.readouterr().out
    assert "threshold          0.46\n" in said
    assert exported.export.metadata.sha256 in said
