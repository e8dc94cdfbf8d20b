"""A render in passes by Mitsuba 3: with the object, without it, and the object alone."""

import ctypes.util
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vera.arrays import Float
from vera.construction.rendering.models import Model
from vera.construction.rendering.wavefront import Part
from vera.data.synthesis.camera import MARGIN
from vera.data.synthesis.render_spec import ROOMS, RenderSpec, Stand, stand
from vera.errors import VeraError

FLOOR = 40.0  # half side of the ground in the open; the panorama's own ground goes on from there
ROOM = 6.0  # the same in a room, in heights of the camera: walls are not for walking on
GLARE = 12.0  # lamps of a polished room, in medians of its radiance: brighter ones would be grain in the floor
FLOOR_PIXELS = 1536


@dataclass(frozen=True)
class Passes:
    """Linear radiances `[H,W,3]` and the object's coverage `[H,W]`, without and with the floor's mirror.

    `matte` and `matte_plate` are of a floor that does not mirror: `full` and `plate` where it never does.
    """

    full: Float
    plate: Float
    coverage: Float
    matte: Float
    matte_plate: Float


class Renderer:
    """Mitsuba with its variant chosen: `llvm_ad_rgb`, which needs LLVM 16 or later, else `scalar_rgb` (slower).

    Args:
        llvm: the shared library of LLVM, else what the system finds. LLVM 15 aborts in rendering.

    Raises VeraError without Mitsuba.
    """

    def __init__(self, llvm: Path | None = None) -> None:
        if llvm is not None:
            os.environ["DRJIT_LIBLLVM_PATH"] = str(llvm)
        try:
            import mitsuba
        except ImportError:
            raise VeraError("rendering needs Mitsuba: pip install 'vera-layers[render]'") from None
        self.variant = "llvm_ad_rgb" if llvm is not None or ctypes.util.find_library("LLVM-19") else "scalar_rgb"
        mitsuba.set_variant(self.variant)
        mitsuba.set_log_level(mitsuba.LogLevel.Error)
        self.mi: Any = mitsuba

    def render(self, spec: RenderSpec, model: Model, radiance: Float, samples: int) -> list[Passes]:
        """The passes of each view of `spec`; `radiance` is its panorama. The plates of all views are one."""
        points = np.concatenate([part.vertices for part in model.parts])
        place = stand(spec, np.ptp(points, axis=0).astype(np.float64))
        if spec.gloss > 0:
            radiance = radiance.clip(0, GLARE * np.median(radiance))
        world = self._world(spec, place, radiance)
        floors = [self._floor(spec, place, radiance, spec.gloss)]
        if spec.gloss > 0:
            floors.append(self._floor(spec, place, radiance, 0.0))
        plates = [self._radiance({**world, "floor": floor}, samples) for floor in floors]
        views = []
        for angle in spec.angles:
            object_ = self._object(model.parts, angle, place)
            fulls = [self._radiance({**world, **object_, "floor": floor}, samples) for floor in floors]
            coverage = self._coverage({**world, **object_})
            views.append(Passes(fulls[0], plates[0], coverage, fulls[-1], plates[-1]))
        return views

    def _radiance(self, scene: dict[str, Any], samples: int) -> Float:
        # One seed for all passes: where the object changes nothing, they are equal to the last bit.
        return np.asarray(self.mi.render(self.mi.load_dict(scene), spp=samples, seed=0), np.float32)[..., :3]

    def _coverage(self, scene: dict[str, Any]) -> Float:
        alone = {name: value for name, value in scene.items() if name != "key"}
        alone["integrator"] = {"type": "direct", "emitter_samples": 0, "bsdf_samples": 1, "hide_emitters": True}
        return np.asarray(self.mi.render(self.mi.load_dict(alone), spp=64, seed=0), np.float32)[..., 3].clip(0, 1)

    def _world(self, spec: RenderSpec, place: Stand, radiance: Float) -> dict[str, Any]:
        """Camera, panorama and lamp."""
        transform = self.mi.ScalarTransform4f
        rows, columns = round(spec.height * MARGIN), round(spec.width * MARGIN)
        look = [0.0, place.eye_height - np.sin(spec.pitch), -np.cos(spec.pitch)]
        # The panorama's columns run from -pi to pi about its middle; Mitsuba's first column lies along -z.
        turned = np.degrees(spec.yaw + np.pi)
        world: dict[str, Any] = {
            "type": "scene",
            "integrator": {"type": "path", "max_depth": 5},
            "sensor": {
                "type": "perspective",
                "fov": float(np.degrees(2 * np.arctan(columns / 2 / spec.focal))),
                "fov_axis": "x",
                "to_world": transform().look_at(origin=[0, place.eye_height, 0], target=look, up=[0, 1, 0]),
                "film": {
                    "type": "hdrfilm",
                    "width": columns,
                    "height": rows,
                    "pixel_format": "rgba",
                    "rfilter": {"type": "box"},
                },
                "sampler": {"type": "multijitter"},
            },
            "sky": {
                "type": "envmap",
                "bitmap": self.mi.Bitmap(np.ascontiguousarray(radiance)),
                "to_world": transform().rotate([0, 1, 0], turned),
            },
        }
        if spec.key > 0:
            # A soft lamp far away, as bright as `key` times the panorama's light on the ground.
            direction, distance, size = np.array(spec.key_direction), 30.0, 2.5
            center = place.spot + direction * distance
            flux = spec.key * _irradiance(radiance).mean() / float(direction[1])
            world["key"] = {
                "type": "sphere",
                "center": center.tolist(),
                "radius": size,
                "emitter": {
                    "type": "area",
                    "radiance": {"type": "rgb", "value": [flux * distance**2 / (np.pi * size**2)] * 3},
                },
            }
        return world

    def _floor(self, spec: RenderSpec, place: Stand, radiance: Float, gloss: float) -> dict[str, Any]:
        """The ground, painted so that under the panorama's light it looks as the panorama does from the camera."""
        albedo = _floor_albedo(spec, place, radiance)
        floor: dict[str, Any] = {
            "type": "diffuse",
            "reflectance": {"type": "bitmap", "bitmap": self.mi.Bitmap(albedo), "raw": True, "wrap_mode": "clamp"},
        }
        if gloss > 0:
            mirror = {"type": "roughconductor", "alpha": 0.12, "material": "none"}
            floor = {"type": "blendbsdf", "weight": gloss, "matte": floor, "mirror": mirror}
        transform = self.mi.ScalarTransform4f
        return {
            "type": "rectangle",
            "to_world": transform().rotate([1, 0, 0], -90).scale(_reach(spec, place)),
            "surface": {"type": "twosided", "nested": floor},
        }

    def _object(self, parts: Sequence[Part], angle: float, place: Stand) -> dict[str, Any]:
        cos, sin = np.cos(angle), np.sin(angle)
        rotation = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]], np.float32)
        shift = (place.spot + np.array([0, 1e-4, 0])).astype(np.float32)
        return {f"part{i}": self._mesh(part.moved(rotation, shift, 1.0), i) for i, part in enumerate(parts)}

    def _mesh(self, part: Part, number: int) -> Any:
        mi = self.mi
        properties = mi.Properties()
        properties["mesh_bsdf"] = mi.load_dict(self._surface(part))
        count = len(part.vertices)
        mesh = mi.Mesh(
            f"part{number}",
            vertex_count=count,
            face_count=count // 3,
            has_vertex_normals=True,
            has_vertex_texcoords=part.uv is not None,
            props=properties,
        )
        values = mi.traverse(mesh)
        values["vertex_positions"] = part.vertices.ravel()
        values["vertex_normals"] = part.normals.ravel()
        values["faces"] = np.arange(count, dtype=np.uint32)
        if part.uv is not None:
            # v grows downward in Mitsuba.
            values["vertex_texcoords"] = (
                np.stack([part.uv[:, 0], 1 - part.uv[:, 1]], axis=-1).astype(np.float32).ravel()
            )
        values.update()
        return mesh

    def _surface(self, part: Part) -> dict[str, Any]:
        material = part.material
        color: dict[str, Any] = {"type": "rgb", "value": list(material.color)}
        if material.texture is not None and part.uv is not None:
            color = {"type": "bitmap", "bitmap": self.mi.Bitmap(material.texture.copy())}
        surface: dict[str, Any] = {"type": "diffuse", "reflectance": color}
        if material.gloss > 0.3:
            surface = {"type": "roughplastic", "diffuse_reflectance": color, "alpha": 0.35 - 0.25 * material.gloss}
        surface = {"type": "twosided", "nested": surface}
        if material.opacity < 1:
            surface = {"type": "mask", "opacity": max(material.opacity, 0.1), "nested": surface}
        return surface


