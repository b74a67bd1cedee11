"""A checkpoint behind a web service: the bytes of a photograph in, an answer and an overlay out.

    python examples/web_service.py RUN bolt.jpg overlay.png

`Inspector.answer` is what a handler of FastAPI, Flask or a queue would call. Bytes are decoded and
resized as in training (EXIF orientation, every format, any size), so that the answer is that of
`corrosion predict`.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image

import corrosion
from corrosion.data.images import read_image
from corrosion.explanation.overlay import overlay


class Inspector:
    """A network, loaded once, that answers for photographs.

    Args:
        run: a run's directory or a checkpoint.
        device: auto takes a GPU if there is one.
    """

    def __init__(self, run: str | Path, device: str = "auto") -> None:
        self._model = corrosion.load_model(run, device=device)

    def answer(self, content: bytes) -> tuple[dict[str, Any], bytes]:
        """What the network says of a photograph.

        Args:
            content: of a JPEG, PNG, TIFF or WebP file.

        Returns:
            The answer, ready for JSON, and the photograph with the map of the evidence for
            corrosion over it, as PNG.

        Raises:
            CorrosionError: the bytes are no image that can be read: HTTP status 400.
        """
        [prediction] = corrosion.predict(self._model, content)
        if prediction.error:
            raise corrosion.CorrosionError(prediction.error)
        [explanation] = corrosion.explain(self._model, content)
        answer = {
            "probability": round(prediction.probability, 4),
            "decision": prediction.decision,
            "review": prediction.review,
            "unlike_training": prediction.unlike_training,
        }
        photograph = read_image("the photograph", content=content)
        picture = io.BytesIO()
        Image.fromarray(overlay(photograph, explanation.map)).save(picture, "PNG")
        return answer, picture.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("overlay", type=Path)
    arguments = parser.parse_args()
    said, picture = Inspector(arguments.run).answer(arguments.photo.read_bytes())
    arguments.overlay.write_bytes(picture)
    print(said)
