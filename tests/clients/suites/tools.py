"""Ottla's console tools, word for word what Apache Kafka's print.

Each test is a list of steps that one runner takes: ours, or Apache Kafka's. What Kafka's printed
lies in `recorded/tools.json`, so that no JVM has to start here; `tools_beside` runs both.

    RECORD=1 tests/clients/with-kafka tests/clients/run tools      # record anew

Names, ids, ports and times are taken out before anything is compared.
"""

import json
import os
import re
import tempfile
import time
from pathlib import Path

from broker import ottla_binary
from run import REPOSITORY, Skip, equal, eventually, holds
from suites import tools_groups
from suites.tools_groups import sorted_lines

RECORDED = Path(__file__).resolve().parent.parent / "recorded" / "tools.json"
KAFKA_TOOL = REPOSITORY / "perf" / "peers" / "kafka-tool"
# A loaded machine starts a JVM in ten seconds, and a test starts up to twenty of them.
TEST_SECONDS_MAX = 600
# Tools without a broker, and those of Kafka that go by another name there.
OFFLINE = {"log dump": "dump-log"}
CLASSES = {"groups": "org.apache.kafka.tools.GroupsCommand",
           "transactions": "org.apache.kafka.tools.TransactionsCommand"}
# Kafka's has commands, and takes the address only before them.
COMMANDS = {"transactions"}


class Runner:
    """Takes the steps with one broker's tools and keeps what they print."""

    def __init__(self, bench, kafka):
        self.bench, self.kafka, self.told = bench, kafka, []

    def __call__(self, tool, *arguments, code=0, stdin=None, same=None, told=True, says=""):
        """`says` stands among its errors."""
        bench = self.bench
        address = () if tool in OFFLINE else ("--bootstrap-server", bench.address)
        flags = [*address, *arguments] if tool in COMMANDS else [*arguments, *address]
        if self.kafka:
            command = [KAFKA_TOOL, OFFLINE.get(tool, CLASSES.get(tool, tool)), *flags]
        else:
            command = [ottla_binary(), *tool.split(), *flags]
        done = bench.command(*command, code=code, stdin=stdin)
        holds(says in done.stderr, f"{tool} {arguments} says {says}: {done.stderr[-600:]}")
        text = done.stdout
        if isinstance(text, bytes):
            text = text.decode(errors="backslashreplace")
        text = (same or (lambda text: text))(neutral(bench, text))
        if told and code == 0:
            self.told.append([f"{tool} {' '.join(neutral(bench, str(a)) for a in arguments)}",
                              text.splitlines()])
        return text


def neutral(bench, text):
    """Without what differs from run to run, and without Kafka's warnings of flags that will go."""
    text = re.sub(r"^(Warning: |Option )--\S+ is deprecated .*\n", "", text, flags=re.M)
    text = re.sub(re.escape(bench.prefix) + r"-(\w+)-\d+", r"\1", text)
    text = text.replace(os.environ.get("BROKER_LOG_DIR", "\0"), "LOG_DIR")
    text = re.sub(r"/tmp/[\w./-]*", "FILE", text)
    text = text.replace(bench.address, "HOST:PORT").replace(str(bench.port), "PORT")
    text = re.sub(r"(CreateTime|LogAppendTime|[tT]imestamp(?:Ms)?): ?\d{12,}", r"\1:TIME", text)
    text = re.sub(r"\b(1[6-9]\d{11}|2\d{12})\b", "TIME", text)
    text = re.sub(r"(?<=\tConfigs: ).*", without_first_default, text)
    return re.sub(r"(TopicId: |Cluster ID: )[\w-]{22}", r"\1ID", text)


def without_first_default(found):
    """Kafka writes `min.insync.replicas` down when it is formatted, and tells it of each topic."""
    return ",".join(one for one in found[0].split(",") if one != "min.insync.replicas=1")


def topics(run):
    bench = run.bench
    name, other = bench.name("t"), bench.name("u")
    run("topics", "--create", "--topic", name, "--partitions", 3, "--config",
        "retention.ms=100000", "--config", "cleanup.policy=compact")
    run("topics", "--create", "--topic", name, code=1)
    run("topics", "--create", "--topic", name, "--if-not-exists", told=False)
    run("topics", "--create", "--topic", other, "--replica-assignment", "1,1")
    for topic, partitions in (name, 3), (other, 2):
        eventually(lambda: bench.leads(topic, partitions), f"{topic} has its leaders", 60)
    describe = ("topics", "--describe", "--topic", name)
    run(*describe)
    run(*describe, "--topics-with-overrides")
    for only in ("under-replicated", "unavailable", "under-min-isr", "at-min-isr"):
        run(*describe, f"--{only}-partitions")
    run(*describe, "--partition-size-limit-per-response", 1)
    run("topics", "--describe", "--topic", f"{name},{other}", same=sorted_lines)
    run("topics", "--list", "--topic", f"{bench.prefix}.*", same=sorted_lines, told=False)
    run("topics", "--list", "--exclude-internal", same=lambda text: "".join(
        f"{line}\n" for line in text.split() if line in ("t", "u")), told=False)
    run("topics", "--alter", "--topic", other, "--partitions", 4)
    run("topics", "--alter", "--topic", other, "--partitions", 2, code=1)
    eventually(lambda: bench.leads(other, 4), f"{other} has its leaders", 60)
    run("topics", "--describe", "--topic", other)
    run("topics", "--delete", "--topic", other)
    run("topics", "--delete", "--topic", bench.name("missing"), code=1)
    run("topics", "--delete", "--topic", bench.name("missing"), "--if-exists")


