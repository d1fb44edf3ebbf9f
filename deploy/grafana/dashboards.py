#!/usr/bin/env python3
"""Writes the dashboards: `dashboards/*.json`. Run it after a change; a test holds them equal."""

import json
import os

from exporter import EXPORTER
from fleet import FLEET
from instance import INSTANCE

DASHBOARDS = {"fleet": FLEET, "instance": INSTANCE, "exporter": EXPORTER}
DIRECTORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dashboards")


def written(made):
    """The text of a dashboard's file."""
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name, made in DASHBOARDS.items():
        with open(os.path.join(DIRECTORY, f"{name}.json"), "w", encoding="utf-8") as file:
            file.write(written(made))
