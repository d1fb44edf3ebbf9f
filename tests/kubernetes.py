"""Finds faults in rendered manifests: tests/kubernetes.py CASE FILE. Each resource is held to the published schema of its
kind, as far as Kubernetes has one; then names, ports and selectors have to meet, the pod has to keep the restricted Pod
Security Standard, the program has to take its arguments, and promtool the rules. Needs PROGRAM, the exporter, in the
environment, and promtool."""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import kubernetes_validate
import yaml

# The oldest that is looked at, and the newest that the package knows.
VERSIONS = ["1.29", kubernetes_validate.latest_version()]
# Kinds of the Prometheus operator, whose schemas are not published with Kubernetes: what may stand in them here.
FOREIGN = {
    "ServiceMonitor": {"selector", "endpoints"},
    "PrometheusRule": {"groups"},
}
# The labels that the operator gives every target of a ServiceMonitor, besides those of Prometheus itself.
OPERATOR = {"namespace", "service", "pod", "node", "container", "endpoint"}
REFERENCE = Path("docs/metrics.md")


class Fault(Exception):
    """Something that would not work in a cluster."""


def demand(condition, *what):
    if not condition:
        raise Fault(" ".join(str(part) for part in what))


def schemas(resource):
    kind = resource["kind"]
    if kind in FOREIGN:
        demand(set(resource["spec"]) == FOREIGN[kind], kind, "has", list(resource["spec"]))
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Fault(f"{kind} for {version}: {list(error.path)}: {error.message}") from error


def selects(what, selector, labels):
    wanted = selector.get("matchLabels", selector)
    demand(wanted and wanted.items() <= labels.items(), what, "selects", wanted, "which is not among", labels)


def connections(one, workload):
    """Whether names, ports and labels of one resource are there in another."""
    template = workload["spec"]["template"]
    pod, labels = template["spec"], template["metadata"]["labels"]
    container = pod["containers"][0]
    service, policy = one["Service"], one["NetworkPolicy"]
    selects("the workload", workload["spec"]["selector"], labels)
    selects("the service", service["spec"]["selector"], labels)
    selects("the network policy", policy["spec"]["podSelector"], labels)
    selects("the disruption budget", one["PodDisruptionBudget"]["spec"].get("selector", {}), labels)

    ports = {port["name"] for port in container["ports"]}
    offered = {port["name"] for port in service["spec"]["ports"]}
    used = [port["targetPort"] for port in service["spec"]["ports"]]
    used += [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
    used += [container[probe]["httpGet"]["port"] for probe in ("livenessProbe", "readinessProbe")]
    demand(set(used) <= ports, "ports", used, "are used, but the pod has", ports)
    if "ServiceMonitor" in one:
        monitor = one["ServiceMonitor"]["spec"]
        selects("the service monitor", monitor["selector"], service["metadata"]["labels"])
        scraped = {endpoint["port"] for endpoint in monitor["endpoints"]}
        demand(scraped <= offered, "ports", scraped, "are scraped, but the service has", offered)
        for endpoint in monitor["endpoints"]:
            collisions(endpoint)

    demand(pod["serviceAccountName"] == one["ServiceAccount"]["metadata"]["name"], "there is no such service account")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", [])}
    demand(mounts == volumes.keys() | claims, "volumes", set(volumes), claims, "but mounts", mounts)
    demand(not claims & volumes.keys(), "volumes", set(volumes), "hide the claims", claims)
    claimed = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes.values() if "persistentVolumeClaim" in volume}
    made = {one["PersistentVolumeClaim"]["metadata"]["name"]} if "PersistentVolumeClaim" in one else set()
    demand(claimed == made, "claims", claimed, "but there are", made)
    demand(not claimed or workload["kind"] == "Deployment", "all shards share a volume")
    demand(volumes["config"]["configMap"]["name"] == one["ConfigMap"]["metadata"]["name"], "there is no such ConfigMap")
    # The Secret is the user's to make, and none is needed to begin with.
    demand(volumes["secrets"]["secret"]["optional"], "the pod does not start without a Secret")


