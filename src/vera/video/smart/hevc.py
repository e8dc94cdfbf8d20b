"""H.265: another encoder's intra slices in the place of a picture, in the state of decoding that it leaves behind.

The slice header keeps the order count and the reference pictures and takes from the encoder's what its slice data need.
So all that follows is decoded as if nothing had changed. Syntax: ITU-T H.265, 7.3.2 and 7.3.6; hvcC: ISO/IEC
14496-15, 8.3.3.
"""

from dataclasses import dataclass

from vera.video.smart.bits import (
    HEADER,
    BitReader,
    Bits,
    UnsupportedError,
    escape,
    pair_sets,
    split_record,
    split_start_codes,
    supplements,
    unescape,
)

_VPS, _SPS, _PPS, _SUFFIX_SEI = 32, 33, 34, 40
_PICTURE_HASH = 132
_IDR = (19, 20)
_RANDOM_ACCESS = range(16, 24)
_INTRA = 2  # slice_type I


@dataclass(frozen=True)
class Coding:
    """What of a sequence parameter set the bits of intra slices depend on. Sizes of blocks are powers of two."""

    chroma_format: int
    separate_planes: bool
    size: tuple[int, int]
    depths: tuple[int, int]
    block: int
    block_range: int
    transform: int
    transform_range: int
    transform_depth: int
    offsets: bool
    smoothing: bool


@dataclass(frozen=True)
class Sps:
    identity: int
    coding: Coding
    order_bits: int
    reference_sets: tuple[tuple[int, ...], ...]
    long_term_sets: int | None  # None: no long-term references
    temporal_vectors: bool


@dataclass(frozen=True)
class Pps:
    identity: int
    sps: int
    rest: Bits  # what follows the two numbers, but for the end
    output_flag: bool
    extra_bits: int
    lossless: bool


@dataclass(frozen=True)
class Tail:
    """Which fields the end of the encoder's slice headers has."""

    chroma_offsets: bool
    across_slices: bool
    deblocking_override: bool
    deblocking_off: bool


@dataclass(frozen=True)
class Slice:
    """A slice header up to its references: `count` from the order count to the temporal flag; `end` in bits."""

    no_output: int
    shown: bool
    plane: int
    count: Bits
    end: int


