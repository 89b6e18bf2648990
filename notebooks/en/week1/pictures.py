"""The lesson's pictures: requests by who answered them, above the pods that were ready, over the same seconds."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import altair as alt
import pandas as pd

if TYPE_CHECKING:
    from labkit.traffic import Traffic

_WIDTH, _BIN = 620, 0.5  # pixels; seconds
_FILLS = {"blue": "#93b8fb", "green": "#86dba6", "yellow": "#f3d37a", "failed": "#f0867e"}
_STROKES = {"blue": "#2563eb", "green": "#15803d", "yellow": "#a16207", "all pods": "#b8b8b8"}
_DASHES = {"blue": [1, 0], "green": [7, 3], "yellow": [2, 3], "all pods": [1, 0]}


class Picture:
    """A chart as a PNG, which looks the same in JupyterLab, on GitHub and in an export.

    Without the converter (vl-convert-python) it is the chart's specification, which JupyterLab draws by itself and others do not.
    """

    def __init__(self, chart: alt.TopLevelMixin, words: str) -> None:
        self._chart = chart
        self._words = words

    def __repr__(self) -> str:
        return self._words

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        specification = self._chart.to_dict()
        try:
            from vl_convert import vegalite_to_png
        except ImportError:
            return {"application/vnd.vegalite.v5+json": specification, "text/plain": self._words}, {}
        png = _smaller(vegalite_to_png(specification, scale=2))
        width = int.from_bytes(png[16:20], "big") // 2  # of the PNG's header
        return {"image/png": png, "text/plain": self._words}, {"image/png": {"width": width}}


def rollout(traffic: Traffic, seen: pd.DataFrame, title: str) -> Picture:
    """What was answered by whom, and which pods were ready, during a rollout that `watch_rollout` recorded."""
    requests = traffic.frame()
    start = requests["time"].iloc[0]
    length = (requests["time"].iloc[-1] - start).total_seconds()
    span = alt.Scale(domain=[0, round(length, 1)], nice=False)
    ends = pd.DataFrame({"at": _seconds(seen["time"].iloc[[0, -1]], start), "label": ["update starts", "update is over"]})
    rule = alt.Chart(ends).mark_rule(color="#444", strokeDash=[4, 3]).encode(x=alt.X("at:Q", scale=span))
    notes = [
        alt.Chart(ends.iloc[[row]])
        .mark_text(align=side, dx=shift, y=-7, color="#444")
        .encode(x=alt.X("at:Q", scale=span), text="label")
        for row, side, shift in ((0, "right", 2), (1, "left", -2))
    ]
    upper = alt.layer(_answers(requests, start, length, span), rule, *notes).properties(width=_WIDTH, height=170)
    lower = (_pods(seen, start, length, span) + rule).properties(width=_WIDTH, height=120)
    chart = alt.vconcat(upper, lower, spacing=12).properties(title=title)
    return Picture(_styled(chart), f"{title}: {traffic.summary()}")


def _answers(requests: pd.DataFrame, start: pd.Timestamp, length: float, span: alt.Scale) -> alt.LayerChart:
    """Requests per second by who answered, stacked; failed ones on top."""
    bad = (requests["status"] == 0) | (requests["status"] >= 400)
    bins = (_seconds(requests["time"], start) // _BIN) * _BIN
    rate = pd.crosstab(bins, requests["version"].mask(bad, "failed")) / _BIN
    rate = rate[rate.index + _BIN <= length]  # the last, half-filled bin would look like a drop
    order = sorted(rate.columns, key=lambda name: (name == "failed", rate[name].gt(0).idxmax()))
    top = rate[order].cumsum(axis=1)
    rows = [
        {"from": at, "to": at + _BIN, "low": top.at[at, name] - height, "high": top.at[at, name], "who": name}
        for name in order
        for at, height in rate[name].items()
    ]
    bars = alt.Chart(pd.DataFrame(rows)).mark_rect(stroke="white", strokeWidth=0.6)
    bars = bars.encode(
        x=alt.X("from:Q", scale=span, title=None, axis=alt.Axis(labels=False, ticks=False)),
        x2="to:Q",
        y=alt.Y("low:Q", title="requests per second"),
        y2="high:Q",
        color=alt.Color("who:N", scale=_scale(order, _FILLS, "#c9c9c9"), title="answered by", sort=order),
    )
    words = alt.Chart(pd.DataFrame([_label(name, rate[name], top[name]) for name in order]))
    words = words.mark_text(fontWeight="bold", fontSize=13, color="#111").encode(
        x=alt.X("at:Q", scale=span), y="y:Q", text="text"
    )
    return bars + words


def _label(name: str, rate: pd.Series, top: pd.Series) -> dict[str, Any]:
    """Where a version's name stands: in the middle of the time in which it answered most; so no one has to tell colours apart."""
    wide = rate[rate >= 0.8 * rate.max()].index
    at = min(wide, key=lambda begin: abs(begin - wide.to_series().median()))
    return {"at": at + _BIN / 2, "y": top[at] - rate[at] / 2, "text": f"✕ {name}" if name == "failed" else name}


