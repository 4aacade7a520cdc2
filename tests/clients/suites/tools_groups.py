"""Steps of `tools` and `tools-beside` about groups and transactions.

Each leaves nothing behind that the other tools' turn would list.
"""

import contextlib
import re
import tempfile
import time

import wire
from run import equal, eventually
from suites.groups import confluent_consumer, fill, new_consumer, take
from suites.transactions import add_partitions, coordinated, end, latest, producer_of, send

# The times of records: an hour apart, long ago, so that every run finds the same ones.
STARTED_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
HOUR_MS = 3_600_000
VERIFIED = "transaction.partition.verification.enable"


def sorted_lines(text):
    return "".join(sorted(text.splitlines(keepends=True)))


def columns(text):
    """Columns as wide as need be, rows in any order; hosts and members are of the moment."""
    text = re.sub(r" +", " ", text)
    text = re.sub(r"[\w.:-]+:PORT \(\d+\)|HOST:PORT \(\d+\)", "COORDINATOR", text)
    return "\n".join(sorted(line.strip() for line in text.splitlines() if line.strip())) + "\n"


def members_of_now(text):
    """And without the ids of members, which clients make up."""
    text = re.sub(r"rdkafka-[0-9a-f-]{36}", "MEMBER", text)
    return columns(re.sub(r"(?<= )[\w+/=-]{22}(?= )", "MEMBER", text))


def unquoted(text):
    """Kafka's tool quotes names of more than 24 characters in what it exports; and it says of
    partitions that have nothing after a time that they are empty."""
    text = re.sub(r"^\s*Warn: Partition .* is empty\..*\n", "", text, flags=re.M)
    return columns(text.replace('"', ""))


def named_in_order(text):
    """Names within quotes have no order."""
    return re.sub(r"\(.*\)", lambda found: ", ".join(sorted(found[0][1:-1].split(", "))), text)


def mine(word):
    """Only the head and the rows about names with this word; a broker has others too, each perhaps
    with a head of its own."""
    def of(text):
        lines = {line for line in columns(text).splitlines() if line.startswith("GROUP ")
                 or word in line}
        return "".join(line + "\n" for line in sorted(lines))
    return of


def in_order(cell):
    return ",".join(sorted(cell.split(",")))


def without(*varying):
    """A table without the values of these columns, which are of the moment."""
    def of(text):
        head, *rows = [line.split() for line in text.splitlines() if line.strip()]
        rows = [["N" if name in varying else in_order(cell) for name, cell in zip(head, row)]
                for row in rows]
        return "".join(" ".join(row) + "\n" for row in [head] + sorted(rows))
    return of


@contextlib.contextmanager
def member(bench, group, topic, protocol, count):
    """Somebody who has all partitions of a topic, and has read and committed its records."""
    consumer = {"classic": confluent_consumer, "consumer": new_consumer}[protocol](bench, group)
    consumer.subscribe([topic])
    try:
        take(consumer, count)
        consumer.commit(asynchronous=False)
        yield consumer
    finally:
        consumer.close()


def groups(run):
    bench = run.bench
    topic, group = bench.topic("grouped", partitions=2), bench.name("g")
    run("console-producer", "--topic", topic, "--reader-property", "parse.key=true",
        stdin="".join(f"k{n}\tv{n}\n" for n in range(10)))
    read = ("console-consumer", "--group", group, "--timeout-ms", 60000)
    run(*read, "--topic", topic, "--from-beginning", "--max-messages", 10, same=sorted_lines)
    describe = ("consumer-groups", "--describe", "--group", group)
    run(*describe, same=columns)
    run(*describe, "--state", same=columns)
    run("console-producer", "--topic", topic, "--reader-property", "parse.key=true",
        stdin="k3\tmore\n")
    # It goes on where it was, not at the beginning.
    run(*read, "--topic", topic, "--from-beginning", "--max-messages", 1)
    run("consumer-groups", "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest",
        "--execute", same=columns)
    # A pattern that no topic of the other tools' turn is caught by.
    run(*read, "--include", f"{topic}.?", "--max-messages", 11, "--consumer-property",
        "group.protocol=consumer", same=sorted_lines)
    run("consumer-groups", "--describe", "--group", group, "--offsets", same=columns)
    run("consumer-groups", "--delete", "--group", group)


def where_a_group_begins(run):
    """`auto.offset.reset` of groups that have committed nothing, in both protocols."""
    bench = run.bench
    topic = bench.topic("t", retention_ms=-1)
    timed(bench, topic, 1)
    for protocol in "classic", "consumer":
        def read(reset, *flags, group=None, **how):
            return run("console-consumer", "--topic", topic, "--group", group or bench.name("g"),
                       "--consumer-property", f"auto.offset.reset={reset}",
                       "--consumer-property", f"group.protocol={protocol}", *flags, **how)

        few = ("--timeout-ms", 10000)
        many = ("--timeout-ms", 60000, "--max-messages")
        equal(read("none", *few, code=None,
                   says=f"Undefined offset with no reset policy for partitions: [{topic}-0]"), "")
        equal(read("earliest", *many, 1), "old\n")
        # Five records are older than an hour.
        equal(read("by_duration:PT1H", *many, 1), "new\n")
        equal(read("by_duration:P10000D", *many, 5), "old\n" * 5)
        # What is there when it begins is not for this one, now or later.
        latest = bench.name("latest")
        equal(read("latest", *few, group=latest), "")
        fill(bench, topic, 1, 1)
        equal(read("none", *many, 1, group=latest), "0\n")


