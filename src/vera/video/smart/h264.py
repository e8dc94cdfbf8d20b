"""H.264: another encoder's intra slices in the place of a picture, in the state of decoding that it leaves behind.

The slice header keeps what decoders count and order pictures by (frame number, order count, reference marking) and
takes from the encoder's what its slice data need. So all that follows is decoded as if nothing had changed. Syntax:
ITU-T H.264, 7.3.2 and 7.3.3; avcC: ISO/IEC 14496-15, 5.3.3.
"""

from dataclasses import dataclass, replace

from vera.video.smart.bits import BitReader, Bits, UnsupportedError
from vera.video.smart.nal import HEADER, escape, split_start_codes, supplements, unescape
from vera.video.smart.record import pair_sets, record_units, unit_length_size

_SLICE, _PARTITIONS, _IDR, _SEI, _SPS, _PPS = 1, (2, 3, 4), 5, 6, 7, 8
_EXTENSIONS = (14, 15, 20, 21)  # scalable and multi-view streams
_WITH_FORMAT = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
_RECOVERY_POINT = 6
_INTRA = 7  # of a slice_type: all slices of the picture are I
# What the encoder's sequence parameters must have in common with the stream's, and how a difference is told.
_SAME = {
    "chroma_format_idc": "a chroma format",
    "separate_colour_plane_flag": "colour planes",
    "bit_depths": "bit depths",
    "size_in_mbs": "a size",
    "transform_bypass_flag": "lossless blocks",
}


@dataclass(frozen=True)
class Sps:
    """What is needed of seq_parameter_set_data (7.3.2.1.1), in its names; counts of bits instead of their minus4."""

    profile_idc: int
    seq_parameter_set_id: int
    chroma_format_idc: int
    separate_colour_plane_flag: bool
    bit_depths: tuple[int, int]
    transform_bypass_flag: bool
    log2_max_frame_num: int
    pic_order_cnt_type: int
    log2_max_pic_order_cnt_lsb: int
    delta_pic_order_always_zero_flag: bool
    size_in_mbs: tuple[int, int]  # in macroblocks
    frame_mbs_only_flag: bool


@dataclass(frozen=True)
class Pps:
    """What is needed of pic_parameter_set_rbsp (7.3.2.2), in its names; numbers instead of their minus1."""

    pic_parameter_set_id: int
    seq_parameter_set_id: int
    entropy_coding_mode_flag: bool
    bottom_field_pic_order_in_frame_present_flag: bool
    num_ref_idx_default_active: tuple[int, int]
    weighted_pred_flag: bool
    weighted_bipred_idc: int
    pic_init_qp: int
    pic_init_qs: int
    chroma_qp_index_offset: int
    deblocking_filter_control_present_flag: bool
    constrained_intra_pred_flag: bool
    redundant_pic_cnt_present_flag: bool
    transform_8x8_mode_flag: bool
    second_chroma_qp_index_offset: int


@dataclass(frozen=True)
class Slice:
    """A slice header, in pieces: `count` from frame_num to the order count, `marking`, and what `tail` is for data."""

    pic_parameter_set_id: int
    first_mb_in_slice: int
    slice_type: int
    colour_plane_id: int
    count: Bits
    marking: Bits
    tail: Bits
    end: int  # position of the slice data, in bits


def parse_sps(nal: bytes) -> Sps:
    """Read a sequence parameter set; UnsupportedError for what no picture can be put into."""
    reader = BitReader(unescape(nal)[1:])
    profile, _, _ = reader.bits(8), reader.bits(8), reader.bits(8)
    identity = reader.ue()
    chroma_format, separate, depths, lossless = 1, False, (8, 8), False
    if profile in _WITH_FORMAT:
        chroma_format = reader.ue()
        separate = chroma_format == 3 and reader.flag()
        depths = (8 + reader.ue(), 8 + reader.ue())
        lossless = reader.flag()
        if reader.flag():
            raise UnsupportedError("its stream has quantisation matrices of its own")
    frame_num_bits = 4 + reader.ue()
    order_type = reader.ue()
    order_bits, always_zero = 0, False
    if order_type == 0:
        order_bits = 4 + reader.ue()
    elif order_type == 1:
        always_zero = reader.flag()
        reader.skip("se se")  # offset_for_non_ref_pic, offset_for_top_to_bottom_field
        reader.skip("se " * reader.ue())  # offset_for_ref_frame
    reader.skip("ue u1")  # max_num_ref_frames, gaps_in_frame_num_value_allowed_flag
    width, height = 1 + reader.ue(), 1 + reader.ue()
    frames_only = reader.flag()
    if not frames_only and reader.flag():
        raise UnsupportedError("its stream is interlaced")
    size = (width, height * (1 if frames_only else 2))
    return Sps(
        profile, identity, chroma_format, separate, depths, lossless, frame_num_bits, order_type, order_bits,
        always_zero, size, frames_only,
    )  # fmt: skip


