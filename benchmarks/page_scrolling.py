"""How smoothly the inspection page scrolls: frames a second, the longest frame, and what they cost.

    python benchmarks/page_scrolling.py [--count 2000] [--width 1400] [--speed 1500] [--seconds 8]

Makes an output folder of `corrosion predict` with so many generated photographs of 700 x 525 pixels
and their layers of evidence, writes its page, opens it in headless Chromium (which draws without a
GPU) and scrolls at a constant speed. Printed are frames a second and the longest time between two
frames, which depend on what else the machine does; and milliseconds of processor that the page's
main thread needs for a frame, as Chromium counts them: all, script, style and layout.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from browser import Page, visit

from corrosion.report.inspection import read_inspection
from corrosion.report.inspection.page import write_inspection_page

_PICTURES = 100  # that differ; each card has a file of its own
_SCROLL = """new Promise((done) => {
  const times = [], first = performance.now();
  const step = (at) => {
    times.push(at);
    scrollTo(0, %(speed)f * (at - first) / 1000);
    if (at - first < %(seconds)f * 1000) requestAnimationFrame(step);
    else done(times);
  };
  requestAnimationFrame(step);
})"""


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory() as folder:
        page = make_page(Path(folder), options.count)
        with visit(page, width=options.width, height=options.height) as opened:
            before = costs(opened)
            how = {"speed": options.speed, "seconds": options.seconds}
            times = np.array(opened.evaluate(_SCROLL % how))
            spent = {name: value - before[name] for name, value in costs(opened).items()}
    frames = np.diff(times)
    print(f"{options.count} cards at {options.width} px, {options.speed:g} px/s")
    print(
        f"{1000 / frames.mean():.0f} frames/s, longest frame {frames.max():.0f} ms, "
        f"95 % under {np.quantile(frames, 0.95):.0f} ms"
    )
    cost = ", ".join(f"{name} {1000 * spent[name] / len(frames):.1f}" for name in spent)
    print(f"ms of a processor a frame: {cost}")


def make_page(folder: Path, count: int) -> Path:
    """The page of a generated inspection."""
    generator = np.random.default_rng(0)
    pictures = folder / "thumbnails" / "000"
    pictures.mkdir(parents=True)
    rows = []
    for number in range(count):
        name = f"{number:06d}_a"
        if number < _PICTURES:
            _draw(pictures, name, generator)
        else:
            for ending in (".jpg", "_evidence.webp"):
                os.link(
                    pictures / f"{number % _PICTURES:06d}_a{ending}", pictures / f"{name}{ending}"
                )
        rows.append(
            {
                "path": f"photos/tank {number % 8}/{number}.jpg",
                "probability": f"{generator.uniform():.6f}",
                "decision": "corrosion detected",
                "review": "send to an inspector" if number % 5 == 0 else "",
                "thumbnail": f"thumbnails/000/{name}.jpg",
                "asset": f"tank {number % 8}",
            }
        )
    with (folder / "predictions.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    asked = {"checkpoint": "", "paths": ["photos"], "threshold": 0.5}
    run = {"asked": asked, "attempts": 1, "band": [0.3, 0.7], "model": "best.ckpt"}
    (folder / "run.json").write_text(json.dumps(run))
    return write_inspection_page(read_inspection(folder))


def _draw(folder: Path, name: str, generator: np.random.Generator) -> None:
    coarse = generator.integers(0, 255, (21, 28, 3), np.uint8)
    photograph = np.asarray(Image.fromarray(coarse).resize((700, 525)), dtype=np.int16)
    photograph = photograph + generator.integers(-20, 20, photograph.shape)
    pixels = photograph.clip(0, 255).astype(np.uint8)
    Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=92)
    layer = np.zeros((525, 700, 4), np.uint8)
    layer[100:300, 150:450] = (0, 160, 250, 120)
    Image.fromarray(layer).save(folder / f"{name}_evidence.webp")


def costs(page: Page) -> dict[str, float]:
    """Seconds of a processor that the main thread has spent, by what on."""
    kinds = {"all": "Task", "script": "Script", "style": "RecalcStyle", "layout": "Layout"}
    found = page.metrics()
    return {name: found[f"{kind}Duration"] for name, kind in kinds.items()}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--width", type=int, default=1400)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--speed", type=float, default=1500, help="pixels a second")
    parser.add_argument("--seconds", type=float, default=8)
    return parser.parse_args()


if __name__ == "__main__":
    main()
