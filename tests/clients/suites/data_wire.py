"""Produce, Fetch, ListOffsets and OffsetForLeaderEpoch in every version, as Apache Kafka answers.

`java/Wire.java` sends the requests through Kafka's own message classes; `java/data-wire.txt` holds
them (`>`) and what a fresh Apache Kafka 4.3.1 said (`<`). With RECORD=1, beside Kafka, the answers
are written anew. In a request

    $T, $I      are a topic of two partitions: its name and its id
    $B, $X      a batch of three records, and the same with a wrong checksum
    "$1B" …     so many times the bytes of such a batch
    $S          the session that was opened last
    $E          the end of partition 0
"""

import base64
import json
import os
import re
import subprocess
from pathlib import Path

import wire as w
from jvm import LOG4J, kafka_libs
from run import HERE, holds

RECORDED = HERE / "java" / "data-wire.txt"
# What differs from run to run, and words: Ottla says what is wrong with a batch.
PASSING = {"topicId", "sessionId", "host", "port", "throttleTimeMs", "errorMessage"}
BATCH = w.batch([b"one", b"two", b"three"])
WRONG = w.batch([b"one", b"two", b"three"], crc=1)


class Wire:
    """Kafka's classes in a process of their own: one line in, one line out."""

    def __init__(self, address):
        self.process = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", kafka_libs(),
             f"-Dlog4j2.configurationFile={LOG4J}", HERE / "java" / "Wire.java", address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(30)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise AssertionError(f"no answer to {line}")
        return answer.strip()


def plain(value, in_order=True):
    """Without what passes; of a session only whether there is one."""
    if isinstance(value, dict):
        kept = {name: plain(item, in_order) for name, item in value.items() if name not in PASSING}
        if "sessionId" in value:
            kept["hasSession"] = value["sessionId"] != 0
        return kept
    if isinstance(value, list):
        kept = [plain(item, in_order) for item in value]
        return kept if in_order else sorted(kept, key=json.dumps)
    return value


def agrees(request, mine, kafkas):
    """The same field by field. Kafka puts the partitions of ListOffsets into some order."""
    if "closed" in (mine, kafkas):
        return mine == kafkas
    in_order = not request.startswith("ListOffsets")
    return plain(json.loads(mine), in_order) == plain(json.loads(kafkas), in_order)


def filled(line, known):
    line = re.sub(r'"\$(\d)B"', lambda found: str(int(found[1]) * len(BATCH)), line)
    line = re.sub(r'"\$([SE])"', lambda found: str(known[found[1]]), line)
    return re.sub(r"\$([TIBX])", lambda found: known[found[1]], line)


def every_version_answers_as_kafka(bench):
    # The batches are old; retention would remove them.
    topic = bench.topic(partitions=2, retention_ms=-1)
    lines = RECORDED.read_text().splitlines()
    asked = [line[2:] for line in lines if line.startswith("> ")]
    wanted = [line[2:] for line in lines if line.startswith("< ")]
    known = {"T": topic, "S": 0, "E": 0, "B": base64.b64encode(BATCH).decode(),
             "X": base64.b64encode(WRONG).decode()}
    got = []
    with Wire(bench.address) as wire:
        described = json.loads(wire.ask('Metadata 12 ' + json.dumps({
            "topics": [{"topicId": "AAAAAAAAAAAAAAAAAAAAAA", "name": topic}],
            "allowAutoTopicCreation": False, "includeTopicAuthorizedOperations": False})))
        known["I"] = described["topics"][0]["topicId"]
        for line in asked:
            if "$E" in line:
                with w.Connection(bench.address) as connection:
                    known["E"] = connection.end_offset(topic, 0)
            answer = wire.ask(filled(line, known))
            got.append(answer.replace(topic, "$T").replace(known["I"], "$I"))
            session = answer != "closed" and json.loads(answer).get("sessionId")
            known["S"] = session or known["S"]
    if os.environ.get("RECORD") and os.environ.get("BROKER_KIND") != "ottla":
        head = [line for line in lines if line.startswith("#")]
        pairs = [part for q, a in zip(asked, got) for part in (f"> {q}", f"< {a}")]
        Path(RECORDED).write_text("\n".join(head + pairs) + "\n")
        wanted = got
    holds(len(wanted) == len(asked), f"{len(wanted)} recorded answers to {len(asked)} requests")
    wrong = []
    for request, mine, kafkas in zip(asked, got, wanted):
        if not agrees(request, mine, kafkas):
            wrong.append(f"{request}\n      {mine}\n   not {kafkas}")
    holds(not wrong, f"{len(wrong)} differ\n" + "\n".join(wrong))


TESTS = [every_version_answers_as_kafka]