def without_default(text):
    """The same default again, which Kafka knows of sometimes."""
    return "".join(sorted(line for line in text.splitlines(keepends=True)
                          if not line.startswith("  min.insync.replicas=")))


def configs(run):
    topic = run.bench.topic("t")
    of = ("--entity-type", "topics", "--entity-name", topic)
    run("configs", "--alter", *of, "--add-config",
        "retention.ms=60000,cleanup.policy=[compact,delete]")
    run.bench.soon(lambda: "60000" in run("configs", "--describe", *of, told=False), "it is seen")
    run("configs", "--describe", *of, same=without_default)
    run("configs", "--describe", "--topic", topic, same=without_default)
    run("configs", "--alter", *of, "--delete-config", "cleanup.policy")
    run.bench.soon(lambda: "compact" not in run("configs", "--describe", *of, told=False), "seen")
    run("configs", "--describe", *of, same=without_default)
    run("configs", "--alter", "--topic", topic, "--add-config", "nonsense=1", code=1)
    broker = ("--entity-type", "brokers", "--entity-default")
    run("configs", "--alter", *broker, "--add-config", "log.cleaner.threads=2")
    run.bench.soon(lambda: "threads=2" in run("configs", "--describe", *broker, told=False), "seen")
    run("configs", "--describe", *broker, same=without_default)
    run("configs", "--alter", *broker, "--delete-config", "log.cleaner.threads")
    run("configs", "--alter", "--broker-defaults", "--delete-config", "log.cleaner.threads")


def cluster(run):
    run("cluster", "cluster-id", same=lambda text: re.sub(r"ID: .*", "ID: ID", text))
    run("cluster", "list-endpoints", same=one_broker)
    versions = run("broker-api-versions", told=False)
    lines = versions.splitlines()
    # Which versions there are is the broker's; how they are told is the tool's.
    holds(re.fullmatch(r"\S+ \(id: \d+ rack: null isFenced: false\) -> \(", lines[0]), lines[0])
    holds(lines[1].startswith("\tProduce(0): "), lines[1])
    holds(lines[-1] == ")" and len(lines) > 60, versions)
    # An API that the tool does not know has no version that it could use.
    shape = (r"\t(\w+\(\d+\): (UNSUPPORTED|\d+( to \d+)? \[usable: \d+\])"
             r"|UNKNOWN\(\d+\): \d+( to \d+)?),?")
    wrong = [line for line in lines[1:-1] if not re.fullmatch(shape, line)]
    equal(wrong, [], "lines of another shape")


def one_broker(text):
    """Node ids may differ between brokers."""
    return re.sub(r"^\d+ +", "1 ", text, flags=re.M)


def produced(run):
    """Lines of every kind, written by one console producer and read by one console consumer."""
    bench = run.bench
    topic = bench.topic("t", partitions=3)
    tabbed = ("--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
              "--reader-property", "null.marker=NULL")
    run("console-producer", "--topic", topic, *tabbed, "--producer-property", "acks=all",
        stdin="h1:v1,h2:NULL\tk1\tvalue one\nNULL\tk2\tNULL\r\nh:\tk3\tlast, without an end")
    everything = ("--from-beginning", "--timeout-ms", 60000, "--max-messages", 3)
    shown = [part for name in ("timestamp", "partition", "offset", "headers", "key", "value")
             for part in ("--formatter-property", f"print.{name}=true")]
    run("console-consumer", "--topic", topic, *everything, *shown, same=sorted_lines)
    run("console-consumer", "--topic", topic, *everything, "--property", "print.key=true",
        "--property", "key.separator= => ", "--property", "null.literal=nothing",
        same=sorted_lines)
    run("console-producer", "--topic", topic, *tabbed, stdin="no tab\n", code=1)
    # What comes before a refused line is written.
    run("console-producer", "--topic", topic, "--property", "parse.key=true",
        stdin="k9\tbefore\nno tab\n", code=1)
    equal(bench.end_offsets(topic, 3), 4)
    plain = bench.topic("plain")
    run("console-producer", "--topic", plain, "--sync", "--compression-codec", "zstd",
        "--batch-size", 1000, "--max-block-ms", 30000, "--request-timeout-ms", 30000,
        "--message-send-max-retries", 5, "--retry-backoff-ms", 50, "--metadata-expiry-ms", 1000,
        "--max-memory-bytes", 1000000, "--socket-buffer-size", 100000, "--timeout", 5,
        stdin="a\rb\n\nc\n")
    run("console-consumer", "--topic", plain, "--partition", 0, "--offset", 1,
        "--max-messages", 3, "--timeout-ms", 60000)
    run("console-consumer", "--topic", plain, "--partition", 0, "--offset", "earliest",
        "--max-messages", 1, "--timeout-ms", 60000, "--formatter-property", "print.partition=true")


