"""The dashboards as Grafana and Prometheus take them.

    grafana.py                    the files: what their source yields, and of Grafana's schema
    grafana.py http://HOST:PORT   also their queries: each has data in this Prometheus, which scrapes the demo

Needs grafana-foundation-sdk, which has Grafana's schema as types, and PyYAML. Exit status 0 if all is well.
"""

import enum
import json
import os
import re
import sys
import time
import typing
import urllib.error
import urllib.parse
import urllib.request

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

GRAFANA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "deploy", "grafana")
sys.path.insert(0, GRAFANA)
from dashboards import DASHBOARDS, DIRECTORY, written  # noqa: E402

# Prometheus is on this machine; a proxy has no part in it.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))

# What Grafana puts for its variables. A query of the instance's dashboard needs data for one of these instances: only one
# of them has SQL templates, another nodes.
VARIABLES = {"tag": "instance_id", "__rate_interval": "15s", "__range": "60s"}
INSTANCES = ("rm-demo-orders", "pxc-demo-events", "pc-demo-catalog")
# Keys of an annotation that belong to Prometheus' plugin, so that Grafana's schema does not have them.
OF_THE_PLUGIN = {"titleFormat", "textFormat", "step"}
# Families that an exporter need not have: incidents where they are off. Where they are there, their queries need data like
# all others.
OPTIONAL = ("dbsession_incident_active",)
# Each scrape may bring what the one before did not have yet.
PATIENCE = 60
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|([A-Za-z_]\w*))")


def files():
    """Reads the dashboards; their source has to yield the same text."""
    for name, made in DASHBOARDS.items():
        with open(os.path.join(DIRECTORY, f"{name}.json"), encoding="utf-8") as file:
            text = file.read()
        assert text == written(made), f"{name}.json is not what dashboards.py yields: run it"
        yield name, json.loads(text)
    assert {f"{name}.json" for name in DASHBOARDS} == set(os.listdir(DIRECTORY)), "a dashboard without a source"


def lost(mine, schema, path):
    """The places of what the schema does not know, or knows otherwise."""
    if isinstance(mine, dict) and isinstance(schema, dict):
        for key, value in mine.items():
            if key not in schema:
                if not (key in OF_THE_PLUGIN and ".annotations." in path):
                    yield f"{path}.{key}"
            else:
                yield from lost(value, schema[key], f"{path}.{key}")
    elif isinstance(mine, list) and isinstance(schema, list) and len(mine) == len(schema):
        for place, pair in enumerate(zip(mine, schema)):
            yield from lost(*pair, f"{path}[{place}]")
    elif mine != schema:
        yield path


def fits(value, hint):
    """Whether a value is of a type, as far as the schema's types say."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in (typing.Any, object):
        return True
    if origin is typing.Union:
        return any(fits(value, argument) for argument in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(fits(one, arguments[0]) for one in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(one, arguments[1]) for one in value.values())
    if isinstance(value, dict) and hasattr(hint, "from_json"):
        return not list(lost(value, json.loads(json.dumps(hint.from_json(value), cls=JSONEncoder)), ""))
    if isinstance(hint, enum.EnumMeta):
        return value in [one.value for one in hint]
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def misfits(model, path):
    """The places of values whose type is not the schema's."""
    if isinstance(model, (list, tuple)):
        for place, one in enumerate(model):
            yield from misfits(one, f"{path}[{place}]")
    elif type(model).__module__.startswith("grafana_foundation_sdk") and hasattr(model, "to_json"):
        hints = typing.get_type_hints(type(model))
        for name, value in vars(model).items():
            if name in hints and not fits(value, hints[name]):
                yield f"{path}.{name}: {value!r}"
            yield from misfits(value, f"{path}.{name}")


def check_form(name, made):
    model = Dashboard.from_json(made)
    again = json.loads(json.dumps(model, cls=JSONEncoder))
    wrong = [f"not in Grafana's schema: {place}" for place in lost(made, again, name)]
    wrong += [f"not of its type: {place}" for place in misfits(model, name)]
    assert not wrong, "\n".join(wrong)
    places = [panel["gridPos"] for panel in made["panels"]]
    for number, one in enumerate(places):
        assert one["x"] + one["w"] <= 24, f"{name}: a panel is too far right: {one}"
        for other in places[:number]:
            apart = any(
                a[s] >= b[s] + b[e] for a, b in ((one, other), (other, one)) for s, e in (("x", "w"), ("y", "h"))
            )
            assert apart, f"{name}: panels overlap: {one}, {other}"
    known = {variable["name"] for variable in made["templating"]["list"]}
    for used in {a or b for a, b in VARIABLE.findall(json.dumps([made["panels"], made["links"]]))}:
        assert used in known or used.startswith("__"), f"{name}: no variable {used}"


def check_provisioning():
    for directory, key in (("datasources", "datasources"), ("dashboards", "providers")):
        root = os.path.join(GRAFANA, "provisioning", directory)
        for file_name in os.listdir(root):
            with open(os.path.join(root, file_name), encoding="utf-8") as file:
                document = yaml.safe_load(file)
            assert document["apiVersion"] == 1 and document[key], file_name


def queries(made):
    """Every question of a dashboard to Prometheus: (where, expression)."""
    for panel in made["panels"]:
        for target in panel.get("targets", ()):
            yield f"{panel['title']} {target['refId']}", target["expr"]
    for annotation in made["annotations"]["list"]:
        # Whether there is a kill task, or an incident, at this moment is chance.
        yield f"annotation {annotation['name']}", annotation["expr"].removesuffix(" == 1")
    for variable in made["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", values_of(variable["query"]["query"])


def values_of(text):
    """The series that a variable takes its values from, with that label."""
    values = re.fullmatch(r"label_values\((.*), ([$\w]+)\)", text)
    if not values:
        return re.fullmatch(r"label_names\((.*)\)", text)[1]
    return f"count by ({values[2]}) ({values[1]})"


def asked(expression, instance):
    values = VARIABLES | {"instance_id": instance}
    return VARIABLE.sub(lambda found: values.get(found[1] or found[2], ".*"), expression)


def answer(prometheus, expression):
    question = urllib.parse.urlencode({"query": expression})
    try:
        with HTTP.open(f"{prometheus}/api/v1/query?{question}", timeout=20) as response:
            return json.load(response)["data"]["result"]
    except urllib.error.HTTPError as refused:
        raise AssertionError(f"{expression}: {refused.read().decode()}") from refused


def has_answer(prometheus, expression, until):
    while True:
        if any(answer(prometheus, asked(expression, instance)) for instance in INSTANCES):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(0.5)


def is_shown(prometheus, expression):
    """Whether all optional families that an expression reads are there."""
    return all(answer(prometheus, family) for family in OPTIONAL if family in expression)


def main(arguments):
    register_default_plugins()
    check_provisioning()
    count, empty, until = 0, [], time.monotonic() + PATIENCE
    for name, made in files():
        check_form(name, made)
        for where, expression in queries(made) if arguments else ():
            if not is_shown(arguments[0], expression):
                continue
            count += 1
            if not has_answer(arguments[0], expression, until):
                empty.append(f"{name}, {where}: no data for {asked(expression, INSTANCES[0])}")
    assert not empty, "\n".join(empty)
    print(
        f"{len(DASHBOARDS)} dashboards are of Grafana's schema"
        + (f", and {count} queries have data." if count else ".")
    )


if __name__ == "__main__":
    main(sys.argv[1:])