def _irradiance(radiance: Float) -> NDArray[np.float64]:
    """On level ground under a panorama: RGB."""
    rows, columns = radiance.shape[:2]
    polar = (np.arange(rows // 2) + 0.5) / rows * np.pi
    weight = np.cos(polar) * np.sin(polar) * (np.pi / rows) * (2 * np.pi / columns)
    return np.asarray((radiance[: rows // 2] * weight[:, None, None]).sum((0, 1)), np.float64)


def _reach(spec: RenderSpec, place: Stand) -> float:
    return ROOM * place.eye_height if spec.panorama in ROOMS else FLOOR


def _floor_albedo(spec: RenderSpec, place: Stand, radiance: Float) -> Float:
    """The panorama's lower half as seen from the camera, laid on the ground and divided by the light there."""
    import cv2

    axis = ((np.arange(FLOOR_PIXELS) + 0.5) / FLOOR_PIXELS * 2 - 1) * _reach(spec, place)
    x, z = np.meshgrid(axis, -axis)  # the rectangle's first row is the near one
    azimuth = np.arctan2(x, -z) + spec.yaw
    elevation = np.arctan2(place.eye_height, np.hypot(x, z))
    rows, columns = radiance.shape[:2]
    map_x = ((azimuth / (2 * np.pi) + 0.5) % 1 * columns - 0.5).astype(np.float32)
    map_y = ((elevation / np.pi + 0.5) * rows - 0.5).astype(np.float32)
    seen = cv2.remap(radiance, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    albedo = seen * np.pi / (_irradiance(radiance) * (1 + spec.key))
    # Grain, which a panorama of 512 columns does not have, and a bound on what paint can do.
    grain = np.random.default_rng(spec.index).normal(1, 0.06, (FLOOR_PIXELS, FLOOR_PIXELS, 1))
    return np.ascontiguousarray((albedo * grain).clip(0.02, 0.85), dtype=np.float32)
