"""Apache Storm: a topology that reads a topic with Kafka's spout and writes one with Kafka's bolt.

`java/StormApp.java` runs it in a cluster of its own. The topology is killed as operators do it and
submitted again: it goes on exactly where its group's offsets are. Then its process is killed while
it works: nothing is missing, and no more comes twice than the spout may have open.
"""

from collections import Counter

from confluent_kafka import KafkaException, Producer, TopicPartition
from jvm import Java, fetch
from run import equal, holds
from suites.streams import topics_of
from suites.transactions import consumer_of, read

# A cluster takes half a minute to start on a loaded machine.
TEST_SECONDS_MAX = 600
PARTITIONS = 3
# What StormApp's spout may have open at a partition, and what one poll brings besides.
OPEN = 150


class Storm:
    """The topics of a topology, and its processes one after the other."""

    def __init__(self, bench, kind):
        self.bench, self.kind = bench, kind
        self.prefix = topics_of(bench, kind, ["words", "capitals"], PARTITIONS)
        self.words, self.capitals = f"{self.prefix}-words", f"{self.prefix}-capitals"
        self.group = consumer_of(bench, group_id=self.prefix)
        self.written = 0

    def start(self):
        storm = fetch("storm")
        return Java([storm / "classes", f"{storm}/libs/*"], "StormApp", self.bench.address,
                    self.prefix, self.kind, heap="700m")

    def write(self, count):
        producer = Producer({"bootstrap.servers": self.bench.address})
        for n in range(self.written, self.written + count):
            producer.produce(self.words, f"word {n}", f"key {n % 50}", n % PARTITIONS)
        equal(producer.flush(30), 0, "left in the queue")
        self.written += count

    def arrived(self):
        return self.bench.end_offsets(self.capitals, PARTITIONS)

    def committed(self):
        """The sum of the group's offsets; Kafka may have no coordinator for it at first."""
        places = [TopicPartition(self.words, p) for p in range(PARTITIONS)]
        try:
            return sum(max(place.offset, 0) for place in self.group.committed(places, 5))
        except KafkaException:
            return None

    def until(self, process, what, check):
        try:
            process.until(what, check, 200)
        except AssertionError as error:
            raise AssertionError(f"{self.arrived()} of {self.written} arrived: {error}") from None

    def values(self):
        return Counter(value.decode() for values in read(self.bench, self.capitals, PARTITIONS)
                       for value in values)

    def wanted(self):
        return {f"WORD {n}": 1 for n in range(self.written)}


def a_topology_goes_on(bench):
    storm = Storm(bench, "spout")
    for _ in range(2):
        storm.write(600)
        with storm.start() as topology:
            storm.until(topology, "all is committed", lambda: storm.committed() == storm.written)
            equal(topology.stop(60), 0, "exit code after SIGTERM")
            holds("killed the topology" in topology.text(), topology.text()[-600:])
        equal(dict(storm.values()) == storm.wanted(), True, "each word arrived once")
    storm.write(1500)
    with storm.start() as topology:
        storm.until(topology, "something more has arrived", lambda: storm.arrived() > 1300)
        topology.kill()
    with storm.start() as topology:
        storm.until(topology, "all is committed", lambda: storm.committed() == storm.written)
    values = storm.values()
    equal(set(values) == set(storm.wanted()), True, "every word arrived")
    twice = values.total() - storm.written
    holds(twice <= OPEN * PARTITIONS, f"only what was open comes twice: {twice}")


def a_trident_topology_copies(bench):
    """Trident's spout and state: batches, whose places the cluster keeps."""
    storm = Storm(bench, "trident")
    storm.write(600)
    with storm.start() as topology:
        storm.until(topology, "all has arrived", lambda: storm.arrived() == storm.written)
        storm.write(600)
        storm.until(topology, "all has arrived", lambda: storm.arrived() == storm.written)
    equal(dict(storm.values()) == storm.wanted(), True, "each word arrived once")


TESTS = [a_topology_goes_on, a_trident_topology_copies]
