"""What Grafana's JSON wants of a panel, a variable and a dashboard, with the looks that all of these dashboards share.

Knows no metric: `dashboards.py` says what is shown.
"""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24


def query(expr, legend="", *, instant=False, heatmap=False, exemplar=False):
    """One query of a panel; `instant` ones become the columns of a table."""
    form = "table" if instant else "heatmap" if heatmap else "time_series"
    return {
        "datasource": SOURCE,
        "editorMode": "code",
        "expr": expr,
        "legendFormat": legend or "__auto",
        "instant": instant,
        "range": not instant,
        "format": form,
        "exemplar": exemplar,
    }


def thresholds(*steps):
    """Green, and from each value on another colour."""
    colours = [{"color": "green", "value": None}] + [{"color": colour, "value": value} for value, colour in steps]
    return {"mode": "absolute", "steps": colours}


def panel(
    kind, title, queries, *, unit="short", about="", limits=None, options=None, custom=None, overrides=(), **more
):
    """A panel without its place. `more` are further properties of its fields, like `max`."""
    defaults = {"unit": unit, "thresholds": limits or thresholds(), "custom": custom or {}, "links": [], **more}
    defaults.setdefault("color", {"mode": "palette-classic"})
    defaults = {key: value for key, value in defaults.items() if value is not None}
    queries = [dict(one, refId=chr(ord("A") + place)) for place, one in enumerate(queries)]
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": SOURCE,
        "targets": queries,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options or {},
        "transparent": False,
        "transformations": [],
    }


def stat(title, expr, *, unit="short", limits=None, about="", **more):
    """One number, coloured by its limits."""
    options = {
        "graphMode": "area",
        "colorMode": "value",
        "justifyMode": "auto",
        "textMode": "auto",
        "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "values": False, "fields": ""},
    }
    more.setdefault("color", {"mode": "thresholds"})
    return panel("stat", title, [query(expr, " ")], unit=unit, limits=limits, about=about, options=options, **more)


def lines(title, queries, *, stacked=False, limits=None, overrides=(), **more):
    """Curves over time; with limits these are drawn as lines."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 40 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if limits else "off"},
    }
    options = {
        "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    more.setdefault("min", 0)
    return panel(
        "timeseries", title, queries, limits=limits, custom=custom, options=options, overrides=overrides, **more
    )


def heatmap(title, expr, *, unit="s", about="", exemplar=True):
    """The buckets of a histogram over time; exemplars are marked and name their session."""
    options = {
        "calculate": False,
        "cellGap": 1,
        "showValue": "auto",
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "fill": "dark-orange",
            "scale": "exponential",
            "exponent": 0.5,
            "steps": 64,
            "reverse": False,
        },
        "yAxis": {"axisPlacement": "left", "unit": unit, "reverse": False},
        "rowsFrame": {"layout": "auto"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "tooltip": {"show": True, "yHistogram": True},
        "exemplars": {"color": "rgba(31, 96, 196, 0.9)"},
    }
    return panel(
        "heatmap", title, [query(expr, "{{le}}", heatmap=True, exemplar=exemplar)], about=about, options=options
    )


def timeline(title, queries, *, mappings, about=""):
    """States over time; the mappings name and colour each value."""
    options = {
        "showValue": "never",
        "rowHeight": 0.8,
        "mergeValues": True,
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return panel("state-timeline", title, queries, about=about, options=options, mappings=mappings)


def column(name, properties):
    """How a column of a table differs from the others."""
    properties = [{"id": key, "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byName", "options": name}, "properties": properties}


def coloured(*steps):
    return {
        "thresholds": thresholds(*steps),
        "color": {"mode": "thresholds"},
        "custom.cellOptions": {"type": "color-background", "mode": "basic"},
    }


def link(title, url, *, blank=False):
    """A link of a cell or a curve."""
    return {"title": title, "url": url, "targetBlank": blank}


def table(title, columns, labels, *, about="", sort=None):
    """A row for each series, a column for each query: `columns` are (name, expression, properties); `labels` maps the
    labels that make a row to their columns, None hides one."""
    queries = [query(expr, instant=True) for _, expr, _ in columns]
    names = {f"Value #{chr(ord('A') + place)}": name for place, (name, _, _) in enumerate(columns)}
    shown = {label: name for label, name in labels.items() if isinstance(name, str)}
    shown |= {label: name for label, (name, _) in ((k, v) for k, v in labels.items() if isinstance(v, tuple))}
    overrides = [column(name, properties) for name, _, properties in columns if properties]
    overrides += [column(*value) for value in labels.values() if isinstance(value, tuple)]
    order = {label: place for place, label in enumerate([*labels, *names])}
    options = {"showHeader": True, "cellHeight": "sm"}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": True}]
    made = panel("table", title, queries, about=about, options=options, overrides=overrides)
    hidden = {"Time": True} | {label: True for label, name in labels.items() if name is None}
    made["transformations"] = [
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {"excludeByName": hidden, "renameByName": shown | names, "indexByName": order}},
    ]
    return made


def choice(name, label, values, *, multi=True, every=".*", regex=""):
    """A variable whose values Prometheus knows; with `every` it may be All."""
    made = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": SOURCE,
        "query": {"query": values, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": multi,
        "includeAll": bool(every),
        "regex": regex,
        "hide": 0,
        "skipUrlSync": False,
    }
    if every:
        made |= {"allValue": every, "current": {"selected": True, "text": "All", "value": "$__all"}}
    return made


def dashboard(uid, title, about, variables, rows, annotations=(), links=()):
    """Rows are (title, height, panels); the panels of a row share its width. A panel may be (panel, width)."""
    panels, y = [], 0
    for heading, height, inside in rows:
        if heading:
            place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
            panels.append({"type": "row", "title": heading, "collapsed": False, "gridPos": place, "panels": []})
            y += 1
        x, free = 0, [one for one in inside if not isinstance(one, tuple)]
        rest = WIDTH - sum(one[1] for one in inside if isinstance(one, tuple))
        for one in inside:
            made, width = one if isinstance(one, tuple) else (one, rest // len(free))
            panels.append(made | {"gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        y += height
    panels = [dict(one, id=place) for place, one in enumerate(panels, 1)]
    source = {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus", "hide": 0}
    page = {"type": "textbox", "name": "exporter", "label": "Exporter", "query": "http://localhost:10104", "hide": 0}
    page["current"] = {"text": page["query"], "value": page["query"]}
    page["description"] = "Where a browser reaches the exporter's pages"
    siblings = {"type": "dashboards", "title": "Database sessions", "tags": ["dbsession"], "asDropdown": True}
    return {
        "uid": uid,
        "title": title,
        "description": about,
        "tags": ["dbsession"],
        "schemaVersion": 38,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [source, *variables, page]},
        "annotations": {"list": list(annotations)},
        "links": [_dashboard_link(**siblings), *(_dashboard_link(type="link", **one) for one in links)],
        "panels": panels,
    }


def _dashboard_link(**more):
    plain = {"icon": "external link", "tooltip": "", "url": "", "tags": [], "asDropdown": False}
    return plain | {"targetBlank": False, "includeVars": False, "keepTime": True} | more


def annotation(name, expr, title, text, colour):
    """Marks on every curve; Prometheus' plugin draws a region where the expression has values in a row."""
    return {
        "name": name,
        "datasource": SOURCE,
        "enable": True,
        "hide": False,
        "iconColor": colour,
        "expr": expr,
        "titleFormat": title,
        "textFormat": text,
        "step": "30s",
    }
