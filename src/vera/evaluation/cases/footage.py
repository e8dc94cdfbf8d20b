"""Ten instructions for each real clip."""

from dataclasses import dataclass
from pathlib import Path

from vera.data.sample import Task
from vera.evaluation.cases.benchmark import ClipCase


@dataclass(frozen=True)
class FootageCase:
    """`noun` is the class of the object to add and `place` where, or `scene` the new background; else they are None."""

    index: int
    clip: str
    task: Task
    instruction: str
    noun: str | None
    place: str | None
    scene: str | None

    def on(self, path: Path) -> ClipCase:
        """The case on its clip, which lies at `path`; it starts from noise of its own."""
        return ClipCase(
            id=f"{self.index:02}-{self.clip}",
            task=self.task,
            instruction=self.instruction,
            noun=self.noun,
            place=self.place,
            scene=self.scene,
            source=path,
            seed=self.index,
        )


# Clip: (instruction, noun, place) and (instruction, scene).
_ADDITIONS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "bikes": (
        ("Add a huge red balloon on the right.", "balloon", "right"),
        ("Put a robot on the left.", "robot", "left"),
        ("Add a large penguin in the center.", "penguin", "center"),
        ("Place a car on the right side, moving left.", "car", "right"),
        ("Add a big umbrella on the left.", "umbrella", "left"),
        ("There is a ghost in the middle of the frame.", "ghost", "center"),
        ("Insert a small gift box on the right.", "gift box", "right"),
    ),
    "rabbit": (
        ("Add a large strawberry on the right.", "strawberry", "right"),
        ("Put a sunflower on the left.", "sunflower", "left"),
        ("Show a butterfly on the right side.", "butterfly", "right"),
        ("Add a big watermelon on the right.", "watermelon", "right"),
        ("Place a teddy bear on the left side.", "teddy bear", "left"),
        ("Add a huge octopus on the right, spinning.", "octopus", "right"),
        ("Insert a football to the right, bouncing.", "football", "right"),
    ),
    "meadow": (
        ("Add a large snowman in the center.", "snowman", "center"),
        ("Put a huge hamburger on the left.", "hamburger", "left"),
        ("Add a rocket in the middle of the frame, rising slowly.", "rocket", "center"),
        ("Place a tree on the left side.", "tree", "left"),
        ("Add a big pumpkin on the right.", "pumpkin", "right"),
        ("Show a whale in the center.", "whale", "center"),
        ("Insert a ladybug on the left, moving right.", "ladybug", "left"),
    ),
    "squirrel": (
        ("Add a balloon on the left, floating up.", "balloon", "left"),
        ("Put a large banana on the right.", "banana", "right"),
        ("Add a pineapple on the left side.", "pineapple", "left"),
        ("Show a big sailboat on the right, gliding to the right.", "sailboat", "right"),
        ("Place a robot to the left.", "robot", "left"),
        ("Add a huge butterfly on the right.", "butterfly", "right"),
        ("Insert a rocket on the left.", "rocket", "left"),
    ),
    "forest": (
        ("Add a ghost on the left.", "ghost", "left"),
        ("Put a large gift box in the center.", "gift box", "center"),
        ("Add a big pumpkin on the left side.", "pumpkin", "left"),
        ("Place a penguin in the middle.", "penguin", "center"),
        ("Show a huge sunflower on the left.", "sunflower", "left"),
        ("Add a football in the center, bouncing.", "football", "center"),
        ("Insert a teddy bear to the left.", "teddy bear", "left"),
    ),
}
_REPLACEMENTS: dict[str, tuple[tuple[str, str], ...]] = {
    "bikes": (
        ("Replace the background with a green meadow under a blue sky.", "park"),
        ("Change the background to a city square with tall buildings. Keep the bicycle.", "city"),
        ("Make the background a pine forest.", "forest"),
    ),
    "rabbit": (
        ("Replace the background with a calm sea under a cloudy sky.", "sky"),
        ("Put the subject in front of an abandoned warehouse.", "warehouse"),
        ("Change the background to a savanna at night. Keep the subject intact.", "night"),
    ),
    "meadow": (
        ("Replace the background with a shopping mall.", "esplanade"),
        ("Change the background to a field at sunrise.", "sunrise"),
        ("Make the background a large hall with a tiled floor.", "hall"),
    ),
    "squirrel": (
        ("Put the subject in front of an old town square at sunset.", "sunset"),
        ("Replace the background with a pine forest. Keep the subject intact.", "forest"),
        ("Change the background to a factory hall with a green floor.", "workshop"),
    ),
    "forest": (
        ("Replace the background with a rocky desert at dawn. Keep the subject.", "dawn"),
        ("Change the background to a seaside promenade.", "venice"),
        ("Put the subject in front of a bright lobby with red benches.", "lobby"),
    ),
}


def footage_cases() -> list[FootageCase]:
    """All cases, clip by clip."""
    cases: list[FootageCase] = []
    for clip in _ADDITIONS:
        for instruction, noun, place in _ADDITIONS[clip]:
            cases.append(FootageCase(len(cases), clip, "obj_add", instruction, noun, place, None))
        for instruction, scene in _REPLACEMENTS[clip]:
            cases.append(FootageCase(len(cases), clip, "background_replace", instruction, None, None, scene))
    return cases
