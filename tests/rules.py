"""The recording and alerting rules, each held to what it says, by `promtool test rules`.

`rules_cases.py` has the tables. Every alert has to fire with its text, to wait for its `for`, to end when its condition
ends, to end when its data are withdrawn, to stay quiet for each quiet twin, and to be one alert for two replicas. Then every number
of every rule is altered, one at a time: if no test notices, the tests are too weak. Needs promtool and PyYAML.
"""

import concurrent.futures
import copy
import os
import re
import subprocess
import sys
import tempfile

import yaml

from rules_cases import ALERTS, RECORDED

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
RULES = os.path.join(ROOT, "deploy", "prometheus")
REFERENCE = os.path.join(ROOT, "docs", "metrics.md")
RUNBOOKS = os.path.join(ROOT, "docs", "runbooks.md")
REPLICAS = ({"instance": "10.0.0.1:10104", "pod": "a"}, {"instance": "10.0.0.2:10104", "pod": "b"})
UNITS = {"s": 1 / 60, "m": 1, "h": 60, "d": 1440}
# Of a rule, any number that is no part of a name, of a string or of a duration.
NUMBER = re.compile(r'"[^"]*"|\[[^]]*\]|offset \w+|[a-z_:]\w*|(?P<number>\d+(?:\.\d+)?)')
DURATION = re.compile(r"(?<=\[)\w+(?=\])|(?<=offset )\w+")


def minutes(duration):
    """The minutes of a duration like `2m` or `167h30m`."""
    return sum(int(count) * UNITS[unit] for count, unit in re.findall(r"(\d+)([smhd])", str(duration)))


def load(name):
    with open(os.path.join(RULES, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


def rules_of(document):
    return [rule for group in document["groups"] for rule in group["rules"]]


def selector(name, labels):
    inside = ",".join(f'{label}="{value}"' for label, value in sorted(labels.items()))
    return f"{name}{{{inside}}}"


def phase(value, count):
    """`count` samples of promtool's notation: a number, a climb like `+5`, or None for nothing."""
    if count <= 0:
        return ""
    if value is None:
        return f"_x{count}"
    if isinstance(value, str):
        return f"0{value}x{count - 1}"
    return f"{value}x{count - 1}"


def series(case, spans, override=None, replicas=1):
    """The input series: each goes through its phases for as many steps as `spans` says of calm, trouble and calm."""
    inputs, phases = [], dict(case.series) | (override or {})
    for (name, labels), (calm, trouble) in phases.items():
        values = " ".join(phase(value, span) for value, span in zip((calm, trouble, calm), spans) if value != "stale")
        for replica in REPLICAS[:replicas]:
            own = {"job": "dbsession", **replica, **case.base, **dict(labels)}
            inputs.append({"series": selector(name, own), "values": values + (" stale" if len(spans) == 2 else "")})
    return inputs


class Times:
    """When things happen in the tests of an alert, in steps."""

    def __init__(self, case, rule):
        self.step = minutes(case.step)
        self.began = case.began
        self.hold = round(minutes(rule.get("for", "0m")) / self.step)
        self.keep = round(minutes(rule.get("keep_firing_for", "0m")) / self.step)
        self.fires = self.began + 1 + self.hold
        self.ends = self.fires + 2
        self.over = self.ends + self.keep + case.lag + 2

    def at(self, steps):
        return f"{round(steps * self.step)}m"


def alert_tests(case, rule):
    """The tests of one alert as promtool reads them."""
    times = Times(case, rule)
    labels = {"job": "dbsession", **case.base, **case.labels, **rule["labels"]}
    if case.absent:
        del labels["job"]
    fired = [{"exp_labels": labels, "exp_annotations": texts(case, rule)}]

    def test(name, inputs, *moments):
        return {
            "name": f"{case.alert}: {name}",
            "interval": case.step,
            "input_series": inputs,
            "alert_rule_test": [
                {"eval_time": times.at(at), "alertname": case.alert, "exp_alerts": expected} for at, expected in moments
            ],
        }

    forever = (times.began, times.over)
    until = (times.began, times.ends - times.began + 1)
    yield test("fires", series(case, (*forever, 0)), (times.began + times.hold - 1, []), (times.fires, fired))
    ends = test("ends", series(case, (*until, times.over)), (times.over, []))
    if times.keep:
        # What it says changes with the data, so it is only counted.
        firing = f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}})'
        kept = {"expr": firing, "eval_time": times.at(times.ends + times.keep - 1), "exp_samples": [{"value": 1}]}
        ends["promql_expr_test"] = [kept]
    yield ends
    yield test("data withdrawn", series(case, until), (times.over, fired if case.absent else []))
    yield test("two replicas", series(case, (*forever, 0), replicas=2), (times.fires, fired))
    for number, override in enumerate(case.quiet, 1):
        yield test(f"quiet twin {number}", series(case, (*forever, 0), override), (times.fires, []))


