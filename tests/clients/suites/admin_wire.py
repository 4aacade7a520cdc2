"""Administrative requests in every version, answered field by field as Apache Kafka answers.

`java/Wire.java` sends them through Kafka's own message classes; `java/admin-wire.txt` holds the
requests (`>`) and what a fresh Apache Kafka 4.3.1 said (`<`). `$T` is a topic of two partitions.
With RECORD=1, beside Kafka, the answers are written anew.
"""

import json
import os
import re
from pathlib import Path

from run import HERE, holds
from suites.java_admin import java

RECORDED = HERE / "java" / "admin-wire.txt"
# What differs from run to run, or because one node of Kafka has a listener for its controller.
PASSING = {"lastFetchTimestamp", "lastCaughtUpTimestamp", "logEndOffset", "highWatermark",
           "replicaDirectoryId", "clientInstanceId", "subscriptionId"}


def plain(value, key=None):
    if isinstance(value, dict):
        kept = {name: plain(item, name) for name, item in value.items() if name not in PASSING}
        return {"node": True} if key == "nodes" else kept
    if isinstance(value, list):
        if key == "nodes":
            return [plain(item, key) for item in value]
        return [plain(item) for item in value]
    if isinstance(value, str):
        return re.sub(r"versions \d+-\d+", "versions N-M", value)
    return value


def every_version_answers_as_kafka(bench):
    topic = bench.topic(partitions=2)
    lines = RECORDED.read_text().splitlines()
    asked = [line[2:] for line in lines if line.startswith("> ")]
    wanted = [line[2:] for line in lines if line.startswith("< ")]
    stdin = "".join(f"{line.replace('$T', topic)}\n" for line in asked)
    got = java(bench, "Wire.java", bench.address, stdin=stdin).splitlines()
    got = [line.replace(topic, "$T") for line in got]
    if os.environ.get("RECORD") and os.environ.get("BROKER_KIND") != "ottla":
        head = [line for line in lines if line.startswith("#")]
        pairs = [part for q, a in zip(asked, got) for part in (f"> {q}", f"< {a}")]
        Path(RECORDED).write_text("\n".join(head + pairs) + "\n")
        wanted = got
    holds(len(got) == len(asked), f"{len(got)} answers to {len(asked)} requests")
    wrong = []
    for request, mine, kafkas in zip(asked, got, wanted):
        if mine == "closed" or plain(json.loads(mine)) != plain(json.loads(kafkas)):
            wrong.append(f"{request}\n      {mine}\n   not {kafkas}")
    holds(not wrong, "\n".join(wrong))


TESTS = [every_version_answers_as_kafka]
