"""Where templates and assets are, and how templates are read: what they are given is text, and none of it is HTML."""

from pathlib import Path

import jinja2

HERE = Path(__file__).parent
ASSETS, TEMPLATES = HERE / "assets", HERE / "templates"


def templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
