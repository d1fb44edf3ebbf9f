"""The page of a running exporter as prometheus_client reads it: in both formats, plain and compressed.

    parsers.py http://HOST:PORT/metrics

Needs prometheus_client. Exit status 0 if all is well; otherwise a traceback that ends in what is not.
"""

import gzip
import sys
import urllib.request

import prometheus_client.openmetrics.parser
import prometheus_client.parser

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
READERS = {
    OPEN_METRICS: prometheus_client.openmetrics.parser.text_string_to_metric_families,
    TEXT: prometheus_client.parser.text_string_to_metric_families,
}
AGES = ("dbsession_active_session_age_seconds", "dbsession_transaction_age_seconds")

# Characters of an exemplar's label names and values together, by OpenMetrics 1.0.
LONGEST_EXEMPLAR = 128

# A fetch may end between two scrapes, and change what is there to compare; not each time.
ATTEMPTS = 10

# The demo is on this machine; a proxy has no part in it.
HTTP = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def check(condition, *problem):
    if not condition:
        raise AssertionError(" ".join(map(str, problem)))


def scrape(url, content_type, coding):
    """The samples of a page that is asked for in this format and coding."""
    headers = {"Accept": content_type, "Accept-Encoding": coding}
    with HTTP.open(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        told, body = answer.headers, answer.read()
    check(told["Content-Type"] == content_type, "Content-Type is", told["Content-Type"])
    vary = {name.strip().lower() for name in (told["Vary"] or "").split(",")}
    check({"accept", "accept-encoding"} <= vary, "Vary is", vary)
    coded = None if coding == "identity" else coding
    check(told["Content-Encoding"] == coded, "Content-Encoding is", told["Content-Encoding"])
    page = (gzip.decompress(body) if coded else body).decode()
    check(page.endswith("\n# EOF\n") == (content_type == OPEN_METRICS), "the page ends in", page[-20:])
    return [sample for family in READERS[content_type](page) for sample in family.samples]


def series(samples):
    """Names and labels; no series may come twice."""
    known = {(sample.name, frozenset(sample.labels.items())) for sample in samples}
    check(len(known) == len(samples), len(samples) - len(known), "series come twice")
    return known


def counts_itself(samples):
    """Whether the exporter counts as many series of instances and kill tasks as the page has."""
    told = [sample.value for sample in samples if sample.name == "dbsession_exporter_series"]
    own = ("dbsession_exporter_", "process_")
    return told == [sum(not sample.name.startswith(own) for sample in samples)]


def check_exemplars(samples):
    """Each non-empty bucket names a session of its own; nothing else has an exemplar. How many there are."""
    below, shown = {}, 0
    for sample in samples:
        ages = sample.name.removesuffix("_bucket")
        if ages == sample.name or ages not in AGES:
            check(sample.exemplar is None, "no bucket of ages, but an exemplar:", sample)
            continue
        histogram = (ages, frozenset(item for item in sample.labels.items() if item[0] != "le"))
        bound = float(sample.labels["le"])
        (lower, count), below[histogram] = below.get(histogram, (-1.0, 0)), (bound, sample.value)
        check((sample.value > count) == (sample.exemplar is not None), "one exemplar for each bucket:", sample)
        if sample.exemplar:
            check_exemplar(sample.exemplar, lower, bound)
            shown += 1
    return shown


def check_exemplar(exemplar, lower, bound):
    labels = exemplar.labels
    check("session_id" in labels and labels.keys() <= {"session_id", "trx_id"}, "labels are", labels)
    length = sum(len(name) + len(value) for name, value in labels.items())
    check(length <= LONGEST_EXEMPLAR, length, "characters:", labels)
    check(lower < exemplar.value <= bound, exemplar, "is not in the bucket from", lower, "to", bound)
    check(exemplar.timestamp is not None, "no timestamp:", exemplar)


def until_equal(url):
    """The samples in OpenMetrics, once all formats and codings have the same series."""
    for _ in range(ATTEMPTS):
        pages = {(reader, coding): scrape(url, reader, coding) for reader in READERS for coding in ("identity", "gzip")}
        samples = pages[OPEN_METRICS, "identity"]
        differing = {asked: series(page) ^ series(samples) for asked, page in pages.items()}
        miscounted = [asked for asked, page in pages.items() if not counts_itself(page)]
        if not miscounted and not any(differing.values()):
            return samples
    some = {asked: sorted(map(str, found))[:5] for asked, found in differing.items() if found}
    raise AssertionError(f"pages differ: {some}; dbsession_exporter_series is wrong in: {miscounted}")


def main(url):
    samples = until_equal(url)
    exemplars = check_exemplars(samples)
    check(exemplars > 0, "there is no exemplar")
    print(f"prometheus_client reads {len(samples)} series alike in both formats, and {exemplars} exemplars.")


main(*sys.argv[1:])
