"""Replicas that change their log dir while they serve (KIP-113), by Kafka's tools and Ottla's.

Each test has a broker of its own with two log dirs, of the kind that BROKER_KIND names
(`with-ottla` and `with-kafka` set it).
"""

import contextlib
import json
import os
import threading
from pathlib import Path

from broker import Broker, ottla_binary
from run import REPOSITORY, Skip, equal, eventually, holds

TOOL = REPOSITORY / "perf" / "peers" / "kafka-tool"
RECORD_BYTES = 1000
TEST_SECONDS_MAX = 400


@contextlib.contextmanager
def broker_of(bench, **properties):
    """A broker with the log dirs `one` and `two` in its folder."""
    kind = os.environ.get("BROKER_KIND")
    if kind is None:
        raise Skip("BROKER_KIND is not set")
    bench.needs_kafka()
    broker = Broker(kind)
    dirs = [broker.folder / "one", broker.folder / "two"]
    broker.properties |= {"log.dirs": ",".join(map(str, dirs))} | properties
    broker.log_dir = dirs[0]
    try:
        broker.start(120)
        yield broker, [str(one) for one in dirs]
    finally:
        broker.close()


def admin_of(broker):
    from confluent_kafka.admin import AdminClient
    return AdminClient({"bootstrap.servers": broker.address})


def make(broker, topic, partitions=1):
    from confluent_kafka.admin import NewTopic
    new = NewTopic(topic, partitions, 1, config={"segment.bytes": str(4 << 20)})
    admin = admin_of(broker)
    admin.create_topics([new], operation_timeout=10)[topic].result(30)
    eventually(lambda: place(broker, topic), f"{topic} has its replica", 30)


def replicas(broker, topic):
    """Each replica of a topic: its log dir, its number, whether it is a future one, its lag."""
    from kafka import KafkaAdminClient
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    try:
        told = admin.describe_log_dirs()
    finally:
        admin.close()
    brokers = told if isinstance(told, list) else [told]
    found = []
    for one in brokers:
        for log_dir in one.get("log_dirs", one.get("results", [])):
            for of in log_dir["topics"]:
                for replica in of["partitions"] if of["name"] == topic else []:
                    number = replica.get("partition_index", replica.get("partition"))
                    found.append((log_dir["log_dir"], number, replica["is_future_key"],
                                  replica["offset_lag"]))
    return found


def place(broker, topic):
    """The log dir of a topic's only replica, None while there is a future one."""
    found = replicas(broker, topic)
    return found[0][0] if len(found) == 1 and not found[0][2] else None


def move(broker, topics, target, tool):
    """`--execute` of a file that names a log dir; returns the file for `--verify`."""
    file = broker.folder / f"moves-{len(list(broker.folder.iterdir()))}.json"
    partitions = [{"topic": topic, "partition": 0, "replicas": [1], "log_dirs": [target]}
                  for topic in topics]
    file.write_text(json.dumps({"version": 1, "partitions": partitions}))
    reassign(broker, tool, "--execute", file)
    return file


def reassign(broker, tool, *arguments):
    import subprocess
    command = [TOOL, "reassign-partitions"] if tool == "kafka" else [
        ottla_binary(), "reassign-partitions"]
    done = subprocess.run([*command, "--bootstrap-server", broker.address, *arguments[:1],
                           "--reassignment-json-file", *arguments[1:]], capture_output=True,
                          text=True, timeout=120)
    equal(done.returncode, 0, f"{tool} {arguments}: {done.stderr[-400:]}{done.stdout[-400:]}")
    return done.stdout


class Writer(threading.Thread):
    """Sends numbered records until it is told to stop; remembers which were acknowledged where."""

    def __init__(self, broker, topic):
        super().__init__(daemon=True)
        from confluent_kafka import Producer
        self.producer = Producer({
            "bootstrap.servers": broker.address, "enable.idempotence": True, "linger.ms": 2,
            "message.timeout.ms": 120_000, "queue.buffering.max.messages": 2000,
            # A broker that is killed is no news here.
            "log_level": 0})
        self.topic, self.ended, self.errors = topic, threading.Event(), []
        self.acknowledged = {}
        self.count = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def told(self, error, message):
        if error is not None:
            self.errors.append(str(error))
            return
        self.acknowledged[message.offset()] = message.value()

    def run(self):
        while not self.ended.is_set():
            value = f"{self.count:012}".encode().ljust(RECORD_BYTES, b".")
            try:
                self.producer.produce(self.topic, value, on_delivery=self.told)
                self.count += 1
                # Some MB a second: the machine has more to do.
                self.producer.poll(0.01 if self.count % 50 == 0 else 0)
            except BufferError:
                self.producer.poll(0.05)

    def stop(self):
        self.ended.set()
        self.join()
        self.producer.flush(120)
        equal(self.errors, [], "records refused")


def read_back(broker, topic):
    """Every record, by offset."""
    from confluent_kafka import Consumer, TopicPartition
    consumer = Consumer({"bootstrap.servers": broker.address, "group.id": "reads-back",
                         "enable.auto.commit": False, "isolation.level": "read_uncommitted"})
    try:
        of = TopicPartition(topic, 0, 0)
        end = consumer.get_watermark_offsets(of, timeout=30)[1]
        consumer.assign([of])
        found = {}
        while not found or max(found) < end - 1:
            for message in consumer.consume(1000, 30) or [None]:
                holds(message is not None and message.error() is None, f"reading at {len(found)}")
                holds(message.offset() not in found, "an offset twice")
                found[message.offset()] = message.value()
        return found
    finally:
        consumer.close()