def groups_of_all_kinds(run):
    bench = run.bench
    topic = bench.topic("t")
    fill(bench, topic, 1, 3)
    old, new = bench.name("kindsclassic"), bench.name("kindsconsumer")
    with member(bench, old, topic, "classic", 3), \
            member(bench, new, topic, "consumer", 3):
        for flags in ((), ("--group-type", "classic"), ("--group-type", "consumer"),
                      ("--group-type", "share"), ("--group-type", "streams"),
                      ("--protocol", "consumer"), ("--protocol", "nobodys"), ("--consumer",),
                      ("--group-type", "classic", "--protocol", "consumer"), ("--share",),
                      ("--streams",)):
            run("groups", "--list", *flags, same=mine("kinds"))
        for flags in ((), ("--state",), ("--type",), ("--state", "--type"), ("--state", "stable"),
                      ("--state", "empty"), ("--type", "classic"), ("--type", "consumer"),
                      ("--state", "Stable,Empty", "--type", "consumer,classic")):
            run("consumer-groups", "--list", *flags, same=mine("kinds"))
    empty = ("consumer-groups", "--list", "--state", "empty")
    run.bench.soon(lambda: run(*empty, same=mine("kinds"), told=False).count("kinds") == 2, "left")
    run(*empty, same=mine("kinds"))
    for wrong in (("consumer-groups", "--list", "--state", "nonsense"),
                  ("consumer-groups", "--list", "--type", "nonsense"),
                  ("groups", "--list", "--group-type", "nonsense")):
        run(*wrong, code=1)
    run("consumer-groups", "--delete", "--group", old, "--group", new, same=named_in_order)
    run("consumer-groups", "--validate-regex", "a.*b")


def members_of_groups(run):
    bench = run.bench
    topic = bench.topic("t", partitions=2)
    fill(bench, topic, 2, 3)
    for protocol in "classic", "consumer":
        group = bench.name(f"members{protocol}")
        describe = ("consumer-groups", "--describe", "--group", group)
        with member(bench, group, topic, protocol, 6):
            for flags in ("--members",), ("--offsets", "--verbose"), ("--state",):
                run(*describe, *flags, same=members_of_now)
            # How many epochs there were by now is of the moment too.
            varying = () if protocol == "classic" else ("CURRENT-EPOCH", "TARGET-EPOCH")
            run(*describe, "--members", "--verbose", same=without("CONSUMER-ID", *varying))
            run(*describe, "--state", "--verbose",
                same=without("COORDINATOR", "(ID)", "GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"))
            # Nobody moves it under its members.
            run("consumer-groups", "--reset-offsets", "--group", group, "--topic", topic,
                "--to-earliest", "--execute", code=None, told=False)
            run(*describe, same=members_of_now)
        for flags in (), ("--members",), ("--members", "--verbose"), ("--state",):
            run(*describe, *flags, same=columns)
            run("consumer-groups", "--describe", "--all-groups", *flags, same=mine("members"))
        run("consumer-groups", "--delete-offsets", "--group", group, "--topic", f"{topic}:1",
            same=columns)
        run(*describe, same=columns)
        run("consumer-groups", "--delete", "--group", group)


def resets(run):
    """Offsets go where each flag says, are exported, and go back to what a file says."""
    bench = run.bench
    topic, other = bench.topic("t", partitions=2, retention_ms=-1), bench.topic("u")
    timed(bench, topic)
    fill(bench, other, 1, 4)
    group, second = bench.name("resetsone"), bench.name("resetstwo")

    def reset(*flags, of=("--topic", topic), by=("--group", group), code=0, same=unquoted):
        return run("consumer-groups", "--reset-offsets", *by, *of, *flags, code=code, same=same)

    reset("--to-earliest")
    reset("--to-latest", "--dry-run")
    reset("--to-latest", "--execute")
    reset("--to-offset", 3, "--execute")
    reset("--to-offset", 99)
    reset("--to-offset", 5, of=("--topic", f"{topic}:1"))
    for count in -2, 2, -99, 99:
        reset("--shift-by", count)
    reset("--shift-by", -1, "--execute")
    # A time between records, one of a record, before and after all; zones.
    for when in ("2023-11-15T01:00:00.000", "2023-11-15T00:13:20.000", "2023-11-15T00:13:20.000Z",
                 "2023-11-15T00:13:20.000+01:00", "2020-01-01T00:00:00.000",
                 "2099-01-01T00:00:00.000"):
        reset("--to-datetime", when)
    for back in "P10000D", "PT1H", "PT0S":
        reset("--by-duration", back)
    reset("--to-current", "--execute")
    reset("--to-offset", 1, "--execute", of=("--topic", other))
    reset("--to-latest", "--execute", by=("--group", second))
    # All topics are those with an offset; several groups and topics at once.
    reset("--shift-by", 1, of=("--all-topics",))
    reset("--to-current", of=("--topic", f"{topic}:0", "--topic", other))
    reset("--to-earliest", by=("--group", group, "--group", second))
    reset("--to-earliest", by=("--all-groups",), same=mine("resets"))
    reset("--to-earliest", of=(), code=1)
    exported(run, reset, topic, group, second)
    run("consumer-groups", "--delete", "--group", group, "--group", second, same=named_in_order)