def numbers(run):
    """Keys and values that are numbers, by Kafka's deserializers."""
    bench = run.bench
    topic = bench.topic("t")
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": bench.address})
    producer.produce(topic, key=(7).to_bytes(4, "big"), value=(1 << 40).to_bytes(8, "big"))
    producer.produce(topic, key=b"wrong", value=b"\0" * 8)
    equal(producer.flush(20), 0)
    serialization = "org.apache.kafka.common.serialization"
    run("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 2,
        "--timeout-ms", 60000, "--formatter-property", "print.key=true", "--skip-message-on-error",
        "--key-deserializer", f"{serialization}.IntegerDeserializer",
        "--value-deserializer", f"{serialization}.LongDeserializer",
        # Kafka's tool has printed what came before the key by then.
        same=lambda text: text.splitlines()[0])


def internal_topics(run):
    """Records of internal topics, by their formatters."""
    bench = run.bench
    topic, group = bench.topic("t"), bench.name("g")
    run("console-producer", "--topic", topic, stdin="one\n")
    run("console-consumer", "--topic", topic, "--group", group, "--from-beginning",
        "--max-messages", 1, "--timeout-ms", 60000)
    formatter = "org.apache.kafka.tools.consumer."
    for name in "Offsets", "GroupMetadata":
        everything = ("--from-beginning", "--timeout-ms", 10000)
        told = run("console-consumer", "--topic", "__consumer_offsets", *everything,
                   "--formatter", f"{formatter}{name}MessageFormatter", told=False)
        mine = [value for value in values(told) if '"g"' in json.dumps(value)]
        holds(mine, f"{name}: {told[-500:]}")
        # How often a group is written is the broker's; how a record looks is not.
        run.told.append([name, sorted(set(shape(value) for value in mine))])