def texts(case, rule):
    target = "/".join(case.base[label] for label in ("instance_id", "node_id") if label in case.base)
    page = f"/instances/{target}" if target else rule["annotations"]["page"]
    return {
        "summary": case.summary,
        "description": case.description,
        "page": page,
        "runbook_url": f"docs/runbooks.md#{case.alert.lower()}",
    }


def recorded_test(case):
    inputs = [
        {"series": selector(name, {"job": "dbsession", **REPLICAS[0], **dict(labels)}), "values": values}
        for (name, labels), values in case.series.items()
    ]
    samples = [
        {"labels": selector("", {"job": "dbsession", **dict(labels)}), "value": value} for labels, value in case.samples
    ]
    return {
        "name": f"{case.record}: {case.name}",
        "interval": case.step,
        "input_series": inputs,
        "promql_expr_test": [{"expr": f"round({case.record}, 1e-6)", "eval_time": case.at, "exp_samples": samples}],
    }


def failure(recording, alerting, tests):
    """Runs tests against rules; None if all pass, else what promtool says."""
    recording = needed(
        recording,
        [rule["expr"] for rule in rules_of(alerting)]
        or [query["expr"] for test in tests for query in test["promql_expr_test"]],
    )
    with tempfile.TemporaryDirectory() as directory:

        def write(name, document):
            path = os.path.join(directory, name)
            with open(path, "w", encoding="utf-8") as file:
                yaml.safe_dump(document, file, sort_keys=False, width=10_000)
            return path

        steps = {test["interval"] for test in tests}
        names = [write("recording.yml", recording), write("alerts.yml", alerting)]
        groups = [group["name"] for document in (recording, alerting) for group in document["groups"]]
        files = [
            write(
                f"tests-{step}.yml",
                {
                    "rule_files": names,
                    "evaluation_interval": step,
                    "group_eval_order": groups,
                    "tests": [test for test in tests if test["interval"] == step],
                },
            )
            for step in sorted(steps)
        ]
        done = subprocess.run(["promtool", "test", "rules", *files], capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def only(document, name):
    """The document with this one alert."""
    kept = copy.deepcopy(document)
    for group in kept["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule.get("alert") == name]
    kept["groups"] = [group for group in kept["groups"] if group["rules"]]
    return kept


def needed(recording, expressions):
    """The recording rules that these expressions, or the rules that they need, read."""
    kept = copy.deepcopy(recording)
    read, before = " ".join(expressions), None
    while read != before:
        before = read
        rules = [rule for rule in rules_of(recording) if re.search(re.escape(rule["record"]) + r"(?![\w:])", read)]
        read = " ".join([*expressions, *(rule["record"] + " " + rule["expr"] for rule in rules)])
    for group in kept["groups"]:
        group["rules"] = [rule for rule in group["rules"] if rule in rules]
    kept["groups"] = [group for group in kept["groups"] if group["rules"]]
    return kept


def altered_numbers(expression, pattern, alter):
    """The expression again and again, with one number altered in each."""
    for found in pattern.finditer(expression):
        number = found.groupdict().get("number", found.group())
        if number is not None:
            for other in alter(number):
                yield f"{number} -> {other}", expression[: found.start()] + other + expression[found.end() :]


def other_numbers(number):
    value = float(number)
    return (f"{value * 1.2:g}", f"{value * 0.8:g}") if value else ("1", "-1")


def other_durations(duration):
    return (f"{round(minutes(duration) * 1.5)}m", f"{round(minutes(duration) * 0.5)}m")


def alert_mutants(alerting, rule):
    """What may be wrong in an alert: (what was altered, the document with that rule alone)."""
    name = rule["alert"]
    changes = [("expr", *change) for change in altered_numbers(rule["expr"], NUMBER, other_numbers)]
    hold = minutes(rule["for"])
    changes.append(("for", "longer", f"{round(hold + 15)}m"))
    if hold:
        changes.append(("for", "none", "0m"))
    if "keep_firing_for" in rule:
        changes.append(("keep_firing_for", "longer", "60m"))
    for key, what, value in changes:
        document = only(alerting, name)
        rules_of(document)[0][key] = value
        yield f"{name}: {key} {what}", document


def recording_mutants(recording):
    for position, rule in enumerate(rules_of(recording)):
        expression = rule["expr"]
        # The empty pair of strings of label_replace and its number of the week only keep the weeks apart.
        changes = [
            *altered_numbers(expression, NUMBER, other_numbers),
            *altered_numbers(expression, DURATION, other_durations),
        ]
        for what, value in changes:
            document = copy.deepcopy(recording)
            rules_of(document)[position]["expr"] = value
            yield rule["record"], f"{rule['record']}: {what}", document


def form(alerting):
    """What is wrong with the rules as a reader meets them."""
    alerts = {rule["alert"]: rule for rule in rules_of(alerting)}
    with open(RUNBOOKS, encoding="utf-8") as file:
        sections = set(re.findall(r"^### (\w+)$", file.read(), re.MULTILINE))
    for name in sorted(sections ^ alerts.keys()):
        yield f"{name}: an alert and a section of docs/runbooks.md of the same name belong together"
    for name in sorted({case.alert for case in ALERTS} ^ alerts.keys()):
        yield f"{name}: an alert and a case of tests/rules_cases.py belong together"
    for name, rule in alerts.items():
        if rule["labels"].get("severity") not in ("critical", "warning", "info"):
            yield f"{name}: severity has to be critical, warning or info"


def unknown_metrics(*documents):
    """Families that the rules read, and the exporter does not have."""
    with open(REFERENCE, encoding="utf-8") as file:
        known = set(re.findall(r"^\| `(\w+)`", file.read(), re.MULTILINE))
    for rule in (rule for document in documents for rule in rules_of(document)):
        for text in (rule["expr"], *rule.get("annotations", {}).values()):
            for name in re.findall(r"(?<![\w:])(dbsession_\w+)(?=[{)\[ ])", text):
                if name not in known and name != "dbsession_exporter":
                    yield f"{name}: read by {rule.get('alert') or rule['record']}, but not in docs/metrics.md"


def check():
    recording, alerting = load("recording.yml"), load("alerts.yml")
    problems = [*form(alerting), *unknown_metrics(recording, alerting)]
    if problems:
        return problems
    alerts = {rule["alert"]: rule for rule in rules_of(alerting)}
    tests = {name: [] for name in alerts}
    for case in ALERTS:
        tests[case.alert].extend(alert_tests(case, alerts[case.alert]))
    of_records = {rule["record"]: [] for rule in rules_of(recording)}
    for case in RECORDED:
        of_records[case.record].append(recorded_test(case))

    runs = [(name, recording, only(alerting, name), tests[name]) for name in alerts]
    runs += [(name, recording, {"groups": []}, tests) for name, tests in of_records.items() if tests]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        failures = list(pool.map(lambda run: failure(*run[1:]), runs))
        problems = [f"{run[0]}:\n{failed}" for run, failed in zip(runs, failures) if failed]
        if problems:
            return problems
        print(f"{len(runs)} rules do as they say in {sum(len(run[3]) for run in runs)} tests.")
        mutants = [
            (what, recording, document, tests[name])
            for name, rule in alerts.items()
            for what, document in alert_mutants(alerting, rule)
        ]
        mutants += [
            (what, document, {"groups": []}, of_records[name]) for name, what, document in recording_mutants(recording)
        ]
        verdicts = list(pool.map(lambda mutant: failure(*mutant[1:]), mutants))
    alive = [f"no test notices: {mutant[0]}" for mutant, failed in zip(mutants, verdicts) if not failed]
    if not alive:
        print(f"Each of {len(mutants)} altered rules is noticed.")
    return alive


if __name__ == "__main__":
    found = check()
    print("\n".join(found), file=sys.stderr)
    sys.exit(1 if found else 0)
