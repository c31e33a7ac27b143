"""
The block codec: columns of samples <-> a few bytes.

Whole numbers are kept as differences between neighbours, divided by their common divisor, in the narrowest integer that
holds a column, first the low bytes of all columns, then the next ones, then zlib: counters of idle devices cost next
to nothing. Bytes of long columns that are noise stand behind that as they are. Numbers that came as decimal text (CSV
percentages) are whole numbers of their last decimal; other floating point numbers keep their 8 bytes.
"""

import hashlib
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.errors import BadData
from appliance.samples import Numbers, Times, Values

CODEC = 3
"""
The version that is written into each block. Those before are still read: 1, whose numbers stand whole; 2, in which
noise is zipped too. Both have a slower checksum.
"""
KNOWN = (1, 2, CODEC)
WIDTHS: tuple[np.dtype[Any], ...] = (np.dtype("<i1"), np.dtype("<i2"), np.dtype("<i4"), np.dtype("<i8"))
CONSTANT, RAW_FLOAT, MAX_DECIMALS = 255, 255, 9
EXACT = 2.0**53
LONG = 1024
"""Columns so long are noise and runs of zeros: looking for repeated texts costs five times more and finds less."""
FEW_BYTES, FEW_BITS, FEW_MEMORY = 4096, 12, 5
SAMPLE, NOISY = 256, 120
"""Of so many bytes so many are different: of noise it is 162, and then zlib takes long and saves less than a tenth."""


def encode(at_ms: Times, columns: Sequence[Values]) -> tuple[bytes, bytes]:
    """Return (data, checksum of the values) for times (n,) and columns of (n,)."""
    n = len(at_ms)
    masks = [values.present for values in columns]
    if all(values.present is None and values.numbers.dtype == np.int64 for values in columns):
        # As it mostly is; of a single sample of many columns, asking each costs as much as all the rest.
        found: list[tuple[int, Numbers]] = [(0, values.numbers) for values in columns]
    else:
        found = [(kind, whole) for kind, whole in (as_whole(carried(values)) for values in columns)]
    matrix = np.array([at_ms, *(whole for _, whole in found)])
    head = np.array([n, len(columns)], "<u4").tobytes() + bytes(kind for kind, _ in found)
    head += bytes(mask is not None for mask in masks)
    packed = [np.packbits(mask).tobytes() for mask in masks if mask is not None]
    if n == 1:
        # What most posts bring has no differences, and looking for some costs more than all the rest.
        raw = b"".join([head, bytes([CONSTANT]) * len(matrix), planes(matrix[:, 0]), ones(len(matrix)), *packed])
        return zipped(raw, n), checksum(at_ms, [zeroed(values) for values in columns], masks)
    # Differences may wrap around in 64 bits: they wrap back when they are summed.
    with np.errstate(over="ignore"):
        deltas = np.diff(matrix, axis=1)
    divisors = np.maximum(common_divisors(deltas), 1)
    divisors = np.where(divisors == np.iinfo(np.int64).min, 1, np.abs(divisors))
    divided = np.flatnonzero(divisors != 1)
    deltas[divided] //= divisors[divided, None]
    widths = column_widths(deltas)
    stretches = byte_planes(deltas, widths)
    noisy = [n >= LONG and is_noise(stretch) for stretch in stretches]
    parts = [
        head,
        widths.tobytes(),
        planes(matrix[:, 0]),
        planes(divisors),
        np.packbits(noisy).tobytes() if n >= LONG else b"",
        *(stretch for stretch, noise in zip(stretches, noisy, strict=True) if not noise),
        *packed,
    ]
    noise = b"".join(stretch for stretch, noise in zip(stretches, noisy, strict=True) if noise)
    return zipped(b"".join(parts), n) + noise, checksum(at_ms, [zeroed(values) for values in columns], masks)


