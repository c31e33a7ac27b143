import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from page_reader import points

from static_site import charts, colours, units
from static_site.panels import Layout, Limit, Panel, Trace
from static_site.times import Span

START_MS = 1_767_225_600_000


def trace(values: list[float], name: str = "busy", colour: str = colours.BLUE, step_ms: int = 1000) -> Trace:
    index = pd.Index(START_MS + step_ms * np.arange(len(values)), dtype="int64")
    return Trace(name, pd.Series(values, index=index, dtype="float64"), pd.Series(step_ms / 1000, index=index), colour)


def draw(*panels: Panel, layout: Layout | None = None, ident: str = "c") -> ElementTree.Element:
    times = [trace.series.index for panel in panels for trace in panel.traces]
    span = Span(min(int(index[0]) for index in times), max(int(index[-1]) for index in times))
    picture = charts.draw(ident, "A title", "A description.", panels, span, layout or Layout())
    return ElementTree.fromstring(picture.svg)


def lines(root: ElementTree.Element, colour: str) -> list[ElementTree.Element]:
    stroke = f"var(--{colours.VARIABLES[colour]})"
    return [element for element in root.iter("path") if element.get("stroke") == stroke]


def test_a_line_does_not_cross_a_gap() -> None:
    one = trace([10.0] * 30 + [20.0] * 30)
    gap = (START_MS + 29_000, START_MS + 30_000)

    whole, broken = draw(Panel([one], units.PERCENT)), draw(Panel([one], units.PERCENT, gaps=[gap]))

    assert lines(whole, colours.BLUE)[0].get("d", "").count("M") == 1
    assert lines(broken, colours.BLUE)[0].get("d", "").count("M") == 2


def test_a_gap_is_hatched_and_says_so_where_there_is_room() -> None:
    one = trace([10.0] * 60)

    wide = draw(Panel([one], units.PERCENT, gaps=[(START_MS + 10_000, START_MS + 30_000)]))
    narrow = draw(Panel([one], units.PERCENT, gaps=[(START_MS + 10_000, START_MS + 11_000)]))

    for root, words in ((wide, 1), (narrow, 0)):
        assert [element.get("fill") for element in root.iter("path")].count("url(#c-gap)") == 1
        assert [element.text for element in root.iter("text")].count("no data") == words


def test_the_average_over_a_gap_is_flat_and_dashed_from_end_to_end() -> None:
    gap = (START_MS + 10_000, START_MS + 30_000)
    one = replace(trace([50.0] * 60), over_gaps=pd.Series({gap[1]: 75.0}))

    root = draw(Panel([one], units.PERCENT, top=100, gaps=[gap]))

    (dashed,) = [line for line in lines(root, colours.BLUE) if line.get("stroke-dasharray")]
    (x, y), (end, level) = points(dashed.get("d") or "")
    assert (end - x, y - level) == (pytest.approx(880 * 20 / 59, abs=0.2), 0)


def test_the_averages_of_a_stack_are_drawn_as_their_sum() -> None:
    gap = (START_MS + 10_000, START_MS + 30_000)
    traces = [
        replace(trace([10.0] * 60, colour=colour), over_gaps=pd.Series({gap[1]: value}))
        for value, colour in ((20.0, colours.BLUE), (30.0, colours.ROSE), (float("nan"), colours.USER))
    ]

    panel = Panel(traces, units.PERCENT, top=100, stacked=True, gaps=[gap, (START_MS + 40_000, START_MS + 50_000)])

    assert panel.averages() == [(gap, 50.0, colours.INK)]


def test_the_time_before_the_first_sample_is_a_gap_too() -> None:
    early, late = trace([1.0] * 60), trace([float("nan")] * 30 + [1.0] * 30)
    late = Trace("late", late.series.iloc[30:], late.seconds.iloc[30:], colours.ROSE)

    root = draw(Panel([early], units.PERCENT), Panel([late], units.PERCENT))

    assert [element.get("fill") for element in root.iter("path")].count("url(#c-gap)") == 1


def test_a_value_without_neighbours_is_a_dot() -> None:
    nan = float("nan")
    values = [1.0] * 20 + [nan, 5.0, nan] + [1.0] * 20

    root = draw(Panel([trace(values)], units.PERCENT))

    assert len(list(root.iter("use"))) == 1


def test_few_samples_are_dots() -> None:
    assert len(list(draw(Panel([trace([1.0] * 19)], units.PERCENT)).iter("use"))) == 19
    assert len(list(draw(Panel([trace([1.0] * 20)], units.PERCENT)).iter("use"))) == 0


