# SPDX-License-Identifier: BSD-2-Clause
"""The disk pattern of drivers-user/runtime/include/runtime/pattern.h, computed by the host.

One word is splitmix64(seed ^ (lba * 64 + i)). A long integer serves as a vector of 128-bit lanes, a
64-bit word in each: products cannot run into the next lane, and 64 MiB take about a second.
"""
import hashlib

SECTOR_BYTES = 512
_SECTOR_WORDS = SECTOR_BYTES // 8
_CHUNK_SECTORS = 256
_LANES = _CHUNK_SECTORS * _SECTOR_WORDS


def _lanes(values):
    return int.from_bytes(b"".join(value.to_bytes(16, "little") for value in values), "little")


_ONES = _lanes([1] * _LANES)
_RAMP = _lanes(range(_LANES))
_LOW = _ONES * 0xFFFFFFFFFFFFFFFF


def _shift(lanes, bits):
    return (lanes >> bits) & (_ONES * (0xFFFFFFFFFFFFFFFF >> bits))


def _chunk(seed, lba):
    """256 sectors of pattern."""
    x = (_RAMP + _ONES * (lba * _SECTOR_WORDS)) & _LOW
    x ^= _ONES * seed
    x = (x + _ONES * 0x9E3779B97F4A7C15) & _LOW
    x = ((x ^ _shift(x, 30)) * 0xBF58476D1CE4E5B9) & _LOW
    x = ((x ^ _shift(x, 27)) * 0x94D049BB133111EB) & _LOW
    x ^= _shift(x, 31)
    return memoryview(x.to_bytes(_LANES * 16, "little")).cast("Q")[::2].tobytes()


def chunks(seed, lba, sectors):
    """Yield the bytes of `sectors` sectors from `lba` on, in pieces."""
    while sectors > 0:
        count = min(sectors, _CHUNK_SECTORS)
        yield _chunk(seed, lba)[:count * SECTOR_BYTES]
        lba, sectors = lba + count, sectors - count


def image_hashes(path, seed, lba, sectors):
    """SHA-256 of a range of an image, and of the pattern that should be there."""
    found, wanted = hashlib.sha256(), hashlib.sha256()
    with open(path, "rb") as image:
        image.seek(lba * SECTOR_BYTES)
        for piece in chunks(seed, lba, sectors):
            wanted.update(piece)
            found.update(image.read(len(piece)))
    return found.hexdigest(), wanted.hexdigest()


def image_difference(path, seed, lba, sectors):
    """First sector of an image that does not hold the pattern; -1 if all do."""
    with open(path, "rb") as image:
        image.seek(lba * SECTOR_BYTES)
        for piece in chunks(seed, lba, sectors):
            data = image.read(len(piece))
            if data != piece:
                for at in range(0, len(piece), SECTOR_BYTES):
                    if data[at:at + SECTOR_BYTES] != piece[at:at + SECTOR_BYTES]:
                        return lba + at // SECTOR_BYTES
            lba += len(piece) // SECTOR_BYTES
    return -1
