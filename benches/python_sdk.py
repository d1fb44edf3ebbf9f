"""Times the official Python SDK and the exporter on one answer, in turn. Called by python_sdk.sh, with the file of the answer,
the number of rounds, and the command that folds the same file once for each line it reads."""

import json
import subprocess
import sys
import time
from statistics import median

from alibabacloud_das20200116 import models
from darabonba.core import DaraCore
from darabonba.utils.stream import Stream


def parse(body):
    """What the SDK's client makes of the body of a response, by the same two calls."""
    answer = {"body": Stream.read_as_json(body), "headers": {}, "statusCode": 200}
    return DaraCore.from_map(models.GetMySQLAllSessionAsyncResponse(), answer)


def counts(response):
    """Sessions, executing sessions and transactions, which the exporter also tells."""
    rows = response.body.data.session_data.session_list
    executing = sum(row.command in ("Query", "Execute") for row in rows)
    transactions = sum(bool(row.trx_id or row.trx_duration) for row in rows)
    return [len(rows), executing, transactions]


def time_sdk(body):
    """What the SDK counts, and the nanoseconds that it takes to parse."""
    began = time.perf_counter_ns()
    response = parse(body)
    took = time.perf_counter_ns() - began
    return counts(response), took


def time_exporter(exporter):
    """The same of the exporter, which waits for a line to begin."""
    exporter.stdin.write("\n")
    exporter.stdin.flush()
    *counted, took = (int(number) for number in exporter.stdout.readline().split())
    return counted, took


def main(file, rounds, *command):
    with open(file, "rb") as answer:
        body = answer.read()
    listed = len(json.loads(body)["Data"]["SessionData"]["SessionList"])
    sdk_times, exporter_times = [], []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as exporter:
        for number in range(int(rounds) + 1):
            sdk, sdk_took = time_sdk(body)
            own, own_took = time_exporter(exporter)
            if sdk != own or sdk[0] != listed:
                sys.exit(f"the SDK counts {sdk}, the exporter {own}, of {listed} sessions")
            # The first round warms both up.
            if number > 0:
                sdk_times.append(sdk_took / listed)
                exporter_times.append(own_took / listed)
        exporter.stdin.close()
    ratio = median(sdk / own for sdk, own in zip(sdk_times, exporter_times))
    print(f"fold against the official Python SDK ({listed} × 1 session, median of {rounds} rounds)")
    print(f"  both count {sdk[0]} sessions, {sdk[1]} executing, {sdk[2]} transactions")
    print(f"  {'official Python SDK':<40}{median(sdk_times):>10.1f} ns/session {1:>8.2f} x")
    print(f"  {'dbsession_exporter':<40}{median(exporter_times):>10.1f} ns/session {ratio:>8.2f} x")


main(*sys.argv[1:])
