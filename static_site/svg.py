"""
A drawing of matplotlib's as SVG that can stand in a page: no style of its own, no size, coordinates of one decimal.

A page's security policy allows no `style` attribute and a page holds many drawings, so that styles become attributes,
colours the style sheet's variables, and ids get the chart's id in front.
"""

import io
import re
from typing import Any
from xml.etree import ElementTree

from markupsafe import Markup
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from static_site.colours import VARIABLES

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
KEPT_STYLES = {
    "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "fill-opacity", "stroke-opacity", "opacity",
    "text-anchor",
}  # fmt: skip
NUMBER = re.compile(r"-?[0-9]+\.[0-9]+(?:e-?[0-9]+)?")
STEP = re.compile(r"([MLz])(?: (\S+) (\S+))?")
NO_DATA = "no-data"
"""The group (by its id in the drawing) whose rectangles are filled with hatching."""


def inline(figure: Figure, ident: str, title: str, description: str) -> Markup:
    """Return a figure as an SVG element with a name and a description for those who do not see it."""
    buffer = io.StringIO()
    canvas: Any = FigureCanvasSVG(figure)
    canvas.print_svg(buffer, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    # Not parsed from a stranger: matplotlib wrote it, and only words of our own are in it.
    root = ElementTree.fromstring(buffer.getvalue())  # noqa: S314
    for unwanted in [*root.findall(f"{SVG}metadata"), *root.findall(f"{SVG}defs")]:
        if unwanted.find(f"{SVG}style") is not None or unwanted.tag == f"{SVG}metadata":
            root.remove(unwanted)
    used = {element.get(LINK, "")[1:] for element in root.iter(f"{SVG}use")}
    for element in root.iter():
        tidy(element, ident, used)
    label, text = (
        ElementTree.Element(f"{SVG}title", id=f"{ident}-t"),
        ElementTree.Element(f"{SVG}desc", id=f"{ident}-d"),
    )
    label.text, text.text = title, description
    root[:0] = [label, text, *hatching(root, ident)]
    root.attrib = {
        "viewBox": root.get("viewBox", ""), "role": "img", "aria-labelledby": f"{ident}-t {ident}-d",
        "stroke-linejoin": "round",
    }  # fmt: skip
    return Markup(serialised(root))  # noqa: S704


def tidy(element: ElementTree.Element, ident: str, used: set[str]) -> None:
    attributes = element.attrib
    styles = dict(part.split(":", 1) for part in attributes.pop("style", "").split(";") if ":" in part)
    for name, value in styles.items():
        if name.strip() in KEPT_STYLES:
            attributes[name.strip()] = value.strip()
    if attributes.get("id") in used:
        attributes["id"] = f"{ident}-{attributes['id']}"
    elif attributes.get("id") != NO_DATA:
        attributes.pop("id", None)
    if LINK in attributes:
        attributes["href"] = f"#{ident}-{attributes.pop(LINK)[1:]}"
    for name, value in attributes.items():
        if name in ("fill", "stroke"):
            attributes[name] = f"var(--{VARIABLES[value]})" if value in VARIABLES else value
        elif name == "d":
            attributes[name] = path(value)
        elif name in ("x", "y", "width", "height", "transform", "stroke-dasharray", "stroke-width"):
            attributes[name] = NUMBER.sub(shorter, value)
    if attributes.get("transform", "").startswith("rotate(0 ") or attributes.get("transform", "").startswith(
        "rotate(-0 "
    ):
        del attributes["transform"]
    element.text = (element.text or "").strip() or None
    element.tail = None


def path(data: str) -> str:
    """Write a path as steps from point to point, which take half the letters that places do; to a tenth of a unit."""
    if "C" in data or "Q" in data:
        return re.sub(r"\s*([MLCQZz])\s*", r"\1", NUMBER.sub(shorter, data)).strip()
    pieces: list[str] = []
    x = y = 0
    before = ""
    for command, across, down in STEP.findall(data):
        if command == "z":
            pieces.append("z")
        else:
            # From the rounded place, not the true one: errors must not add up.
            to_x, to_y = round(float(across) * 10), round(float(down) * 10)
            if command == "M":
                pieces.append(f"M{tenths(to_x)} {tenths(to_y)}")
            else:
                pieces.append(f"{' ' if before == 'L' else 'l'}{tenths(to_x - x)} {tenths(to_y - y)}")
            x, y = to_x, to_y
        before = command
    return "".join(pieces).replace(" -", "-")


def tenths(number: int) -> str:
    whole, part = divmod(abs(number), 10)
    text = f"{whole or ''}.{part}" if part else str(whole)
    return f"-{text}" if number < 0 else text


def shorter(match: re.Match[str]) -> str:
    text = f"{float(match[0]):.1f}"
    return "0" if text == "-0.0" else text.removesuffix(".0")


def hatching(root: ElementTree.Element, ident: str) -> list[ElementTree.Element]:
    """Fill what was drawn as "no data" with lines, and return the pattern for it; nothing if there is none."""
    groups = [element for element in root.iter(f"{SVG}g") if element.get("id") == NO_DATA]
    if not groups:
        return []
    for group in groups:
        del group.attrib["id"]
        for shape in group.iter(f"{SVG}path"):
            shape.set("fill", f"url(#{ident}-gap)")
    definitions = ElementTree.Element(f"{SVG}defs")
    pattern = ElementTree.SubElement(
        definitions, f"{SVG}pattern", id=f"{ident}-gap", width="6", height="6", patternUnits="userSpaceOnUse",
        patternTransform="rotate(45)",
    )  # fmt: skip
    ElementTree.SubElement(pattern, f"{SVG}rect", width="6", height="6", fill="var(--grid)", opacity="0.45")
    ElementTree.SubElement(pattern, f"{SVG}path", d="M0 0V6", stroke="var(--muted)")
    return [definitions]


def serialised(root: ElementTree.Element) -> str:
    """Write the element as HTML wants it: no prefixes, no empty groups."""
    flatten(root)
    for element in root.iter():
        element.tag = element.tag.removeprefix(SVG)
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)


def flatten(parent: ElementTree.Element) -> None:
    """Take away the groups that say nothing: matplotlib wraps each artist in two or three."""
    children: list[ElementTree.Element] = []
    for child in parent:
        flatten(child)
        children += list(child) if child.tag == f"{SVG}g" and not child.attrib else [child]
    parent[:] = children
