"""Compositing against its closed form, and what it must never touch."""

from collections.abc import Iterator

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vera.color.matrix import rgb_to_ycbcr
from vera.color.tags import ColorTags, apply_tags, color_tags, resolve_color
from vera.errors import VeraError
from vera.layers import composite, composite_frame
from vera.layers.layer_frame import LayerFrame
from vera.layers.planes import to_planes
from vera.video import planes
from vera.video.components import components

FORMATS = [
    "yuv420p",
    "yuv422p",
    "yuv444p",
    "yuvj420p",
    "yuv420p10le",
    "yuv422p10le",
    "yuv444p12le",
    "yuv420p16le",
    "gray",
    "gray10le",
    "gbrp",
    "gbrp12le",
    "rgb24",
    "bgr0",
    "rgb48le",
    "nv12",
    "p010le",
    "yuv411p",
    "yuv410p",
    "yuv440p12le",
    "yuv444p16le",
    "yuv422p14le",
    "yuv420p9le",
    "gbrp16le",
    "gray16le",
    "nv16",
    "p016le",
    *("yuva420p", "yuva422p10le", "yuva444p12le", "yuva444p16le", "gbrap10le", "gbrap16le"),
    *("rgba", "bgra", "rgba64le", "ya8", "ya16le"),
]


@pytest.fixture(autouse=True, scope="module")
def small_strips() -> Iterator[None]:
    """Strips that even a small frame has several of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composite, "STRIP", 512)
        yield


CHROMA_STEPS = {name: (2, 2) for name in FORMATS if "420" in name or name in ("nv12", "p010le", "p016le")}
CHROMA_STEPS |= {name: (2, 1) for name in FORMATS if "422" in name or name == "nv16"}
CHROMA_STEPS |= {"yuv411p": (4, 1), "yuv410p": (4, 4), "yuv440p12le": (1, 2)}


def random_frame(pix_fmt: str, width: int, height: int, seed: int) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, pix_fmt)
    rng = np.random.default_rng(seed)
    depth = frame.format.components[0].bits
    shift = 6 if pix_fmt == "p010le" else 0
    for plane in planes(frame):
        plane[...] = rng.integers(0, 2**depth, plane.shape) << shift
    frame.pts = 0
    return frame


def soft_alpha(width: int, height: int, seed: int) -> np.ndarray:
    """A matte with zeros, ones and everything between."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(-0.6, 1.6, (height, width)).clip(0, 1) * 65535).round().astype(np.uint16)


