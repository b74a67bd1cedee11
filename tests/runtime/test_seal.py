"""An exported file that has changed since it was written is refused, whatever has changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corrosion.cli.main import main
from corrosion.errors import CorrosionError
from corrosion.runtime import load
from corrosion.runtime.seal import UNSEALED, check_seal, seal


def write(path, before=b"graph", after=b"weights"):
    path.write_bytes(before + b'{"sha256": "' + UNSEALED + b'"}' + after)
    seal(path)
    return path.read_bytes()


@given(st.data())
def test_any_changed_byte_of_a_sealed_file_is_noticed(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("sealed") / "a.onnx"
    sealed = write(path)
    check_seal(path)
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = bytearray(sealed)
    changed[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(changed)
    named = sealed.index(b'"sha256": "') <= place < sealed.index(b'"}weights') + 1
    if not named:  # else its name or its form are gone, which readers of the metadata refuse
        with pytest.raises(CorrosionError, match=r"a\.onnx has changed since it was written"):
            check_seal(path)


def test_weights_beside_a_file_belong_to_it(tmp_path):
    path, weights = tmp_path / "a.xml", tmp_path / "a.bin"
    weights.write_bytes(b"1234")
    name = b"&quot;sha256&quot;: &quot;"
    path.write_bytes(b"<net value='{" + name + UNSEALED + b"&quot;}'/>")
    seal(path)
    check_seal(path)
    weights.write_bytes(b"1235")
    with pytest.raises(CorrosionError, match="has changed"):
        check_seal(path)


def test_a_file_without_a_place_for_it_can_not_be_sealed(tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"graph")
    with pytest.raises(ValueError, match="no place"):
        seal(tmp_path / "a.onnx")
    check_seal(tmp_path / "a.onnx")  # as files of other programs are


@pytest.mark.parametrize("damage", [b"threshold", b""])
def test_an_exported_network_that_has_changed_is_refused(exported, tmp_path, damage, capsys):
    content = bytearray(exported.onnx.read_bytes())
    place = content.index(damage) if damage else len(content) // 2
    content[place] ^= 1
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(CorrosionError, match=r"model\.onnx has changed since it was written"):
        load(path)
    assert main(["predict", str(path), str(exported.photographs), "--out", "none"]) == 1
    assert "model.onnx has changed" in capsys.readouterr().err


def test_an_exported_network_is_told_from_a_checkpoint(exported, capsys):
    assert main(["explain", str(exported.onnx), str(exported.photographs)]) == 1
    assert "is an exported network, and a checkpoint is wanted" in capsys.readouterr().err
