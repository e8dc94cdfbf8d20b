"""What a recipe of `vera data build` says, and the stages that it makes."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from vera.construction.adapters.generator import GeneratorNetwork
from vera.construction.adapters.shots import ShotNetwork
from vera.construction.engine.databases import check_url
from vera.construction.engine.stage import Stage
from vera.construction.stages.background import Angle, Background, Curate, Factor, Picture
from vera.construction.stages.footage import Ingest, Proxy, Split
from vera.construction.stages.looked import Inspect, Triage
from vera.construction.stages.objects import Annotate, Masks, Propose
from vera.construction.stages.proofread import BackgroundProofread, Proofread
from vera.construction.stages.removal import Filter, Layers, Matte, Remove
from vera.construction.stages.replaced import BackgroundCheck, BackgroundPublish, BackgroundWords
from vera.construction.stages.samples import Check, Publish, Together, Words
from vera.construction.stages.screening import Screen, Unique
from vera.data.sample import Task
from vera.errors import VeraError
from vera.fields import Name, Range, Share, build
from vera.training.recipe_file import read_fields

STRIDE = 16  # what Wan's pixels come in; in time it is 4


Price = Annotated[float, Range(0, 1e9)]


@dataclass(frozen=True)
class Prices:
    """What `--plan` counts with, in any currency: an hour of a core, of a GPU and of a person, a terabyte for as long
    as it is kept, a million tokens of questions to a model and of its answers."""

    cpu_hour: Price = 0.04
    gpu_hour: Price = 2.0
    person_hour: Price = 20.0
    terabyte: Price = 25.0
    prompt_tokens: Price = 0.1
    answer_tokens: Price = 0.4


@dataclass(frozen=True)
class Backgrounds:
    """What may stand behind subjects: patterns of paths, for photographs and for panoramas, or a network that makes it;
    and how it is shown.

    The others are those of `vera.construction.stages.background.Background`.
    """

    photos: tuple[Name, ...] = ()
    panoramas: tuple[Name, ...] = ()
    residual: Share = 0.3
    enlarged: Factor = 1.5
    field_of_view: Angle = 60.0
    network: GeneratorNetwork | None = None


@dataclass(frozen=True)
class Shots:
    """What finds them, in the place of scenedetect."""

    network: ShotNetwork | None = None


@dataclass(frozen=True)
class BuildRecipe:
    """A recipe. Each stage that has parameters has a section of its name.

    Args:
        footage: patterns of paths, `**` for folders of any depth.
        frames: of a sample, 1 + 4k.
        size: WxH of a sample, multiples of 16.
        tasks: what samples are made of each object: of adding it, of another background behind it, or both.
        commercial: refuse footage and models whose licences forbid commercial use.
        proofread: have people look at the words of every sample.
        together: whose samples training holds out together: those of a file, or of a shot, where a file is a film.
        index: URL of a PostgreSQL database that holds the states, for builds of one folder on several machines.
        decisions: logs of what people decided, JSONL; those that were imported come after them.
    """

    footage: Annotated[tuple[Name, ...], Range(1, 10_000)]
    frames: Annotated[int, Range(5, 1001)] = 81
    size: str = "832x480"
    tasks: Annotated[tuple[Task, ...], Range(1, 2)] = ("obj_add",)
    commercial: bool = False
    proofread: bool = False
    together: Together = "file"
    index: Name | None = None
    decisions: tuple[Name, ...] = ()
    split: Shots = field(default_factory=Shots)
    screen: Screen = field(default_factory=Screen)
    unique: Unique = field(default_factory=Unique)
    propose: Propose = field(default_factory=Propose)
    triage: Triage | None = None
    annotate: Annotate = field(default_factory=Annotate)
    masks: Masks = field(default_factory=Masks)
    matte: Matte = field(default_factory=Matte)
    remove: Remove = field(default_factory=Remove)
    inspect: Inspect | None = None
    layers: Layers = field(default_factory=Layers)
    words: Words = field(default_factory=Words)
    check: Check = field(default_factory=Check)
    background: Backgrounds = field(default_factory=Backgrounds)
    background_words: BackgroundWords = field(default_factory=BackgroundWords)
    background_check: BackgroundCheck = field(default_factory=BackgroundCheck)
    prices: Prices = field(default_factory=Prices)


def read_recipe(path: Path) -> BuildRecipe:
    """Read a recipe of `vera data build`. VeraError for what is none."""
    recipe: BuildRecipe = build(BuildRecipe, read_fields(path), str(path))
    if (recipe.frames - 1) % 4:
        raise VeraError(f"{path}: frames is 1 + 4k, not {recipe.frames}")
    parse_size(recipe.size, f"{path}: size")
    if recipe.index is not None:
        check_url(recipe.index, f"{path}: index")
    if len(set(recipe.tasks)) < len(recipe.tasks):
        raise VeraError(f"{path}: tasks has one of them twice")
    told = recipe.background
    if "background_replace" in recipe.tasks and bool(told.photos or told.panoramas) == (told.network is not None):
        raise VeraError(
            f"{path}: background: name the photos or panoramas that background_replace puts behind subjects, or a "
            "network that makes them"
        )
    return recipe


def parse_size(size: str, where: str) -> tuple[int, int]:
    """Width and height of WxH, multiples of 16. VeraError otherwise."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size)
    sides = tuple(map(int, found.groups())) if found else (0, 0)
    if not all(side and side % STRIDE == 0 for side in sides):
        raise VeraError(f"{where}: is WxH of multiples of {STRIDE}, such as 832x480, not {size!r:.40}")
    return sides[0], sides[1]


def make_stages(recipe: BuildRecipe, until: str | None = None, pictures: tuple[Picture, ...] = ()) -> tuple[Stage, ...]:
    """The stages of a recipe in their order, as far as `until`; `pictures` are its backgrounds.

    VeraError if there is no such stage.
    """
    size = parse_size(recipe.size, "size")
    stages: tuple[Stage, ...] = (
        Ingest(size),
        Split(recipe.frames, recipe.split.network),
        Proxy(size),
        recipe.screen,
        recipe.unique,
        recipe.propose,
        *([recipe.triage] if recipe.triage else []),
        recipe.annotate,
        recipe.masks,
        recipe.matte,
        *(_addition(recipe) if "obj_add" in recipe.tasks else ()),
        *(_replacement(recipe, pictures) if "background_replace" in recipe.tasks else ()),
    )
    names = [stage.name for stage in stages]
    if until is not None and until not in names:
        raise VeraError(f"there is no stage {until!r:.40}; there are {', '.join(names)}")
    return stages if until is None else stages[: names.index(until) + 1]


def _addition(recipe: BuildRecipe) -> tuple[Stage, ...]:
    inspect = (recipe.inspect,) if recipe.inspect else ()
    proofread = (Proofread(),) if recipe.proofread else ()
    last = (recipe.check, Publish(recipe.together))
    return recipe.remove, *inspect, Filter(), recipe.layers, recipe.words, *proofread, *last


def _replacement(recipe: BuildRecipe, pictures: tuple[Picture, ...]) -> tuple[Stage, ...]:
    told = recipe.background
    background = Background(pictures, told.residual, told.enlarged, told.field_of_view, told.network)
    proofread = (BackgroundProofread(),) if recipe.proofread else ()
    return (
        Curate(),
        background,
        recipe.background_words,
        *proofread,
        recipe.background_check,
        BackgroundPublish(recipe.together),
    )
