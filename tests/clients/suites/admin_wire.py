"""Administrative requests in every version, answered field by field as Apache Kafka answers.

`java/Wire.java` sends them through Kafka's own message classes; `java/admin-wire.txt` holds the
requests (`>`) and what a fresh Apache Kafka 4.3.1 said (`<`). `$T` is a topic of two partitions.
With RECORD=1, beside Kafka, the answers are written anew.

`java/topics-wire.txt` is short for more: `> Api 2-7 …` is asked in each of these versions, and
`< 2-4 …` is the answer of some of them. In its requests

    $V, $V2     are the version, and the version and two
    $T, $I      are the topic: its name and its id
    $Z, $U, $L  are the id of no topic, an unknown id, and a name that is too long
    $B          is a batch of three records
"""

import base64
import json
import os
import re
import time
from pathlib import Path

import wire as w
from run import HERE, eventually, holds
from suites.data_wire import Wire
from suites.java_admin import java

RECORDED = HERE / "java" / "admin-wire.txt"
TOPICS_RECORDED = HERE / "java" / "topics-wire.txt"
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


# What is each broker's own, and the words about a topic's setting, which are ours.
OWN = {"clusterId", "host", "port", "throttleTimeMs", "logDir", "totalBytes", "usableBytes",
       "supportedFeatures", "finalizedFeatures", "finalizedFeaturesEpoch"}
# Theirs is a hash's order.
IN_ANY_ORDER = {"CreatePartitions", "DeleteTopics", "DescribeConfigs", "DeleteRecords",
                "DescribeLogDirs"}
# A range that is the same in both brokers: all of the data path's and topics' keys but
# ApiVersions itself, whose version 5 Kafka 4.3.1 does not have.
SAME_RANGES = {0, 1, 2, 3, 19, 20, 21, 22, 23, 32, 33, 35, 37, 44, 60, 75}
# On Kafka, another thread may learn later of what these read.
READ = ("Metadata", "Describe")
NO_TOPIC = "A" * 22


def same(value, key=None):
    """A part of an answer, without what differs between two sound brokers."""
    if isinstance(value, dict):
        kept = {name: same(item, name) for name, item in value.items() if name not in OWN}
        if value.get("name") == "min.insync.replicas":
            # Kafka's feature of eligible leaders makes it a setting of the cluster.
            del kept["configSource"]
        return kept
    if isinstance(value, list):
        if key == "apiKeys":
            value = [row for row in value if row["apiKey"] in SAME_RANGES]
            value.sort(key=lambda row: row["apiKey"])
        if key == "configs":
            value = [row for row in value if not row["name"].startswith("ottla.")]
        return [same(item) for item in value]
    if key == "topicId" and value not in ("$I", NO_TOPIC):
        return "an id"
    if key == "producerId":
        return value >= 0
    if key == "documentation":
        return bool(value)
    if key == "errorMessage" and value:
        return re.sub(r"^(Invalid value \S+ for configuration [\w.]+): .*", r"\1", value)
    return value


def in_some_order(value):
    if isinstance(value, dict):
        return {name: in_some_order(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return sorted((in_some_order(item) for item in value), key=json.dumps)
    return value


def alike(api, mine, kafkas):
    if "closed" in (mine, kafkas):
        return mine == kafkas
    mine, kafkas = same(json.loads(mine)), same(json.loads(kafkas))
    if api in IN_ANY_ORDER:
        mine, kafkas = in_some_order(mine), in_some_order(kafkas)
    return mine == kafkas


def versions_of(text):
    low, _, high = text.partition("-")
    return range(int(low), int(high or low) + 1)


def asked_and_answered(text):
    """(api, version, body, the recorded answer or None) of every request."""
    exchanges = []
    for line in text.splitlines():
        if line.startswith("> "):
            api, versions, body = line[2:].split(" ", 2)
            at = len(exchanges)
            exchanges += [[api, version, body, None] for version in versions_of(versions)]
        elif line.startswith("< "):
            versions, answer = line[2:].split(" ", 1)
            for exchange in exchanges[at:]:
                if exchange[1] in versions_of(versions):
                    exchange[3] = answer
    return exchanges


def written(text, answers):
    """The file anew: versions that were answered alike share a line."""
    lines, answers = [], iter(answers)
    for line in text.splitlines():
        if line.startswith("#"):
            lines.append(line)
        if not line.startswith("> "):
            continue
        lines.append(line)
        groups = []
        for version in versions_of(line.split(" ", 3)[2]):
            answer = next(answers)
            if groups and groups[-1][2] == answer:
                groups[-1][1] = version
            else:
                groups.append([version, version, answer])
        for low, high, answer in groups:
            lines.append(f"< {low} {answer}" if low == high else f"< {low}-{high} {answer}")
    return "\n".join(lines) + "\n"


def topics_in_every_version(bench):
    """What makes, shows, changes and deletes topics; versions, logs and ids of producers."""
    is_ottla = os.environ.get("BROKER_KIND") == "ottla"
    record = os.environ.get("RECORD") and not is_ottla
    topic = bench.topic(partitions=2)
    records = w.batch([b"one", b"two", b"three"], timestamp=int(time.time() * 1000))
    known = {"T": topic, "Z": NO_TOPIC, "U": "abcdefghQlmnopqrstuvwA", "L": "x" * 250,
             "B": base64.b64encode(records).decode()}
    text = TOPICS_RECORDED.read_text()
    got, wrong = [], []
    with Wire(bench.address) as wire:
        def ask(api, version, body):
            body = body.replace("$V2", str(version + 2)).replace("$V", str(version))
            body = re.sub(r"\$([TZULBI])", lambda found: known[found[1]], body)
            answer = wire.ask(f"{api} {version} {body}")
            for name in "TIL":
                answer = answer.replace(known.get(name, topic), f"${name}")
            return answer

        described = wire.ask(f'Metadata 12 {{"topics":[{{"topicId":"{NO_TOPIC}","name":"{topic}"}}]'
                             ',"allowAutoTopicCreation":false'
                             ',"includeTopicAuthorizedOperations":false}')
        known["I"] = json.loads(described)["topics"][0]["topicId"]
        # A block of producer ids, which Kafka fetches when it is asked for the first.
        body = '{"transactionalId":null,"transactionTimeoutMs":1}'
        eventually(lambda: json.loads(ask("InitProducerId", 1, body))["errorCode"] == 0,
                   "an id of a producer", 30)
        for api, version, body, kafkas in asked_and_answered(text):
            mine = ask(api, version, body)
            if record:
                time.sleep(0.2)
                mine = ask(api, version, body) if api.startswith(READ) else mine
            elif not is_ottla and api.startswith(READ) and not alike(api, mine, kafkas):
                until = time.monotonic() + 10
                while not alike(api, mine, kafkas) and time.monotonic() < until:
                    mine = ask(api, version, body)
            got.append(mine)
            if not record and not alike(api, mine, kafkas):
                wrong.append(f"{api} {version} {body}\n      {mine}\n   not {kafkas}")
    if record:
        TOPICS_RECORDED.write_text(written(text, got))
    holds(not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong))


TESTS = [every_version_answers_as_kafka, topics_in_every_version]
