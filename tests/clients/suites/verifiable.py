"""The programs of Apache Kafka's own system tests: VerifiableProducer, VerifiableConsumer,
VerifiableShareConsumer and TransactionalMessageCopier. Each says in lines of JSON what it did, and
that must be what lies in the broker; some are killed in the middle.
"""

import json
from collections import Counter

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from jvm import Java, kafka_libs
from run import equal, eventually, holds
from suites.share_groups import enabled
from suites.transactions import read

TOOLS = "org.apache.kafka.tools."
PARTITIONS = 3
# The copier's session is 10 s, and a group of the consumer protocol misses a member after 45 s.
TEST_SECONDS_MAX = 400


class Program(Java):
    """One of the programs, and the events it has told so far."""

    def __init__(self, name, *arguments):
        super().__init__([kafka_libs()], TOOLS + name, *arguments)

    def events(self, name=None):
        told = []
        for line in self.text().split("\n")[:-1]:
            if line.startswith("{"):
                event = json.loads(line)
                if name in (None, event.get("name")):
                    told.append(event)
        return told


def produced(bench, topic, count, prefix=None):
    """Runs a producer to its end; value to (partition, offset) of what was acknowledged."""
    more = () if prefix is None else ("--value-prefix", prefix)
    with Program("VerifiableProducer", "--bootstrap-server", bench.address, "--topic", topic,
                 "--max-messages", count, "--repeating-keys", 50, *more) as producer:
        producer.wait(90)
        acked = {event["value"]: (event["partition"], event["offset"])
                 for event in producer.events("producer_send_success")}
        summary = producer.events("tool_data")[-1]
    equal((summary["sent"], summary["acked"]), (count, count), "sent and acknowledged")
    equal(len(acked), count, "values")
    return acked


def the_producer_tells_where_each_record_lies(bench):
    topic = bench.topic(partitions=PARTITIONS)
    acked = produced(bench, topic, 3000, prefix=7)
    lies = {}
    for partition, values in enumerate(read(bench, topic, PARTITIONS)):
        lies |= {value.decode(): (partition, offset) for offset, value in enumerate(values)}
    equal(lies == acked, True, "each value lies where it was acknowledged")


def consumed(program):
    """Value to how often it came, of each record that a consumer told."""
    return Counter(event["value"] for event in program.events("record_data"))


def committed(bench, group, topic):
    asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    told = bench.admin().list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, asked)])
    return {p.partition: p.offset for p in told[group].result(15).topic_partitions}


def consumers(bench, protocol):
    """Two consumers of one group; one is killed, the other takes over what it had."""
    topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
    session = ("--session-timeout", 6000) if protocol == "classic" else ()

    def consumer():
        return Program("VerifiableConsumer", "--bootstrap-server", bench.address, "--topic", topic,
                       "--group-id", group, "--group-protocol", protocol, "--verbose", *session)

    def owned(program):
        now = []
        for event in program.events():
            if event["name"] == "partitions_assigned":
                now += [part["partition"] for part in event["partitions"]]
            elif event["name"] == "partitions_revoked":
                gone = [part["partition"] for part in event["partitions"]]
                now = [partition for partition in now if partition not in gone]
        return sorted(now)

    first_half = produced(bench, topic, 1500, prefix=1)
    with consumer() as one, consumer() as two:
        def shared():
            one.check()
            two.check()
            return owned(one) and owned(two) and sorted(owned(one) + owned(two)) == [0, 1, 2]
        eventually(shared, "each has some of the partitions", 60)
        eventually(lambda: set(consumed(one) + consumed(two)) >= set(first_half),
                   "the first half is read", 30)
        one.kill()
        second_half = produced(bench, topic, 1500, prefix=2)
        wanted = set(first_half) | set(second_half)
        eventually(lambda: set(consumed(one) + consumed(two)) >= wanted, "all is read", 90)
        equal(owned(two), [0, 1, 2], "partitions of the survivor")
        equal(two.stop(), 143, "exit code after SIGTERM")
        commits = two.events("offsets_committed")
        holds(commits and commits[-1]["success"], f"the last commit: {commits[-1:]}")
        holds(two.events("shutdown_complete"), "an orderly end")
        seen = consumed(one) + consumed(two)
    equal(set(seen) == wanted, True, "nothing else is read")
    ends = Counter(partition for partition, _ in (first_half | second_half).values())
    equal(committed(bench, group, topic), dict(ends), "committed offsets")
    # What the dead one had read and not committed comes twice, nothing more than once again.
    holds(max(seen.values()) <= 2, f"{seen.most_common(1)}")


def consumers_share_and_take_over_classic(bench):
    consumers(bench, "classic")


def consumers_share_and_take_over_consumer(bench):
    consumers(bench, "consumer")


def share_consumers(bench):
    """Two consumers of a share group: each record is acknowledged once, by one of them."""
    enabled(bench)
    topic, group = bench.topic(partitions=PARTITIONS), bench.name("s")
    wanted = produced(bench, topic, 1500)

    def consumer():
        return Program("VerifiableShareConsumer", "--bootstrap-server", bench.address, "--topic",
                       topic, "--group-id", group, "--acknowledgement-mode", "sync",
                       "--offset-reset-strategy", "earliest", "--verbose")

    with consumer() as one, consumer() as two:
        def acknowledged():
            return sum(event["count"] for program in (one, two)
                       for event in program.events("offsets_acknowledged") if event["success"])

        def done():
            one.check()
            two.check()
            return acknowledged() >= len(wanted)
        eventually(done, "all is acknowledged", 90)
        equal([one.stop(), two.stop()], [143, 143], "exit codes after SIGTERM")
        equal(acknowledged(), len(wanted), "acknowledged")
        equal(consumed(one) + consumed(two), Counter(list(wanted)), "read")


class Copier(Program):
    def __init__(self, bench, source, target, group, name, partition=0, how=()):
        self.name = name
        super().__init__(
            "TransactionalMessageCopier", "--broker-list", bench.address, "--input-topic", source,
            "--input-partition", partition, "--output-topic", target, "--consumer-group", group,
            "--transactional-id", name, "--transaction-size", 40, "--transaction-timeout", 20000,
            "--enable-random-aborts", *how)

    def processed(self):
        return max((event["totalProcessed"] for event in self.events()), default=0)


def copied(bench, how):
    """Both partitions are copied, one copier is killed in the middle; the copy is exact."""
    source, target = bench.topic("in", partitions=2), bench.topic("out", partitions=2)
    group, names = bench.name("copy"), [bench.name("copier") for _ in range(2)]
    produced(bench, source, 4000)
    original = read(bench, source, 2)

    def copier(partition):
        return Copier(bench, source, target, group, names[partition], partition, how)

    with copier(0) as one, copier(1) as two:
        eventually(lambda: one.processed() >= 80, "the first has committed", 60)
        one.kill()
        # It goes on under the same id, which fences what was left of its transaction.
        with copier(0) as again:
            again.wait(120)
        two.wait(120)
    equal(read(bench, target, 2) == original, True, "the copy has each record once, in order")


def a_copy_is_exact(bench):
    copied(bench, ())


def a_copy_by_a_group_is_exact(bench):
    copied(bench, ("--group-mode", "--use-group-metadata"))


TESTS = [the_producer_tells_where_each_record_lies, consumers_share_and_take_over_classic,
         consumers_share_and_take_over_consumer, share_consumers, a_copy_is_exact,
         a_copy_by_a_group_is_exact]
