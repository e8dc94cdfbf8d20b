"""H.265: another encoder's intra slices in the place of a picture, in the state of decoding that it leaves behind.

The slice header keeps the order count and the reference pictures and takes from the encoder's what its slice data need.
So all that follows is decoded as if nothing had changed. Syntax: ITU-T H.265, 7.3.2 and 7.3.6; hvcC: ISO/IEC
14496-15, 8.3.3.
"""

from dataclasses import dataclass

from vera.video.smart.bits import BitReader, Bits, UnsupportedError
from vera.video.smart.nal import HEADER, escape, split_start_codes, supplements, unescape
from vera.video.smart.record import pair_sets, record_arrays, unit_length_size, write_arrays

_VPS, _SPS, _PPS, _SUFFIX_SEI = 32, 33, 34, 40
_PICTURE_HASH = 132
_IDR = (19, 20)
_RANDOM_ACCESS = range(16, 24)
_INTRA = 2  # slice_type I


@dataclass(frozen=True)
class Coding:
    """What of a sequence parameter set the bits of intra slices depend on. Sizes of blocks are powers of two."""

    chroma_format_idc: int
    separate_colour_plane_flag: bool
    size_in_luma_samples: tuple[int, int]
    bit_depths: tuple[int, int]
    log2_min_luma_coding_block_size: int
    log2_diff_max_min_luma_coding_block_size: int
    log2_min_luma_transform_block_size: int
    log2_diff_max_min_luma_transform_block_size: int
    max_transform_hierarchy_depth_intra: int
    sample_adaptive_offset_enabled_flag: bool
    strong_intra_smoothing_enabled_flag: bool


@dataclass(frozen=True)
class Sps:
    """What is needed of seq_parameter_set_rbsp (7.3.2.2), in its names."""

    seq_parameter_set_id: int
    coding: Coding
    log2_max_pic_order_cnt_lsb: int
    st_ref_pic_sets: tuple[tuple[int, ...], ...]
    num_long_term_ref_pics_sps: int | None  # None: no long-term references
    temporal_mvp_enabled_flag: bool


@dataclass(frozen=True)
class Pps:
    """What is needed of pic_parameter_set_rbsp (7.3.2.3), in its names."""

    pic_parameter_set_id: int
    seq_parameter_set_id: int
    rest: Bits  # what follows the two numbers, but for the end
    output_flag_present_flag: bool
    num_extra_slice_header_bits: int
    transquant_bypass_enabled_flag: bool


@dataclass(frozen=True)
class Tail:
    """Which fields the end of the encoder's slice headers has."""

    slice_chroma_qp_offsets_present_flag: bool
    loop_filter_across_slices_enabled_flag: bool
    deblocking_filter_override_enabled_flag: bool
    deblocking_filter_disabled_flag: bool


@dataclass(frozen=True)
class Slice:
    """A slice header up to its references: `count` from the order count to the temporal flag; `end` in bits."""

    no_output_of_prior_pics_flag: int
    pic_output_flag: bool
    colour_plane_id: int
    count: Bits
    end: int


