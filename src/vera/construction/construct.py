"""`vera data build`: raw footage in, layered samples of the released layout out; the same call goes on."""

import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from vera.construction.adapters.network import rooted
from vera.construction.dataset import check_licences, write_rows
from vera.construction.decisions import held_decisions, read_decisions
from vera.construction.engine.build import Build, open_build
from vera.construction.engine.databases import open_database
from vera.construction.engine.executors.opening import Where
from vera.construction.engine.index import Index
from vera.construction.engine.record import Layout, Record, read_record
from vera.construction.engine.run import Ran
from vera.construction.engine.stage import Stage
from vera.construction.engine.state import Plan, Task
from vera.construction.pictures import find_pictures
from vera.construction.prometheus import served_metrics
from vera.construction.recipe import BuildRecipe, make_stages, read_recipe
from vera.construction.sources import find_sources, match_files, remember_sources
from vera.construction.stages.background import Picture
from vera.errors import DamageWarning, VeraError
from vera.fields import build as build_fields
from vera.fields import check_counts
from vera.files import check_outputs, json_text, read_json, real_path
from vera.progress import Progress
from vera.training.recipe_file import read_fields, recipe_files
from vera.whole import write_text


@dataclass(frozen=True)
class Report:
    """Where a build stands.

    Args:
        counts: tasks by stage, state and reason.
        waiting: gates, and how many clips or objects wait there.
        troubles: tasks of sources that were rejected, and all that failed.
    """

    counts: Counter[tuple[str, str, str]]
    troubles: Sequence[Task] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """How many samples are published."""
        return sum(
            self.count(stage, "done") for stage in {name for name, _, _ in self.counts} if stage.endswith("publish")
        )

    def count(self, stage: str | None, state: str) -> int:
        """How many tasks of a stage, or of all, are in a state."""
        return sum(n for (name, held, _), n in self.counts.items() if held == state and stage in (None, name))

    @property
    def waiting(self) -> dict[str, int]:
        """By gate, how many wait for a person."""
        return {stage: count for (stage, state, _), count in self.counts.items() if state == "waiting"}

    @property
    def deferred(self) -> dict[str, int]:
        """By stage, how many wait for replies to a batch."""
        return {stage: count for (stage, state, _), count in self.counts.items() if state == "deferred"}

    @property
    def rejected(self) -> dict[str, int]:
        """By stage and reason, how many are not used."""
        told = {key: count for key, count in self.counts.items() if key[1] == "rejected"}
        return {f"{stage}: {reason}": count for (stage, _, reason), count in sorted(told.items())}


def build_samples(
    recipe_path: Path,
    out: Path,
    *,
    workers: int = 1,
    until: str | None = None,
    limit: int | None = None,
    unattended: bool = False,
    executor: Where = "local",
    stages: Sequence[Stage] | None = None,
    progress: Progress | None = None,
    metrics: str | None = None,
) -> Report:
    """Run all that is ready of a recipe, `workers` runs at a time, into the folder `out`; the same call goes on.

    Args:
        until: the last stage to run.
        limit: of so many clips only.
        unattended: take proposals and removals as they are where nobody decided; the rows say `nobody`.
        executor: processes of this machine, or actors of a Ray cluster.
        stages: instead of the recipe's own, for stages that the recipe has no section for.
        metrics: an address, PORT or HOST:PORT, at which Prometheus finds the progress meanwhile.

    Of each source that cannot be used, and each failure, a DamageWarning tells. VeraError before any work for licences
    that do not allow it.
    """
    recipe = read_recipe(recipe_path)
    check_counts(limit=limit, workers=workers)
    layout = Layout(out)
    pictures = _pictures(recipe)
    footage = match_files(recipe.footage, "footage")
    read = [*recipe.decisions, *(picture.path for picture in pictures)]
    check_outputs([*recipe_files(recipe_path), *map(Path, read), *footage], [out])
    chosen = make_stages(recipe, until, pictures) if stages is None else tuple(stages)
    plan = _plan(recipe, layout, chosen, unattended)
    sources = find_sources(recipe.footage, layout)
    options = _Options(unattended, limit, os.path.relpath(real_path(Path()), real_path(out)))
    with _opened(recipe, layout, plan, sources, pictures, limit) as build:
        build.refresh()
        write_text(layout.recipe, yaml.safe_dump(read_fields(recipe_path), sort_keys=False))
        write_text(layout.options, json_text(asdict(options)))
        with _observed(metrics, out) as observe:
            build.run(workers, progress, executor, observe)
        if chosen[-1].split:
            write_rows(build, () if stages else make_stages(recipe, None, pictures)[len(chosen) :])
        report = _report(build.index)
    for task in report.troubles:
        warnings.warn(DamageWarning(f"{task.stage} {task.state}: {task.detail}"), stacklevel=2)
    return report


