"""Numbers and lengths of time as sentences write them, with plain spaces; pages make those unbreakable."""


def grouped(number: float, decimals: int = 0) -> str:
    """Write a number with a space between its thousands: 6 005."""
    return f"{number:,.{decimals}f}".replace(",", " ")


def three_digits(number: float) -> str:
    """Write a number with three significant digits, and all digits of a large one: 0.126, 51.3, 1 020."""
    # From there on Python would write an exponent.
    if number >= 999.5:
        return grouped(number)
    return f"{number:.3g}" if number >= 0.001 or not number else f"{number:.3f}"


def cpus(number: float) -> str:
    """Write an amount of CPU time a second: 0.5 CPUs, 1 CPU."""
    return f"{three_digits(number)} CPU{'' if number == 1 else 's'}"


def duration(seconds: float) -> str:
    """Write a length of time with its two largest units, as 5 min 45 s."""
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts = []
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
