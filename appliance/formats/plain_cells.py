"""
The cells of plain CSV text as columns of numbers, by arithmetic on eight digits of many cells at a time.

Plain is text without quotes whose rows all have as many cells as the header. Whatever is not plain, or no plain
decimal number, raises ValueError: it is for a slower reader to say what it is. Whole numbers are exact; decimal
fractions are the floating point numbers that Python's `float` gives.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

NEWLINE, POINT, ZERO = ord("\n"), ord("."), ord("0")
WORD = 8
MAX_DIGITS = 18
"""So many fit into 64 bits whatever they are."""
EXACT_DIGITS = 15
"""A whole number so long and a power of ten up to 10^22 are exact floating point numbers, and so their quotient is the
nearest one to the decimal fraction."""
MARGIN = 24
"""Bytes before and after the text, so that the words around the first and the last cell are in memory."""
POWERS = 10 ** np.arange(MAX_DIGITS + 1, dtype=np.int64)
REAL_POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)
LAST_BYTES = np.array([0, *((1 << 64) - (1 << 8 * (WORD - count)) for count in range(1, WORD + 1))], np.uint64)
FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(WORD + 1)], np.uint64)
# The same byte eight times.
ZEROS, POINTS, ONES, HIGHS, TO_HIGH = (np.uint64(byte * (2**64 // 255)) for byte in (ZERO, POINT, 1, 0x80, 0x76))
BYTE = np.uint64(8)


class Cells:
    """The cells of a text of whole lines, found but not read."""

    def __init__(self, text: bytes, delimiter: str, rows: int, columns: int):
        """Raise ValueError if the text is not plain."""
        if not text.isascii() or b'"' in text or b"\0" in text:
            raise ValueError("quotes, or letters that are not ASCII")
        self.text = text
        self.letters = np.full(len(text) + 2 * MARGIN, ZERO, np.uint8)
        self.letters[MARGIN:-MARGIN] = np.frombuffer(text, np.uint8)
        # The 8 bytes from each place on, the first of them the lowest, whatever the machine's own order is.
        size = len(self.letters) - WORD + 1
        self.words: Words = np.ndarray((size,), "<u8", self.letters, strides=(1,)).astype(np.uint64)
        found = np.flatnonzero((self.letters == ord(delimiter)) | (self.letters == NEWLINE))
        last = found[columns - 1 :: columns]
        if not rows or len(found) != rows * columns or (self.letters.take(last) != NEWLINE).any():
            raise ValueError("rows of several lengths")
        # (columns + 1, rows), the first of them where the row before ends.
        self.ends = np.empty((columns + 1, rows), np.int64)
        self.ends[1:] = found.reshape(rows, columns).T
        self.ends[0, 0] = MARGIN - 1
        self.ends[0, 1:] = self.ends[-1, :-1]
        self.lengths = np.subtract(self.ends[1:], self.ends[:-1])
        self.lengths -= 1

    def numbers(self, columns: Sequence[int]) -> dict[int, Integers | Reals]:
        """Return columns (rows,) by their place: int64 where all cells are whole, else float64; 0 for empty cells."""
        # What has a point in the first row most likely has one in all.
        whole = [at for at in columns if b"." not in self.cell(at, 0)]
        numbers, doubtful = self.digits(self.ends[1:][whole], self.lengths[whole])
        found: dict[int, Integers | Reals] = dict(zip(whole, numbers, strict=True))
        rest = [at for at in columns if at not in found] + [whole[at] for at in np.flatnonzero(doubtful).tolist()]
        long = self.lengths[rest].max(axis=1, initial=0) > WORD
        for way, chosen in ((self.short_fractions, ~long), (self.long_fractions, long)):
            places = [at for at, mine in zip(rest, chosen.tolist(), strict=True) if mine]
            if places:
                found |= zip(places, way(places), strict=True)
        return found

    def cell(self, column: int, row: int) -> bytes:
        end = int(self.ends[column + 1, row]) - MARGIN
        return self.text[end - int(self.lengths[column, row]) : end]

    def digits(self, ends: Integers, lengths: Integers) -> tuple[Integers, Flags]:
        """Return whole numbers that end at some places (columns, rows), 0 for no digits, and which columns are not."""
        most = lengths.max(axis=1, initial=0)
        numbers, doubtful = eight(self.words.take(ends - WORD), lengths)
        for done in (8, 16):
            longer = np.flatnonzero(most > done)
            if len(longer):
                higher, also = eight(self.words.take(ends[longer] - done - WORD), lengths[longer] - done)
                higher *= POWERS[done]
                numbers[longer] += higher
                doubtful[longer] |= also
        return numbers, doubtful | (most > MAX_DIGITS)

    def short_fractions(self, columns: list[int]) -> Reals:
        """Return numbers that fit into a word with their point."""
        lengths = self.lengths[columns]
        words = self.words.take(self.ends[1:][columns] - WORD)
        words &= LAST_BYTES.take(lengths)
        # The lowest bit of `marks` is the highest one of the byte that is a point: of those before, none is 0 here.
        others = words ^ POINTS
        marks: Words = (others - ONES) & ~others & HIGHS
        marks &= ~marks + np.uint64(1)
        has_point = marks != 0
        # All bytes up to the point, or all if there is none.
        marks <<= np.uint64(1)
        marks -= np.uint64(1)
        decimals = (WORD - (np.bitwise_count(marks) >> np.uint8(3))).astype(np.int64)
        marks *= has_point
        words = (words & ~marks) | ((words << BYTE) & marks)
        digits = lengths - has_point
        numbers, doubtful = eight(words, digits)
        if doubtful.any() or (digits < has_point).any():
            raise ValueError("letters, or no digits")
        fractions: Reals = numbers / REAL_POWERS.take(decimals)
        return fractions

    def long_fractions(self, columns: list[int]) -> Reals:
        """Return numbers of any length."""
        ends, lengths = self.ends[1:][columns], self.lengths[columns]
        points = np.append(np.flatnonzero(self.letters == POINT), len(self.letters))
        point = points.take(np.searchsorted(points, ends - lengths))
        has_point = point < ends
        digits = lengths - has_point
        decimals = np.where(has_point, ends - point - 1, 0)
        long = digits > EXACT_DIGITS
        short_digits = np.where(long, 0, digits)
        decimals[long] = 0
        before, doubtful = self.digits(ends - decimals - has_point, short_digits - decimals)
        after, also = self.digits(ends, decimals)
        if doubtful.any() or also.any() or (digits < has_point).any():
            raise ValueError("letters, or no digits")
        fractions: Reals = (before * POWERS.take(decimals) + after) / REAL_POWERS.take(decimals)
        for at, row in np.argwhere(long).tolist():
            cell = self.cell(columns[at], row)
            if not cell.replace(b".", b"", 1).isdigit():
                raise ValueError("letters")
            fractions[at, row] = float(cell)
        return fractions

    def names(self, column: int) -> tuple[Integers, list[str]]:
        """Return which text each row has in a column (rows,), and these texts in order of appearance."""
        starts, lengths = self.ends[column] + 1, self.lengths[column]
        codes = np.zeros(len(starts), np.int64)
        first = codes[:1]
        for done in range(0, int(lengths.max()), WORD):
            words = self.words.take(starts + done, mode="clip") & FIRST_BYTES.take(lengths - done, mode="clip")
            parts = np.unique(words, return_inverse=True)[1] * len(first) + codes if done else words
            _, first, codes = np.unique(parts, return_index=True, return_inverse=True)
        order = np.argsort(first)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        return ranks[codes], [self.cell(column, row).decode() for row in first[order].tolist()]


def eight(words: Words, digits: Integers) -> tuple[Integers, Flags]:
    """
    Return the numbers of the last so many digits of words, at most eight, and which rows hold something else.

    Takes the words for its work.
    """
    words ^= ZEROS
    words &= LAST_BYTES.take(digits, mode="clip")
    # A byte from 10 on, which is no digit, gets its highest bit.
    doubtful = words + TO_HIGH
    doubtful |= words
    # Neighbours become numbers of two digits, those of four, and those of eight: first byte, highest digit.
    words *= np.uint64(10 * 0x100 + 1)
    words >>= np.uint64(8)
    words &= np.uint64(0x00FF00FF00FF00FF)
    words *= np.uint64(100 * 0x10000 + 1)
    words >>= np.uint64(16)
    words &= np.uint64(0x0000FFFF0000FFFF)
    words *= np.uint64(10_000 * 0x100000000 + 1)
    words >>= np.uint64(32)
    return words.view(np.int64), np.bitwise_or.reduce(doubtful, axis=1) & HIGHS != 0
