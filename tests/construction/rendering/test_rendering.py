"""Renders: where things stand, what the passes are solved to, the files, and how clips use them; no renderer."""

import pickle
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.data.synthetic_assets import SPRITES, make_assets

from vera.construction.rendering.mitsuba_passes import Passes, Renderer
from vera.construction.rendering.models import ARCHIVE, creators, load_model
from vera.construction.rendering.passes import identity_error, solve_layers
from vera.construction.rendering.render import make_renders, make_views
from vera.construction.rendering.wavefront import read_parts
from vera.data.synthesis import SyntheticLayers, held_out
from vera.data.synthesis.camera import MARGIN
from vera.data.synthesis.records import INDEX, RenderRecord, read_records, read_views, write_record
from vera.data.synthesis.render_spec import RenderSpec, draw_spec, stand
from vera.data.synthesis.rendered import cut_out, fits, is_whole, shadow_alpha
from vera.data.synthesis.vocabulary import MODELS, PLACES
from vera.errors import VeraError

CUBE = """
mtllib cube.mtl
v 0 0 0
v 2 0 0
v 2 4 0
v 0 4 0
v 0 0 2
v 2 0 2
v 2 4 2
v 0 4 2
vt 0 0
vt 1 1
usemtl red paint # a comment
f 1/1 4/1 3/2 2/2
f 5 6 7 8
usemtl glass
f -8 -7 -3 -4
f 4 8 7 3
f 1 5 8 4
f 2 3 7 6
"""
MATERIALS = """
newmtl red paint
Kd 0.9 0.1 0.1
Ns 50
newmtl glass
d 0.4
"""