def box(plane: np.ndarray, step_x: int, step_y: int) -> np.ndarray:
    """Mean over boxes in float64, the last row and column repeated where a box is cut."""
    plane = np.pad(plane, ((0, -plane.shape[0] % step_y), (0, -plane.shape[1] % step_x)), mode="edge")
    return plane.reshape(plane.shape[0] // step_y, step_y, plane.shape[1] // step_x, step_x).mean((1, 3))


def closed_form(frame: av.VideoFrame, edit: np.ndarray, alpha: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each component: the exact mix in float64, nothing rounded (codes without p010's shift), and its coverage.

    With alpha in the frame: the mix of premultiplied colours, over the alpha that comes of it.
    """
    depth = frame.format.components[0].bits
    shift = 6 if frame.format.name == "p010le" else 0
    weight = alpha / 65535.0
    rgb = edit / float(np.iinfo(edit.dtype).max)
    originals = [component.astype(np.float64) / 2**shift for component in components(frame)]
    own = originals.pop() / (2**depth - 1) if frame.format.components[-1].is_alpha else None
    if frame.format.is_rgb:
        values = [rgb[..., i] * (2**depth - 1) for i in range(3)]
    else:
        tags = resolve_color(color_tags(frame), frame.height, frame.format.name)
        codes = rgb_to_ycbcr(rgb, tags, depth, frame.height)
        values = [codes[..., i] for i in range(len(originals))]
    cover = np.ones(alpha.shape) if own is None else weight + (1 - weight) * own
    mixes = []
    for original, value in zip(originals, values, strict=True):
        step_x, step_y = (1, 1) if original.shape == alpha.shape else CHROMA_STEPS[frame.format.name]
        coverage = box(weight, step_x, step_y)
        straight = box(value * weight, step_x, step_y) / np.maximum(coverage, 1e-9)
        layer = np.clip(straight, 0, 2**depth - 1)
        behind = box(cover - weight, step_x, step_y)
        mixed = (coverage * layer + behind * original) / np.maximum(coverage + behind, 1e-9)
        mixes.append((np.where(coverage > 0, mixed, original), coverage))
    if own is not None:
        mixes.append((cover * (2**depth - 1), weight))
    return mixes


@pytest.mark.parametrize("pix_fmt", FORMATS)
@settings(max_examples=12, deadline=None)
@given(
    width=st.integers(1, 23),
    height=st.integers(1, 150),
    seed=st.integers(0, 999),
    deep=st.booleans(),
    levels=st.sampled_from([0, 1, 2]),
    matrix=st.sampled_from([1, 2, 5, 9]),
)
def test_mix_is_the_closed_form(
    pix_fmt: str, width: int, height: int, seed: int, deep: bool, levels: int, matrix: int
) -> None:
    """Rounded from what float64 gives, and exact at alpha 0; whatever the size, range and matrix."""
    frame = random_frame(pix_fmt, width, height, seed)
    apply_tags(ColorTags(range=levels, space=matrix), frame)
    rng = np.random.default_rng(seed + 1)
    edit = rng.integers(0, 65536 if deep else 256, (height, width, 3)).astype(np.uint16 if deep else np.uint8)
    alpha = soft_alpha(width, height, seed)
    before = [component.copy() for component in components(frame)]
    result = composite_frame(frame, LayerFrame(edit, alpha))
    shift, depth = 6 if pix_fmt == "p010le" else 0, frame.format.components[0].bits
    for original, mixed, (expected, coverage) in zip(
        before, components(result), closed_form(frame, edit, alpha), strict=True
    ):
        assert np.abs((mixed >> shift) - expected).max() <= 0.5 + 2**-24 * 4 * 2**depth
        assert np.array_equal(mixed[coverage == 0], original[coverage == 0])


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_no_alpha_is_the_source_and_the_source_is_not_written(pix_fmt: str) -> None:
    frame = random_frame(pix_fmt, 18, 10, 1)
    before = [plane.copy() for plane in planes(frame)]
    edit = np.full((10, 18, 3), 200, np.uint8)
    nothing = composite_frame(frame, LayerFrame(edit, np.zeros((10, 18), np.uint16)))
    assert all(np.array_equal(a, b) for a, b in zip(planes(nothing), before, strict=True))
    composite_frame(frame, LayerFrame(edit, np.full((10, 18), 40000, np.uint16)))
    assert all(np.array_equal(a, b) for a, b in zip(planes(frame), before, strict=True))


@pytest.mark.parametrize("pix_fmt", FORMATS)
@settings(max_examples=8, deadline=None)
@given(width=st.integers(1, 23), height=st.integers(1, 150), seed=st.integers(0, 999))
def test_strict_chroma_keeps_what_an_untouched_pixel_shares(pix_fmt: str, width: int, height: int, seed: int) -> None:
    """A chroma sample changes as without it where all luma samples that share it have alpha, else not at all."""
    frame = random_frame(pix_fmt, width, height, seed)
    edit = np.random.default_rng(seed + 1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    alpha = soft_alpha(width, height, seed)
    before = components(frame)
    plain, strict = (
        components(composite_frame(frame, LayerFrame(edit, alpha), strict_chroma=on)) for on in (False, True)
    )
    for original, loose, kept in zip(before, plain, strict, strict=True):
        step_x, step_y = (1, 1) if original.shape == alpha.shape else CHROMA_STEPS[pix_fmt]
        whole = box((alpha > 0).astype(np.float64), step_x, step_y) == 1
        assert np.array_equal(kept, np.where(whole, loose, original))


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_full_alpha_is_the_layer(pix_fmt: str) -> None:
    frame = random_frame(pix_fmt, 18, 10, 2)
    edit = np.random.default_rng(3).integers(0, 256, (10, 18, 3)).astype(np.uint8)
    result = composite_frame(frame, LayerFrame(edit, np.full((10, 18), 65535, np.uint16)))
    layers = to_planes(LayerFrame(edit, np.full((10, 18), 65535, np.uint16)), frame)
    shift = 6 if pix_fmt == "p010le" else 0
    for component, layer in zip(components(result), layers, strict=True):
        assert np.array_equal(component >> shift, np.rint(layer.premultiplied))


def test_a_white_layer_is_white() -> None:
    frame = random_frame("yuv420p", 16, 16, 4)
    result = composite_frame(
        frame, LayerFrame(np.full((16, 16, 3), 255, np.uint8), np.full((16, 16), 65535, np.uint16))
    )
    assert (
        [int(plane.min()) for plane in planes(result)]
        == [int(plane.max()) for plane in planes(result)]
        == [235, 128, 128]
    )


@pytest.mark.parametrize("pix_fmt", ["gray", "yuvj420p", "rgb24", "bgr0"])
def test_full_range_formats_get_full_range_white_without_a_tag(pix_fmt: str) -> None:
    frame = random_frame(pix_fmt, 16, 16, 4)
    result = composite_frame(
        frame, LayerFrame(np.full((16, 16, 3), 255, np.uint8), np.full((16, 16), 65535, np.uint16))
    )
    assert planes(result)[0][..., :3].min() == 255


def test_packed_red_is_red() -> None:
    red = np.zeros((4, 4, 3), np.uint8) + np.array([255, 0, 0], np.uint8)
    for pix_fmt, place in (("rgb24", 0), ("bgr24", 2), ("bgr0", 2), ("gbrp", 2)):
        result = composite_frame(random_frame(pix_fmt, 4, 4, 5), LayerFrame(red, np.full((4, 4), 65535, np.uint16)))
        channels = np.stack(planes(result), -1) if pix_fmt == "gbrp" else planes(result)[0]
        assert [int(channels[..., i].mean()) for i in range(3)] == [255 if i == place else 0 for i in range(3)]


def test_a_matrix_that_is_not_known_is_told() -> None:
    frame = random_frame("yuv444p", 8, 8, 6)
    apply_tags(ColorTags(space=8), frame)  # YCgCo
    with pytest.raises(VeraError, match="space 8"):
        composite_frame(frame, LayerFrame(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 65535, np.uint16)))


def test_unknown_formats_are_named() -> None:
    with pytest.raises(VeraError, match="yuv420p10be"):
        composite_frame(
            av.VideoFrame(8, 8, "yuv420p10be"), LayerFrame(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint16))
        )


@pytest.mark.parametrize("pix_fmt", ["rgba", "yuva420p10le", "ya16le"])
def test_an_opaque_frame_stays_opaque_and_an_empty_one_shows_the_layer_alone(pix_fmt: str) -> None:
    edit, alpha = np.full((16, 16, 3), 90, np.uint8), np.full((16, 16), 13107, np.uint16)  # a fifth
    opaque, empty = (random_frame(pix_fmt, 16, 16, 7) for _ in range(2))
    top = 2 ** opaque.format.components[0].bits - 1
    components(opaque)[-1][...], components(empty)[-1][...] = top, 0
    assert (components(composite_frame(opaque, LayerFrame(edit, alpha)))[-1] == top).all()
    *colors, matte = components(composite_frame(empty, LayerFrame(edit, alpha)))
    assert (matte == round(top / 5)).all()
    alone = components(composite_frame(empty, LayerFrame(edit, np.full_like(alpha, 65535))))[:-1]
    assert all(np.array_equal(one, other) for one, other in zip(colors, alone, strict=True))


LIGHT = ["gbrpf16le", "gbrpf32le", "gbrapf16le", "gbrapf32le", "grayf16le", "grayf32le", "yaf16le", "yaf32le"]


def every_float(pix_fmt: str, width: int, height: int, seed: int) -> av.VideoFrame:
    """Noise over all patterns of bits: below 0, above 1, -0, infinite and no number at all."""
    frame = av.VideoFrame(width, height, pix_fmt)
    rng = np.random.default_rng(seed)
    for plane in planes(frame):
        bits = np.uint16 if plane.dtype == np.float16 else np.uint32
        plane[...] = rng.integers(0, np.iinfo(bits).max, plane.shape, bits, endpoint=True).view(plane.dtype)
        plane[rng.random(plane.shape) < 0.1] = -0.0
    return frame


def bits(samples: np.ndarray) -> np.ndarray:
    return samples.view(np.dtype(f"u{samples.itemsize}"))


@pytest.mark.parametrize("pix_fmt", LIGHT)
@settings(max_examples=8, deadline=None)
@given(width=st.integers(1, 23), height=st.integers(1, 90), seed=st.integers(0, 999), deep=st.booleans())
def test_light_is_mixed_as_light(pix_fmt: str, width: int, height: int, seed: int, deep: bool) -> None:
    """The layer's R'G'B' by the curve of sRGB in float64, over what is there; alpha is premultiplied, as EXR's is."""
    frame = every_float(pix_fmt, width, height, seed)
    rng = np.random.default_rng(seed + 1)
    edit = rng.integers(0, 65536 if deep else 256, (height, width, 3)).astype(np.uint16 if deep else np.uint8)
    alpha = soft_alpha(width, height, seed)
    before = [component.copy() for component in components(frame)]
    codes = edit / float(np.iinfo(edit.dtype).max)
    light = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    values = [light[..., i] for i in range(3)] if frame.format.is_rgb else [light @ (0.2126, 0.7152, 0.0722)]
    values += [np.ones(alpha.shape)] * (len(before) - len(values))
    weight = alpha / 65535.0
    for original, mixed, value in zip(
        before, components(composite_frame(frame, LayerFrame(edit, alpha))), values, strict=True
    ):
        assert np.array_equal(bits(mixed)[alpha == 0], bits(original)[alpha == 0])
        whole, soft = alpha == 65535, (alpha > 0) & np.isfinite(original)
        step = np.spacing(np.abs(value).astype(mixed.dtype)).astype(np.float64)
        assert (np.abs(mixed[whole].astype(np.float64) - value[whole]) <= (0.51 * step + 1e-6)[whole]).all()
        with np.errstate(over="ignore", invalid="ignore"):
            expected = weight * value + (1 - weight) * original.astype(np.float64)
            most = np.abs(expected) + np.abs(original.astype(np.float64))
            near = (
                np.abs(mixed.astype(np.float64) - expected) <= most * 2.0 ** (-10 if "f16" in pix_fmt else -21) + 1e-6
            )
        assert near[soft].all()


def test_light_beyond_white_stays_and_shows_through() -> None:
    frame = av.VideoFrame(8, 8, "gbrapf32le")
    for plane, value in zip(planes(frame), (100.0, -2.0, 0.5, 0.25), strict=True):  # G, B, R, A
        plane[...] = value
    half = composite_frame(frame, LayerFrame(np.full((8, 8, 3), 255, np.uint8), np.full((8, 8), 32768, np.uint16)))
    assert [float(plane[0, 0]) for plane in planes(half)] == pytest.approx([50.5, -0.5, 0.75, 0.625], abs=1e-3)
    whole = composite_frame(frame, LayerFrame(np.full((8, 8, 3), 255, np.uint8), np.full((8, 8), 65535, np.uint16)))
    assert all((plane == 1).all() for plane in planes(whole))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("pix_fmt", LIGHT)
def test_blend_modes_take_every_float_without_a_warning(pix_fmt: str) -> None:
    frame = every_float(pix_fmt, 64, 48, 0)
    edit = np.random.default_rng(1).integers(0, 65536, (48, 64, 3)).astype(np.uint16)
    result = composite_frame(frame, LayerFrame(edit, np.full((48, 64), 65535, np.uint16)), blend_mode="multiply")
    assert all(((plane >= 0) & (plane <= 1)).all() for plane in planes(result))


def test_blend_modes_take_light_for_what_is_shown() -> None:
    """Multiplying with white is the source, to the 16 bits that colours are mixed in; what is brighter is clipped."""
    frame = av.VideoFrame(8, 8, "gbrpf32le")
    for plane, value in zip(planes(frame), (0.2, 0.9, 7.0), strict=True):
        plane[...] = value
    white, all_over = np.full((8, 8, 3), 255, np.uint8), np.full((8, 8), 65535, np.uint16)
    same = composite_frame(frame, LayerFrame(white, all_over), blend_mode="multiply")
    assert [float(plane[0, 0]) for plane in planes(same)] == pytest.approx([0.2, 0.9, 1.0], abs=1e-4)
