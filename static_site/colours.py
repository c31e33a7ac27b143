"""
Colours by what they mean: the same on every page. Charts are drawn in the colours of a light ground.

On a page each becomes a variable of the style sheet (`--user`), which knows the colours of a dark ground too. They
were chosen to be told apart under any colour vision (CIEDE2000 of 18 or more) and against the ground (3:1).
"""

BLUE, ROSE, GREEN, OLIVE, PLUM = "#0072b2", "#cc7885", "#043e14", "#6a7311", "#571f4a"
SERIES = {BLUE: "s1", ROSE: "s2", GREEN: "s3", OLIVE: "s4", PLUM: "s5"}
IN_ORDER = tuple(SERIES)

USER, SYSTEM, IOWAIT, STEAL, INTERRUPTS = IN_ORDER
BUSY = USER
READ = RECEIVED = USED = WAITING = BLUE
WRITTEN = SENT = CACHED = STALLED = ROSE
SWAP = GREEN

# Not series: their values are only stand-ins, as no chart is shown without the style sheet.
INK, MUTED, GRID, LIMIT, SHADE, GROUND = "#1f2328", "#57606a", "#d8dee4", "#a40e26", "#fff1e5", "#ffffff"
VARIABLES = {
    **SERIES, INK: "ink", MUTED: "muted", GRID: "grid", LIMIT: "critical", SHADE: "shade", GROUND: "ground",
}  # fmt: skip
DASHES = {BLUE: (), ROSE: (6, 2), GREEN: (2, 2), OLIVE: (6, 2, 2, 2), PLUM: (1, 2)}
"""The second mark of a line, for eyes and printers without colour."""