def parse_pps(nal: bytes) -> Pps:
    """Read a picture parameter set; UnsupportedError for what no picture can be put into."""
    data = unescape(nal)[1:].rstrip(b"\0")
    reader = BitReader(data)
    identity, sps, cabac, bottom_order = reader.ue(), reader.ue(), reader.flag(), reader.flag()
    if reader.ue():
        raise UnsupportedError("its stream has slice groups")
    references = (1 + reader.ue(), 1 + reader.ue())
    weighted, weighted_bi, qp, qs, offset = reader.flag(), reader.bits(2), reader.se(), reader.se(), reader.se()
    deblocking, constrained, redundant = reader.flag(), reader.flag(), reader.flag()
    # More follows if this is not yet the one bit that ends every parameter set.
    last = 8 * len(data) - 1 - ((data[-1] & -data[-1]).bit_length() - 1)
    transform_8x8, second_offset = False, offset
    if reader.position < last:
        transform_8x8 = reader.flag()
        if reader.flag():
            raise UnsupportedError("its stream has quantisation matrices of its own")
        second_offset = reader.se()
    return Pps(
        identity, sps, cabac, bottom_order, references, weighted, weighted_bi, qp, qs, offset, deblocking, constrained,
        redundant, transform_8x8, second_offset,
    )  # fmt: skip


def write_pps(pps: Pps) -> bytes:
    """Write a picture parameter set as a NAL unit."""
    bits = (
        Bits()
        .ue(pps.pic_parameter_set_id)
        .ue(pps.seq_parameter_set_id)
        .put(pps.entropy_coding_mode_flag, 1)
        .put(pps.bottom_field_pic_order_in_frame_present_flag, 1)
        .ue(0)
    )
    bits.ue(pps.num_ref_idx_default_active[0] - 1).ue(pps.num_ref_idx_default_active[1] - 1).put(
        pps.weighted_pred_flag, 1
    ).put(pps.weighted_bipred_idc, 2)
    bits.se(pps.pic_init_qp).se(pps.pic_init_qs).se(pps.chroma_qp_index_offset)
    bits.put(pps.deblocking_filter_control_present_flag, 1).put(pps.constrained_intra_pred_flag, 1).put(
        pps.redundant_pic_cnt_present_flag, 1
    )
    if pps.transform_8x8_mode_flag or pps.second_chroma_qp_index_offset != pps.chroma_qp_index_offset:
        bits.put(pps.transform_8x8_mode_flag, 1).put(0, 1).se(pps.second_chroma_qp_index_offset)
    return bytes([3 << 5 | _PPS]) + escape(bytes(bits.put(1, 1).align(0)))


