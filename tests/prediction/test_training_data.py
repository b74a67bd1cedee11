"""What a report says of the photographs that a network was trained on."""

from corrosion.prediction.training_data import trained_on

SPLIT = """path,label,source,content_hash,group,split
a.jpg,1,ships,x,0,train
b.jpg,0,tanks,y,1,train
c.jpg,1,ships,z,2,train
d.jpg,1,ships,v,3,val
e.jpg,0,ships,w,4,test
"""


def test_the_split_of_a_checkpoints_run_tells_its_sources(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    checkpoint = tmp_path / "checkpoints" / "best.ckpt"
    checkpoint.touch()
    assert trained_on(checkpoint) == ""
    (tmp_path / "split.csv").write_text(SPLIT)
    assert trained_on(checkpoint) == (
        "3 photographs (ships 2, tanks 1), validated on 1 and tested on 1"
    )
    elsewhere = tmp_path / "best.ckpt"
    elsewhere.touch()
    assert trained_on(elsewhere) == ""