@contextmanager
def _observed(address: str | None, out: Path) -> Iterator[Callable[[Task, Ran], None] | None]:
    if address is None:
        yield None
        return

    def counts() -> Counter[tuple[str, str, str]]:
        with _index(out) as index:
            return index.counts()

    with served_metrics(address, counts) as observe:
        yield observe


def build_status(out: Path) -> Report:
    """Where a build stood when it last ran or runs, from its index. VeraError if there is none."""
    with _index(out) as index:
        return _report(index)


def waiting_tasks(out: Path) -> list[Task]:
    """What waits for people, as `build_status` knows it. VeraError if there is no build."""
    with _index(out) as index:
        return index.find("waiting")


@contextmanager
def _index(out: Path) -> Iterator[Index]:
    layout = Layout(out)
    database = read_recipe(layout.recipe).index if layout.recipe.is_file() else None
    if database is None and not layout.index.is_file():
        with reopened(out) as build:
            build.refresh()
    with closing(Index(open_database(database, layout.index))) as index:
        yield index


@contextmanager
def reopened(out: Path) -> Iterator[Build]:
    """Open the build of a folder as its last run did, without a word to its index. VeraError if there is none, or its
    footage is not where that was."""
    layout, recipe = Layout(out), last_recipe(out)
    options = _options(layout)
    root = _root(layout, options)
    pictures = _pictures(recipe, root)
    plan = _plan(recipe, layout, make_stages(recipe, None, pictures), options.unattended, root)
    sources = find_sources(recipe.footage, layout, root)
    _check_own(sources, layout)
    with _opened(recipe, layout, plan, sources, pictures, options.limit) as build:
        build.look()
        yield build


def last_recipe(out: Path) -> BuildRecipe:
    """The recipe of a build's last run, with its networks where they were then. VeraError if there is none."""
    layout = Layout(out)
    if not layout.recipe.is_file():
        raise VeraError(f"{out}: holds no build; run vera data build RECIPE --out {out}")
    recipe: BuildRecipe = rooted(read_recipe(layout.recipe), _root(layout, _options(layout)))
    return recipe


def last_logs(out: Path) -> list[Path]:
    """The decision logs of a build's last run: those of its recipe, then those that were imported or come from pages.
    VeraError if there is none."""
    layout = Layout(out)
    return _logs(last_recipe(out), layout, _root(layout, _options(layout)))


@dataclass(frozen=True)
class _Options:
    """`folder`: where the command ran, which the recipe's paths are from, as a path from the build's folder, so that
    both may be moved. Earlier versions did not keep it."""

    unattended: bool = False
    limit: int | None = None
    folder: str | None = None


def _root(layout: Layout, options: _Options) -> Path:
    """The folder that the paths of a build's recipe are from; this one, where that was not kept."""
    return Path() if options.folder is None else Path(os.path.relpath(real_path(layout.root) / options.folder))


def _options(layout: Layout) -> _Options:
    """With what a build was called, if that was kept."""
    if not layout.options.is_file():
        return _Options()
    held: _Options = build_fields(_Options, read_json(layout.options), str(layout.options))
    return held


def _plan(recipe: BuildRecipe, layout: Layout, stages: Sequence[Stage], unattended: bool, root: Path = Path()) -> Plan:
    return Plan(stages, read_decisions(_logs(recipe, layout, root)), unattended)


def _logs(recipe: BuildRecipe, layout: Layout, root: Path) -> list[Path]:
    return [*(root / log for log in recipe.decisions), *held_decisions(layout.decisions)]


def _check_own(sources: Sequence[Record], layout: Layout) -> None:
    """VeraError where a build was made of none of these: its paths mean something else here, and what it made of its
    own footage would be taken for left over."""
    records = map(read_record, layout.records("source"))
    own = {record.id for record in records if record is not None and record.stages}
    if own and not own & {source.id for source in sources}:
        raise VeraError(
            f"{layout.root}: was made of none of the files that {layout.recipe} names here; run vera data build where "
            "its footage is"
        )


@contextmanager
def _opened(
    recipe: BuildRecipe,
    layout: Layout,
    plan: Plan,
    sources: Sequence[Record],
    pictures: Sequence[Picture],
    limit: int | None,
) -> Iterator[Build]:
    check_licences(sources, plan.stages, recipe.commercial, pictures)
    remember_sources(sources, layout)
    with open_build(layout, plan, sources, limit, recipe.index) as build:
        yield build


def _pictures(recipe: BuildRecipe, root: Path = Path()) -> tuple[Picture, ...]:
    """What may stand behind subjects, if any is to."""
    if "background_replace" not in recipe.tasks:
        return ()
    return find_pictures(recipe.background.photos, recipe.background.panoramas, root)


def _report(index: Index) -> Report:
    rejected = [task for task in index.find("rejected") if task.kind == "source"]
    return Report(index.counts(), [*rejected, *index.find("failed")])