def _pods(seen: pd.DataFrame, start: pd.Timestamp, length: float, span: alt.Scale) -> alt.LayerChart:
    """Ready pods by version, and all of them, as steps."""
    table = seen.assign(at=_seconds(seen["time"], start), version=seen["image"].str.split(":").str[-1])
    ready = table.pivot_table(index="at", columns="version", values="ready", aggfunc="sum").fillna(0)
    ready = ready.loc[:, ready.max() > 0]
    ready["all pods"] = ready.sum(axis=1)
    ready.loc[0.0], ready.loc[length] = ready.iloc[0], ready.iloc[-1]
    rows = ready.sort_index().reset_index().melt(id_vars="at", var_name="version", value_name="ready")
    order = sorted(ready.columns, key=lambda name: list(_DASHES).index(name) if name in _DASHES else 0)
    key: dict[str, Any] = {"title": "ready pods of", "sort": order}
    encoded = alt.Chart(rows).encode(
        x=alt.X("at:Q", scale=span, title="seconds since the traffic began", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y("ready:Q", title="ready pods", axis=alt.Axis(tickMinStep=1, format="d")),
        color=alt.Color("version:N", scale=_scale(order, _STROKES, "#777"), **key),
        strokeDash=alt.StrokeDash("version:N", scale=_scale(order, _DASHES, [9, 2, 2, 2]), **key),
    )
    every = encoded.mark_line(interpolate="step-after", strokeWidth=6).transform_filter("datum.version == 'all pods'")
    each = encoded.mark_line(interpolate="step-after", strokeWidth=2).transform_filter("datum.version != 'all pods'")
    return every + each


def _smaller(png: bytes) -> bytes:
    """The same PNG, packed as small as zlib can: a quarter of the converter's size, which packs in haste."""
    head, tail, packed, at = [png[:8]], b"", b"", 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        chunk, at = png[at : at + 12 + length], at + 12 + length
        if kind == b"IDAT":
            packed += chunk[8:-4]
        elif kind == b"IEND":
            tail = chunk
        else:
            head.append(chunk)
    data = b"IDAT" + zlib.compress(zlib.decompress(packed), 9)
    return b"".join([*head, struct.pack(">I", len(data) - 4), data, struct.pack(">I", zlib.crc32(data)), tail])


def _scale(names: list[str], known: dict[str, Any], otherwise: Any) -> alt.Scale:
    return alt.Scale(domain=names, range=[known.get(name, otherwise) for name in names])


def _seconds(times: pd.Series, start: pd.Timestamp) -> pd.Series:
    return (times - start).dt.total_seconds()


def _styled(chart: alt.VConcatChart) -> alt.VConcatChart:
    font = "DejaVu Sans, Arial, sans-serif"
    return (
        chart.resolve_scale(color="independent", strokeDash="independent")
        .configure(background="white", padding=10, font=font)
        .configure_title(anchor="start", fontSize=15, offset=16)
        .configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal", gridColor="#e6e6e6")
        .configure_legend(labelFontSize=12, titleFontSize=12, titleFontWeight="normal", symbolSize=220, symbolStrokeWidth=2)
        .configure_view(stroke=None)
    )
