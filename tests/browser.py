"""Opens the pages in a real browser: `browser.py PROGRAM HOSTILE_CLOUD SCREENSHOTS`.

Drives headless Chromium by its DevTools protocol. Every page must come without a complaint of the browser, with values that
equal those of /metrics or /api/v1/incidents of the same moment, and without a need to scroll sideways. Names that look like
markup must be shown as text. Pictures of the pages, wide and narrow, light and dark, are written into the directory
SCREENSHOTS.
"""

import base64
import functools
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import websocket
from prometheus_client.parser import text_string_to_metric_families

PATIENCE = 90
WIDTHS = {"wide": 1280, "narrow": 390}
SCHEMES = ["light", "dark"]
# As root, in a container, without a screen.
CHROMIUM = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
            "--no-proxy-server", "--remote-debugging-port=0"]
DIMENSIONS = {"user": "db_user", "client": "client_host", "database": "db_name", "template": "sql_template_id"}
LABELS = {
    "dbsession_waiting_sessions": "kind",
    "dbsession_fetch_failures_total": "reason",
    "dbsession_fetches_skipped_total": "reason",
}

# Each is [path of the row's link, metric, number or null].
FLEET_NUMBERS = """
[...document.querySelectorAll('table.fleet tbody')].flatMap(body => {
  const cells = [...body.querySelector('tr').children];
  const heads = [...document.querySelectorAll('table.fleet thead th')];
  return heads.map((head, column) => [head, cells[column]]).filter(([head]) => head.className == 'n' && head.title)
    .map(([head, cell]) => [cells[0].querySelector('a').pathname, head.title, cell.querySelector('data')?.value ?? null]);
})
"""

# Each is [metric, label value or null, number or null].
INSTANCE_NUMBERS = """
[...document.querySelectorAll('dt[title]')]
  .map(dt => [dt.title, dt.querySelector('b')?.textContent ?? null, dt.nextElementSibling.querySelector('data')?.value ?? null])
  .concat([...document.querySelectorAll('table.groups')].flatMap(table => {
    const heads = [...table.querySelectorAll('thead th')].slice(1);
    return [...table.querySelectorAll('tbody tr')].flatMap(row => heads.map((head, column) =>
      [head.title, row.querySelector('th bdi').textContent, row.children[column + 1].querySelector('data')?.value ?? null]));
  }))
"""

# Each is [path of the row's link, number, state, who grew most, usual level, peak, beginning].
INCIDENT_ROWS = """
[...document.querySelectorAll('table.incidents tbody tr')].map(row => [row.querySelector('a').pathname].concat(
  ['Incident', 'State', 'Grew most', 'Usual', 'Peak'].map(label => row.querySelector(`[data-label="${label}"]`).textContent),
  row.querySelector('time').dateTime))
"""

# The state, the rows of the course, those of the tables of what grew by the first word of their head, sessions and transactions.
INCIDENT = """
({
  state: document.querySelector('h1 .state').textContent,
  course: [...document.querySelectorAll('table.course tbody tr')].map(row => [row.querySelector('time').dateTime].concat(
    [2, 3, 4, 6, 8].map(column => row.children[column].textContent))),
  grown: Object.fromEntries([...document.querySelectorAll('table.groups')].map(table => [table.querySelector('th').textContent,
    [...table.querySelectorAll('tbody tr')].map(row => [...row.children].map(cell => cell.textContent))])),
  oldest: [...document.querySelectorAll('table.sessions')].map(table =>
    [...table.querySelectorAll('tbody tr:not(.statement)')].map(row =>
      [1, 2, 3, 4].map(column => row.children[column].textContent))),
  is_drawn: document.querySelector('.picture .during') !== null,
})
"""

