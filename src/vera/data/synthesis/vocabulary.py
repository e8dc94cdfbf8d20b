"""The words of the synthetic instructions: for each thing that can be asked for, its name here and its English."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

ASSETS = "assets/npm"  # the folder that `make assets` fills with the objects' pictures

# Names of the objects drawn by default (Unicode names of emoji).
SPRITES = (
    "octopus",
    "strawberry",
    "hamburger",
    "pineapple",
    "banana",
    "watermelon",
    "sunflower",
    "deciduous tree",
    "balloon",
    "soccer ball",
    "wrapped present",
    "teddy bear",
    "robot face",
    "ghost",
    "snowman without snow",
    "penguin",
    "spouting whale",
    "lady beetle",
    "butterfly",
    "automobile",
    "rocket",
    "sailboat",
    "umbrella",
    "jack-o-lantern",
)

# The everyday words for sprites whose Unicode name nobody would type, the class's name first.
NOUNS = {
    "airplane": ("airplane", "plane"),
    "alarm clock": ("clock", "alarm clock"),
    "basketball and hoop": ("basketball",),
    "birthday cake": ("cake", "birthday cake"),
    "bicycle": ("bicycle", "bike"),
    "doughnut": ("doughnut", "donut"),
    "electric light bulb": ("light bulb", "lightbulb"),
    "european castle": ("castle",),
    "fire": ("fire", "flame"),
    "flying saucer": ("flying saucer", "UFO"),
    "fox face": ("fox",),
    "frog face": ("frog",),
    "heavy black heart": ("heart", "red heart"),
    "hot beverage": ("cup of coffee", "coffee cup"),
    "house building": ("house",),
    "lion face": ("lion",),
    "panda face": ("panda",),
    "red apple": ("apple", "red apple"),
    "sauropod": ("dinosaur",),
    "slice of pizza": ("pizza", "slice of pizza"),
    "soft ice cream": ("ice cream", "ice cream cone"),
    "steam locomotive": ("train", "locomotive"),
    "tropical fish": ("fish", "tropical fish"),
    "unicorn face": ("unicorn",),
    "white medium star": ("star", "yellow star"),
    "automobile": ("car", "automobile"),
    "balloon": ("balloon", "party balloon"),
    "butterfly": ("butterfly",),
    "deciduous tree": ("tree", "leafy tree"),
    "front-facing baby chick": ("chick",),
    "ghost": ("ghost", "friendly ghost"),
    "hamburger": ("hamburger", "burger"),
    "hatching chick": ("chick",),
    "jack-o-lantern": ("pumpkin", "jack-o-lantern"),
    "lady beetle": ("ladybug", "ladybird", "lady beetle"),
    "octagonal sign": ("stop sign",),
    "robot face": ("robot", "robot face"),
    "rocket": ("rocket", "space rocket"),
    "sailboat": ("sailboat", "sailing boat"),
    "snowman without snow": ("snowman",),
    "soccer ball": ("football", "soccer ball"),
    "spouting whale": ("whale", "spouting whale"),
    "teddy bear": ("teddy bear", "teddy"),
    "umbrella": ("umbrella", "parasol"),
    "wrapped present": ("gift box", "wrapped present", "present"),
}

# Names of the 3D models in their archive, the class's name first. Only what one recognises at 60 pixels.
MODELS = {
    "barrel": ("barrel", "wooden barrel"),
    "basketball": ("basketball",),
    "bench": ("bench", "park bench"),
    "cactus": ("cactus", "potted cactus"),
    "cartoon_biplane": ("toy plane", "biplane"),
    "caballito": ("rocking horse",),
    "chicken": ("hen", "chicken"),
    "coffeeBrewer": ("coffee machine",),
    "crate": ("wooden crate", "crate"),
    "cupcake": ("cupcake",),
    "deckChair": ("deck chair", "folding deck chair"),
    "decorativePlant": ("potted tree",),
    "deer": ("deer statue", "statue of a deer"),
    "electricGuitar": ("electric guitar", "guitar"),
    "fireExtinguisher": ("fire extinguisher",),
    "forkLift": ("forklift",),
    "handbag": ("handbag", "bag"),
    "headphones": ("headphones", "pair of headphones"),
    "horse2": ("horse", "pony"),
    "hotDog": ("hot dog",),
    "kitchenaid": ("mixer", "kitchen mixer"),
    "littlePlant": ("potted plant", "houseplant"),
    "mofx_mailbox": ("mailbox",),
    "oakChair": ("wooden chair", "chair"),
    "oakTable": ("round table", "wooden table"),
    "orchids": ("orchid",),
    "peterbilt": ("truck", "lorry"),
    "pianoAQueue": ("grand piano", "piano"),
    "poolTable": ("pool table", "billiard table"),
    "rock3": ("rock", "stone"),
    "shippingContainer": ("shipping container", "container"),
    "speaker2": ("loudspeaker", "speaker"),
    "stoneLantern": ("stone lantern",),
    "tableFan": ("fan", "table fan"),
    "teddyBear": ("teddy bear", "teddy"),
    "tetrapak": ("milk carton", "carton of milk"),
    "wheelbarrow": ("wheelbarrow",),
    "winchesterArmchair": ("armchair", "leather armchair"),
    "winchesterSofa": ("sofa", "leather sofa"),
    "woodToy": ("wooden doll", "wooden toy"),
}

# How many of a thing may be asked for.
NUMBERS = {1: "", 2: "two", 3: "three"}
UNCHANGED = ("fish", "deer")  # in the plural

PLACES = {
    "left": ("on the left", "on the left side", "to the left", "in the left part of the frame"),
    "center": ("in the center", "in the middle", "at the center of the frame", "in the middle of the frame"),
    "right": ("on the right", "on the right side", "to the right", "in the right part of the frame"),
}
SIZES = {
    "small": ("small", "little", "tiny"),
    "medium": ("", "", "medium-sized"),
    "large": ("large", "big", "huge"),
}
MOTIONS = {
    "still": ("",),
    "left": ("moving left", "gliding to the left", "that moves left"),
    "right": ("moving right", "gliding to the right", "that moves right"),
    "bounce": ("bouncing", "that bounces up and down", "hopping"),
    "spin": ("spinning", "rotating slowly", "that spins"),
    "sway": ("swaying", "rocking from side to side", "that sways gently"),
    "rise": ("floating up", "rising slowly", "that rises into the air"),
    "approach": ("coming closer", "growing", "that comes towards us"),
}
# "left" and "right" say where the light comes from: the shadow falls to the other side.
LIGHTS = {
    "plain": ("",),
    "left": ("lit from the left", "with light from the left"),
    "right": ("lit from the right", "with light from the right"),
    "long": ("with a long shadow", "casting a long shadow"),
}
# Hue in OpenCV's half degrees, None for the two without.
COLORS: dict[str, int | None] = {
    "red": 0,
    "orange": 13,
    "yellow": 28,
    "green": 60,
    "blue": 110,
    "purple": 138,
    "pink": 165,
    "white": None,
    "black": None,
}
# What each CC0 panorama shows.
SCENES = {
    "apartment": ("an empty apartment with a wooden floor", "an empty room with a wooden floor"),
    "bridge": ("a modern glass bridge", "a bright glass skywalk"),
    "city": ("a city square with tall buildings", "a city with tall buildings"),
    "dawn": ("a rocky desert at dawn", "a stony desert under a purple sky"),
    "esplanade": ("a shopping mall", "the inside of a shopping mall"),
    "forest": ("a pine forest", "a forest with tall trees"),
    "hall": ("a large hall with a tiled floor", "a ballroom with a black ceiling"),
    "lab": ("a green laboratory", "an old green laboratory"),
    "lobby": ("a bright lobby with red benches", "a yellow lobby"),
    "night": ("a savanna at night", "a savanna under the stars"),
    "park": ("a green meadow under a blue sky", "a green park on a sunny day"),
    "sky": ("a calm sea under a cloudy sky", "the open sea"),
    "studio": ("a photo studio", "a photo studio with black curtains"),
    "sunrise": ("a field at sunrise", "a misty field in the morning"),
    "sunset": ("an old town square at sunset", "an old square in Venice"),
    "venice": ("a seaside promenade", "a quay by the sea"),
    "warehouse": ("an abandoned warehouse", "an empty warehouse"),
    "workshop": ("a factory hall with a green floor", "a factory hall"),
}
# Subjects cut from photographs, which only a mask can point at.
UNNAMED = ("subject", "foreground", "person", "people", "main subject")


def nouns(thing: str) -> tuple[str, ...]:
    """The words for a sprite or a 3D model, the name of its class first."""
    return NOUNS.get(thing.lower()) or MODELS.get(thing) or (thing.lower(),)


def plural(noun: str) -> str:
    """The plural of a noun of these tables: of its head, if there is one, as in `slices of pizza`."""
    head, of, rest = noun.partition(" of ")
    if head.endswith(UNCHANGED):
        return noun
    if head.endswith("man"):
        head = head.removesuffix("man") + "men"
    elif head.endswith("y") and head[-2] not in "aeiou":
        head = head.removesuffix("y") + "ies"
    else:
        head += "es" if head.endswith(("s", "x", "ch", "sh")) else "s"
    return head + of + rest


def pick(options: Sequence[Item], rng: np.random.Generator) -> Item:
    """One of `options`, each as likely."""
    return options[int(rng.integers(len(options)))]
