"""Takes Alertmanager's notifications, and ends when the demo's spike has come as exactly one, and has been resolved as one.

    alerting.py SECONDS

Prints `message=listening address=HOST:PORT` first. Exit status 1 if the two do not come in time, or anything else of that
instance does.
"""

import http.server
import json
import queue
import sys
import threading
import time

# The demo's instance with the spike, and who makes it.
INSTANCE, USER = "rm-demo-orders", "report_batch"
ALERT = "DBSessionActiveSessionsHigh"
# Seconds in which another notification would come: the group_interval of tests/prometheus.sh, and some.
SILENCE = 13


class Notifications(http.server.BaseHTTPRequestHandler):
    """Puts each notification of the instance into the server's queue."""

    def do_POST(self):
        notification = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if notification["groupLabels"].get("instance_id") == INSTANCE:
            self.server.arrived.put(notification)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def check(notification, status):
    alerts = {alert["labels"]["alertname"]: alert for alert in notification["alerts"]}
    assert notification["status"] == status, f"{notification['status']} instead of {status}: {list(alerts)}"
    # The end of what was inhibited is told along with the end of what inhibited it.
    assert ALERT in alerts if status == "resolved" else list(alerts) == [ALERT], f"{status}: {list(alerts)}"
    annotations = alerts[ALERT]["annotations"]
    assert annotations["page"] == f"/instances/{INSTANCE}", annotations
    if status == "firing":
        assert f"The most active users: {USER} (" in annotations["description"], annotations
    print(f"{status}: {annotations['summary']}. {annotations['description']}", flush=True)


def main(seconds):
    until = time.monotonic() + seconds
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Notifications)
    server.arrived = queue.SimpleQueue()
    print("message=listening address={}:{}".format(*server.server_address), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for status in ("firing", "resolved"):
        try:
            check(server.arrived.get(timeout=max(until - time.monotonic(), 0)), status)
        except queue.Empty:
            sys.exit(f"no notification: {status}")
    try:
        more = server.arrived.get(timeout=SILENCE)
        sys.exit(f"one notification too many: {more['status']}: {more['commonLabels']}")
    except queue.Empty:
        print("No other notification of the spike has come.")


if __name__ == "__main__":
    main(float(sys.argv[1]))
