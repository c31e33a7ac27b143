"""
The cells of plain CSV text as columns of numbers, by arithmetic on eight digits of many cells at a time.

Plain is text without quotes whose rows all have as many cells as the header. Whatever is not plain, or no plain
decimal number, raises ValueError: it is for a slower reader to say what it is. Whole numbers are exact; decimal
fractions are the floating point numbers that Python's `float` gives.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NEWLINE, POINT, ZERO = ord("\n"), ord("."), ord("0")
MAX_DIGITS = 18
"""So many fit into 64 bits whatever they are."""
EXACT_DIGITS = 15
"""A whole number so long and a power of ten up to 10^22 are exact floating point numbers, and so their quotient is the
nearest one to the decimal fraction."""
MARGIN = 24
"""Bytes before and after the text, so that the words around the first and the last cell are in memory."""
POWERS = 10 ** np.arange(MAX_DIGITS + 1, dtype=np.int64)
REAL_POWERS = 10.0 ** np.arange(MAX_DIGITS + 1)
LAST_BYTES = np.array([0, *((1 << 64) - (1 << 8 * (8 - count)) for count in range(1, 9))], np.uint64)
FIRST_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
ZEROS = np.uint64(0x3030303030303030)


class Cells:
    """The cells of a text of whole lines, found but not read."""

    def __init__(self, text: bytes, delimiter: str, rows: int, columns: int):
        """Raise ValueError if the text is not plain."""
        if not text.isascii() or b'"' in text or b"\0" in text:
            raise ValueError("quotes, or letters that are not ASCII")
        self.text = text
        letters = np.full(len(text) + 2 * MARGIN, ZERO, np.uint8)
        letters[MARGIN:-MARGIN] = np.frombuffer(text, np.uint8)
        # The 8 bytes from each place on. On a big-endian machine numpy swaps them, once.
        self.words: Words = np.ndarray((len(letters) - 7,), "<u8", letters, strides=(1,)).astype(np.uint64)
        self.marks: Array = np.flatnonzero(letters - np.uint8(ZERO) > 9)
        """Where there is no digit."""
        kinds = letters.take(self.marks)
        cells = np.flatnonzero((kinds == ord(delimiter)) | (kinds == NEWLINE))
        if not rows or len(cells) != rows * columns or (kinds.take(cells[columns - 1 :: columns]) != NEWLINE).any():
            raise ValueError("rows of several lengths")
        # Where each cell ends, and the mark that ends it: (columns + 1, rows), first those of the row before.
        self.ends, self.ending = (np.empty((columns + 1, rows), np.int64) for _ in range(2))
        for bounds, found, before in ((self.ends, self.marks.take(cells), MARGIN - 1), (self.ending, cells, -1)):
            bounds[1:] = found.reshape(rows, columns).T
            bounds[0, 0] = before
            bounds[0, 1:] = bounds[-1, :-1]
        self.lengths = np.diff(self.ends, axis=0) - 1
        """(columns, rows)"""
        self.others = np.diff(self.ending, axis=0) - 1
        """How many letters of each cell are no digits: (columns, rows)"""
        self.points = kinds == POINT

    def numbers(self, columns: Sequence[int]) -> dict[int, npt.NDArray[np.int64] | npt.NDArray[np.float64]]:
        """Return columns (rows,) by their place: int64 where all cells are whole, else float64; 0 for empty cells."""
        most = self.others.max(axis=1)
        whole = [at for at in columns if most[at] == 0]
        rest = [at for at in columns if most[at]]
        found = dict(zip(whole, self.digits(self.ends[1:][whole], self.lengths[whole]), strict=True))
        return {**found, **dict(zip(rest, self.fractions(rest), strict=True))}

    def fractions(self, columns: list[int]) -> npt.NDArray[np.float64]:
        """Return the numbers of columns some of whose cells have a decimal point: (columns, rows)."""
        ends, lengths, has_point = self.ends[1:][columns], self.lengths[columns], self.others[columns]
        last = self.ending[1:][columns] - 1
        if (has_point > 1).any() or (self.points[last] < has_point).any() or ((lengths == 1) & (has_point == 1)).any():
            raise ValueError("letters, or no digits")
        decimals = (ends - self.marks.take(last) - 1) * has_point
        digits = lengths - has_point
        long = digits > EXACT_DIGITS
        decimals[long] = digits[long] = 0
        numbers = self.digits(ends - decimals - has_point, digits - decimals)
        numbers *= POWERS.take(decimals)
        numbers += self.digits(ends, decimals)
        fractions: npt.NDArray[np.float64] = numbers / REAL_POWERS.take(decimals)
        for at, row in np.argwhere(long).tolist():
            end = int(ends[at, row]) - MARGIN
            fractions[at, row] = float(self.text[end - int(lengths[at, row]) : end])
        return fractions

    def digits(self, ends: Array, lengths: Array) -> Array:
        """Return the whole numbers of so many digits that end at some places, (columns, rows): 0 for no digits."""
        most = lengths.max(axis=1, initial=0)
        if (most > MAX_DIGITS).any():
            raise ValueError("a long number")
        numbers = self.eight(ends, lengths)
        for more in (8, 16):
            longer = np.flatnonzero(most > more)
            if len(longer):
                numbers[longer] += self.eight(ends[longer] - more, lengths[longer] - more) * POWERS[more]
        return numbers

    def eight(self, ends: Array, lengths: Array) -> Array:
        """Return numbers of the last digits before some places, at most eight."""
        words = self.words.take(ends - 8)
        words ^= ZEROS
        words &= LAST_BYTES.take(lengths, mode="clip")
        # Neighbours become numbers of two digits, those of four, and those of eight: first byte, highest digit.
        words *= np.uint64(10 * 0x100 + 1)
        words >>= np.uint64(8)
        words &= np.uint64(0x00FF00FF00FF00FF)
        words *= np.uint64(100 * 0x10000 + 1)
        words >>= np.uint64(16)
        words &= np.uint64(0x0000FFFF0000FFFF)
        words *= np.uint64(10_000 * 0x100000000 + 1)
        words >>= np.uint64(32)
        return words.view(np.int64)

    def names(self, column: int) -> tuple[Array, list[str]]:
        """Return the texts of a column in order of appearance, and which of them each row has (rows,)."""
        starts, lengths = self.ends[column] + 1, self.lengths[column]
        codes = np.zeros(len(starts), np.int64)
        first = codes[:1]
        for done in range(0, int(lengths.max()), 8):
            words = self.words.take(starts + done, mode="clip")
            words &= FIRST_BYTES.take(lengths - done, mode="clip")
            if done:
                words = np.unique(words, return_inverse=True)[1] * len(first) + codes
            _, first, codes = np.unique(words, return_index=True, return_inverse=True)
        order = np.argsort(first)
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        places = [(int(starts[row]) - MARGIN, int(lengths[row])) for row in first[order].tolist()]
        return ranks[codes], [self.text[start : start + length].decode() for start, length in places]
