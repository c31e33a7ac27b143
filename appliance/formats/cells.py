"""Cells of CSV files: a strict grammar for numbers that come in, and the shortest exact text for those that go out."""

import re
from decimal import Decimal

from appliance.measurement import EARLIEST_SECONDS, LATEST_SECONDS
from appliance.samples import INT64_MAX

# Python's own `int` and `float` also take 1_000, nan, infinity and the digits of every script.
NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+", re.ASCII)
# Shares are rounded by those who write them: a little more than 100 is no other unit.
MAX_SHARE = 101.0
FORMULA = ("=", "+", "-", "@")


def check_number(text: str) -> None:
    """Raise ValueError, saying what is wrong, if a text is not a number."""
    if NUMBER.fullmatch(text):
        return
    if DECIMAL_COMMA.fullmatch(text):
        raise ValueError("is not a number: write it with a decimal point, not a comma")
    raise ValueError("is not a number")


def whole(text: str) -> int:
    """Read a whole number from 0 to the largest of 64 bits; 1024.0 and 1.6e7 are whole, 0.5 is not."""
    if text.isascii() and text.isdigit() and len(text) <= 18:
        return int(text)
    check_number(text)
    number = Decimal(text)
    if number < 0:
        raise ValueError("is negative")
    if number > INT64_MAX:
        raise ValueError("is too large for a whole number of 64 bits")
    if number != number.to_integral_value():
        raise ValueError("is not a whole number")
    return int(number)


def share(text: str) -> float:
    """Read a share of CPU time in percent."""
    check_number(text)
    number = float(text)
    if not 0 <= number <= MAX_SHARE:
        raise ValueError("is not a share in percent, from 0 to 100")
    return abs(number)


def time_ms(text: str) -> int:
    """Read Unix seconds, rounded to the millisecond, and return milliseconds."""
    if not NUMBER.fullmatch(text):
        raise ValueError("is not a number of Unix seconds")
    seconds = float(text)
    if EARLIEST_SECONDS <= seconds < LATEST_SECONDS:
        return round(seconds * 1000)
    hint = " (it looks like milliseconds)" if EARLIEST_SECONDS <= seconds / 1000 < LATEST_SECONDS else ""
    raise ValueError(f"is not in Unix seconds between the years 2000 and 2100{hint}")


def escaped(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula: put ' before one that begins like it."""
    return "'" + text if suspicious(text) or text[:1] == "'" else text


def unescaped(text: str) -> str:
    """Undo `escaped`; a text that it did not write stays as it is."""
    return text[1:] if text[:1] == "'" and (suspicious(text[1:]) or text[1:2] == "'") else text


def suspicious(text: str) -> bool:
    return text.startswith(FORMULA) or not text[:1].isprintable()


def seconds_text(at_ms: int) -> str:
    """Write Unix milliseconds as seconds: 1767977160, or 1767977160.25 where there is a part of a second."""
    seconds, rest = divmod(at_ms, 1000)
    return f"{seconds}.{rest:03d}".rstrip("0") if rest else str(seconds)


def real_text(number: float) -> str:
    """Write the shortest text that reads back as the same number, without an exponent."""
    text = repr(number)
    return format(Decimal(text), "f") if "e" in text else text
