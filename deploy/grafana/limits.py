"""What the dashboards share: what is much, what values are called, and names of families and labels."""

RED, YELLOW = "red", "yellow"
# Where yellow and red begin; reds are those of the alerts.
ACTIVE = ((20, YELLOW), (50, RED))
WAITING = ((1, YELLOW), (6, RED))
STATEMENT = ((60, YELLOW), (600, RED))
TRANSACTION = ((60, YELLOW), (1800, RED))
IDLE = ((60, YELLOW), (300, RED))
SCORE = ((3, YELLOW), (4, RED))
AGE = ((60, YELLOW), (120, RED))
ANY = ((1, RED),)

BUCKETS = "dbsession_{}_age_seconds_bucket"


def at_least(value):
    """Red below a value, green from there on."""
    return {"mode": "absolute", "steps": [{"color": RED, "value": None}, {"color": "green", "value": value}]}


def words(**names):
    """Mappings for values 0, 1…, in order."""
    options = {
        str(place): {"text": text, "color": colour, "index": place}
        for place, (text, colour) in enumerate(names.items())
    }
    return [{"type": "value", "options": options}]


UP = words(**{"cannot be fetched": RED, "up": "green"})
INCIDENT = words(**{"calm": "green", "incident": RED})
RELOAD = words(**{"refused": RED, "good": "green"})


def names(label):
    """The values of a label of all targets, for a variable."""
    return f"label_values(dbsession_instance_info, {label})"