def values(text):
    """The JSON values of a text; Kafka's formatters put nothing between them."""
    text = text.replace("TIME", "1")
    decoder, at, found = json.JSONDecoder(), 0, []
    while (at := text.find("{", at)) >= 0:
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def shape(value):
    """The names in a JSON value and what kind of value each has."""
    def of(value):
        if isinstance(value, dict):
            return {name: of(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [of(inner) for inner in value[:1]]
        return type(value).__name__
    return json.dumps(of(value))


def dumps(run):
    """Files of a partition: segments, indexes, snapshots, transaction indexes."""
    bench = run.bench
    root = os.environ.get("BROKER_LOG_DIR")
    if not root:
        raise Skip("BROKER_LOG_DIR is not set")
    topic = bench.topic("t", segment_bytes=1 << 20, index_interval_bytes=100)
    from confluent_kafka import Producer
    with_id = Producer({"bootstrap.servers": bench.address, "transactional.id": bench.name("x"),
                        "batch.num.messages": 1})
    with_id.init_transactions(30)
    for end in with_id.commit_transaction, with_id.abort_transaction:
        with_id.begin_transaction()
        for n in range(3):
            with_id.produce(topic, key=f"k{n}", value="v" * 60, headers=[("h", b"1")])
            with_id.flush(20)
        end(30)
    # Enough to close the first segment.
    filler = Producer({"bootstrap.servers": bench.address, "linger.ms": 50})
    for n in range(12):
        filler.produce(topic, value=os.urandom(99000))
        filler.flush(20)
    folder = Path(root) / f"{topic}-0"
    eventually(lambda: len(list(folder.glob("*.snapshot"))) > 0 and
               len(list(folder.glob("*.log"))) > 1, "the first segment is closed", 30)
    time.sleep(1.5)
    first = folder / f"{0:020}"
    for flags in (), ("--deep-iteration",), ("--print-data-log", "--max-bytes", "2000"):
        run("log dump", "--files", first.with_suffix(".log"), *flags, same=batches)
    run("log dump", "--files", first.with_suffix(".log"), "--skip-record-metadata",
        "--print-data-log", "--max-bytes", "2000", same=batches)
    run("log dump", "--files", first.with_suffix(".txnindex"), same=producers)
    snapshot = sorted(folder.glob("*.snapshot"))[-1]
    run("log dump", "--files", snapshot, same=producers)
    for kind in "index", "timeindex":
        file = first.with_suffix("." + kind)
        for flags in ("--verify-index-only",), ("--index-sanity-check",):
            run("log dump", "--files", file, *flags)
    run("log dump", "--files", first.with_suffix(".index"), same=first_entry)


def batches(text):
    """The batches of the two transactions: producer ids, checksums and markers' epochs aside."""
    text = re.sub(r"((?:producer|coordinator|partitionLeader)(?:Id|Epoch)): \d+", r"\1: N", text)
    text = re.sub(r"crc: \d+", "crc: N", text)
    return "".join(line + "\n" for line in text.splitlines()[:18])


def producers(text):
    text = re.sub(r"(producerId|producerEpoch|coordinatorEpoch): -?\d+", r"\1: N", text)
    text = re.sub(r"(lastOffset|offsetDelta|firstSequence|lastSequence|lastStableOffset|"
                  r"firstOffset): -?\d+", r"\1: N", text)
    return "".join(line.rstrip() + "\n" for line in sorted(set(text.splitlines())))


def first_entry(text):
    return "".join(re.sub(r"\d+", "N", line) + "\n" for line in text.splitlines()[:3])


def offsets(run):
    bench = run.bench
    topic = bench.topic("t", partitions=2)
    run("console-producer", "--topic", topic, "--reader-property", "parse.key=true",
        stdin="".join(f"k{n}\tv\n" for n in range(6)))
    for when in "latest", "earliest", "max-timestamp", "-1", "earliest-local", "latest-tiered":
        run("get-offsets", "--topic", topic, "--time", when,
            same=counted if when == "max-timestamp" else None)
    run("get-offsets", "--topic-partitions", f"{topic}:0-1")
    with tempfile.NamedTemporaryFile("w", suffix=".json", dir="/tmp") as file:
        json.dump({"partitions": [{"topic": topic, "partition": 0, "offset": 1}], "version": 1},
                  file)
        file.flush()
        run("delete-records", "--offset-json-file", file.name)
    run("get-offsets", "--topic", topic, "--time", "earliest")
    run("log-dirs", "--describe", "--topic-list", topic, same=log_dirs)


def counted(text):
    """Which of several records has the latest time is of the moment."""
    return re.sub(r":\d+$", ":N", text, flags=re.M)


def log_dirs(text):
    """Names and partitions have no order; folders and the rest are of the moment."""
    def in_order(line):
        told = json.loads(line)
        for broker in told["brokers"]:
            for log_dir in broker["logDirs"]:
                log_dir["partitions"].sort(key=lambda one: one["partition"])
        return json.dumps(told, sort_keys=True)
    text = "".join(f"{in_order(line) if line[0] == '{' else line}\n"
                   for line in text.splitlines() if line)
    text = re.sub(r'"logDir": "[^"]*"', '"logDir": "DIR"', text)
    # A record that comes a little later takes a byte more.
    text = re.sub(r'"size": \d+', '"size": N', text)
    return re.sub(r"\b1\b|\d{3,}", "N", text.replace("HOST:PORT", "HOST"))


def completions(bench):
    for shell in "bash", "zsh", "fish":
        told = bench.command(ottla_binary(), "completions", shell).stdout
        holds("console-consumer" in told and "under-min-isr-partitions" in told, shell)


def steps_told(bench, steps, kafka):
    runner = Runner(bench, kafka)
    steps(runner)
    return runner.told


def compared(steps, wanted):
    """A test out of steps; `wanted(bench)` is what Kafka's tools say to the same."""
    def test(bench):
        kafkas = wanted(bench, steps)
        ours = steps_told(bench, steps, kafka=False)
        for (step, told), (_, should) in zip(ours, kafkas):
            equal(told, should, step)
        equal(len(ours), len(kafkas), "steps")
    test.__name__ = steps.__name__
    return test


def recorded(bench, steps):
    all_told = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    if os.environ.get("RECORD"):
        bench.needs_kafka()
        all_told[steps.__name__] = steps_told(bench, steps, kafka=True)
        RECORDED.parent.mkdir(exist_ok=True)
        RECORDED.write_text(json.dumps(all_told, indent=1, ensure_ascii=False) + "\n")
    if steps.__name__ not in all_told:
        raise Skip("what Kafka's tools say to these steps is not recorded yet")
    return all_told[steps.__name__]


STEPS = [topics, configs, cluster, produced, numbers, tools_groups.groups, internal_topics, dumps,
         offsets, *tools_groups.STEPS]
TESTS = [compared(steps, recorded) for steps in STEPS] + [completions]
