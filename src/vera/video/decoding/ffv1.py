"""FFV1's own checksums: FFmpeg shows a slice that is damaged as if it were not, and only says so in its log."""

import zlib

_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def slices_whole(packet: bytes) -> bool:
    """Whether the checksums of an FFV1 packet's slices (version 3, `slicecrc=1`) are all there and right.

    A slice ends in its size (3 bytes, without these 8), a status byte and a CRC-32 with the highest bit first and from
    0 (RFC 9043, 4.9): that of zlib over reversed bytes.
    """
    end = len(packet)
    while end > 8:
        start = end - 8 - int.from_bytes(packet[end - 8 : end - 5], "big")
        if start < 0 or zlib.crc32(packet[start:end].translate(_REVERSED), 0xFFFFFFFF) != 0xFFFFFFFF:
            return False
        end = start
    return end == 0