def test_many_samples_are_a_mean_a_band_and_a_maximum() -> None:
    spiky = [10.0] * 5000
    spiky[2500] = 100.0

    root = draw(Panel([trace(spiky)], units.PERCENT, top=100))

    assert {line.get("stroke-width") for line in lines(root, colours.BLUE)} == {"0.6", "1.7"}
    assert [element.get("fill") for element in root.iter("path")].count("var(--s1)") == 1
    thin = next(line for line in lines(root, colours.BLUE) if line.get("stroke-width") == "0.6")
    assert min(y for _, y in points(thin.get("d", ""))) < 25, "the one high sample reaches the top of the plot"


def test_stacked_shares_add_up_and_leave_idle_empty() -> None:
    user, system = trace([30.0] * 50, "user"), trace([20.0] * 50, "system", colours.ROSE)

    root = draw(Panel([user, system], units.PERCENT, top=100, stacked=True), layout=Layout(height=100))

    areas = [element for element in root.iter("path") if element.get("fill") in ("var(--s1)", "var(--s2)")]
    # The plot is 100 high and 24 from the top: 30 % stands at 94, 50 % at 74.
    assert [re.match(r"M\S+ ([0-9.]+)l", area.get("d", ""))[1] for area in areas] == ["94", "74"]


def test_a_picture_has_a_name_a_description_and_no_style_of_its_own() -> None:
    root = draw(Panel([trace([1.0, 2.0] * 500)], units.PERCENT, limit=Limit(1.5, "limit 1.5")))

    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "c-t c-d"
    assert [element.text for element in root if element.tag in ("title", "desc")] == ["A title", "A description."]
    assert not list(root.iter("style"))
    assert not list(root.iter("metadata"))
    assert not any(
        {"style", "class", "width"} & element.attrib.keys() for element in root.iter() if element.tag != "rect"
    )
    assert "limit 1.5" in [element.text for element in root.iter("text")]


def test_only_colours_of_the_style_sheet_are_used() -> None:
    traces = [trace([float(number)] * 50, str(number), colour) for number, colour in enumerate(colours.IN_ORDER)]
    gap = (START_MS + 10_000, START_MS + 20_000)
    layout = Layout(boots=[START_MS + 5000], episode=(START_MS + 30_000, START_MS + 40_000))

    root = draw(Panel(traces, units.PERCENT, limit=Limit(3, "limit"), gaps=[gap]), layout=layout)

    used = {element.get(name) for element in root.iter() for name in ("fill", "stroke") if element.get(name)}
    known = {f"var(--{variable})" for variable in colours.VARIABLES.values()}
    assert used <= known | {"none", "url(#c-gap)"}
    assert "boot" in [element.text for element in root.iter("text")]


def test_ids_of_two_pictures_do_not_meet() -> None:
    panel = Panel([trace([1.0] * 10)], units.PERCENT, gaps=[(START_MS + 4000, START_MS + 5000)])

    ids = [
        element.get("id") for ident in ("a", "b") for element in draw(panel, ident=ident).iter() if element.get("id")
    ]

    assert len(ids) == len(set(ids)) >= 6


def test_panels_below_each_other_have_the_same_plot_rectangle() -> None:
    panels = [Panel([trace([1.0, largest])], units.BYTES) for largest in (2.0, 3e12)]

    root = draw(*panels)

    starts = {line.get("d", "").split(" ")[0] for line in lines(root, colours.BLUE)}
    assert len(starts) == 1


def test_an_axis_says_its_unit_of_what_and_the_zone() -> None:
    words = [
        element.text for element in draw(Panel([trace([1.0, 2.0])], units.PERCENT, "of all CPU time")).iter("text")
    ]

    assert "% of all CPU time" in words
    assert "UTC" in words
    assert "2026-01-01" in words


def test_the_same_data_gives_the_same_bytes() -> None:
    panel = Panel([trace([1.0, float("nan"), 3.0] * 5)], units.PERCENT, gaps=[(START_MS + 1000, START_MS + 2000)])
    span = Span(START_MS, START_MS + 14_000)

    first, second = (charts.draw("c", "t", "d", [panel], span, Layout()).svg for _ in range(2))

    assert first == second


def test_coordinates_have_one_decimal() -> None:
    root = draw(Panel([trace([float(number % 7) / 3 for number in range(700)])], units.PERCENT))

    path = lines(root, colours.BLUE)[0].get("d", "")
    assert points(path)[-1][0] == pytest.approx(944, abs=0.1)
    assert not re.search(r"[.][0-9]{2}", path)


def test_a_bucket_with_few_samples_is_drawn_pale() -> None:
    one = trace([10.0] * 2000)
    thinned = Trace(one.name, one.series.drop(one.series.index[1003:1009]), one.seconds, one.colour)

    root = draw(Panel([thinned], units.PERCENT))

    pale = [line for line in lines(root, colours.BLUE) if line.get("stroke-opacity") or line.get("opacity")]
    assert len(pale) == 1
    assert len(points(pale[0].get("d", ""))) < 20