def parse_slice(nal: bytes, sets: "dict[int, tuple[Sps, Pps]]") -> Slice:
    """The header of a slice whose parameter sets are in `sets`, by the number of the PPS."""
    reader = BitReader(unescape(nal[:HEADER])[1:])
    idr, reference = nal[0] & 31 == _IDR, nal[0] >> 5 & 3
    first_block, kind, identity = reader.ue(), reader.ue() % 5, reader.ue()
    if identity not in sets:
        raise UnsupportedError("its stream names parameter sets that it does not have")
    sps, pps = sets[identity]
    plane = reader.bits(2) if sps.separate_colour_plane_flag else 0
    start = reader.position
    _skip_order(reader, sps, pps, idr)
    count = reader.between(start, reader.position)
    if pps.redundant_pic_cnt_present_flag and reader.ue():
        raise UnsupportedError("its stream has redundant pictures")
    predicted, bi = kind in (0, 1, 3), kind == 1
    if predicted:
        _skip_prediction(reader, sps, pps, bi)
    start = reader.position
    if reference:
        _skip_marking(reader, idr)
    marking = reader.between(start, reader.position)
    start = reader.position
    if pps.entropy_coding_mode_flag and predicted:
        reader.ue()
    reader.se()
    if pps.deblocking_filter_control_present_flag and reader.ue() != 1:
        reader.skip("se se")  # slice_alpha_c0_offset_div2, slice_beta_offset_div2
    return Slice(identity, first_block, kind, plane, count, marking, reader.between(start, reader.position),
                 reader.position)  # fmt: skip


