"""Kafka Connect and MirrorMaker 2: a file goes through the broker into a file, in one process that
is stopped or killed and started again, and in a group of workers, exactly once; topics and offsets
of groups are mirrored to another broker.
"""

import json
import os
import tempfile
import urllib.request
from pathlib import Path

from broker import Broker, free_port
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from jvm import Java, fetch
from run import Skip, equal, eventually, holds
from suites.transactions import read

# A loaded machine starts a worker in half a minute, and a test starts two after each other.
TEST_SECONDS_MAX = 600
FILE = "org.apache.kafka.connect.file.FileStream"
STRINGS = "org.apache.kafka.connect.storage.StringConverter"


def properties(folder, name, settings):
    file = Path(folder) / f"{name}.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    return file


def process(name, *arguments):
    connect = fetch("connect", os.environ.get("KAFKA_VERSION"))
    return Java([f"{connect}/libs/*"], name, *arguments)


def worker_settings(bench, port):
    return {"bootstrap.servers": bench.address, "key.converter": STRINGS,
            "value.converter": STRINGS, "listeners": f"http://127.0.0.1:{port}",
            "plugin.discovery": "service_load", "offset.flush.interval.ms": 200,
            "consumer.auto.offset.reset": "earliest"}


def source_settings(topic, file):
    # A batch that is full leaves lines in the connector until the file grows: none is.
    return {"connector.class": f"{FILE}SourceConnector", "tasks.max": 1, "file": file,
            "topic": topic, "batch.size": 100_000}


def sink_settings(topic, file):
    return {"connector.class": f"{FILE}SinkConnector", "tasks.max": 1, "file": file,
            "topics": topic}


class Standalone:
    """The files of a worker with a source and a sink, and its processes one after the other."""

    def __init__(self, bench, folder):
        self.topic = bench.topic()
        self.source, self.sink = Path(folder) / "source.txt", Path(folder) / "sink.txt"
        self.source.touch()
        self.sink.touch()
        offsets = {"offset.storage.file.filename": Path(folder) / "offsets"}
        self.files = [
            properties(folder, "worker", worker_settings(bench, free_port()) | offsets),
            properties(folder, "source", {"name": bench.name("source")}
                       | source_settings(self.topic, self.source)),
            properties(folder, "sink", {"name": bench.name("sink")}
                       | sink_settings(self.topic, self.sink))]

    def start(self):
        return process("org.apache.kafka.connect.cli.ConnectStandalone", *self.files)

    def append(self, numbers):
        with open(self.source, "a") as file:
            file.writelines(f"line {n}\n" for n in numbers)

    def until(self, worker, lines):
        worker.until(f"{lines} lines are in the sink",
                     lambda: self.sink.read_text().count("\n") >= lines, 150)


def a_file_goes_through(bench):
    """Stopped and started again: each line once, in order."""
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        connect = Standalone(bench, folder)
        connect.append(range(1000))
        with connect.start() as worker:
            connect.until(worker, 1000)
            equal(worker.stop(90), 143, "exit code after SIGTERM")
        connect.append(range(1000, 2000))
        with connect.start() as worker:
            connect.until(worker, 2000)
            worker.stop()
        equal(connect.sink.read_text() == connect.source.read_text(), True, "the files are equal")
        equal(bench.end_offsets(connect.topic), 2000, "records in the topic")


def a_file_outlives_a_kill(bench):
    """Killed and started again: every line, in order; those of the last moment may come twice."""
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        connect = Standalone(bench, folder)
        connect.append(range(20_000))
        with connect.start() as worker:
            connect.until(worker, 100)
            worker.kill()
        connect.append(range(20_000, 30_000))
        lines = [f"line {n}" for n in range(30_000)]
        with connect.start() as worker:
            eventually(lambda: connect.sink.read_text().endswith(f"{lines[-1]}\n"),
                       "the last line is there", 180)
            worker.stop()
        once = list(dict.fromkeys(connect.sink.read_text().split("\n")[:-1]))
        equal(once == lines, True, "the lines of the sink, each counted once")


