"""From the files of a request to what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Self, TypeVar

from corrosion.data.geometry import shrink_to
from corrosion.data.image_reader import ImageInput, ImageReader, Item
from corrosion.data.images import read_image
from corrosion.errors import CorrosionError
from corrosion.prediction.outputs import Output
from corrosion.serve.answers import Answer, Answers, answer
from corrosion.serve.batching import Batcher
from corrosion.serve.intake import RefusedError, Upload, check_photograph
from corrosion.serve.keeping import Keeper
from corrosion.serve.measured import Measured
from corrosion.serve.network import ServedNetwork
from corrosion.settings.serve import ServeSettings
from corrosion.system.processors import usable_processors

T = TypeVar("T")

_MASK_SIDE = 1024  # longest side of photographs of which masks are made


class Service:
    """Answers files: threads decode and draw, one thread has the network.

    Args:
        network: what answers.
        settings: limits, batches, threads.
        measured: counts what happens.
    """

    def __init__(self, network: ServedNetwork, settings: ServeSettings, measured: Measured) -> None:
        self.network = network
        self.settings = settings
        self._measured = measured
        self._keeper = None if settings.keep is None else Keeper(settings.keep)
        threads = settings.num_workers or usable_processors()
        self._pool = ThreadPoolExecutor(threads, "photographs")
        self._reader = ImageReader(network.resize)
        self._drawing_reader = ImageReader(network.resize, previews=True)
        self._batcher = Batcher(
            network.look,
            batch_size=settings.batch_size,
            wait=settings.wait_ms / 1000,
            seen=measured.batch_size.observe,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Answer what has begun, then stop the threads."""
        self._pool.shutdown()
        self._batcher.close()

    def look(self, image: ImageInput) -> Output:
        """What the network says of an input, which it sees beside others; for a thread to wait."""
        return self._batcher.submit(image).result()

    def told(self, results: Sequence[Answer] = ()) -> Answers:
        """Results, with what must be known of the network to read them."""
        rule = self.network.rule
        return Answers(
            model=self.network.name,
            threshold=rule.threshold,
            band=rule.band,
            rule=rule.in_words,
            kinds=self.network.kinds,
            cautions=self.network.cautions,
            results=tuple(results),
        )

    async def answers(self, uploads: Sequence[Upload], *, drawn: bool) -> Answers:
        """What is told of files; one that can't be answered says why.

        Args:
            uploads: files of a request.
            drawn: whether overlays are wanted.

        Raises:
            RefusedError: 503 where the network fails for any photograph, 504 where it takes too
                long.
        """
        try:
            async with asyncio.timeout(self.settings.timeout):
                results = await asyncio.gather(*(self._answer(one, drawn) for one in uploads))
        except TimeoutError as error:
            raise RefusedError(
                504,
                f"There was no answer within {self.settings.timeout:g} s: send fewer files at a "
                f"time.",
                retry_after=1,
            ) from error
        return self.told(results)

    async def _answer(self, upload: Upload, drawn: bool) -> Answer:
        try:
            image = await self._in_a_thread(lambda: self._read(upload, drawn))
            output = await self._look(image)
            found = await self._in_a_thread(
                lambda: answer(upload.name, output, self.network, drawn=drawn)
            )
        except RefusedError as error:
            if error.status >= 500:
                raise
            found = Answer(file=upload.name, status=error.status, error=error.reason)
        self._measured.photographs.labels(found.decision or "no answer").inc()
        if self._keeper is not None and found.error is None:
            keeper = self._keeper
            await self._in_a_thread(lambda: keeper.keep(upload, found))
        return found

    def _read(self, upload: Upload, drawn: bool) -> ImageInput:
        check_photograph(upload, self.settings)
        reader = self._drawing_reader if drawn else self._reader
        image = reader.photograph(Item(0, upload.name, content=upload.content))
        if image.square is None:
            raise RefusedError(422, image.error or "it can't be read")
        if self.network.rust is None:
            return image
        # of a size that bounds what waits in memory; masks look at less
        pixels = read_image(upload.name, content=upload.content, min_side=_MASK_SIDE)
        return replace(image, photograph=shrink_to(pixels, _MASK_SIDE))

    async def _look(self, image: ImageInput) -> Output:
        """What the network says of an input, which it sees beside others."""
        try:
            output = await asyncio.wrap_future(self._batcher.submit(image))
        except CorrosionError as error:  # it gives NaN, whatever the photograph
            raise RefusedError(503, str(error)) from error
        if output.probability is None:
            raise RefusedError(422, output.image.error or "it can't be read")
        return output

    async def _in_a_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)
