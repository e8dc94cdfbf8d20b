"""Make renders in a folder that `SyntheticLayers` draws from."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.rendering.mitsuba_passes import Passes, Renderer
from vera.construction.rendering.models import LICENCE, load_model
from vera.construction.rendering.passes import denoise, develop, identity_error, shadow_of, solve_layers
from vera.data.synthesis.assets import load_radiance
from vera.data.synthesis.records import INDEX, RenderRecord, Views, read_records, write_record
from vera.data.synthesis.render_spec import draw_spec
from vera.errors import VeraError
from vera.fields import check_counts
from vera.resumable import alone_in, whole_rows


def make_renders(
    folder: Path,
    count: int,
    *,
    renderer: Renderer,
    models: Path,
    panoramas: Path,
    seed: int = 0,
    width: int = 256,
    height: int = 144,
    views: int = 1,
    samples: int = 100,
    progress: Callable[[str, int, int], None] | None = None,
) -> int:
    """Make those of renders 0 to `count - 1` that `folder` does not hold yet; returns how many were new.

    The same call goes on with work that was stopped. VeraError where the folder holds renders of other arguments, or
    another process writes there.
    """
    check_counts(count=count, views=views, samples=samples)
    with alone_in(folder):
        whole_rows(folder / INDEX)  # a line that a kill cut short goes, so that the next stands alone
        done = {record.spec.index: record.spec for record in read_records(folder)}
        for index, spec in done.items():
            if spec != draw_spec(index, seed, width, height, views):
                raise VeraError(
                    f"{folder} holds renders of another seed, size or number of views: choose another folder"
                )
        new = [index for index in range(count) if index not in done]
        for step, index in enumerate(new):
            if progress is not None:
                progress("renders", count - len(new) + step, count)
            start = time.perf_counter()
            spec = draw_spec(index, seed, width, height, views)
            model = load_model(models, spec.model)
            passes = renderer.render(spec, model, load_radiance(panoramas, spec.panorama), samples)
            pictures, errors = make_views(passes)
            record = RenderRecord(
                spec=spec,
                creator=model.creator,
                licence=LICENCE,
                samples=samples,
                identity_error=float(errors.mean() * 255),
                identity_worst=float(errors.max() * 255),
                seconds=time.perf_counter() - start,
            )
            write_record(folder, record, pictures)
    if progress is not None:
        progress("renders", count, count)
    return len(new)


def make_views(passes: list[Passes]) -> tuple[Views, Float]:
    """The pictures of a render's passes, and how far its 8-bit layers over the plate are from the render, in [0,1]."""
    middle = max(float(np.median(passes[0].plate)), 1e-4)
    raw_plate = develop(passes[0].plate, middle)
    rows, errors = [], []
    for view in passes:
        full, plate = denoise(develop(view.full, middle), raw_plate, view.coverage)
        plate8 = _bytes(plate)
        # From the plate's bytes, which are what the layers will lie over.
        ground = np.asarray(plate8 / np.float32(255), np.float32)
        edit, alpha = solve_layers(full, ground, view.coverage)
        shadow = shadow_of(view.matte, view.matte_plate, view.coverage)
        # What the floor mirrors: the picture less that of the floor without mirror, as far as the object changed it.
        gain = (view.full - view.matte) - (view.plate - view.matte_plate)
        mirrored = develop(np.maximum(gain, 0), middle) * (view.coverage < 0.5)[..., None]
        row = [_bytes(picture) for picture in (full, edit, alpha, view.coverage, shadow, mirrored)]
        rows.append(row)
        errors.append(identity_error(full, ground, row[1], row[2]))
    full8, edit8, alpha8, coverage8, shadow8, reflection8 = (np.stack(column) for column in zip(*rows, strict=True))
    return Views(plate8, full8, edit8, alpha8, coverage8, shadow8, reflection8), np.stack(errors)


def _bytes(picture: Float) -> NDArray[np.uint8]:
    return np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