class Hevc:
    """The H.265 stream that an hvcC record describes, and an encoder whose pictures it takes in.

    UnsupportedError for what it could not take them into.
    """

    encoder = "libx265"

    def __init__(self, record: bytes) -> None:
        self.length_size = unit_length_size(record, 23, 21)
        self._head, self._arrays = record[:22], record_arrays(record)
        units = [unit for _, array in self._arrays for unit in array]
        self.parameters = set(units)
        self._sets = pair_sets(*_read_sets(units))
        self._host = next(iter(self._sets.values()))

    def options(self) -> dict[str, str]:
        """What the encoder must be told for its slice data to be this stream's."""
        sps, pps = self._host
        coding = sps.coding
        tools: dict[str, object] = {
            "ctu": 1 << coding.log2_min_luma_coding_block_size + coding.log2_diff_max_min_luma_coding_block_size,
            "min-cu-size": 1 << coding.log2_min_luma_coding_block_size,
            "max-tu-size": 1
            << coding.log2_min_luma_transform_block_size + coding.log2_diff_max_min_luma_transform_block_size,
            "tu-intra-depth": coding.max_transform_hierarchy_depth_intra + 1,
            "sao": int(coding.sample_adaptive_offset_enabled_flag),
            "strong-intra-smoothing": int(coding.strong_intra_smoothing_enabled_flag),
            "wpp": 0,
            "slices": 1,
            "keyint": 1,
            "log-level": "error",
        }
        tools |= {"lossless": 1} if pps.transquant_bypass_enabled_flag else {"crf": 18}
        return {"preset": "medium", "x265-params": ":".join(f"{name}={tools[name]}" for name in tools)}

    def adopt(self, headers: bytes) -> bytes:
        """Take the encoder's parameter sets; returns the hvcC record of the stream with its pictures."""
        (self._own_sps,), (self._own_pps,) = _read_sets(split_start_codes(headers))
        self._tail = parse_tail(self._own_pps)
        sps, _ = self._host
        if self._own_sps.coding != sps.coding:
            raise UnsupportedError("its stream has blocks of sizes that cannot be encoded here")
        self._identity = max(self._sets) + 1
        if self._identity > 63:
            raise UnsupportedError("its stream has no room for more parameters")
        bits = Bits().ue(self._identity).ue(sps.seq_parameter_set_id).extend(self._own_pps.rest)
        unit = bytes([_PPS << 1, 1]) + escape(bytes(bits.put(1, 1).align(0)))
        self.parameters.add(unit)
        arrays = [(head, [*array, unit] if head & 63 == _PPS else array) for head, array in self._arrays]
        return self._head + write_arrays(arrays)

    def check(self, units: list[bytes]) -> None:
        """UnsupportedError if the picture carries parameters that the record does not."""
        if any(kind_of(unit) in (_VPS, _SPS, _PPS) and unit not in self.parameters for unit in units):
            raise UnsupportedError("its stream changes its parameters on the way")

    def restarts(self, units: list[bytes]) -> bool:
        """Whether decoding can start at the picture."""
        return any(kind_of(unit) in _RANDOM_ACCESS for unit in units)

    def graft(self, units: list[bytes], picture: bytes) -> list[bytes]:
        """The units of a picture with its slices replaced by those of `picture`, a packet of the encoder."""
        first = [is_slice(unit) for unit in units].index(True)
        host = parse_slice(units[first], self._sets)
        if not host.pic_output_flag:
            raise UnsupportedError("its stream has pictures that are not shown")
        slices = [unit for unit in split_start_codes(picture) if is_slice(unit)]
        if len(slices) != 1:
            raise UnsupportedError("the encoder cut a picture into slices")
        grafted = self._transplant(slices[0], units[first], host)
        after = [unit for unit in units[first:] if not is_slice(unit) and not _is_hash(unit)]
        return [*units[:first], grafted, *after]

    def _transplant(self, nal: bytes, into: bytes, host: Slice) -> bytes:
        own = parse_slice(nal, {self._own_pps.pic_parameter_set_id: (self._own_sps, self._own_pps)})
        data = unescape(nal)[2:]
        tail, start = self._read_tail(data[:HEADER], own.end)
        kind = kind_of(into)
        bits = Bits().put(1, 1)
        if kind in _RANDOM_ACCESS:
            bits.put(host.no_output_of_prior_pics_flag, 1)
        bits.ue(self._identity).ue(_INTRA)
        if self._host[0].coding.separate_colour_plane_flag:
            bits.put(own.colour_plane_id, 2)
        bits.extend(host.count).extend(tail)
        return escape(into[:2] + bytes(bits.put(1, 1).align(0)) + data[start:])

    def _read_tail(self, data: bytes, start: int) -> tuple[Bits, int]:
        """The header's bits from `start` to its alignment, and the byte at which the slice data begin."""
        reader = BitReader(data)
        reader.bits(start)
        coding = self._own_sps.coding
        chroma = coding.chroma_format_idc != 0 and not coding.separate_colour_plane_flag
        filtered = False
        if coding.sample_adaptive_offset_enabled_flag:
            filtered = reader.flag()
            filtered |= chroma and reader.flag()
        reader.se()
        if self._tail.slice_chroma_qp_offsets_present_flag:
            reader.skip("se se")  # slice_cb_qp_offset, slice_cr_qp_offset
        off = self._tail.deblocking_filter_disabled_flag
        if self._tail.deblocking_filter_override_enabled_flag and reader.flag():
            off = reader.flag()
            if not off:
                reader.skip("se se")  # slice_beta_offset_div2, slice_tc_offset_div2
        if self._tail.loop_filter_across_slices_enabled_flag and (filtered or not off):
            reader.flag()
        tail = reader.between(start, reader.position)
        if not reader.flag():
            raise UnsupportedError("the encoder's headers are not as expected")
        return tail, -(-reader.position // 8)


def kind_of(unit: bytes) -> int:
    """Read nal_unit_type."""
    return unit[0] >> 1 & 63


def is_slice(unit: bytes) -> bool:
    """Tell whether a NAL unit is a slice segment of a coded picture."""
    return kind_of(unit) < 32


def _read_sets(units: list[bytes]) -> tuple[list[Sps], list[Pps]]:
    return (
        [parse_sps(unit) for unit in units if kind_of(unit) == _SPS],
        [parse_pps(unit) for unit in units if kind_of(unit) == _PPS],
    )


def parse_sps(nal: bytes) -> Sps:
    """Read a sequence parameter set; UnsupportedError for what no picture can be put into."""
    reader = BitReader(unescape(nal)[2:])
    reader.bits(4)
    layers = reader.bits(3)
    reader.flag()
    _skip_profile(reader, layers)
    identity, chroma_format = reader.ue(), reader.ue()
    separate = chroma_format == 3 and reader.flag()
    size = (reader.ue(), reader.ue())
    if reader.flag():
        reader.skip("ue ue ue ue")  # offsets of the conformance window
    depths = (8 + reader.ue(), 8 + reader.ue())
    order_bits = 4 + reader.ue()
    for _ in range(1 + layers if reader.flag() else 1):
        reader.skip("ue ue ue")  # sps_max_dec_pic_buffering, _num_reorder_pics, _latency_increase
    blocks = 3 + reader.ue(), reader.ue(), 2 + reader.ue(), reader.ue()
    reader.ue()
    depth = reader.ue()
    if reader.flag():
        raise UnsupportedError("its stream has quantisation matrices")
    reader.flag()
    offsets = reader.flag()
    if reader.flag():
        raise UnsupportedError("its stream has blocks of uncompressed samples")
    sets: list[tuple[int, ...]] = []
    for index in range(reader.ue()):
        sets.append(_reference_set(reader, index, sets, of_slice=False))
    long_term = None
    if reader.flag():
        long_term = reader.ue()
        for _ in range(long_term):
            reader.bits(order_bits + 1)
    temporal, smoothing = reader.flag(), reader.flag()
    coding = Coding(chroma_format, separate, size, depths, *blocks, depth, offsets, smoothing)
    return Sps(identity, coding, order_bits, tuple(sets), long_term, temporal)


def parse_pps(nal: bytes) -> Pps:
    """Read a picture parameter set; UnsupportedError for what no picture can be put into."""
    data = unescape(nal)[2:].rstrip(b"\0")
    reader = BitReader(data)
    identity, sps = reader.ue(), reader.ue()
    last = 8 * len(data) - (data[-1] & -data[-1]).bit_length()
    rest = reader.between(reader.position, last)
    reader.flag()
    output_flag, extra_bits = reader.flag(), reader.bits(3)
    _skip_to_weights(reader)
    reader.bits(2)
    return Pps(identity, sps, rest, output_flag, extra_bits, reader.flag())


def parse_tail(pps: Pps) -> Tail:
    """What the encoder's PPS says of the end of its slice headers. UnsupportedError for what it was told not to do."""
    reader = BitReader(bytes(Bits(pps.rest.value, pps.rest.size).align(0)))
    reader.bits(5)
    chroma_offsets = _skip_to_weights(reader)
    reader.bits(3)
    if reader.bits(2) or pps.output_flag_present_flag or pps.num_extra_slice_header_bits:
        raise UnsupportedError("the encoder's headers are not as expected")
    across = reader.flag()
    override = off = False
    if reader.flag():
        override, off = reader.flag(), reader.flag()
        if not off:
            reader.skip("se se")  # pps_beta_offset_div2, pps_tc_offset_div2
    if reader.flag():
        raise UnsupportedError("the encoder's headers are not as expected")
    reader.flag()
    reader.ue()
    if reader.flag():
        raise UnsupportedError("the encoder's headers are not as expected")
    return Tail(chroma_offsets, across, override, off)


def parse_slice(nal: bytes, sets: dict[int, tuple[Sps, Pps]]) -> Slice:
    """The header of a picture's first slice, whose parameter sets are in `sets` by the number of the PPS."""
    reader = BitReader(unescape(nal[:HEADER])[2:])
    kind = kind_of(nal)
    if not reader.flag():
        raise UnsupportedError("its stream lacks the beginning of a picture")
    no_output = reader.bits(1) if kind in _RANDOM_ACCESS else 0
    identity = reader.ue()
    if identity not in sets:
        raise UnsupportedError("its stream names parameter sets that it does not have")
    sps, pps = sets[identity]
    reader.bits(pps.num_extra_slice_header_bits)
    reader.ue()
    shown = not pps.output_flag_present_flag or reader.flag()
    plane = reader.bits(2) if sps.coding.separate_colour_plane_flag else 0
    start = reader.position
    if kind not in _IDR:
        _skip_references(reader, sps)
    return Slice(no_output, shown, plane, reader.between(start, reader.position), reader.position)


def _skip_profile(reader: BitReader, layers: int) -> None:
    reader.bits(96)
    present = [(reader.flag(), reader.flag()) for _ in range(layers)]
    if layers:
        reader.bits(2 * (8 - layers))
    for profile, level in present:
        reader.bits(88 * profile + 8 * level)


def _skip_to_weights(reader: BitReader) -> bool:
    """From sign hiding to the flags of weighted prediction; whether slices have chroma offsets."""
    reader.bits(2)
    reader.skip("ue ue se")  # num_ref_idx_l0 and _l1_default_active_minus1, init_qp_minus26
    reader.bits(2)
    if reader.flag():
        reader.ue()
    reader.skip("se se")  # pps_cb_qp_offset, pps_cr_qp_offset
    return reader.flag()


def _skip_references(reader: BitReader, sps: Sps) -> None:
    reader.bits(sps.log2_max_pic_order_cnt_lsb)
    count = len(sps.st_ref_pic_sets)
    if not reader.flag():
        _reference_set(reader, count, list(sps.st_ref_pic_sets), of_slice=True)
    elif count > 1:
        reader.bits((count - 1).bit_length())
    if sps.num_long_term_ref_pics_sps is not None:
        known = reader.ue() if sps.num_long_term_ref_pics_sps else 0
        for index in range(known + reader.ue()):
            if index >= known:
                reader.bits(sps.log2_max_pic_order_cnt_lsb + 1)
            elif sps.num_long_term_ref_pics_sps > 1:
                reader.bits((sps.num_long_term_ref_pics_sps - 1).bit_length())
            if reader.flag():
                reader.ue()
    if sps.temporal_mvp_enabled_flag:
        reader.flag()


def _reference_set(reader: BitReader, index: int, sets: list[tuple[int, ...]], of_slice: bool) -> tuple[int, ...]:
    """Order counts, relative to the picture's, of a short-term reference picture set (7.3.7, 7.4.8): past, future."""
    if index and reader.flag():
        back = 1 + reader.ue() if of_slice else 1
        sign = -1 if reader.flag() else 1
        shift = sign * (1 + reader.ue())
        taken = []
        for delta in (*sets[index - back], 0):
            used = reader.flag()
            if (used or reader.flag()) and delta + shift:
                taken.append(delta + shift)
        return (*sorted((d for d in taken if d < 0), reverse=True), *sorted(d for d in taken if d > 0))
    counts = reader.ue(), reader.ue()
    deltas = []
    for count, sign in zip(counts, (-1, 1), strict=True):
        delta = 0
        for _ in range(count):
            delta += sign * (1 + reader.ue())
            reader.flag()
            deltas.append(delta)
    return tuple(deltas)


def _is_hash(unit: bytes) -> bool:
    return kind_of(unit) == _SUFFIX_SEI and any(kind == _PICTURE_HASH for kind, _ in supplements(unit, 2))
