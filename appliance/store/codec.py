"""
The block codec: columns of samples <-> a few bytes.

Whole numbers are kept as differences between neighbours, divided by their common divisor, in the narrowest integer that
holds a column, first the low bytes of all columns, then the next ones, then zlib: counters of idle devices cost next
to nothing. Numbers that came as decimal text (CSV percentages) are whole numbers of their last decimal; other floating
point numbers keep their 8 bytes.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.errors import BadData
from appliance.samples import Numbers, Times, Values

CODEC = 2
"""The version that is written into each block. Blocks of version 1, whose numbers stand whole, are still read."""
KNOWN = (1, CODEC)
WIDTHS: tuple[np.dtype[Any], ...] = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<i8"))
CONSTANT, RAW_FLOAT, MAX_DECIMALS = 255, 255, 9
EXACT = 2.0**53
LONG = 1024
"""Columns so long are noise and runs of zeros: looking for repeated texts costs five times more and finds less."""


def encode(at_ms: Times, columns: Sequence[Values]) -> tuple[bytes, bytes]:
    """Return (data, checksum of the values) for times (n,) and columns of (n,)."""
    n = len(at_ms)
    masks = [values.present for values in columns]
    kinds, whole = zip(*[as_whole(carried(values)) for values in columns], strict=True) if columns else ((), ())
    matrix = np.vstack([at_ms, *whole])
    # Differences may wrap around in 64 bits: they wrap back when they are summed.
    with np.errstate(over="ignore"):
        deltas = np.diff(matrix, axis=1)
    divisors = np.maximum(common_divisors(deltas), 1)
    divisors = np.where(divisors == np.iinfo(np.int64).min, 1, np.abs(divisors))
    deltas //= divisors[:, None]
    widths = column_widths(deltas)
    parts = [
        np.array([n, len(columns)], "<u4").tobytes(),
        bytes(kinds),
        bytes(mask is not None for mask in masks),
        widths.tobytes(),
        planes(matrix[:, 0].astype("<i8")),
        planes(divisors.astype("<i8")),
    ]
    parts += byte_planes(deltas, widths)
    parts += [np.packbits(mask).tobytes() for mask in masks if mask is not None]
    return zipped(b"".join(parts), n), checksum(at_ms, [zeroed(values) for values in columns], masks)


def common_divisors(deltas: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the greatest common divisor of each column's differences: most have none, which a few tell."""
    divisors = np.gcd.reduce(deltas[:, :64], axis=1)
    undecided = divisors != 1
    divisors[undecided] = np.gcd.reduce(deltas[undecided], axis=1)
    return divisors


def byte_planes(deltas: npt.NDArray[np.int64], widths: npt.NDArray[np.uint8]) -> list[bytes]:
    """Return the bytes of differences (columns, n - 1): the low ones, which are noise, apart from the high ones."""
    if not deltas.shape[1]:
        return []
    narrow = [
        np.ascontiguousarray(deltas[widths == code].astype(width)).view(np.uint8).reshape(-1, width.itemsize)
        for code, width in enumerate(WIDTHS)
    ]
    return [whole[:, plane].tobytes() for plane in range(8) for whole in narrow if plane < whole.shape[1]]


def zipped(raw: bytes, n: int) -> bytes:
    strategy = zlib.Z_RLE if n >= LONG else zlib.Z_DEFAULT_STRATEGY
    stream = zlib.compressobj(6, strategy=strategy)
    return stream.compress(raw) + stream.flush()


def decode(data: bytes, expected: bytes, version: int = CODEC) -> tuple[Times, list[Values]]:
    """Return the times and columns of a block; raise BadData if they are not the values that were stored."""
    try:
        at_ms, numbers, masks = unpack(zlib.decompress(data), version)
    except (zlib.error, ValueError, IndexError) as error:
        raise BadData("a block of stored samples is damaged: restore the tenant's file from a backup.") from error
    if checksum(at_ms, numbers, masks) != expected:
        raise BadData("a block of stored samples has changed since it was stored: restore the file from a backup.")
    return at_ms, [Values(*pair) for pair in zip(numbers, masks, strict=True)]