class Worker:
    """One worker of a Connect cluster, asked over HTTP."""

    def __init__(self, bench, folder, cluster):
        self.port = free_port()
        internal = {f"{what}.storage.{key}": value for what in ("config", "offset", "status")
                    for key, value in (("topic", f"{cluster}-{what}"), ("replication.factor", 1))}
        settings = worker_settings(bench, self.port) | internal | {
            "group.id": cluster, "exactly.once.source.support": "enabled",
            "offset.storage.partitions": 5, "scheduled.rebalance.max.delay.ms": 0,
            "session.timeout.ms": 6000, "heartbeat.interval.ms": 1000,
            "consumer.isolation.level": "read_committed"}
        self.process = process("org.apache.kafka.connect.cli.ConnectDistributed",
                               properties(folder, f"worker-{self.port}", settings))

    def ask(self, path, method="GET", body=None):
        """The answer; None while the worker has none."""
        self.process.check()
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read() or "{}")
        except OSError:
            return None

    def make(self, name, settings):
        config = {key: str(value) for key, value in settings.items()}
        return self.ask("/connectors", "POST", {"name": name, "config": config})

    def runs(self, *connectors):
        """Which worker has the task of each connector, when all of them run."""
        told = [self.ask(f"/connectors/{name}/status") for name in connectors]
        if all(status and status["connector"]["state"] == "RUNNING" and status["tasks"]
               and status["tasks"][0]["state"] == "RUNNING" for status in told):
            return [status["tasks"][0]["worker_id"] for status in told]
        return None


class Feeder:
    """Writes the lines of a file, some at each call, as a process that logs would."""

    def __init__(self, file, lines):
        self.file, self.left = file, list(lines)
        file.touch()

    def __call__(self):
        now, self.left = self.left[:10], self.left[10:]
        with open(self.file, "a") as file:
            file.writelines(f"{line}\n" for line in now)
        return True


def a_cluster_of_workers(bench):
    """Its three internal topics, a source that writes exactly once, a worker that is killed."""
    topic, cluster = bench.topic(), bench.name("cluster")
    names = [f"{cluster}-source", f"{cluster}-sink"]
    with tempfile.TemporaryDirectory(prefix="connect-") as folder:
        source, sink = Path(folder) / "source.txt", Path(folder) / "sink.txt"
        lines = [f"line {n}" for n in range(6000)]
        feed = Feeder(source, lines)
        workers = [Worker(bench, folder, cluster) for _ in range(2)]
        try:
            for worker in workers:
                eventually(lambda: worker.ask("/connectors") is not None, "the worker answers", 150)
            for name, settings in zip(names, (source_settings(topic, source),
                                              sink_settings(topic, sink))):
                eventually(lambda: workers[0].make(name, settings), f"{name} is made", 60)
            where = eventually(lambda: workers[0].runs(*names), "both connectors run", 120)
            eventually(lambda: feed() and bench.end_offsets(topic) >= 300, "the source writes", 60)
            dies = next(w for w in workers if where[0].endswith(f":{w.port}"))
            lives = next(w for w in workers if w is not dies)
            dies.process.kill()
            eventually(lambda: feed() and lives.runs(*names) == [f"127.0.0.1:{lives.port}"] * 2,
                       "the other worker has both", 120)
            eventually(lambda: feed() and not feed.left, "all is written", 60)
            eventually(lambda: sink.read_text().endswith(f"{lines[-1]}\n"),
                       "the last line is in the sink", 120)
            for name in names:
                lives.ask(f"/connectors/{name}", "DELETE")
            eventually(lambda: lives.ask("/connectors") == [], "the connectors are gone", 30)
            lives.process.stop()
        finally:
            for worker in workers:
                worker.process.kill()
        values = [value.decode() for value in read(bench, topic)[0]]
        equal(values == lines, True, "each line is in the topic once, in order")
        once = list(dict.fromkeys(sink.read_text().split("\n")[:-1]))
        equal(once == lines, True, "the lines of the sink, each counted once")


