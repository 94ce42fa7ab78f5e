"""Blosc 1 frames and LZ4 blocks decoded in plain Python, by their published formats."""

import struct


def lz4_block(data: bytes) -> bytes:
    """Decode an LZ4 block: lz4.org's ``lz4_Block_format.md``."""
    out = bytearray()
    at = 0

    def long_length(start: int, at: int) -> tuple[int, int]:
        length = start
        if start == 15:
            while True:
                length += data[at]
                at += 1
                if data[at - 1] != 255:
                    break
        return length, at

    while True:
        token = data[at]
        literals, at = long_length(token >> 4, at + 1)
        out += data[at : at + literals]
        at += literals
        if at == len(data):
            return bytes(out)
        (distance,) = struct.unpack_from("<H", data, at)
        match, at = long_length(token & 15, at + 2)
        for _ in range(match + 4):
            out.append(out[-distance])


def unshuffle(block: bytes, typesize: int) -> bytes:
    """Put byte planes back into items; what is left over behind the last whole item stays."""
    n = len(block) // typesize
    planes = [block[k * n : (k + 1) * n] for k in range(typesize)]
    items = bytes(byte for item in zip(*planes, strict=True) for byte in item)
    return items + block[n * typesize :]


def frame(data: bytes) -> bytes:
    """Decode an LZ4 frame with byte shuffle, or a stored one."""
    version, _, flags, typesize, nbytes, blocksize, stored = struct.unpack_from("<BBBBIII", data)
    assert version == 2
    assert stored == len(data)
    if flags & 2:
        return data[16 : 16 + nbytes]
    assert flags >> 5 == 1
    out = b""
    for b in range(-(-nbytes // blocksize)):
        (at,) = struct.unpack_from("<i", data, 16 + 4 * b)
        length = min(blocksize, nbytes - b * blocksize)
        split = not flags & 0x10 and length == blocksize
        split = split and typesize <= 16 and blocksize // typesize >= 128
        streams = typesize if split else 1
        block = b""
        for _ in range(streams):
            (size,) = struct.unpack_from("<i", data, at)
            stream = data[at + 4 : at + 4 + size]
            at += 4 + size
            block += stream if size == length // streams else lz4_block(stream)
        out += unshuffle(block, typesize) if flags & 1 and typesize > 1 else block
    return out
