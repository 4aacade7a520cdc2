"""Share groups (KIP-932): Kafka's Java share consumer, its console share consumer and its tool.

`java/ShareGroups.java` holds what one program can judge; here stand the tools, what a broker's
death does, and what no client sends. Apache Kafka needs `share.version=1`, which the first test
asks for.
"""

import contextlib
import itertools
import os
import re
import signal
import struct
import subprocess
import time

import wire
from broker import ottla_binary
from confluent_kafka import Producer
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource
from run import HERE, REPOSITORY, Skip, equal, eventually, holds

from suites.java_admin import java

FIND_COORDINATOR = 10
HEARTBEAT, SHARE_FETCH, SHARE_ACKNOWLEDGE = 76, 78, 79
NONE, INVALID_REQUEST, UNKNOWN_TOPIC_OR_PARTITION = 0, 42, 3
UNKNOWN_MEMBER_ID, GROUP_ID_NOT_FOUND, FENCED_MEMBER_EPOCH = 25, 69, 110
UNKNOWN_TOPIC_ID, INVALID_RECORD_STATE = 100, 121
SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH = 122, 123


def enabled(bench):
    """The feature is on; an upgrade that is not needed changes nothing."""
    told = bench.tool("features", "describe").stdout
    if not re.search(r"share.version.*FinalizedVersionLevel: 1", told):
        bench.tool("features", "upgrade", "--feature", "share.version=1")
    told = bench.tool("features", "describe").stdout
    holds(re.search(r"share.version.*FinalizedVersionLevel: 1", told), told)


def cases(bench, *names):
    told = java(bench, "ShareGroups.java", bench.address, bench.name("java"), *names)
    equal(told.split("\n")[:-1], [f"ok {name}" for name in names])


def acknowledges(bench):
    cases(bench, "implicit", "explicit")


def limits(bench):
    cases(bench, "limit", "lock")


def renews(bench):
    cases(bench, "renew")


def shares(bench):
    cases(bench, "two", "transactions", "offsets")


