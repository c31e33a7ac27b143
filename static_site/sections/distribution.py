"""How the values of a resource's metrics were distributed: their distribution functions, above the percentile table."""

from collections.abc import Sequence

from static_site import ecdf, units
from static_site.content import Figure
from static_site.measures import Measure
from static_site.names import shown
from static_site.subject import Subject


def figure(subject: Subject, found: Sequence[Measure]) -> Figure | None:
    """Return the distribution of the metrics of the first device; None if none has values enough that differ."""
    first = found[0].of
    drawn = [
        (measure, ecdf.Curve(measure.name, measure.quantity, *measure.distribution))
        for measure in found
        if measure.of == first and measure.summary.n >= ecdf.LEAST_VALUES and len(measure.distribution[0]) > 1
    ][: ecdf.MOST_PANELS]
    if not drawn:
        return None
    curves = [curve for _, curve in drawn]
    main = drawn[0][0]
    # Of twenty values the median can be told: the table below has the same.
    half = units.text(main.summary.percentiles[50.0], main.quantity)
    title = f"{main.name} was at or below {half} half of the time"
    caption = (
        f"Distribution functions of {subject.interval} averages, weighted by time; the upper thin line is 95 %. "
        "What is more than possible is left out."
    )
    name = shown(first)
    heading = f"{name}: {title}" if name else title
    return Figure(
        f"{found[0].section}-distribution", name, title,
        "For how much of the time was it at or below a value? A steep curve is a steady load, a flat end is peaks.",
        [], ecdf.draw(curves, heading, ecdf.WIDE), caption, ecdf.draw(curves, heading, ecdf.NARROW), caption,
    )  # fmt: skip