def make_models(folder: Path) -> Path:
    """An archive in which every model is the same cuboid."""
    entries = [
        f"id#{i}=Some#{name}\ncreator#{i}=Maker {i}\nmodel#{i}=/blend/{name}/cube.obj\n"
        for i, name in enumerate(MODELS, 1)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
        archive.writestr("PluginFurnitureCatalog.properties", "\n".join(entries))
        for name in MODELS:
            archive.writestr(f"blend/{name}/cube.obj", CUBE)
            archive.writestr(f"blend/{name}/cube.mtl", MATERIALS)
    return folder


class Painter(Renderer):
    """Paints a disc with a shadow to its right, in place of Mitsuba."""

    def __init__(self) -> None:
        self.drawn = 0

    def render(self, spec: RenderSpec, model: object, radiance: object, samples: int) -> list[Passes]:
        self.drawn += 1
        height, width = round(spec.height * MARGIN), round(spec.width * MARGIN)
        y, x = np.mgrid[:height, :width].astype(np.float32)
        x -= spec.feet[0] + (width - spec.width) / 2
        y -= height * 0.7
        plate = np.full((height, width, 3), 0.4, np.float32)
        coverage = np.clip(9 - np.hypot(x, y), 0, 1)
        shadow = np.clip(8 - np.hypot(x - 9, 2 * (y - 7)), 0, 1)[..., None] * 0.6
        matte = plate * (1 - shadow)
        full = matte * (1 - coverage[..., None]) + np.array([0.9, 0.1, 0.1], np.float32) * coverage[..., None]
        return [Passes(full, plate, coverage, full, plate) for _ in spec.angles]


def render(folder: Path, count: int, assets: Path, renderer: Renderer, **options: int) -> int:
    sizes = {"width": 96, "height": 64, "views": 3, **options}
    return make_renders(
        folder, count, renderer=renderer, models=assets / "models", panoramas=assets / "pmndrs" / "hdri", **sizes
    )


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_assets(tmp_path_factory.mktemp("assets"))
    make_models(folder / "models")
    return folder


@pytest.fixture(scope="module")
def renders(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("renders")
    assert render(folder, 60, assets, Painter()) == 60
    return folder


def test_wavefront_polygons_materials_and_normals() -> None:
    files = {"cube.obj": CUBE, "cube.mtl": MATERIALS}
    parts = read_parts("cube.obj", lambda name: files[name].encode())
    red, glass = sorted(parts, key=lambda part: part.material.opacity, reverse=True)
    assert len(red.vertices) == 12 and len(glass.vertices) == 24
    assert red.material.gloss == 0.5 and glass.material.opacity == 0.4
    assert red.material.color[0] > 0.7 > 0.01 > red.material.color[1]
    assert red.uv is None  # half of its corners have none
    for part in parts:  # the edges of a cuboid are sharp: normals lie along the axes, and point outward
        assert np.allclose(np.sort(np.abs(part.normals), axis=1), [0, 0, 1], atol=1e-6)
        outward = part.vertices.reshape(-1, 3, 3).mean(1) - [1, 2, 1]
        assert ((outward * part.normals[::3]).sum(-1) > 0).all()


def test_a_model_stands_on_the_ground_and_is_one_long(assets: Path) -> None:
    model = load_model(assets / "models", "cupcake")
    points = np.concatenate([part.vertices for part in model.parts])
    assert np.allclose(points.min(0), [-0.25, 0, -0.25]) and np.allclose(points.max(0), [0.25, 1, 0.25])
    assert model.noun == "cupcake" and creators(assets / "models")["cupcake"] == model.creator
    with pytest.raises(VeraError, match="make assets"):
        load_model(assets, "cupcake")


@settings(max_examples=60, deadline=None)
@given(index=st.integers(0, 1 << 30), extent=st.tuples(*[st.floats(0.1, 1.0)] * 3))
def test_a_model_is_seen_where_and_as_large_as_the_shot_wants(index: int, extent: tuple[float, float, float]) -> None:
    spec = draw_spec(index, 0, 256, 144, 5)
    place = stand(spec, np.array(extent))
    cos, sin = np.cos(spec.pitch), np.sin(spec.pitch)

    def project(point: np.ndarray) -> tuple[float, float, float]:
        x, y, z = point - [0, place.eye_height, 0]
        depth = -(z * cos + y * sin)
        return (
            spec.width / 2 + spec.focal * x / depth,
            spec.height / 2 - spec.focal * (y * cos - z * sin) / depth,
            depth,
        )

    assert place.eye_height > 0
    x, y, depth = project(place.spot)
    assert x == pytest.approx(spec.feet[0]) and y <= 0.97 * spec.height + 1e-6
    assert list(PLACES).index(spec.place) == int(x / spec.width * 3)
    assert spec.focal / depth * np.sqrt(0.5 * (extent[0] + extent[2]) * extent[1]) <= spec.side + 1e-6


def test_held_out_shots_have_held_out_views() -> None:
    specs = [draw_spec(index, 0, 256, 144, 1) for index in range(300)]
    for spec in specs:
        assert spec.held_out == held_out.is_combination_held_out(spec.noun, spec.place, spec.size)
        half_view = np.arctan(0.5 * MARGIN * spec.width / spec.focal)
        away = abs((spec.yaw + np.pi) % (2 * np.pi) - np.pi)
        if spec.held_out:
            assert away + half_view <= held_out.SECTOR
        else:
            assert away - half_view >= held_out.SECTOR
    assert {spec.model for spec in specs} == set(MODELS)
    assert 0.2 < np.mean([spec.held_out for spec in specs]) < 0.5


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 30))
def test_solved_layers_give_the_full_picture_back(seed: int) -> None:
    """Whatever full and plate are: darker, brighter, another colour."""
    rng = np.random.default_rng(seed)
    plate = (rng.integers(0, 256, (12, 16, 3)) / 255).astype(np.float32)
    full = rng.random((12, 16, 3), np.float32)
    full[:6] = plate[:6]
    coverage = (rng.random((12, 16)) * (rng.random((12, 16)) < 0.3)).astype(np.float32)
    edit, alpha = solve_layers(full, plate, coverage)
    assert (alpha >= coverage).all() and edit.min() >= 0 and edit.max() <= 1
    assert (alpha[:6] == coverage[:6]).all()
    edit8, alpha8 = np.rint(edit * 255).astype(np.uint8), np.rint(alpha * 255).astype(np.uint8)
    # A difference of one step of eight bits is taken for noise, and the layers are rounded.
    assert identity_error(full, plate, edit8, alpha8).max() * 255 < 3


def test_views_hold_the_object_its_shadow_and_the_picture(assets: Path) -> None:
    spec = draw_spec(0, 0, 96, 64, 1)
    views, error = make_views(Painter().render(spec, None, None, 1))
    assert error.max() * 255 < 3
    only_shadow = (views.coverage[0] == 0) & (views.shadow[0] > 100)
    assert only_shadow.sum() > 20
    assert (views.alpha[0][only_shadow] > 40).all()
    changed = np.abs(views.full[0].astype(int) - views.plate).max(-1)
    assert (views.alpha[0][changed > 2] > 0).all() and not views.alpha[0][changed == 0].any()
    assert not views.reflection.any()


def test_rendering_goes_on_and_refuses_another_seed(assets: Path, tmp_path: Path) -> None:
    painter = Painter()
    assert render(tmp_path, 2, assets, painter) == 2
    with (tmp_path / INDEX).open("a") as lines:
        lines.write('{"shot": {"ind')  # as a kill leaves it
    assert render(tmp_path, 4, assets, painter) == 2
    assert painter.drawn == 4
    records = read_records(tmp_path)
    assert [record.spec.index for record in records] == [0, 1, 2, 3]
    assert records[2].spec == draw_spec(2, 0, 96, 64, 3)
    assert records[2].licence == "CC0-1.0" and records[2].creator.startswith("Maker")
    with pytest.raises(VeraError, match="another"):
        render(tmp_path, 5, assets, painter, seed=1)


