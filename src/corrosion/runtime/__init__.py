"""Exported networks, without torch.

    import corrosion.runtime
    network = corrosion.runtime.load("model.onnx")
    predictions = network.predict(["photographs", "flight.mp4"])
    [explanation] = network.explain("photographs/bolt.jpg")

`network` is what `corrosion export` has written, run by one of `sessions`, with the `metadata` of
its file; `predict_files` is `corrosion predict` for it. Nothing here imports torch, except for
files in PyTorch's own format.
"""

from corrosion.runtime.network import ExportedNetwork, load

__all__ = ["ExportedNetwork", "load"]