def unpack(raw: bytes, version: int) -> tuple[Times, list[Numbers], list[npt.NDArray[np.bool_] | None]]:
    at = 0

    def take(size: int) -> bytes:
        nonlocal at
        if at + size > len(raw):
            raise ValueError("the block is too short")
        at += size
        return raw[at - size : at]

    n, count = (int(number) for number in np.frombuffer(take(8), "<u4"))
    kinds, masked = take(count), take(count)
    widths = np.frombuffer(take(count + 1), np.uint8)
    firsts, divisors = (unplanes(take(8 * (count + 1)), "<i8") for _ in range(2))
    matrix = np.zeros((count + 1, n), np.int64)
    sizes = [int((widths == code).sum()) * (n - 1) for code in range(len(WIDTHS))]
    for code, stored in enumerate(whole_numbers(take, sizes) if version == 1 else joined_planes(take, sizes)):
        matrix[widths == code, 1:] = stored.reshape(-1, n - 1) if n > 1 else 0
    with np.errstate(over="ignore"):
        matrix[:, 1:] *= divisors[:, None]
        matrix[:, 0] = firsts
        np.cumsum(matrix, axis=1, out=matrix)
    masks = [
        np.unpackbits(np.frombuffer(take(-(-n // 8)), np.uint8), count=n).astype(bool) if flag else None
        for flag in masked
    ]
    if at != len(raw):
        raise ValueError("the block is too long")
    numbers: list[Numbers] = []
    for row, kind, mask in zip(matrix[1:], kinds, masks, strict=True):
        column = row.view(np.float64) if kind == RAW_FLOAT else row if kind == 0 else row / 10.0 ** (kind - 1)
        numbers.append(column if mask is None else np.where(mask, column, column.dtype.type(0)))
    return matrix[0], numbers, masks


def whole_numbers(take: Callable[[int], bytes], sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
    return [np.frombuffer(take(size * width.itemsize), width) for size, width in zip(sizes, WIDTHS, strict=True)]


def joined_planes(take: Callable[[int], bytes], sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Undo `byte_planes`."""
    narrow = [np.empty((size, width.itemsize), np.uint8) for size, width in zip(sizes, WIDTHS, strict=True)]
    for plane in range(8):
        for whole in narrow:
            if plane < whole.shape[1]:
                whole[:, plane] = np.frombuffer(take(len(whole)), np.uint8)
    return [whole.view(width).ravel() for whole, width in zip(narrow, WIDTHS, strict=True)]


def zeroed(values: Values) -> Numbers:
    """Zero the numbers that are not there, as `decode` gives them."""
    if values.present is None:
        return values.numbers
    return np.where(values.present, values.numbers, values.numbers.dtype.type(0))


def carried(values: Values) -> Numbers:
    """Put the number before in the place of one that is not there: the difference is nothing and costs nothing."""
    if values.present is None or not values.present.any():
        return zeroed(values)
    rows = np.where(values.present, np.arange(len(values.present)), np.argmax(values.present))
    return values.numbers[np.maximum.accumulate(rows)]


def as_whole(numbers: Numbers) -> tuple[int, npt.NDArray[np.int64]]:
    """Return (kind, whole numbers): kind 0 is whole, k + 1 is k decimals, 255 is the bits of floating point numbers."""
    if numbers.dtype.kind == "i":
        return 0, numbers.astype(np.int64)
    floats = numbers.astype(np.float64)
    if not np.signbit(floats[floats == 0]).any() and np.isfinite(floats).all():
        for decimals in range(MAX_DECIMALS + 1):
            scaled = np.rint(floats * 10.0**decimals)
            if (np.abs(scaled) >= EXACT).any():
                break
            if (scaled / 10.0**decimals == floats).all():
                return decimals + 1, scaled.astype(np.int64)
    return RAW_FLOAT, floats.view(np.int64)


def column_widths(deltas: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return, per column, which of WIDTHS holds all its differences; 255 where all are zero."""
    if deltas.shape[1] == 0:
        return np.full(len(deltas), CONSTANT, np.uint8)
    low, high = deltas.min(axis=1), deltas.max(axis=1)
    widths = np.full(len(deltas), 3, np.uint8)
    for code in (2, 1, 0):
        limit = np.iinfo(WIDTHS[code])
        widths[(low >= limit.min) & (high <= limit.max)] = code
    widths[(low == 0) & (high == 0)] = CONSTANT
    return widths


def planes(numbers: npt.NDArray[np.int64]) -> bytes:
    """Write all first bytes, then all second bytes ...: the high bytes of small numbers compress to nothing."""
    return numbers.view(np.uint8).reshape(-1, 8).T.tobytes()


def unplanes(raw: bytes, dtype: str) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(8, -1).T).view(dtype).ravel()


def checksum(at_ms: Times, numbers: Sequence[Numbers], masks: Sequence[npt.NDArray[np.bool_] | None]) -> bytes:
    """Digest the values as they are used, so that neither a flipped bit nor a faulty codec goes unseen."""
    digest = hashlib.blake2b(np.ascontiguousarray(at_ms).data, digest_size=8)
    for column, mask in zip(numbers, masks, strict=True):
        digest.update(column.dtype.kind.encode())
        digest.update(np.ascontiguousarray(column).data)
        if mask is not None:
            digest.update(np.packbits(mask).data)
    return digest.digest()
