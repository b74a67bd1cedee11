"""Output folders of `corrosion predict`, written without a prediction."""

import csv
import json

from PIL import Image

CLASSES = ("corrosion detected", "no corrosion")


def write_folder(path, rows, **run):
    """An output folder with rows of columns that are given, and pictures for each."""
    (path / "thumbnails" / "000").mkdir(parents=True)
    names = [*dict.fromkeys(name for row in rows for name in row), "thumbnail"]
    for number, row in enumerate(rows):
        if row.get("probability") is not None:
            file = row.setdefault("thumbnail", f"thumbnails/000/{number:06d}_a.jpg")
            Image.new("RGB", (64, 48), (90, 80, 60)).save(path / file)
    with (path / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, dict.fromkeys(names))
        writer.writeheader()
        writer.writerows(rows)
    asked = {"checkpoint": "", "paths": ["photos"], "threshold": 0.5}
    (path / "run.json").write_text(
        json.dumps({"asked": asked, "band": [0.3, 0.7], "model": "best.ckpt", **run})
    )
    return path


def row(number, probability, **more):
    return {
        "path": f"photos/tank {number % 2}/{number}.jpg",
        "probability": probability,
        "decision": CLASSES[probability < 0.5],
        "review": "send to an inspector" if 0.3 < probability < 0.7 else "",
        "asset": f"tank {number % 2}",
        "rusted_share": number / 100,
        "rusted_share_low": 0,
        "rusted_share_high": 0.5,
        **more,
    }