class H264:
    """The H.264 stream that an avcC record describes, and an encoder whose pictures it takes in.

    UnsupportedError for what it could not take them into.
    """

    encoder = "libx264"

    def __init__(self, record: bytes) -> None:
        self.length_size = unit_length_size(record, 7, 4)
        self._record = record
        units, self._pps_at, self._end = record_units(record)
        self.parameters = set(units)
        self._sets = pair_sets(*_read_sets(units))
        self._host = next(iter(self._sets.values()))

    def options(self) -> dict[str, str]:
        """What the encoder must be told for its slice data to be this stream's."""
        sps, pps = self._host
        tools = {
            "cabac": int(pps.entropy_coding_mode_flag),
            "8x8dct": int(sps.profile_idc in _WITH_FORMAT and sps.profile_idc != 44),
        }
        tools |= {"keyint": 1, "slices": 1, "annexb": 1, "fake-interlaced": int(not sps.frame_mbs_only_flag)}
        quality = {"qp": "0"} if sps.transform_bypass_flag else {"crf": "16"}
        return quality | {"preset": "medium", "x264-params": ":".join(f"{name}={tools[name]}" for name in tools)}

    def adopt(self, headers: bytes) -> bytes:
        """Take the encoder's parameter sets; returns the avcC record of the stream with its pictures."""
        (own_sps,), (own_pps,) = _read_sets(split_start_codes(headers))
        sps, pps = self._host
        for name, words in _SAME.items():
            if getattr(sps, name) != getattr(own_sps, name):
                raise UnsupportedError(f"its stream has {words} that cannot be encoded here")
        identity = max(self._sets) + 1
        if identity > 255 or self._record[self._pps_at] == 255:
            raise UnsupportedError("its stream has no room for more parameters")
        self._own_sets = {own_pps.pic_parameter_set_id: (own_sps, own_pps)}
        self._guest = replace(
            own_pps,
            pic_parameter_set_id=identity,
            seq_parameter_set_id=sps.seq_parameter_set_id,
            bottom_field_pic_order_in_frame_present_flag=pps.bottom_field_pic_order_in_frame_present_flag,
        )
        unit = write_pps(self._guest)
        self.parameters.add(unit)
        count = bytes([self._record[self._pps_at] + 1])
        added = len(unit).to_bytes(2, "big") + unit
        before, after = self._record[: self._pps_at], self._record[self._pps_at + 1 :]
        return before + count + after[: self._end - self._pps_at - 1] + added + self._record[self._end :]

    def check(self, units: list[bytes]) -> None:
        """UnsupportedError if the picture has parameters that the record does not, or parts not known here."""
        kinds = {kind_of(unit) for unit in units}
        if kinds.intersection(_PARTITIONS + _EXTENSIONS):
            raise UnsupportedError("its stream is scalable, multi-view or partitioned")
        if any(kind_of(unit) in (_SPS, _PPS) and unit not in self.parameters for unit in units):
            raise UnsupportedError("its stream changes its parameters on the way")

    def restarts(self, units: list[bytes]) -> bool:
        """Whether decoding can start at the picture: an IDR, or a recovery point that is exact at once."""
        return any(
            kind_of(unit) == _IDR
            or (
                kind_of(unit) == _SEI
                and any(kind == _RECOVERY_POINT and BitReader(data).ue() == 0 for kind, data in supplements(unit, 1))
            )
            for unit in units
        )

    def graft(self, units: list[bytes], picture: bytes) -> list[bytes]:
        """The units of a picture with its slices replaced by those of `picture`, a packet of the encoder."""
        first = [is_slice(unit) for unit in units].index(True)
        host = parse_slice(units[first], self._sets)
        if (
            self._sets[host.pic_parameter_set_id][1].bottom_field_pic_order_in_frame_present_flag
            != self._guest.bottom_field_pic_order_in_frame_present_flag
        ):
            raise UnsupportedError("its stream orders pictures in two ways")
        slices = [unit for unit in split_start_codes(picture) if is_slice(unit)]
        grafted = [self._transplant(unit, units[first], host) for unit in slices]
        return units[:first] + grafted + [unit for unit in units[first:] if not is_slice(unit)]

    def _transplant(self, nal: bytes, into: bytes, host: Slice) -> bytes:
        own = parse_slice(nal, self._own_sets)
        bits = Bits().ue(own.first_mb_in_slice).ue(_INTRA).ue(self._guest.pic_parameter_set_id)
        if self._host[0].separate_colour_plane_flag:
            bits.put(own.colour_plane_id, 2)
        bits.extend(host.count).extend(host.marking).extend(own.tail)
        data = unescape(nal)[1:]
        if self._guest.entropy_coding_mode_flag:
            body = bytes(bits.align(1)) + data[-(-own.end // 8) :]
        else:
            # The zeros after the one bit that ends the slice move with the bits before them.
            rest = 8 * len(data) - own.end
            bits.put(int.from_bytes(data, "big") & ((1 << rest) - 1), rest)
            body = bytes(bits.align(0)).rstrip(b"\0")
        return escape(into[:1] + body)


def kind_of(unit: bytes) -> int:
    """Read nal_unit_type."""
    return unit[0] & 31


def is_slice(unit: bytes) -> bool:
    """Tell whether a NAL unit is a slice of a coded picture."""
    return kind_of(unit) in (_SLICE, _IDR)


def _read_sets(units: list[bytes]) -> tuple[list[Sps], list[Pps]]:
    return (
        [parse_sps(unit) for unit in units if kind_of(unit) == _SPS],
        [parse_pps(unit) for unit in units if kind_of(unit) == _PPS],
    )


def _skip_order(reader: BitReader, sps: Sps, pps: Pps, idr: bool) -> None:
    reader.bits(sps.log2_max_frame_num)
    if not sps.frame_mbs_only_flag and reader.flag():
        raise UnsupportedError("its stream is interlaced")
    if idr:
        reader.ue()
    if sps.pic_order_cnt_type == 0:
        reader.bits(sps.log2_max_pic_order_cnt_lsb)
        if pps.bottom_field_pic_order_in_frame_present_flag:
            reader.se()
    elif sps.pic_order_cnt_type == 1 and not sps.delta_pic_order_always_zero_flag:
        reader.se()
        if pps.bottom_field_pic_order_in_frame_present_flag:
            reader.se()


def _skip_prediction(reader: BitReader, sps: Sps, pps: Pps, bi: bool) -> None:
    if bi:
        reader.flag()
    counts = list(pps.num_ref_idx_default_active)
    if reader.flag():
        counts[0] = 1 + reader.ue()
        if bi:
            counts[1] = 1 + reader.ue()
    lists = counts if bi else counts[:1]
    for _ in lists:
        if reader.flag():
            while reader.ue() != 3:
                reader.ue()
    if not (pps.weighted_bipred_idc == 1 if bi else pps.weighted_pred_flag):
        return
    chroma = sps.chroma_format_idc != 0 and not sps.separate_colour_plane_flag
    reader.ue()
    if chroma:
        reader.ue()
    for entries in lists:
        for _ in range(entries):
            for values in (2, 4) if chroma else (2,):
                if reader.flag():
                    for _ in range(values):
                        reader.se()


def _skip_marking(reader: BitReader, idr: bool) -> None:
    if idr:
        reader.bits(2)
    elif reader.flag():
        while operation := reader.ue():
            for _ in range({3: 2, 5: 0}.get(operation, 1)):
                reader.ue()