class Hevc:
    """The H.265 stream that an hvcC record describes, and an encoder whose pictures it takes in.

    UnsupportedError for what it could not take them into.
    """

    encoder = "libx265"

    def __init__(self, record: bytes) -> None:
        if len(record) < 23 or record[0] != 1:
            raise UnsupportedError("its stream is not stored as MP4 and Matroska store it")
        self.length_size = 1 + (record[21] & 3)
        self._head, self._arrays = record[:22], _record_arrays(record)
        units = [unit for _, array in self._arrays for unit in array]
        self.parameters = set(units)
        self._sets = pair_sets(
            [parse_sps(unit) for unit in units if kind_of(unit) == _SPS],
            [parse_pps(unit) for unit in units if kind_of(unit) == _PPS],
        )
        self._host = next(iter(self._sets.values()))

    def options(self) -> dict[str, str]:
        """What the encoder must be told for its slice data to be this stream's."""
        sps, pps = self._host
        coding = sps.coding
        tools: dict[str, object] = {
            "ctu": 1 << coding.block + coding.block_range,
            "min-cu-size": 1 << coding.block,
            "max-tu-size": 1 << coding.transform + coding.transform_range,
            "tu-intra-depth": coding.transform_depth + 1,
            "sao": int(coding.offsets),
            "strong-intra-smoothing": int(coding.smoothing),
            "wpp": 0,
            "slices": 1,
            "keyint": 1,
            "log-level": "error",
        }
        tools |= {"lossless": 1} if pps.lossless else {"crf": 18}
        return {"preset": "medium", "x265-params": ":".join(f"{name}={tools[name]}" for name in tools)}

    def adopt(self, headers: bytes) -> bytes:
        """Take the encoder's parameter sets; returns the hvcC record of the stream with its pictures."""
        units = split_start_codes(headers)
        (self._own_sps,) = [parse_sps(unit) for unit in units if kind_of(unit) == _SPS]
        (self._own_pps,) = [parse_pps(unit) for unit in units if kind_of(unit) == _PPS]
        self._tail = parse_tail(self._own_pps)
        sps, _ = self._host
        if self._own_sps.coding != sps.coding:
            raise UnsupportedError("its stream has blocks of sizes that cannot be encoded here")
        self._identity = max(self._sets) + 1
        if self._identity > 63:
            raise UnsupportedError("its stream has no room for more parameters")
        bits = Bits().ue(self._identity).ue(sps.identity).extend(self._own_pps.rest)
        unit = bytes([_PPS << 1, 1]) + escape(bytes(bits.put(1, 1).align(0)))
        self.parameters.add(unit)
        arrays = [(head, [*array, unit] if head & 63 == _PPS else array) for head, array in self._arrays]
        return self._head + _write_arrays(arrays)

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
        if not host.shown:
            raise UnsupportedError("its stream has pictures that are not shown")
        slices = [unit for unit in split_start_codes(picture) if is_slice(unit)]
        if len(slices) != 1:
            raise UnsupportedError("the encoder cut a picture into slices")
        grafted = self._transplant(slices[0], units[first], host)
        after = [unit for unit in units[first:] if not is_slice(unit) and not _is_hash(unit)]
        return [*units[:first], grafted, *after]

    def _transplant(self, nal: bytes, into: bytes, host: Slice) -> bytes:
        own = parse_slice(nal, {self._own_pps.identity: (self._own_sps, self._own_pps)})
        data = unescape(nal)[2:]
        tail, start = self._read_tail(data[:HEADER], own.end)
        kind = kind_of(into)
        bits = Bits().put(1, 1)
        if kind in _RANDOM_ACCESS:
            bits.put(host.no_output, 1)
        bits.ue(self._identity).ue(_INTRA)
        if self._host[0].coding.separate_planes:
            bits.put(own.plane, 2)
        bits.extend(host.count).extend(tail)
        return escape(into[:2] + bytes(bits.put(1, 1).align(0)) + data[start:])

    def _read_tail(self, data: bytes, start: int) -> tuple[Bits, int]:
        """The header's bits from `start` to its alignment, and the byte at which the slice data begin."""
        reader = BitReader(data)
        reader.bits(start)
        coding = self._own_sps.coding
        chroma = coding.chroma_format != 0 and not coding.separate_planes
        filtered = False
        if coding.offsets:
            filtered = reader.flag()
            filtered |= chroma and reader.flag()
        reader.se()
        if self._tail.chroma_offsets:
            _ = reader.se(), reader.se()
        off = self._tail.deblocking_off
        if self._tail.deblocking_override and reader.flag():
            off = reader.flag()
            if not off:
                _ = reader.se(), reader.se()
        if self._tail.across_slices and (filtered or not off):
            reader.flag()
        tail = reader.between(start, reader.position)
        if not reader.flag():
            raise UnsupportedError("the encoder's headers are not as expected")
        return tail, -(-reader.position // 8)


def kind_of(unit: bytes) -> int:
    return unit[0] >> 1 & 63


def is_slice(unit: bytes) -> bool:
    return kind_of(unit) < 32


def parse_sps(nal: bytes) -> Sps:
    reader = BitReader(unescape(nal)[2:])
    reader.bits(4)
    layers = reader.bits(3)
    reader.flag()
    _skip_profile(reader, layers)
    identity, chroma_format = reader.ue(), reader.ue()
    separate = chroma_format == 3 and reader.flag()
    size = (reader.ue(), reader.ue())
    if reader.flag():
        _ = [reader.ue() for _ in range(4)]
    depths = (8 + reader.ue(), 8 + reader.ue())
    order_bits = 4 + reader.ue()
    for _ in range(1 + layers if reader.flag() else 1):
        _ = [reader.ue() for _ in range(3)]
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
    if reader.bits(2) or pps.output_flag or pps.extra_bits:
        raise UnsupportedError("the encoder's headers are not as expected")
    across = reader.flag()
    override = off = False
    if reader.flag():
        override, off = reader.flag(), reader.flag()
        if not off:
            _ = reader.se(), reader.se()
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
    reader.bits(pps.extra_bits)
    reader.ue()
    shown = not pps.output_flag or reader.flag()
    plane = reader.bits(2) if sps.coding.separate_planes else 0
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
    _ = reader.ue(), reader.ue(), reader.se()
    reader.bits(2)
    if reader.flag():
        reader.ue()
    _ = reader.se(), reader.se()
    return reader.flag()


def _skip_references(reader: BitReader, sps: Sps) -> None:
    reader.bits(sps.order_bits)
    count = len(sps.reference_sets)
    if not reader.flag():
        _reference_set(reader, count, list(sps.reference_sets), of_slice=True)
    elif count > 1:
        reader.bits((count - 1).bit_length())
    if sps.long_term_sets is not None:
        known = reader.ue() if sps.long_term_sets else 0
        for index in range(known + reader.ue()):
            if index >= known:
                reader.bits(sps.order_bits + 1)
            elif sps.long_term_sets > 1:
                reader.bits((sps.long_term_sets - 1).bit_length())
            if reader.flag():
                reader.ue()
    if sps.temporal_vectors:
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


def _record_arrays(record: bytes) -> list[tuple[int, list[bytes]]]:
    """The arrays of an hvcC record: first byte, parameter sets."""
    arrays: list[tuple[int, list[bytes]]] = []
    position = 23
    for _ in range(record[22]):
        head, count = record[position], int.from_bytes(record[position + 1 : position + 3], "big")
        units, position = split_record(record, position + 3, count)
        arrays.append((head, units))
    if position > len(record) or not all(unit for _, array in arrays for unit in array):
        raise EOFError("an hvcC record ends too early")
    return arrays


def _write_arrays(arrays: list[tuple[int, list[bytes]]]) -> bytes:
    data = bytes([len(arrays)])
    for head, units in arrays:
        data += bytes([head]) + len(units).to_bytes(2, "big")
        data += b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    return data