def same_as_sent(broker, topic, writer):
    found = read_back(broker, topic)
    lost = [at for at, value in writer.acknowledged.items() if found.get(at) != value]
    equal(lost[:5], [], f"{len(lost)} acknowledged records lost")
    equal(len(set(found.values())), len(found), "a record twice")
    equal(len(found), writer.count, "records")


def moves_while_producing(bench):
    """There with Kafka's tool, back with Ottla's; nothing is lost, doubled, or out of order."""
    topic = bench.name()
    with contextlib.ExitStack() as stack:
        soon = {"log.segment.delete.delay.ms": "1000"}
        broker, dirs = stack.enter_context(broker_of(bench, **soon))
        make(broker, topic)
        writer = stack.enter_context(Writer(broker, topic))
        eventually(lambda: len(writer.acknowledged) > 20_000, "20 MB are written", 120)
        for tool in ("kafka", "ottla"):
            source = place(broker, topic)
            target = next(one for one in dirs if one != source)
            file = move(broker, [topic], target, tool)
            eventually(lambda: place(broker, topic) == target, f"moved by {tool}", 120)
            told = reassign(broker, tool, "--verify", file)
            holds(f"Reassignment of replica {topic}-0-1 completed successfully." in told, told)
            holds((Path(target) / f"{topic}-0").is_dir(), "its folder is there")
            holds(not (Path(source) / f"{topic}-0").exists(), "and not where it was")
        writer.stop()
        same_as_sent(broker, topic, writer)
        eventually(lambda: not list(broker.folder.glob("*/*-delete")), "the old folder goes", 90)


def moves_survive_kill_9(bench):
    """kill -9 in the middle: the replica serves at once, and the move ends after the start."""
    topic = bench.name()
    with contextlib.ExitStack() as stack:
        broker, dirs = stack.enter_context(broker_of(bench))
        make(broker, topic)
        writer = stack.enter_context(Writer(broker, topic))
        eventually(lambda: len(writer.acknowledged) > 20_000, "20 MB are written", 120)
        for _ in range(3):
            source = place(broker, topic)
            target = next(one for one in dirs if one != source)
            answer = alter(broker, {(topic, 0, 1): target})
            equal(answer, {(topic, 0): 0}, "the move begins")
            broker.kill()
            broker.start(120)
            eventually(lambda: place(broker, topic) == target, "the move ends", 120)
        writer.stop()
        same_as_sent(broker, topic, writer)


def alter(broker, wanted):
    """kafka-python's alter_replica_log_dirs; the code of each replica."""
    from kafka import KafkaAdminClient
    admin = KafkaAdminClient(bootstrap_servers=broker.address)
    try:
        told = admin.alter_replica_log_dirs(wanted)
    finally:
        admin.close()
    return {(replica.topic, replica.partition): error.errno for replica, error in told.items()}


def refused_and_remembered(bench):
    """LOG_DIR_NOT_FOUND (57), UNKNOWN_TOPIC_OR_PARTITION (3); and what does not exist yet is made
    where it was asked to be."""
    topic = bench.name()
    with broker_of(bench) as (broker, dirs):
        make(broker, topic)
        here = place(broker, topic)
        equal(alter(broker, {(topic, 0, 1): "/no/such/folder"}), {(topic, 0): 57})
        equal(alter(broker, {(topic, 0, 1): here}), {(topic, 0): 0}, "it is there already")
        equal(alter(broker, {(topic, 1, 1): here}), {(topic, 1): 3}, "no such partition")
        equal(place(broker, topic), here)
        for count, wanted in enumerate(dirs * 2):
            name = bench.name(f"later-{count}")
            equal(alter(broker, {(name, 0, 1): wanted}), {(name, 0): 3}, "no such topic")
            make(broker, name)
            equal(place(broker, name), wanted, "made where it was asked to be")


def progress_and_another_way(bench):
    """A slow move shows its future replica and lag; asked back, it ends and leaves nothing."""
    from confluent_kafka.admin import ConfigResource, ConfigEntry, AlterConfigOpType
    topic = bench.name()
    rate = "replica.alter.log.dirs.io.max.bytes.per.second"
    with contextlib.ExitStack() as stack:
        broker, dirs = stack.enter_context(broker_of(bench))
        make(broker, topic)
        writer = stack.enter_context(Writer(broker, topic))
        eventually(lambda: len(writer.acknowledged) > 30_000, "30 MB are written", 120)
        writer.stop()

        def slowly(value):
            entry = ConfigEntry(rate, value, incremental_operation=AlterConfigOpType.SET)
            broker_config = ConfigResource("broker", "1", incremental_configs=[entry])
            admin = admin_of(broker)
            done = admin.incremental_alter_configs([broker_config])
            [future.result(30) for future in done.values()]
        slowly("1000000")
        source = place(broker, topic)
        target = next(one for one in dirs if one != source)
        equal(alter(broker, {(topic, 0, 1): target}), {(topic, 0): 0})
        future = eventually(lambda: [one for one in replicas(broker, topic) if one[2]],
                            "the future replica is told", 30)
        equal(future[0][:2], (target, 0))
        holds(future[0][3] > 0, f"its lag is told: {future}")
        holds(list(Path(target).glob(f"{topic}-0.*-future")), "its folder has Kafka's name")
        equal(alter(broker, {(topic, 0, 1): source}), {(topic, 0): 0}, "back")
        eventually(lambda: place(broker, topic) == source, "nothing is on its way", 30)
        slowly("100000000")
        equal(alter(broker, {(topic, 0, 1): target}), {(topic, 0): 0})
        eventually(lambda: place(broker, topic) == target, "and there after all", 120)
        same_as_sent(broker, topic, writer)


TESTS = [moves_while_producing, moves_survive_kill_9, refused_and_remembered,
         progress_and_another_way]