def a_mirror_of_topics_and_offsets(bench):
    """MirrorMaker 2 copies a topic to another broker, and translates what its groups committed."""
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set: a second broker of the kind is needed")
    # MirrorMaker leaves out groups whose names begin with `connect-`.
    topic, group = bench.topic(partitions=2, retention_ms=600000), f"group-{bench.name('g')}"
    for partition in range(2):
        bench.kcat("-P", "-t", topic, "-p", partition, "-K:",
                   stdin="".join(f"k{n}:{partition}-{n}\n" for n in range(500)))
    # Of a group that has read all; what lies further back is translated to something before it.
    asked = [TopicPartition(topic, p, 500) for p in range(2)]

    def committed():
        wanted = ConsumerGroupTopicPartitions(group, asked)
        told = bench.admin().alter_consumer_group_offsets([wanted])[group].result(15)
        return all(partition.error is None for partition in told.topic_partitions)
    # A Kafka that has just made its topic of offsets refuses it at first.
    eventually(committed, "offsets are committed", 60)
    with Broker(kind) as target, tempfile.TemporaryDirectory(prefix="mirror-") as folder:
        settings = properties(folder, "mirror", {
            "clusters": "a,b", "a.bootstrap.servers": bench.address,
            "b.bootstrap.servers": target.address, "a->b.enabled": "true", "b->a.enabled": "false",
            "a->b.topics": topic, "a->b.groups": group, "replication.factor": 1,
            "checkpoints.topic.replication.factor": 1, "heartbeats.topic.replication.factor": 1,
            "offset-syncs.topic.replication.factor": 1, "offset.storage.replication.factor": 1,
            "status.storage.replication.factor": 1, "config.storage.replication.factor": 1,
            "sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": 1,
            "emit.checkpoints.interval.seconds": 1, "offset.lag.max": 0,
            "refresh.topics.interval.seconds": 2, "refresh.groups.interval.seconds": 2,
            "sync.topic.configs.interval.seconds": 2, "plugin.discovery": "service_load"})
        with process("org.apache.kafka.connect.mirror.MirrorMaker", settings) as mirror:
            mirrored = f"a.{topic}"
            there = type(bench)(target.address, "mirror")

            def copied(partition_records):
                topics = there.admin().list_topics(timeout=20).topics
                return (mirrored in topics and topics[mirrored].error is None
                        and there.leads(mirrored, 2)
                        and there.end_offsets(mirrored, 2) >= partition_records)
            mirror.until("1000 records are mirrored", lambda: copied(1000), 150)
            bench.kcat("-P", "-t", topic, "-p", 0, stdin="last\n")
            mirror.until("what comes later is mirrored", lambda: copied(1001), 60)

            def translated():
                asked = ConsumerGroupTopicPartitions(
                    group, [TopicPartition(mirrored, p) for p in range(2)])
                told = there.admin().list_consumer_group_offsets([asked])[group].result(15)
                seen[:] = [p.offset for p in told.topic_partitions]
                return seen == [500, 500]
            seen = []
            try:
                mirror.until("the committed offsets are translated", translated, 150)
            except AssertionError as error:
                raise AssertionError(f"{seen}: {error}") from None
            mirror.stop()
        original = read(bench, topic, 2)
        equal(read(bench, mirrored, 2, address=target.address) == original, True, "the records")
        holds("600000" in there.tool("topics", "--describe", "--topic", mirrored).stdout,
              "the topic's settings are mirrored")


TESTS = [a_file_goes_through, a_file_outlives_a_kill, a_cluster_of_workers,
         a_mirror_of_topics_and_offsets]