def test_a_record_survives_the_disk(tmp_path: Path) -> None:
    spec = draw_spec(5, 0, 96, 64, 1)
    views, _ = make_views(Painter().render(spec, None, None, 1))
    record = RenderRecord(spec, "someone", "CC0-1.0", 8, 0.1, 1.0, 2.0)
    write_record(tmp_path, record, views)
    assert read_records(tmp_path) == [record]
    again = read_views(tmp_path, 5)
    for name, value in vars(views).items():
        assert np.array_equal(getattr(again, name), value)
    held = vars(views)
    for wrong in ({"alpha": held["alpha"][:, 1:]}, {"plate": held["plate"] / 255}, {"full": held["plate"]}):
        np.savez(tmp_path / "000005.npz", **held | wrong)
        with pytest.raises(VeraError, match="not a whole render"):
            read_views(tmp_path, 5)
    (tmp_path / "000005.npz").write_bytes(b"torn")
    with pytest.raises(VeraError, match="not a whole render"):
        read_views(tmp_path, 5)


def test_a_cut_out_is_free_of_its_plate(renders: Path) -> None:
    views = read_views(renders, 0)
    thing = cut_out(views, [0])
    picture = thing.pictures[0]
    height, width = picture.shape[:2]
    assert picture[height // 2, width // 2, 3] == 255
    colors = picture[picture[..., 3] > 0][:, :3].astype(int)
    assert np.ptp(colors, axis=0).max() < 8  # one colour up to the rim: no grey of the plate in it
    assert thing.casts is not None
    cast, (left, top) = thing.casts[0], thing.corner
    under = cast[top : top + height, left : left + width]
    assert cast[:, left + width :].sum() > cast[:, :left].sum()  # the shadow falls to the right
    assert cast[[0, -1]].max() < 30 and cast[:, [0, -1]].max() < 30 < under.max()


def test_only_what_ends_inside_of_the_render_is_cut_out(renders: Path) -> None:
    views = read_views(renders, 0)
    assert is_whole(views)
    for edge in ((0, 5), (-1, 5), (5, 0), (5, -1)):
        coverage = views.coverage.copy()
        coverage[(0, *edge)] = 255
        assert not is_whole(replace(views, coverage=coverage))


def test_black_of_the_shadows_alpha_darkens_display_values_as_much() -> None:
    assert shadow_alpha(np.array([0, 255], np.uint8)).tolist() == [0, 255]
    kept_away = 0.5
    alpha = shadow_alpha(np.array([round(255 * kept_away)], np.uint8))[0] / 255
    assert 0.8 ** (1 / 2.2) * (1 - alpha) == pytest.approx((0.8 * (1 - kept_away)) ** (1 / 2.2), abs=0.01)


@pytest.mark.parametrize("unseen", [False, True])
@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_samples_of_renders_keep_identity_and_words(
    assets: Path, renders: Path, unseen: bool, size: tuple[int, int]
) -> None:
    layers = SyntheticLayers(list(SPRITES), str(assets), renders=str(renders), render_share=1, held_out=unseen)
    assert layers.renders is not None
    assert all(record.spec.held_out == unseen for record in layers.renders.records)
    layers = pickle.loads(pickle.dumps(layers))  # as loaders send it to their processes
    words = {word for names in MODELS.values() for word in names}
    tasks = set()
    for index in range(24):
        sample = layers.sample(index, 5, *size)
        again = layers.sample(index, 5, *size)
        assert np.array_equal(sample.source, again.source) and sample.instruction == again.instruction
        alpha = sample.alpha[..., None] / 255.0
        expected = alpha * sample.edit + (1 - alpha) * sample.source
        assert np.abs(sample.composite - expected).max() <= 0.51
        assert sample.source.shape == (5, size[1], size[0], 3)
        if sample.task == "obj_add":
            assert any(word in sample.instruction for word in words)
            assert 0 < (sample.alpha > 127).mean() < 0.5
        tasks.add(sample.task)
    assert tasks == {"obj_add", "background_replace"}


def test_only_frames_of_its_shape_show_a_render_as_it_is(renders: Path) -> None:
    record = read_records(renders)[0]
    assert fits(record, 64, 96) and fits(record, 128, 192) and not fits(record, 96, 64)
    assert not fits(replace(record, spec=replace(record.spec, width=64)), 64, 96)


def test_missing_renders_are_said(assets: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="vera data render"):
        SyntheticLayers(list(SPRITES), str(assets), renders=str(tmp_path))