# What a hostile name may have done to a page.
HARM = {
    "a name has become markup": "document.querySelector('script, main img, main b:not(dt b), [onerror]') !== null",
    "a script has run": "'pwned' in window",
    "a mark turns the text around it around": """
        (() => {
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          const box = (text, at) => {
            const range = document.createRange();
            range.setStart(text, at);
            range.setEnd(text, at + 1);
            return range.getBoundingClientRect();
          };
          for (let text; text = texts.nextNode();) {
            if (text.parentElement.closest('bdi, svg')) continue;
            for (const word of text.data.matchAll(/\\w\\w/g)) {
              const [first, second] = [box(text, word.index), box(text, word.index + 1)];
              if (first.top == second.top && first.left > second.left) return true;
            }
          }
          return false;
        })()
    """,
}


def wait_until(what, condition):
    """The first thing that is not false."""
    until = time.monotonic() + PATIENCE
    while not (found := condition()):
        if time.monotonic() > until:
            sys.exit(f"browser.py: waited in vain for {what}")
        time.sleep(0.05)
    return found


# All is on this machine; a proxy has no part in it.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with HTTP.open(url, timeout=PATIENCE) as answer:
        return answer.read().decode()


class Process:
    """A child that ends with its block."""

    def __init__(self, *command, **options):
        self.command, self.options = command, options

    def __enter__(self):
        self.child = subprocess.Popen(self.command, **self.options)
        return self.child

    def __exit__(self, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Exporter(Process):
    """The program, listening."""

    def __init__(self, directory, program, *arguments):
        self.log = directory / f"{arguments[0]}.log"
        command = [program, *arguments, "--web.listen-address=127.0.0.1:0"]
        super().__init__(*command, stderr=self.log.open("w"), stdout=subprocess.DEVNULL)

    def __enter__(self):
        child = super().__enter__()

        def address():
            if child.poll() is not None:
                sys.exit(f"browser.py: the exporter ended early: {self.log.read_text()}")
            return re.search(r" address=(\S+)\n", self.log.read_text())

        self.url = "http://" + wait_until("the exporter's address", address)[1]
        return self


def series(url):
    """Every series of the exporter by its name and labels."""
    families = text_string_to_metric_families(get(f"{url}/metrics"))
    samples = (sample for family in families for sample in family.samples if sample.name.startswith("dbsession_"))
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def of_target(samples, path):
    """Those of the target whose page has this path, by name and one more label value."""
    instance, node = (urllib.parse.unquote(part) for part in (path.split("/")[2:] + [""])[:2])
    identity = {"instance_id": instance} | ({"node_id": node} if node else {})
    found = {}
    for (name, labels), value in samples.items():
        labels = dict(labels)
        if identity.items() <= labels.items() and bool(node) == ("node_id" in labels):
            dimension = next((label for word, label in DIMENSIONS.items() if name.startswith(f"dbsession_{word}_")), None)
            found[name, labels.get(dimension or LABELS.get(name))] = value
    return found


class Browser:
    """One tab of Chromium."""

    def __init__(self, url):
        self.socket = websocket.create_connection(url, timeout=PATIENCE, suppress_origin=True)
        self.calls, self.events = 0, []
        for domain in ["Page", "Runtime", "Log", "Network", "Audits"]:
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        self.calls += 1
        self.socket.send(json.dumps({"id": self.calls, "method": method, "params": parameters}))
        while (message := json.loads(self.socket.recv())).get("id") != self.calls:
            self.events.append(message)
        if "error" in message:
            sys.exit(f"browser.py: {method}: {message['error']}")
        return message["result"]

    def open(self, url, status=200):
        """Opens a page, which must give the browser nothing to complain about beside this status."""
        self.events.clear()
        self.call("Page.navigate", url=url)
        wait_until(f"{url} to load", lambda: self.evaluate("document.readyState") == "complete" and self.has_loaded())
        answers = [event["params"]["response"] for event in self.events if event["method"] == "Network.responseReceived"]
        if (told := [answer["status"] for answer in answers if answer["url"] == url]) != [status]:
            sys.exit(f"browser.py: {url}: status {told}")
        complaints = [event for event in self.events if is_complaint(event) and not (status >= 400 and is_of(event, url))]
        if complaints:
            sys.exit(f"browser.py: {url}: {json.dumps(complaints, indent=1)}")

    def has_loaded(self):
        return any(event["method"] == "Page.loadEventFired" for event in self.events)

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"browser.py: {expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def look(self, width, scheme):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))


def is_complaint(event):
    """Errors and warnings of the console, refusals by the policy, what could not be loaded."""
    parameters = event["params"]
    match event["method"]:
        case "Log.entryAdded":
            return parameters["entry"]["level"] in ("error", "warning")
        case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Audits.issueAdded" | "Network.loadingFailed":
            return True
        case "Network.responseReceived":
            return parameters["response"]["status"] >= 400
    return False


def is_of(event, url):
    """Whether an event is the answer for the page itself, or tells of its status."""
    of = event["params"].get("response") or event["params"].get("entry", {})
    return of.get("url") == url and of.get("source", "network") == "network"


def compare(page, expected, shown):
    wrong = {key: (value, expected.get(key)) for key, value in shown.items() if value != expected.get(key)}
    if wrong:
        sys.exit(f"browser.py: {page} differs from what the API tells, page first: {wrong}")


def number(text):
    return None if text is None else float(text)


def check_fleet(browser, url):
    """Each row equals /metrics, whenever no fetch of its target ended between the looks before and after."""
    compared = set()

    def look():
        before = series(url)
        browser.open(f"{url}/")
        rows = {}
        for path, metric, value in browser.evaluate(FLEET_NUMBERS):
            rows.setdefault(path, {})[metric, None] = number(value)
        after = series(url)
        for path, shown in rows.items():
            if (expected := of_target(before, path)) == of_target(after, path):
                compare(f"{path} of the fleet", expected, shown)
                compared.add(path)
        return rows.keys() <= compared and rows

    return sorted(wait_until("a quiet moment of every target", look))


def check_instance(browser, url, path):
    """All numbers of the page equal /metrics, in a moment in which no fetch of its target ends."""

    def look():
        before = of_target(series(url), path)
        browser.open(url + path)
        shown = {(metric, label): number(value) for metric, label, value in browser.evaluate(INSTANCE_NUMBERS)}
        if before != of_target(series(url), path):
            return None
        compare(path, before, shown)
        return shown

    return len(wait_until(f"a quiet moment of {path}", look))


def incidents(url):
    return json.loads(get(f"{url}/api/v1/incidents"))["incidents"]


def state(incident):
    return incident["outcome"] or "active"


def row_of(incident):
    """What the list has to show of it."""
    user = next((user["name"] for user in incident["users"]), "–")
    usual, peak = f"{incident['level']:.0f}", str(incident["peak"]["active_sessions"])
    path = f"/incidents/{incident['id']}"
    return [path, str(incident["id"]), state(incident), user, usual, peak, incident["started_at"]]


def page_of(incident):
    """What its page has to show."""
    counts = ["active_sessions", "executing_sessions", "sessions", "transactions", "idle_transactions"]
    moments = [moment for name in ["before", "first", "peak", "after"] if (moment := incident[name])]
    grew = ["name", "active_sessions_before", "active_sessions", "sessions_before", "sessions"]
    grown = {"User": "users", "Client": "clients", "Database": "databases"}
    rows = [incident[name] for name in ["oldest_sessions", "oldest_transactions"] if incident[name]]
    return {
        "state": state(incident),
        "course": [[moment["at"]] + [text(moment[count]) for count in counts] for moment in moments],
        "grown": {
            head: [[text(value[key]) for key in grew] for value in incident[key_of]]
            for head, key_of in grown.items()
            if incident[key_of]
        },
        "oldest": [[[text(row[key]) for key in ["id", "user", "client", "database"]] for row in table] for table in rows],
        "is_drawn": True,
    }


def text(value):
    return "–" if value is None else str(value)


def check_incidents(browser, url):
    """The list, and one page: as the API tells, in a moment in which nothing is added to an incident."""
    path = f"/incidents/{wait_until('an incident of the demo', lambda: incidents(url))[-1]['id']}"

    def look(path, expected, shown):
        before = incidents(url)
        browser.open(url + path)
        seen = shown()
        if before != incidents(url):
            return False
        compare(path, expected(before), seen)
        return True

    def rows():
        return {row[0]: row for row in browser.evaluate(INCIDENT_ROWS)}

    def rows_of(told):
        return {row[0]: row for row in map(row_of, told)}

    wait_until("a quiet moment of /incidents", lambda: look("/incidents", rows_of, rows))
    shown = functools.partial(browser.evaluate, INCIDENT)
    wait_until(f"a quiet moment of {path}", lambda: look(path, lambda told: page_of(told[-1]), shown))
    return path


def take_pictures(browser, url, name, directory, status=200):
    for size, width in WIDTHS.items():
        for scheme in SCHEMES:
            browser.look(width, scheme)
            browser.open(url, status)
            browser.screenshot(directory / f"{name}-{size}-{scheme}.png")
            if (needed := browser.evaluate("document.documentElement.scrollWidth")) > width:
                sys.exit(f"browser.py: {url} needs {needed} of {width} pixels")
    browser.look(WIDTHS["wide"], "light")


def check_demo(browser, url, screenshots):
    wait_until("the demo to be ready", lambda: is_ready(url))
    paths = check_fleet(browser, url)
    values = sum(check_instance(browser, url, path) for path in paths)
    print(f"{len(paths)} rows of the fleet and {values} numbers of their pages equal /metrics.")
    pages = {
        "fleet": "/",
        "sorted": "/?sort=active&order=desc&q=team%3Dshop",
        "nothing": "/?q=no+such+target",
        "instance": "/instances/rm-demo-payments",
        "spike": "/instances/rm-demo-orders",
        "nodes": "/instances/pc-demo-catalog",
    }
    for name, path in pages.items():
        take_pictures(browser, url + path, name, screenshots)
    take_pictures(browser, url + "/instances/missing", "missing", screenshots, status=404)
    pages |= {"incidents": "/incidents", "incident": check_incidents(browser, url)}
    for name in ["incidents", "incident"]:
        take_pictures(browser, url + pages[name], name, screenshots)
    print("The incidents equal /api/v1/incidents.")
    print(f"{len(pages) + 1} pages were drawn in {screenshots}.")


def is_ready(url):
    try:
        return get(f"{url}/-/ready")
    except OSError:
        return None


def check_hostile(browser, url, hostile, screenshots):
    wait_until("the hostile names", lambda: any(name == "dbsession_sessions" for name, _ in series(url)))
    (path,) = check_fleet(browser, url)
    check_instance(browser, url, path)
    everywhere, more = hostile["everywhere"], hostile["instance"]
    for name, page, names in [("hostile-fleet", "/", everywhere), ("hostile-instance", path, everywhere + more)]:
        browser.open(url + page)
        text = browser.evaluate("document.body.textContent")
        if missing := [name for name in names if name not in text]:
            sys.exit(f"browser.py: {page} does not show {missing} as text")
        for what, found in HARM.items():
            if browser.evaluate(found):
                sys.exit(f"browser.py: {page}: {what}")
        take_pictures(browser, url + page, name, screenshots)
    print("Hostile names are text.")


def main(program, hostile_cloud, screenshots):
    screenshots = pathlib.Path(screenshots)
    screenshots.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("browser.py: there is no chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as work:
        work = pathlib.Path(work)
        flags = [*CHROMIUM, f"--user-data-dir={work}/profile", "about:blank"]
        with Process(chromium, *flags, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
            port = work / "profile" / "DevToolsActivePort"
            wait_until("Chromium", lambda: port.exists() and port.read_text().count("\n"))
            tabs = json.loads(get(f"http://127.0.0.1:{port.read_text().splitlines()[0]}/json/list"))
            browser = Browser(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
            browser.look(WIDTHS["wide"], "light")
            with Exporter(work, program, "demo") as demo:
                check_demo(browser, demo.url, screenshots)
            with Process(hostile_cloud, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as cloud:
                hostile = json.loads(cloud.stdout.readline())
                (work / "hostile.yml").write_text(hostile["configuration"])
                with Exporter(work, program, "run", f"--config.file={work}/hostile.yml") as exporter:
                    check_hostile(browser, exporter.url, hostile, screenshots)


if __name__ == "__main__":
    main(*sys.argv[1:])