def outlives_its_broker(bench):
    """kill -9 in the middle: every record is acknowledged in the end."""
    from broker import Broker
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set")
    bench.needs_kafka()
    with Broker(kind) as broker:
        if kind == "kafka":
            bench.command(REPOSITORY / "perf" / "peers" / "kafka-tool", "features",
                          "--bootstrap-server", broker.address, "upgrade", "--feature",
                          "share.version=1")
        version = os.environ.get("KAFKA_VERSION", "4.3.1")
        libs = REPOSITORY / ".cache" / f"kafka-{version}" / "libs"
        log = REPOSITORY / "perf" / "peers" / "kafka-log4j2-tools.properties"
        program = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{libs}/*",
             f"-Dlog4j2.configurationFile={log}", str(HERE / "java" / "ShareGroups.java"),
             broker.address, "lives", "survives"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            equal(program.stdout.readline(), "ready\n", "half-way")
            broker.kill()
            broker.start(120)
            out, err = program.communicate(timeout=120)
            equal((program.returncode, out), (0, "ok survives\n"), err[-600:])
        finally:
            program.kill()


def offsets_outlive_a_restart(bench):
    """kill -9 of a broker whose group's topic, and many partitions, are led after those that hold
    the group's state: that must not be taken for the state of topics that are gone."""
    from broker import Broker, create_topic
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set")
    with Broker(kind) as broker:
        alone = type(bench)(broker.address, "share-groups")
        if kind == "kafka":
            alone.tool("features", "upgrade", "--feature", "share.version=1")
        create_topic(broker.address, "zz-wide", 1000)
        create_topic(broker.address, "zz-words", 1)
        alone.kcat("-P", "-t", "zz-words", stdin="one\ntwo\nthree\n")
        alone.tool("share-groups", "--reset-offsets", "--group", "g", "--topic", "zz-words",
                   "--to-latest", "--execute")

        def described():
            told = alone.tool("share-groups", "--describe", "--group", "g").stdout
            return re.search(r"g +zz-words +0 +3 +0\n", told)
        eventually(described, "the group begins behind all records", 30)
        broker.kill()
        broker.start(120)
        eventually(described, "and does so after the restart", 60)


def both(bench, *arguments, same=lambda text: text, code=0):
    """kafka-share-groups and ours print the same, on either broker."""
    kafkas = same(bench.tool("share-groups", *arguments).stdout)
    ours = bench.command(ottla_binary(), "share-groups", *arguments, "--bootstrap-server",
                         bench.address, code=code)
    equal(same(ours.stdout), kafkas, f"share-groups {arguments}")
    return kafkas


def tool(bench):
    topic, group = bench.topic("tool", partitions=2), bench.name("tool-group")
    bench.kcat("-P", "-t", topic, "-p", "0", stdin="one\ntwo\nthree\n")
    of = ("--group", group)
    to = ("--reset-offsets", *of, "--topic", topic)

    def in_order(text):
        # Kafka's tool prints as its map has it.
        return sorted(text.splitlines())
    told = both(bench, *to, "--to-latest", "--dry-run", same=in_order)
    holds(any(re.fullmatch(rf"{group} +{topic} +0 +3", line) for line in told), told)
    both(bench, *to, "--to-earliest", "--execute", same=in_order)
    told = both(bench, "--describe", *of)
    holds(re.search(rf"{group} +{topic} +0 +0 +3\n", told), told)
    both(bench, "--describe", *of, "--verbose")
    both(bench, "--describe", *of, "--state")
    both(bench, "--describe", *of, "--state", "--verbose")
    both(bench, "--describe", *of, "--members")
    holds(group in both(bench, "--list", same=in_order), "it is listed")
    both(bench, "--list", "--state", same=in_order)
    both(bench, "--list", "--state", "stable", same=in_order)
    with consumer(bench, topic, group) as reader:
        holds(reader.stdout.readline().strip() in ("one", "two", "three"), "it reads")
        both(bench, "--describe", *of, "--members")
        both(bench, "--describe", *of, "--members", "--verbose")
        both(bench, "--describe", *of, "--state")
        both(bench, "--delete", *of, same=lambda text: group in text, code=1)
    eventually(lambda: group in bench.tool("share-groups", "--list", "--state", "empty").stdout,
               "nobody is there any more", 60)
    told = bench.tool("share-groups", "--delete-offsets", *of, "--topic", topic).stdout
    again = bench.command(ottla_binary(), "share-groups", "--delete-offsets", *of, "--topic", topic,
                          "--bootstrap-server", bench.address, code=1).stdout
    holds(re.search(rf"{topic} +Successful", told), told)
    holds(re.search(rf"{topic} +Error: There is no offset information to delete", again), again)
    told = bench.command(ottla_binary(), "share-groups", "--delete", *of, "--bootstrap-server",
                         bench.address).stdout
    equal(told, f"Deletion of requested share groups ('{group}') was successful.\n")
    both(bench, "--delete", *of, same=lambda text: "is not a share group." in text, code=1)


@contextlib.contextmanager
def consumer(bench, topic, group):
    """Kafka's console share consumer, reading until the block ends."""
    bench.needs_kafka()
    program = subprocess.Popen(
        [REPOSITORY / "perf" / "peers" / "kafka-tool", "console-share-consumer",
         "--bootstrap-server", bench.address, "--topic", topic, "--group", group],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True)
    try:
        yield program
    finally:
        # Its first run is a child of a shell's.
        os.killpg(program.pid, signal.SIGTERM)
        program.wait(60)


def console(bench):
    """kafka-console-share-consumer and ours read the same."""
    def kafkas(*arguments):
        return bench.tool("console-share-consumer", *arguments).stdout

    def ours(*arguments):
        return bench.command(ottla_binary(), "console-share-consumer", *arguments,
                             "--bootstrap-server", bench.address).stdout
    topic = bench.topic("console")
    shown = ("--formatter-property", "print.delivery=true",
             "--formatter-property", "print.offset=true")
    for number, consume in enumerate((kafkas, ours)):
        group = bench.name("console-group")
        bench.tool("configs", "--alter", "--entity-type", "groups", "--entity-name", group,
                   "--add-config", "share.auto.offset.reset=earliest")
        read = ("--topic", topic, "--group", group, "--timeout-ms", "30000")
        if number == 0:
            bench.kcat("-P", "-t", topic, stdin="one\ntwo\nthree\n")
        equal(consume(*read, "--max-messages", "1", *shown), "Offset:0\tDelivery:1\tone\n")
        # What was delivered with it and not read was given back.
        told = consume(*read, "--max-messages", "2", "--release", *shown).splitlines()
        equal([line.split("\t")[0] for line in told], ["Offset:1", "Offset:2"])
        told = consume(*read, "--max-messages", "2", "--reject", *shown)
        equal(told.count("Offset:"), 2, told)
        told = eventually(lambda: bench.tool("share-groups", "--describe", "--group", group).stdout,
                          "an answer")
        holds(re.search(rf"{group} +{topic} +0 +\d +0\n", told), told)


def perf_test(bench):
    topic, group = bench.topic("perf", partitions=2), bench.name("perf-group")
    bench.tool("configs", "--alter", "--entity-type", "groups", "--entity-name", group,
               "--add-config", "share.auto.offset.reset=earliest")
    bench.tool("producer-perf-test", "--topic", topic, "--num-records", 20_000, "--record-size",
               100, "--throughput", -1)
    told = bench.tool("org.apache.kafka.tools.ShareConsumerPerformance", "--topic", topic,
                      "--group", group, "--num-records", 20_000, "--timeout", 60_000, "--threads",
                      2).stdout
    names, values = [line.split(", ") for line in told.splitlines()[-2:]]
    equal(dict(zip(names, values))["data.consumed.in.nMsg"], "20000", told)


# What no client sends, and Kafka's codes for it.

def flexible(connection, key, body):
    """Version 1 of a flexible API: the answer, tagged fields of its header in front."""
    return connection.ask(key, 1, b"\0" + body + b"\0")


def count(items):
    return bytes([len(items) + 1])


def compact(text):
    return count(text.encode()) + text.encode()


def id_of(bench, topic):
    from confluent_kafka import TopicCollection
    told = bench.admin().describe_topics(TopicCollection([topic]))[topic].result(15)
    most, least = (told.topic_id.get_most_significant_bits(),
                   told.topic_id.get_least_significant_bits())
    return struct.pack(">qq", most, least)


def beat(connection, group, member, epoch, topics=None):
    """ShareGroupHeartbeat v1: its code and the member's epoch."""
    body = compact(group) + compact(member) + struct.pack(">i", epoch) + b"\0"
    body += b"\0" if topics is None else count(topics) + b"".join(map(compact, topics))
    answer = flexible(connection, HEARTBEAT, body)
    return struct.unpack(">h", answer[5:7])[0]


def share_fetch(connection, group, member, epoch, topics=(), acks=(), wait_ms=100, min_bytes=1):
    """ShareFetch v1 of (topic id, partition) pairs: the code of the whole."""
    body = (compact(group) + compact(member)
            + struct.pack(">iiiiii", epoch, wait_ms, min_bytes, 1 << 20, 500, 500))
    answer = flexible(connection, SHARE_FETCH, body + asked(topics, acks) + b"\1")
    return struct.unpack(">h", answer[5:7])[0]


def share_acknowledge(connection, group, member, epoch, acks):
    """ShareAcknowledge v1: the code of the whole, and of the first partition if there is one."""
    body = compact(group) + compact(member) + struct.pack(">i", epoch)
    body += asked([ack[:2] for ack in acks], acks)
    answer = flexible(connection, SHARE_ACKNOWLEDGE, body)
    code = struct.unpack(">h", answer[5:7])[0]
    # Code, no message, one topic: its id, one partition: its index and code.
    one = struct.unpack(">h", answer[30:32])[0] if len(answer) > 32 and answer[8] == 2 else None
    return code, one


def asked(topics, acks):
    by_place = {ack[:2]: ack[2] for ack in acks}
    out = count(topics)
    for topic, partition in topics:
        batches = by_place.get((topic, partition), [])
        out += topic + b"\2" + struct.pack(">i", partition) + count(batches)
        for first, last, types in batches:
            out += struct.pack(">qq", first, last) + count(types) + bytes(types) + b"\0"
        out += b"\0" + b"\0"
    return out


def refuses(bench):
    topic = bench.topic("refused")
    topic_id = id_of(bench, topic)
    group, member = bench.name("refuses"), "m" * 22
    with wire.Connection(bench.address) as connection:

        def code(*arguments):
            return beat(connection, *arguments)
        equal(code(group, member, 1), GROUP_ID_NOT_FOUND, "no such group")
        equal(code(group, "", 0, [topic]), INVALID_REQUEST, "no member id")
        equal(code(group, member, 0), INVALID_REQUEST, "no topics")
        equal(code(group, member, 0, [topic]), NONE)
        equal(code(group, "x" * 22, 1), UNKNOWN_MEMBER_ID)
        equal(code(group, member, 77), FENCED_MEMBER_EPOCH)
        place, unknown = (topic_id, 0), (b"\7" * 16, 0)

        def fetch(*arguments):
            return share_fetch(connection, group, member, *arguments)
        equal(fetch(1), SHARE_SESSION_NOT_FOUND)
        equal(fetch(-1), SHARE_SESSION_NOT_FOUND)
        equal(fetch(0, [place], [(*place, [(0, 0, [1])])]), INVALID_REQUEST, "at the beginning")
        equal(share_fetch(connection, group, "", 0, [place]), INVALID_REQUEST)

        def acknowledge(*arguments):
            return share_acknowledge(connection, group, member, *arguments)
        equal(acknowledge(1, [])[0], SHARE_SESSION_NOT_FOUND)
        eventually(lambda: fetch(0, [place]) == NONE, "a session", 20)
        equal(fetch(7), INVALID_SHARE_SESSION_EPOCH)
        equal(acknowledge(0, [])[0], INVALID_SHARE_SESSION_EPOCH)
        epoch = 1

        def one(wanted, what, place, *batches):
            nonlocal epoch
            equal(acknowledge(epoch, [(*place, list(batches))]), (NONE, wanted), what)
            epoch += 1
        one(INVALID_RECORD_STATE, "nothing is acquired", place, (0, 0, [1]))
        one(INVALID_REQUEST, "backwards", place, (3, 1, [1]))
        one(INVALID_REQUEST, "an unknown type", place, (0, 0, [9]))
        one(INVALID_REQUEST, "two types for three records", place, (0, 2, [1, 1]))
        one(UNKNOWN_TOPIC_ID, "no such topic", unknown, (0, 0, [1]))
        one(UNKNOWN_TOPIC_OR_PARTITION, "no such partition", (topic_id, 9), (0, 0, [1]))
        equal(fetch(-1), NONE, "the end")
        equal(fetch(-1), SHARE_SESSION_NOT_FOUND, "it has ended")
        equal(code(group, member, -1), NONE)


def waits_for_bytes(bench):
    """Who waits for more bytes than there are waits, and the broker goes on for others."""
    partitions = 4
    topic = bench.topic(partitions=partitions)
    topic_id = id_of(bench, topic)
    producer = Producer({"bootstrap.servers": bench.address})
    for partition in range(partitions):
        producer.produce(topic, b"found", partition=partition)
    equal(producer.flush(20), 0, "left in the queue")
    # Each partition and each connection is some core's: some of the pairs are of one core.
    for partition in list(range(partitions)) * 3:
        group, member = bench.name("waits"), "w" * 22
        resource = ConfigResource(ConfigResource.Type.GROUP, group, incremental_configs=[
            ConfigEntry("share.auto.offset.reset", "earliest",
                        incremental_operation=AlterConfigOpType.SET)])
        bench.admin().incremental_alter_configs([resource])[resource].result(15)
        with wire.Connection(bench.address) as connection:
            def joins():
                # The first who asks for a coordinator makes its topic.
                connection.ask(FIND_COORDINATOR, 1, wire.string(group) + b"\0")
                return beat(connection, group, member, 0, [topic]) == NONE
            eventually(joins, "joined", 60)
            began = time.monotonic()
            equal(share_fetch(connection, group, member, 0, [(topic_id, partition)],
                              wait_ms=500, min_bytes=1 << 19), NONE, "time is up")
            waited = time.monotonic() - began
            holds(waited > 0.4, f"answered after {waited:.2f} s, with less than was asked for")
            epochs = itertools.count(1)

            def accepts():
                """Kafka gives nothing while it begins with a partition."""
                batches = [(topic_id, partition, [(0, 0, [1])])]
                told = share_acknowledge(connection, group, member, next(epochs), batches)
                if told != (NONE, NONE):
                    share_fetch(connection, group, member, next(epochs), wait_ms=500,
                                min_bytes=1 << 19)
                return told == (NONE, NONE)
            eventually(accepts, "what is there comes when time is up", 30)
    with wire.Connection(bench.address) as connection:
        for partition in range(partitions):
            equal(connection.end_offset(topic, partition), 1)


TESTS = [enabled, acknowledges, limits, renews, shares, outlives_its_broker,
         offsets_outlive_a_restart, tool, console, perf_test, refuses, waits_for_bytes]