def common_divisors(deltas: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the greatest common divisor of each column's differences: most have none, which a few tell."""
    if not deltas.shape[1]:
        return np.ones(len(deltas), np.int64)
    divisors = np.gcd.reduce(deltas[:, :64], axis=1)
    undecided = divisors != 1
    divisors[undecided] = np.gcd.reduce(deltas[undecided], axis=1)
    return divisors


def byte_planes(deltas: npt.NDArray[np.int64], widths: npt.NDArray[np.uint8]) -> list[bytes]:
    """
    Return the bytes of differences (columns, n - 1): the low ones, which are noise, apart from the high ones.

    There is a stretch for each column where they are long, else for all columns of a width.
    """
    count = deltas.shape[1]
    if not count:
        return []
    narrow = [
        np.ascontiguousarray(deltas[widths == code].astype(width)).view(np.uint8).reshape(-1, count, width.itemsize)
        for code, width in enumerate(WIDTHS)
    ]
    return [
        stretch.tobytes()
        for plane in range(8)
        for whole in narrow
        if plane < whole.shape[2]
        for stretch in (whole[:, :, plane] if count + 1 >= LONG else [whole[:, :, plane]])
    ]


def is_noise(stretch: bytes) -> bool:
    return len(set(stretch[:SAMPLE])) > NOISY


def zipped(raw: bytes, n: int) -> bytes:
    if len(raw) <= FEW_BYTES:
        # The same bytes in a seventh of the time: there is no need to be able to look back over more than there is.
        stream = zlib.compressobj(6, wbits=FEW_BITS, memLevel=FEW_MEMORY)
    else:
        stream = zlib.compressobj(6, strategy=zlib.Z_RLE if n >= LONG else zlib.Z_DEFAULT_STRATEGY)
    return stream.compress(raw) + stream.flush()


def decode(data: bytes, expected: bytes, version: int = CODEC) -> tuple[Times, list[Values]]:
    """Return the times and columns of a block; raise BadData if they are not the values that were stored."""
    try:
        stream = zlib.decompressobj()
        raw = stream.decompress(data)
        if not stream.eof:
            raise ValueError("the block is too short")
        at_ms, numbers, masks = unpack(raw, stream.unused_data, version)
    except (zlib.error, ValueError, IndexError) as error:
        raise BadData("a block of stored samples is damaged: restore the tenant's file from a backup.") from error
    if (checksum if version == CODEC else digest)(at_ms, numbers, masks) != expected:
        raise BadData("a block of stored samples has changed since it was stored: restore the file from a backup.")
    return at_ms, [Values(*pair) for pair in zip(numbers, masks, strict=True)]


class Reader:
    """Takes bytes one after the other."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        if self.at + size > len(self.raw):
            raise ValueError("the block is too short")
        self.at += size
        return self.raw[self.at - size : self.at]

    def check_end(self) -> None:
        if self.at != len(self.raw):
            raise ValueError("the block is too long")


def unpack(raw: bytes, noise: bytes, version: int) -> tuple[Times, list[Numbers], list[npt.NDArray[np.bool_] | None]]:
    zipped, apart = Reader(raw), Reader(noise)
    take = zipped.take
    n, count = (int(number) for number in np.frombuffer(take(8), "<u4"))
    kinds, masked = take(count), take(count)
    widths = np.frombuffer(take(count + 1), np.uint8)
    firsts, divisors = (unplanes(take(8 * (count + 1)), "<i8") for _ in range(2))
    matrix = firsts[:, None] if n == 1 else summed(take, apart.take, n, widths, firsts, divisors, version)
    masks = [
        np.unpackbits(np.frombuffer(take(-(-n // 8)), np.uint8), count=n).astype(bool) if flag else None
        for flag in masked
    ]
    zipped.check_end()
    apart.check_end()
    numbers: list[Numbers] = []
    for row, kind, mask in zip(matrix[1:], kinds, masks, strict=True):
        column = row.view(np.float64) if kind == RAW_FLOAT else row if kind == 0 else row / 10.0 ** (kind - 1)
        numbers.append(column if mask is None else np.where(mask, column, column.dtype.type(0)))
    return matrix[0], numbers, masks


def summed(
    take: Callable[[int], bytes], take_apart: Callable[[int], bytes], n: int, widths: npt.NDArray[np.uint8],
    firsts: npt.NDArray[np.int64], divisors: npt.NDArray[np.int64], version: int,
) -> npt.NDArray[np.int64]:  # fmt: skip
    """Return the numbers (columns, n) of which the first ones are known, and the differences are to be taken."""
    matrix = np.zeros((len(widths), n), np.int64)
    counts = [int((widths == code).sum()) for code in range(len(WIDTHS))]
    if version == 1:
        stored = whole_numbers(take, [count * (n - 1) for count in counts])
    else:
        stretches = sum(count * width.itemsize for count, width in zip(counts, WIDTHS, strict=True))
        by_column = version == CODEC and n >= LONG
        flags = np.unpackbits(np.frombuffer(take(-(-stretches // 8)), np.uint8)).tolist() if by_column else [0] * 26
        stored = joined_planes([take_apart if flag else take for flag in flags], counts, n - 1, by_column)
    for code, numbers_of_width in enumerate(stored):
        matrix[widths == code, 1:] = numbers_of_width.reshape(-1, n - 1)
    with np.errstate(over="ignore"):
        divided = np.flatnonzero(divisors != 1)
        matrix[divided, 1:] *= divisors[divided, None]
        matrix[:, 0] = firsts
        if n < LONG:
            np.cumsum(matrix, axis=1, out=matrix)
        else:
            # Most counters of a machine do not move.
            still = widths == CONSTANT
            matrix[still] = firsts[still, None]
            for at in np.flatnonzero(~still).tolist():
                np.cumsum(matrix[at], out=matrix[at])
    return matrix


def whole_numbers(take: Callable[[int], bytes], sizes: Sequence[int]) -> list[npt.NDArray[Any]]:
    return [np.frombuffer(take(size * width.itemsize), width) for size, width in zip(sizes, WIDTHS, strict=True)]


def joined_planes(
    takes: Sequence[Callable[[int], bytes]], counts: Sequence[int], n: int, by_column: bool
) -> list[npt.NDArray[Any]]:
    """Undo `byte_planes`; `takes` gives the bytes of each stretch."""
    narrow = [np.empty((count, n, width.itemsize), np.uint8) for count, width in zip(counts, WIDTHS, strict=True)]
    take = iter(takes)
    for plane in range(8):
        for whole in narrow:
            if plane < whole.shape[2]:
                part = whole[:, :, plane]
                for stretch in part if by_column else [part]:
                    stretch[...] = np.frombuffer(next(take)(stretch.size), np.uint8).reshape(stretch.shape)
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
        return 0, numbers.astype(np.int64, copy=False)
    floats = numbers.astype(np.float64)
    if not np.signbit(floats[floats == 0]).any() and (np.abs(floats) < EXACT).all():
        few = floats[:64]
        for decimals in range(MAX_DECIMALS + 1):
            # The first ones tell most often that there are more decimals.
            if (np.rint(few * 10.0**decimals) / 10.0**decimals != few).any():
                continue
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
    return numbers.astype("<i8").view(np.uint8).reshape(-1, 8).T.tobytes()


def ones(count: int) -> bytes:
    """Return the `planes` of so many ones."""
    return b"\1" * count + bytes(7 * count)


def unplanes(raw: bytes, dtype: str) -> npt.NDArray[np.int64]:
    return np.ascontiguousarray(np.frombuffer(raw, np.uint8).reshape(8, -1).T).view(dtype).ravel()


def checksum(at_ms: Times, numbers: Sequence[Numbers], masks: Sequence[npt.NDArray[np.bool_] | None]) -> bytes:
    """
    Return a checksum of the values as they are used, so that neither a flipped bit nor a faulty codec goes unseen.

    Each column counts as the sum of its numbers' bits, each times an odd number of its own, modulo 2^64: one that is
    changed always changes it. It has not to withstand people, and takes a tenth of the time of what would.
    """
    factors = weights(len(at_ms).bit_length())[: len(at_ms)]
    if len(at_ms) >= LONG:
        sums = np.array([column.view(np.uint64) @ factors for column in (at_ms, *numbers)])
    else:
        # Of many short columns, looking at each as another type would take longer than all the rest.
        bits = np.frombuffer(b"".join([column.tobytes() for column in (at_ms, *numbers)]), np.uint64)
        sums = bits.reshape(-1, len(at_ms)) @ factors
    found = hashlib.blake2b(sums.astype("<u8").data, digest_size=8)
    found.update("".join([column.dtype.kind for column in numbers]).encode())
    for mask in masks:
        found.update(b"" if mask is None else np.packbits(mask).tobytes())
    return found.digest()


@cache
def weights(bits: int) -> npt.NDArray[np.uint64]:
    """Return 2^bits odd numbers without a pattern, always the same ones: splitmix64."""
    mixed = np.arange(1, 2**bits + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed ^ (mixed >> np.uint64(31))) | np.uint64(1)


def digest(at_ms: Times, numbers: Sequence[Numbers], masks: Sequence[npt.NDArray[np.bool_] | None]) -> bytes:
    """The checksum of versions 1 and 2."""
    found = hashlib.blake2b(np.ascontiguousarray(at_ms).data, digest_size=8)
    for column, mask in zip(numbers, masks, strict=True):
        found.update(column.dtype.kind.encode())
        found.update(np.ascontiguousarray(column).data)
        if mask is not None:
            found.update(np.packbits(mask).data)
    return found.digest()
