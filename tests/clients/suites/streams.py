"""Kafka Streams: applications that are killed and started again, with a result that is exact.

`java/StreamsApp.java` counts words, sums numbers in windows and joins a stream with a table, each
exactly once. Half of the input is written, the process is killed while it works on it, the rest is
written, and another process of the same applications goes on. Nothing is cached, so the output has
each step: a record that counted twice, or not, shows in it.
"""

import os
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition
from confluent_kafka.admin import NewTopic
from jvm import Java, fetch
from run import equal, eventually, holds
from suites.admin_tools import kafka, ottla
from suites.transactions import consumer_of

# A member that was killed is missed for its session, 45 s in a streams group; and three applications
# start twice.
TEST_SECONDS_MAX = 400
PARTITIONS = 3
RECORDS = 600
WORDS = "der die das und in den von zu mit sich".split()
# When the first record was. Retention removes older ones, from the applications' changelogs too.
STARTED_MS = int(time.time() * 1000) // 10_000 * 10_000 - 60_000
TOPICS = "words counts numbers sums users orders joined".split()


class Application(Java):
    """One process of the three applications."""

    def __init__(self, bench, prefix, protocol, folder, release=None, guarantee="exactly_once_v2"):
        streams = fetch("streams", release or os.environ.get("KAFKA_VERSION"))
        super().__init__([streams / "classes", f"{streams}/libs/*"], "StreamsApp", bench.address,
                         prefix, protocol, folder, guarantee)


def write(bench, prefix, numbers):
    """The input records of these numbers, with times that go on."""
    producer = Producer({"bootstrap.servers": bench.address, "linger.ms": 5})
    for n in numbers:
        words = f"{WORDS[n % 10]} {WORDS[n % 7]} {WORDS[n % 3]}"
        at, partition = STARTED_MS + n * 100, n % PARTITIONS
        producer.produce(f"{prefix}-words", words, str(n), partition, timestamp=at)
        producer.produce(f"{prefix}-numbers", str(n), f"k{n % 12}", partition, timestamp=at)
        producer.produce(f"{prefix}-orders", f"o{n}", f"u{n % 12}", partition, timestamp=at)
    equal(producer.flush(30), 0, "left in the queue")


def write_users(bench, prefix):
    producer = Producer({"bootstrap.servers": bench.address})
    for n in range(12):
        producer.produce(f"{prefix}-users", f"name{n}", f"u{n}", n % PARTITIONS,
                         timestamp=STARTED_MS - 1000)
    equal(producer.flush(30), 0, "left in the queue")


def expected():
    """What the output must be: values by key, in order."""
    counts, sums, joined = Counter(), defaultdict(list), defaultdict(list)
    totals = Counter()
    for n in range(RECORDS):
        counts.update([WORDS[n % 10], WORDS[n % 7], WORDS[n % 3]])
        at = STARTED_MS + n * 100
        window = f"k{n % 12}@{at - at % 10_000}"
        totals[window] += n
        sums[window].append(str(totals[window]))
        joined[f"u{n % 12}"].append(f"o{n} of name{n % 12}")
    steps = {word: [str(n + 1) for n in range(count)] for word, count in counts.items()}
    return {"counts": steps, "sums": dict(sums), "joined": dict(joined)}


class Outputs:
    """What was committed to the output topics: values by topic and key, in order."""

    def __init__(self, bench, prefix, names):
        self.values = {name: defaultdict(list) for name in names}
        self.prefix = prefix
        self.consumer = consumer_of(bench)
        self.consumer.assign([TopicPartition(f"{prefix}-{name}", p, OFFSET_BEGINNING)
                              for name in names for p in range(PARTITIONS)])

    def read(self, seconds=0.5):
        """Takes what has come; how many records there are of each topic."""
        for message in self.consumer.consume(1000, seconds):
            if message.error() is None:
                name = message.topic()[len(self.prefix) + 1:]
                self.values[name][message.key().decode()].append(message.value().decode())
        return {name: size(values) for name, values in self.values.items()}


def size(values):
    return sum(len(steps) for steps in values.values())


def topics_of(bench, hint, names=TOPICS, partitions=PARTITIONS):
    """Makes the topics of an application; what their names begin with."""
    prefix = bench.name(hint)
    topics = [NewTopic(f"{prefix}-{name}", partitions, 1) for name in names]
    for made in bench.admin().create_topics(topics, operation_timeout=10).values():
        made.result(15)
    for topic in topics:
        eventually(lambda: bench.leads(topic.topic, partitions), f"{topic.topic} leads", 60)
    return prefix


def survives_a_kill(bench, protocol, *how):
    prefix = topics_of(bench, protocol)
    wanted = expected()
    write_users(bench, prefix)
    outputs = Outputs(bench, prefix, wanted)
    with tempfile.TemporaryDirectory(prefix="streams-state-") as folder:
        first = Application(bench, prefix, protocol, folder, *how)
        second = None
        try:
            half = RECORDS // 2
            write(bench, prefix, range(half))

            first.until("all three have written something",
                        lambda: all(outputs.read().values()), 150)
            # More is on its way when the process dies.
            write(bench, prefix, range(half, half + 50))
            first.kill()
            write(bench, prefix, range(half + 50, RECORDS))
            # Older releases lose their disk as well: 3.9.1 keeps a segment of a window that it
            # could not open after a kill, and fails on it (AbstractSegments.openExisting).
            place = Path(folder) / "anew" if how else folder
            second = Application(bench, prefix, protocol, place, *how)

            def done():
                told = outputs.read()
                return all(told[name] >= size(wanted[name]) for name in wanted)
            try:
                second.until("all input is in the output", done, 180)
            except AssertionError as error:
                raise AssertionError(f"{outputs.read()}: {error}") from None
            second.stop()
            outputs.read(2)
            for name in wanted:
                equal(dict(outputs.values[name]), wanted[name], name)
        finally:
            first.kill()
            if second:
                second.kill()


