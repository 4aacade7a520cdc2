"""librdkafka's own programs: the examples of its source, and its regression tests, two of them with
one replica instead of three.

Left out of its tests are those that need no broker, a cluster, an authorizer, TLS or SASL, Kafka's
scripts, or minutes; and 0011, which on Kafka may write before the broker knows of a new setting.
"""

import contextlib
import os
import re
import signal
import subprocess
import tempfile

from confluent_kafka import Producer
from run import equal, eventually, holds
from smoke import fetched
from suites.transactions import read

# Some of its tests count on four partitions in what is made by itself.
PROPERTIES = {"num.partitions": "4"}
TEST_SECONDS_MAX = 600
PARTITIONS = 3


class Programs:
    """librdkafka's example programs against one broker."""

    def __init__(self, bench):
        self.bench = bench
        self.folder = fetched("librdkafka-build") / "examples"

    def run(self, name, *arguments, **how):
        """What it prints; it must end with 0. Some print partitions to stderr."""
        done = self.bench.command(self.folder / name, *arguments, **how)
        return done.stdout + done.stderr

    def admin(self, name, *arguments, **how):
        """The administrative ones take the broker by an option."""
        return self.run(name, "-b", self.bench.address, *arguments, **how)

    @contextlib.contextmanager
    def running(self, name, *arguments):
        """A program that goes on until it is interrupted, and must end with 0 then."""
        # To a pipe it would write only when 4 KiB are full.
        process = subprocess.Popen(["stdbuf", "-oL", self.folder / name, *map(str, arguments)],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            yield process
            process.send_signal(signal.SIGINT)
            equal(process.wait(30), 0, name)
        finally:
            process.kill()
            process.wait()

    def write(self, topic, values):
        self.run("producer", self.bench.address, topic, stdin="".join(f"{v}\n" for v in values))

    def consume(self, group, protocol, topic, count):
        """The values that a member of the group reads."""
        with self.running("consumer", self.bench.address, group, protocol, topic) as process:
            return take(process, count)


def take(process, count):
    got = []
    while len(got) < count:
        line = process.stdout.readline()
        holds(line, f"it ended after {len(got)}")
        if line.startswith(" Value: "):
            got.append(line[len(" Value: "):].rstrip("\n"))
    return got


def numbered(first, last):
    return [f"number {n}" for n in range(first, last)]


def by_number(values):
    return sorted(values, key=lambda value: int(value.split()[-1]))


def committed_values(bench, topic, partitions=1):
    return by_number(value.decode() for values in read(bench, topic, partitions)
                     for value in values)


def a_group_goes_on(bench):
    """In both protocols. The consumer commits by itself when it is closed."""
    programs = Programs(bench)
    for protocol in "classic", "consumer":
        topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
        for first in 0, 100:
            programs.write(topic, numbered(first, first + 100))
            got = programs.consume(group, protocol, topic, 100)
            equal(by_number(got), numbered(first, first + 100), protocol)


def two_members_share(bench):
    programs = Programs(bench)
    for protocol in "classic", "consumer":
        topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
        arguments = (bench.address, group, protocol, topic)
        with programs.running("consumer", *arguments), programs.running("consumer", *arguments):
            def shared():
                told = programs.admin("describe_consumer_groups", 0, group)
                members = [re.findall(rf" {topic} \[(\d)\]", member.split("Target")[0])
                           for member in told.split("  Member ")[1:]]
                return all(members) and sorted(sum(members, [])) == ["0", "1", "2"] \
                    and len(members) == 2

            eventually(shared, "each has partitions of its own", 60)


def the_complex_consumer_ends_at_the_end(bench):
    programs = Programs(bench)
    topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
    programs.write(topic, numbered(0, 300))
    got = programs.admin("rdkafka_complex_consumer_example", "-g", group, "-e", "-q",
                         "-X", "auto.offset.reset=earliest", topic)
    equal(by_number(re.findall(r"number \d+", got)), numbered(0, 300))
    told = programs.admin("rdkafka_complex_consumer_example", "-D", "-g", group)
    holds(re.search(rf'{group}.*Empty', told), told)


def the_old_consumer_reads_a_partition(bench):
    """rdkafka_example: the simple consumer, the producer, and metadata."""
    programs = Programs(bench)
    topic = bench.topic(partitions=PARTITIONS)
    for partition in range(PARTITIONS):
        lines = "\n".join(numbered(partition * 10, partition * 10 + 9)) + "\n"
        programs.admin("rdkafka_example", "-P", "-t", topic, "-p", partition, "-z", "lz4",
                       stdin=lines)
    for partition in range(PARTITIONS):
        got = programs.admin("rdkafka_example", "-C", "-e", "-A", "-t", topic, "-p", partition,
                             "-o", "beginning")
        equal(re.findall(r"^number \d+", got, re.M), numbered(partition * 10, partition * 10 + 9))
    told = programs.admin("rdkafka_example", "-L", "-t", topic)
    holds(f'topic "{topic}" with {PARTITIONS} partitions' in told, told)


def the_idempotent_producer_stops_at_a_fatal_error(bench):
    """It makes up a fatal error after twelve records; what it says was delivered is there, once."""
    programs = Programs(bench)
    topic = bench.topic()
    done = bench.command(programs.folder / "idempotent_producer", bench.address, topic, code=1)
    delivered = int(re.search(r"(\d+) delivered", done.stderr)[1])
    got = [value.decode() for value in read(bench, topic, 1)[0]]
    holds(delivered >= 12 and len(got) >= delivered, f"{delivered} delivered, {len(got)} there")
    equal(got, [f"Idempotent Producer example message #{n}" for n in range(len(got))])


def transactions_sum_exactly_once(bench):
    """It adds the numbers of each record up, and commits its offsets in the transaction."""
    programs = Programs(bench)
    source, target = bench.topic(partitions=PARTITIONS), bench.topic(partitions=PARTITIONS)
    for first in 1, 301:
        with programs.running("transactions", bench.address, source, target):
            programs.write(source, range(first, first + 300))
            wanted = [str(n) for n in range(1, first + 300)]
            eventually(lambda: committed_values(bench, target, PARTITIONS) == wanted,
                       f"the sums of {first + 299} records", 60)
    told = programs.admin("list_consumer_group_offsets", "librdkafka_transactions_example_group", 1,
                          *(part for n in range(PARTITIONS) for part in (source, n)))
    equal(sum(int(n) for n in re.findall(r"offset (\d+)", told)), 600, told)


def it_tells_of_topics_and_the_cluster(bench):
    programs = Programs(bench)
    topic = bench.topic(partitions=PARTITIONS)
    told = programs.admin("describe_topics", 1, topic)
    holds(f"Topic: {topic} " in told and "has 8 authorized operations" in told
          and f"partition count is: {PARTITIONS}" in told, told)
    told = programs.admin("describe_topics", 0, bench.name("none"))
    holds("Unknown topic or partition" in told, told)
    told = programs.admin("describe_cluster", 1)
    holds(re.search(r"Cluster id: \S{22}\s+Controller id: 1", told) and
          f"host: 127.0.0.1, port: {bench.port}" in told, told)
    programs.admin("incremental_alter_configs", "TOPIC", topic, "SET", "retention.ms", "123456",
                   "TOPIC", topic, "APPEND", "cleanup.policy", "compact")
    told = programs.admin("elect_leaders", 0, topic, 0)
    holds("There is no need" in told or "not needed" in told, told)


def it_looks_for_offsets_and_deletes_records(bench):
    programs = Programs(bench)
    topic = bench.topic()
    producer = Producer({"bootstrap.servers": bench.address})
    for n in range(10):
        producer.produce(topic, str(n), timestamp=1_700_000_000_000 + n * 1000)
    equal(producer.flush(30), 0, "left in the queue")

    def offset(what, isolation=0):
        told = programs.admin("list_offsets", "--", isolation, topic, 0, what)
        return int(re.search(rf"{topic} .*Offset: (-?\d+)", told)[1])
    # EARLIEST, LATEST, MAX_TIMESTAMP, and a time.
    equal([offset(what) for what in (-2, -1, -3, 1_700_000_004_500)], [0, 10, 9, 5])
    told = programs.run("delete_records", bench.address, topic, 0, 4)
    holds(f"{topic} [0] offset 4: Success" in told, told)
    equal(offset(-2), 4)
    told = programs.run("delete_records", bench.address, topic, 0, 99)
    holds("Broker: Offset out of range" in told, told)


def it_administers_groups(bench):
    programs = Programs(bench)
    topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
    programs.write(topic, numbered(0, 60))
    programs.consume(group, "consumer", topic, 60)
    # One state, which is Empty; one type, which is Consumer.
    told = programs.admin("list_consumer_groups", 1, 5, 1, 1)
    holds(f'Group "{group}", is simple 0, state Empty, type Consumer' in told, told)
    told = programs.admin("describe_consumer_groups", 1, group)
    holds(re.search(rf'Group "{group}", partition assignor "uniform", type "Consumer" state "Empty"'
                    r'.*with 0 member', told), told)
    partitions = [part for n in range(PARTITIONS) for part in (topic, n)]
    told = programs.admin("list_consumer_group_offsets", group, 1, *partitions)
    equal(sum(int(n) for n in re.findall(r"offset (\d+)", told)), 60, told)
    told = programs.admin("alter_consumer_group_offsets", group, topic,
                          *(part for n in range(PARTITIONS) for part in (n, 7)))
    equal(len(re.findall("error Success", told)), PARTITIONS, told)
    told = programs.admin("list_consumer_group_offsets", group, 1, *partitions)
    equal(re.findall(r"offset (\d+)", told), ["7"] * PARTITIONS, told)


def own(name, numbers, **env):
    """Its tests of these numbers: none may fail, and each must have run."""
    def test(bench):
        tests = (fetched("librdkafka-build") / "tests").resolve()
        root = tests.parent
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as conf:
            conf.write(f"metadata.broker.list={bench.address}\ntest.timeout.multiplier=3\n")
            conf.flush()
            done = subprocess.run(
                [tests / "test-runner", "-p4", "-Q", "-L", "-V", "4.3.1"], cwd=tests,
                capture_output=True, text=True, errors="replace",
                env=os.environ | env | {
                    "TESTS": ",".join(numbers), "RDKAFKA_TEST_CONF": conf.name,
                    "LD_LIBRARY_PATH": f"{root / 'src'}:{root / 'src-cpp'}"})
        told = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
        # Its exit code tells nothing: it frees at its end what is not its own.
        failed = re.findall(r'^### Test "([^<].*)\n(.*)', told, re.M)
        holds(not failed, f"{failed}")
        passed = {number[:4] for number in re.findall(r"= Test (\w+) PASSED =", told)}
        missing = sorted(set(numbers) - passed)
        holds(not missing, f"{missing} did not pass: {told[-400:]}")
    test.__name__ = name
    return test


PRODUCERS = ("0001 0002 0003 0005 0007 0008 0012 0013 0017 0044 0048 0055 0057 0060 0068 0070 "
             "0073 0075 0085 0086 0088 0090 0094 0114 0123 0125").split()
CONSUMERS = ("0014 0015 0022 0026 0029 0031 0034 0035 0036 0039 0041 0042 0049 0050 0051 0054 "
             "0059 0061 0063 0065 0067 0069 0083 0084 0089 0093 0099 0112 0127 0130 0137 "
             "0140").split()
GROUPS = "0018 0019 0030 0033 0040 0045 0056 0064 0102 0113 0122".split()
# Classic groups only: 0118 counts on who is assigned first, 0132 on the assignors of the client.
CLASSIC = ["0118", "0132"]
TRANSACTIONS = ["0103", "0129"]
# What its tests know as a broker that makes no topic by itself; they make and remove their own.
TOPICS = ["0045", "0107"]

TESTS = [a_group_goes_on, two_members_share, the_complex_consumer_ends_at_the_end,
         the_old_consumer_reads_a_partition, the_idempotent_producer_stops_at_a_fatal_error,
         transactions_sum_exactly_once, it_tells_of_topics_and_the_cluster,
         it_looks_for_offsets_and_deletes_records, it_administers_groups,
         own("own_producers", PRODUCERS), own("own_consumers", CONSUMERS),
         own("own_groups", GROUPS + CLASSIC),
         own("own_groups_of_the_new_protocol", GROUPS, TEST_CONSUMER_GROUP_PROTOCOL="consumer"),
         own("own_transactions", TRANSACTIONS),
         own("own_topics", TOPICS, TEST_SCENARIO="noautocreate")]
