"""Wavefront OBJ and MTL: triangles of one material each, in numpy arrays."""

import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vera.arrays import Float


@dataclass(frozen=True)
class Material:
    """`color` is linear RGB in [0,1], `texture` uint8 `[h,w,3]` sRGB or None, `gloss` and `opacity` in [0,1]."""

    color: tuple[float, float, float] = (0.6, 0.6, 0.6)
    texture: NDArray[np.uint8] | None = None
    gloss: float = 0.0
    opacity: float = 1.0


@dataclass(frozen=True)
class Part:
    """A mesh of one material, three vertices a triangle: `vertices` and unit `normals` `[3N,3]`, `uv` `[3N,2]` or None.

    v grows upward, as the format has it.
    """

    vertices: Float
    normals: Float
    uv: Float | None
    material: Material

    def moved(self, rotation: Float, shift: Float, scale: float) -> "Part":
        """The part rotated, then shifted, then scaled."""
        return replace(
            self,
            vertices=np.ascontiguousarray((self.vertices @ rotation.T + shift) * np.float32(scale)),
            normals=np.ascontiguousarray(self.normals @ rotation.T),
        )


def read_parts(name: str, read: Callable[[str], bytes]) -> list[Part]:
    """The parts of OBJ file `name`; `read` gives the bytes of a file beside it. Polygons become fans of triangles."""
    points: list[list[float]] = []
    textures: list[list[float]] = []
    normals: list[list[float]] = []
    faces: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    materials: dict[str, Material] = {}
    current = ""
    for keyword, words in _statements(read(name)):
        if keyword == "v":
            points.append([float(word) for word in words[:3]])
        elif keyword == "vt":
            textures.append([float(word) for word in words[:2]])
        elif keyword == "vn":
            normals.append([float(word) for word in words[:3]])
        elif keyword == "usemtl":
            current = " ".join(words)
        elif keyword == "mtllib":
            materials |= _read_materials(" ".join(words), read)
        elif keyword == "f":
            counts = (len(points), len(textures), len(normals))
            corners = [_corner(word, counts) for word in words]
            for second, third in pairwise(corners[1:]):
                faces[current] += [corners[0], second, third]
    arrays = [np.array(values or np.zeros((0, 3)), np.float32) for values in (points, textures, normals)]
    return [_part(np.array(corners), arrays, materials.get(key, Material())) for key, corners in faces.items()]


def _part(corners: NDArray[np.int64], arrays: list[Float], material: Material) -> Part:
    points, textures, normals = arrays
    return Part(
        vertices=points[corners[:, 0]],
        uv=textures[corners[:, 1]] if (corners[:, 1] >= 0).all() else None,
        normals=normals[corners[:, 2]] if (corners[:, 2] >= 0).all() else _normals(points, corners[:, 0]),
        material=material,
    )


def _normals(points: Float, corners: NDArray[np.int64]) -> Float:
    """For each corner the mean of its point's faces that its own meets at less than 45 degrees, by area."""
    triangles = points[corners].reshape(-1, 3, 3)
    # The cross product's length is twice the area.
    areas = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]).repeat(3, axis=0)
    order = np.argsort(corners, kind="stable")
    point, area = corners[order], areas[order]
    face, total = _unit(area), area.copy()
    for step in range(1, len(order)):  # each corner with the next, with the one after it ... of its point
        same = np.flatnonzero(point[step:] == point[:-step])
        if not len(same):
            break
        pairs = same[(face[same] * face[same + step]).sum(-1) > np.sqrt(0.5)]
        total[pairs] += area[pairs + step]
        total[pairs + step] += area[pairs]
    normals = np.empty_like(total)
    normals[order] = _unit(total)
    return normals


def _unit(vectors: Float) -> Float:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-20), np.float32)


def _corner(word: str, counts: tuple[int, int, int]) -> tuple[int, int, int]:
    """Indices of point, texture point and normal, -1 where there is none; in the file they count from 1 or back."""
    numbers = [int(part) if part else 0 for part in word.split("/")] + [0, 0]
    indices = [
        number - 1 if number > 0 else count + number if number < 0 else -1
        for number, count in zip(numbers[:3], counts, strict=True)
    ]
    return indices[0], indices[1], indices[2]


def _read_materials(name: str, read: Callable[[str], bytes]) -> dict[str, Material]:
    materials: dict[str, Material] = {}
    current = ""
    for keyword, words in _statements(read(name)):
        if keyword == "newmtl":
            current = " ".join(words)
            materials[current] = Material()
        elif keyword == "Kd":
            red, green, blue = ((min(max(float(word), 0.02), 0.95)) ** 2.2 for word in words[:3])
            materials[current] = replace(materials[current], color=(red, green, blue))
        elif keyword == "Ns":
            materials[current] = replace(materials[current], gloss=min(float(words[0]) / 100, 1))
        elif keyword == "d":
            materials[current] = replace(materials[current], opacity=float(words[0]))
        elif keyword == "map_Kd":
            picture = Image.open(io.BytesIO(read(" ".join(words)))).convert("RGB")
            materials[current] = replace(materials[current], texture=np.asarray(picture))
    return materials


def _statements(data: bytes) -> Iterator[tuple[str, list[str]]]:
    for line in data.splitlines():  # as bytes: in Latin-1 a UTF-8 name may hold what ends a line of text, or a word
        keyword, *words = [word.decode("latin-1") for word in line.split(b"#")[0].split()] or [""]
        if keyword:
            yield keyword, words