def over_the_classic_protocol(bench):
    survives_a_kill(bench, "classic")


def over_the_streams_protocol(bench):
    survives_a_kill(bench, "streams")


def of_release_3_9(bench):
    survives_a_kill(bench, "classic", "3.9.1")


def of_release_2_8(bench):
    """One producer for all tasks of a thread, as later releases have it."""
    survives_a_kill(bench, "classic", "2.8.2", "exactly_once_beta")


def of_release_2_8_with_a_producer_for_each_task(bench):
    survives_a_kill(bench, "classic", "2.8.2", "exactly_once")


def the_tools_of_its_groups(bench):
    """Ottla's tool beside Kafka's, on a group that runs and on one that has ended."""
    prefix = topics_of(bench, "tools")
    group = f"{prefix}-count"
    write_users(bench, prefix)
    write(bench, prefix, range(30))

    def same(*arguments):
        def lines(text):
            return sorted(line.rstrip() for line in text.splitlines() if prefix in line or
                          line.startswith("GROUP"))

        def told():
            ours, kafkas = (lines(tool(bench, "streams-groups", *arguments))
                            for tool in (ottla, kafka))
            return ours if ours == kafkas else None
        # Between two runs a commit may come.
        return eventually(told, f"both tools say the same of {arguments}", 40)

    with tempfile.TemporaryDirectory(prefix="streams-state-") as folder:
        application = Application(bench, prefix, "streams", folder)
        try:
            outputs = Outputs(bench, prefix, ["counts"])

            application.until("the words are counted",
                              lambda: outputs.read()["counts"] >= 90, 150)
            holds(f"{group}" in "".join(same("--list")), "it is listed")
            holds("Stable" in "".join(same("--list", "--state")), "it is stable")
            for what in ((), ("--verbose",), ("--members",), ("--members", "--verbose"),
                         ("--state",), ("--state", "--verbose")):
                told = same("--describe", "--group", group, *what)
                holds(len(told) > 1, f"{what}: {told}")
        finally:
            application.stop()
    reset = ("--reset-offsets", "--group", group, "--input-topic", f"{prefix}-words")
    eventually(lambda: "Empty" in ottla(bench, "streams-groups", "--describe", "--group", group,
                                        "--state"), "nobody is in it", 70)
    same("--describe", "--group", group, "--state")
    for to in (("--to-earliest",), ("--to-latest",), ("--shift-by", "-2"), ("--to-offset", "4")):
        holds(len(same(*reset, *to, "--dry-run")) == PARTITIONS + 1, f"{to}")
    ottla(bench, "streams-groups", *reset, "--to-offset", "4", "--execute")
    told = same(*reset, "--to-current", "--dry-run")
    equal([line.split()[-1] for line in told if not line.startswith("GROUP")], ["4"] * PARTITIONS)
    told = ottla(bench, "streams-groups", "--delete-offsets", "--group", group, "--input-topic",
                 f"{prefix}-words:0")
    holds("Request succeeded" in told and "Successful" in told, told)
    told = ottla(bench, "streams-groups", "--delete", "--group", group,
                 "--delete-all-internal-topics")
    holds(f"('{group}') was successful" in told, told)
    holds(group not in "".join(same("--list")), "it is gone")
    left = bench.admin().list_topics(timeout=20).topics
    holds(not [topic for topic in left if topic.startswith(f"{group}-")], "its topics are gone")


def the_reset_tool(bench):
    """Input goes back to its start, and the topics that the application made for itself go."""
    prefix = topics_of(bench, "reset", ["words", "app-counts-changelog", "app-by-repartition"])
    words, application = f"{prefix}-words", f"{prefix}-app"
    producer = Producer({"bootstrap.servers": bench.address})
    for n in range(30):
        producer.produce(words, str(n), partition=n % PARTITIONS)
    equal(producer.flush(30), 0, "left in the queue")
    reader = consumer_of(bench, group_id=application)
    places = [TopicPartition(words, p, 7) for p in range(PARTITIONS)]
    reader.commit(offsets=places, asynchronous=False)
    reset = ("org.apache.kafka.tools.StreamsResetter", "--application-id", application,
             "--input-topics", words)
    told = bench.tool(*reset, "--dry-run").stdout
    holds(f"Topic: {words} Partition: 0 Offset: 0" in " ".join(told.split()), told)
    equal([place.offset for place in reader.committed(places, 20)], [7] * PARTITIONS)
    bench.tool(*reset, "--force")
    equal([place.offset for place in reader.committed(places, 20)], [0] * PARTITIONS)
    reader.close()
    bench.soon(lambda: [t for t in bench.admin().list_topics(timeout=20).topics
                        if t.startswith(prefix)] == [words], "only the input is left")


TESTS = [over_the_classic_protocol, over_the_streams_protocol, of_release_3_9, of_release_2_8,
         of_release_2_8_with_a_producer_for_each_task, the_tools_of_its_groups, the_reset_tool]
