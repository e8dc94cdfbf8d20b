"""Batch files of a build: the questions to models that its stages deferred, and the replies to them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vera.construction.adapters.vlm import VlmNetwork, held_replies
from vera.construction.construct import last_recipe, reopened
from vera.construction.engine.build import Build
from vera.construction.engine.record import Layout
from vera.construction.engine.run import make_item
from vera.construction.stages.asked import Asked
from vera.errors import VeraError
from vera.vlm import BatchReport, Question, check_batch_folder, read_results, write_batches
from vera.whole import scratch_folder, whole_folder


def write_requests(out: Path, folder: Path) -> list[Path]:
    """Write what models are to be asked for the build in `out` into files `folder`/STAGE/batch-001.jsonl, ...

    No file where every question has its answer. Malformed answers lead to further requests: once replies are read,
    write again. The folder is whole or not there. VeraError where no network of the recipe is asked by batches, and
    for a folder that is there.
    """
    check_batch_folder(folder)
    with reopened(out) as build:
        stages = [stage for stage in build.plan.stages if isinstance(stage, Asked)]
        asked = [(stage, stage.network) for stage in stages if stage.network is not None and stage.network.batch]
        if not asked:
            raise VeraError(f"{out}: asks no model by batches; give a network of kind vlm batch: true")
        folder.parent.mkdir(parents=True, exist_ok=True)
        replies = held_replies(build.layout.cache)
        with scratch_folder(folder) as scratch:
            written = [
                path.relative_to(scratch)
                for stage, network in asked
                for path in write_batches(
                    scratch / stage.name, network.endpoint, _questions(build, stage, network), replies
                )
            ]
            if written:
                with whole_folder(folder) as whole:
                    for stage_folder in scratch.iterdir():
                        stage_folder.rename(whole / stage_folder.name)
    return [folder / path for path in written]


def read_replies(out: Path, results: Path) -> BatchReport:
    """Keep the replies of a file of results, for the next build. VeraError for what is no such file, or no build."""
    last_recipe(out)  # tells where there is no build
    return read_results(results, held_replies(Layout(out).cache))


def _questions(build: Build, stage: Asked, network: VlmNetwork) -> Iterator[Question[Any]]:
    """Those of all objects for which the stage could run."""
    planned = {other.name for other in build.plan.stages}
    for about in build.held():
        for task in build.tasks(about):
            if task.stage == stage.name and task.state == "ready":
                record, layout = build.record(about), build.layout
                yield stage.question(network, make_item(layout, record, stage, planned, task, layout.cache))