def collisions(endpoint):
    """Prometheus renames a label of the exporter that the target has, too: rules and dashboards would not find it."""
    rows = re.findall(r"^\| `\w+` \|(.*)\|[^|]*\|$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    # What follows a colon are values.
    own = {label for row in rows for label in re.findall(r"`(\w+)`", row)}
    demand({"provider", "service", "reason"} <= own, REFERENCE, "tells only the labels", own)
    dropped = [step["regex"] for step in endpoint["relabelings"] if step.get("action") == "labeldrop"]
    left = {label for label in OPERATOR if not any(re.fullmatch(regex, label) for regex in dropped)}
    demand(not own & left, "the target labels", own & left, "are labels of the exporter, too")


def secured(container, monitor, with_tls):
    """Whoever asks speaks as the exporter does."""
    asked = [container[probe]["httpGet"].get("scheme", "HTTP") for probe in ("livenessProbe", "readinessProbe")]
    asked += [endpoint.get("scheme", "http").upper() for endpoint in monitor["spec"]["endpoints"]] if monitor else []
    demand(set(asked) == {"HTTPS" if with_tls else "HTTP"}, "probes and Prometheus ask by", asked)


def restricted(pod):
    """The Pod Security Standard of that name, and a file system that nothing can be written to."""
    of_pod, of_container = pod["securityContext"], pod["containers"][0]["securityContext"]
    demand(of_pod["runAsNonRoot"] and of_pod["runAsUser"] > 0, "the pod may be root")
    demand(of_pod["seccompProfile"]["type"] == "RuntimeDefault", "the pod may make any system call")
    demand(of_container["allowPrivilegeEscalation"] is False, "the container may gain privileges")
    demand(of_container["capabilities"] == {"drop": ["ALL"]}, "the container has capabilities")
    demand(of_container["readOnlyRootFilesystem"], "the container can write to its files")
    demand(not pod["automountServiceAccountToken"], "the pod has a token for Kubernetes that it does not need")


def runs(container, config, name):
    """Whether the program takes its arguments and its configuration; `check` has no use for the rest."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "dbsession.yml")
        file.write_text(config["data"][file.name], encoding="utf-8")
        mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
        demand(f"--config.file={mounted['config']}/{file.name}" in container["args"], "the configuration is not mounted")
        demand(f"--storage.path={mounted['storage']}" in container["args"], "the storage is not mounted")
        arguments = [argument.replace(f"{mounted['config']}/", f"{directory}/") for argument in container["args"]]
        if "web-config" in mounted:
            # The user's to write; an empty one is in order.
            Path(directory, "web.yml").touch()
            arguments = [argument.replace(mounted["web-config"], directory) for argument in arguments]
        done = subprocess.run(
            [os.environ["PROGRAM"], "check", *arguments],
            env={"HOSTNAME": f"{name}-0"},
            capture_output=True,
            text=True,
            check=False,
        )
    demand(done.returncode == 0, "the program refuses", container["args"], done.stderr)


def version(image):
    project = tomllib.loads(Path("Cargo.toml").read_text(encoding="utf-8"))["package"]
    demand(image == f"{project['name']}:{project['version']}", "the image is", image)


def replicas(workload, arguments):
    """A process alone has no shard; shards are as many as there are pods, each with a name of its own."""
    shards = [argument.split("=")[1] for argument in arguments if argument.startswith("--total-shards=")]
    if workload["kind"] == "Deployment":
        demand(not shards and workload["spec"]["replicas"] == 1, "a Deployment would fetch all more than once")
        demand(workload["spec"]["strategy"] == {"type": "Recreate"}, "a new pod would fetch beside the old one")
    else:
        demand(shards == [str(workload["spec"]["replicas"])], "replicas and --total-shards differ")
        demand("--shard-from-pod-name" in arguments, "no shard knows its number")


def rules(resources):
    for resource in resources:
        command = ["promtool", "check", "rules", "/dev/stdin"]
        text = yaml.safe_dump(resource["spec"])
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        demand(done.returncode == 0, resource["metadata"]["name"], done.stdout, done.stderr)


def main(case, path):
    with open(path, encoding="utf-8") as file:
        resources = list(yaml.safe_load_all(file))
    for resource in resources:
        schemas(resource)
    one = {resource["kind"]: resource for resource in resources}
    workload = one.get("StatefulSet") or one["Deployment"]
    container = workload["spec"]["template"]["spec"]["containers"][0]
    connections(one, workload)
    secured(container, one.get("ServiceMonitor"), any(word.startswith("--web.config.file=") for word in container["args"]))
    restricted(workload["spec"]["template"]["spec"])
    version(container["image"])
    replicas(workload, container["args"])
    if workload["kind"] == "StatefulSet":
        demand(workload["spec"]["serviceName"] == one["Service"]["metadata"]["name"], "the shards have no service")
    runs(container, one["ConfigMap"], workload["metadata"]["name"])
    rules(resource for resource in resources if resource["kind"] == "PrometheusRule")
    print(f"{case}: {len(resources)} resources without a fault.")


try:
    main(*sys.argv[1:])
except Fault as fault:
    sys.exit(f"tests/kubernetes.py: {sys.argv[1]}: {fault}")