def timed(bench, topic, partitions=2):
    """Five records an hour apart, long ago, and one of now, in each partition."""
    from confluent_kafka import Producer
    producer = Producer({"bootstrap.servers": bench.address})
    for partition in range(partitions):
        for n in range(5):
            producer.produce(topic, b"old", partition=partition, timestamp=STARTED_MS + n * HOUR_MS)
        producer.produce(topic, b"new", partition=partition)
    equal(producer.flush(30), 0, "left in the queue")


def exported(run, reset, topic, group, second):
    reset("--to-current", "--export")
    reset("--to-offset", 2, "--export", "--dry-run")
    many = ("--group", group, "--group", second)
    reset("--to-current", "--export", by=many)
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        def says(*lines):
            file.truncate(0)
            file.seek(0)
            file.write("".join(line + "\n" for line in lines))
            file.flush()

        says(f'"{topic}",0,4', f"{topic},1,99")
        reset("--from-file", file.name, "--dry-run", of=())
        reset("--from-file", file.name, "--execute", of=())
        says(f"{group},{topic},0,1", f"{second},{topic},1,2")
        reset("--from-file", file.name, "--execute", of=(), by=many)
    for one in group, second:
        run("consumer-groups", "--describe", "--group", one, same=columns)


def transactions(run):
    bench = run.bench
    topic, name = bench.topic("t", partitions=2), bench.name("txns")
    producer = producer_of(bench, name, transaction_timeout_ms=600_000)
    producer.begin_transaction()
    send(producer, topic, [b"a"])
    send(producer, topic, [b"b"], 1)

    def told(*arguments, varying=()):
        run("transactions", *arguments,
            same=without("ProducerId", "TransactionStartTimeMs", "TransactionDurationMs",
                         "LastTimestamp", "ProducerEpoch", *varying))
    pattern = ("list", "--transactional-id-pattern", f".*{name}")
    told(*pattern)
    told(*pattern, "--duration-filter", -1)
    told(*pattern, "--duration-filter", 600_000)
    told("list", "--transactional-id-pattern", "nobody")
    told("describe", "--transactional-id", name)
    for flags in (), ("--broker-id", 1):
        told("describe-producers", "--topic", topic, "--partition", 0, *flags)
    told("find-hanging", "--broker-id", 1, "--topic", topic)
    told("find-hanging", "--topic", topic, "--partition", 0, "--max-transaction-timeout", 1)
    run("transactions", "forceTerminateTransaction", "--transactionalId", name)
    eventually(lambda: latest(bench, topic, True) == 2, "aborted")
    told(*pattern)
    # Kafka's tool fences with its own timeout, ours with the producer's.
    told("describe", "--transactional-id", name, varying=("TransactionTimeoutMs",))
    told("describe-producers", "--topic", topic, "--partition", 1)
    for refused in (("describe", "--transactional-id", bench.name("nobody")),
                    ("abort", "--topic", topic, "--partition", 0, "--start-offset", 0)):
        run("transactions", *refused, code=1)


def a_hanging_transaction(run):
    """Data of a transaction that no coordinator knows, which only an unverified one can leave."""
    bench = run.bench
    topic, name = bench.topic("t", retention_ms=-1), bench.name("hangs")
    brokers = ("configs", "--alter", "--entity-type", "brokers", "--entity-default")
    run(*brokers, "--add-config", f"{VERIFIED}=false", told=False)
    try:
        with wire.Connection(bench.address) as connection:
            producer = coordinated(connection, name)
            records = wire.batch([b"hangs"], *producer, 0, attributes=0x10, timestamp=STARTED_MS)

            def produced():
                code = connection.produce(topic, 0, records, version=8, transactional_id=name)[0]
                return code == 0
            eventually(produced, "it is not verified any more", 30)
    finally:
        run(*brokers, "--delete-config", VERIFIED, told=False)
    varying = without("ProducerId", "LastTimestamp", "Duration(min)")
    for flags in ("--broker-id", 1), ("--topic", topic), ("--topic", topic, "--partition", 0):
        run("transactions", "find-hanging", *flags, same=varying)
    run("transactions", "describe-producers", "--topic", topic, "--partition", 0, same=varying)
    run("transactions", "abort", "--topic", topic, "--partition", 0, "--start-offset", 0)
    eventually(lambda: latest(bench, topic, True) == 2, "aborted")
    run("transactions", "find-hanging", "--topic", topic, same=varying)


STEPS = [where_a_group_begins, groups_of_all_kinds, members_of_groups, resets, transactions,
         a_hanging_transaction]
