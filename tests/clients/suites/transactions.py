"""Transactions: committed once, aborted never seen, zombies fenced, whoever dies in between."""

import os
import re
import struct
import threading
import time

import wire
from confluent_kafka import (OFFSET_BEGINNING, Consumer, IsolationLevel, KafkaError,
                             KafkaException, Producer, TopicPartition)
from confluent_kafka.admin import OffsetSpec
from run import Skip, equal, eventually, holds, raises

(NONE, UNKNOWN_TOPIC, OUT_OF_ORDER, INVALID_EPOCH, INVALID_TXN_STATE, INVALID_MAPPING,
 INVALID_TIMEOUT, ID_AUTHORIZATION, NOT_ATTEMPTED) = 0, 3, 45, 47, 48, 49, 50, 53, 55
CONCURRENT, FENCED, ID_NOT_FOUND, BAD_REGEX = 51, 90, 105, 128
TRANSACTIONAL = 0x10
ADD_PARTITIONS, END_TXN, WRITE_MARKERS, LIST_TRANSACTIONS, FIND_COORDINATOR = 24, 26, 27, 66, 10


def producer_of(bench, transactional_id, address=None, **config):
    settings = {"bootstrap.servers": address or bench.address, "transactional.id": transactional_id,
                "linger.ms": 1} | {k.replace("_", "."): v for k, v in config.items()}
    producer = Producer(settings)
    producer.init_transactions(60)
    return producer


def consumer_of(bench, isolation="read_committed", address=None, **config):
    settings = {"bootstrap.servers": address or bench.address, "group.id": "none",
                "enable.auto.commit": False, "enable.partition.eof": True,
                "auto.offset.reset": "earliest", "isolation.level": isolation}
    return Consumer(settings | {k.replace("_", "."): v for k, v in config.items()})


def read(bench, topic, partitions=1, isolation="read_committed", seconds=30, address=None):
    """Values of each partition, from its start to its end as this isolation sees it."""
    consumer = consumer_of(bench, isolation, address)
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])
    got, ends, until = [[] for _ in range(partitions)], set(), time.monotonic() + seconds
    while len(ends) < partitions:
        holds(time.monotonic() < until, f"all ends within {seconds} s")
        for message in consumer.consume(1000, 0.5):
            if message.error() is None:
                got[message.partition()].append(message.value())
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ends.add(message.partition())
            else:
                raise AssertionError(message.error())
    consumer.close()
    return got


def latest(bench, topic, committed):
    isolation = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    asked = {TopicPartition(topic, 0): OffsetSpec.latest()}
    told = bench.admin().list_offsets(asked, isolation_level=isolation)
    return next(iter(told.values())).result(15).offset


def send(producer, topic, values, partition=0):
    for value in values:
        producer.produce(topic, value, partition=partition)
    equal(producer.flush(30), 0, "left in the queue")


def what_commits_is_read_and_what_aborts_is_not(bench):
    topic, other = bench.topic(partitions=2), bench.topic()
    producer = producer_of(bench, bench.name("id"))
    wanted = [[], []]
    for number in range(20):
        producer.begin_transaction()
        values = [b"%d-%d" % (number, i) for i in range(10)]
        for partition in range(2):
            send(producer, topic, values, partition)
        send(producer, other, values)
        if number % 3 == 2:
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            wanted = [w + values for w in wanted]
    equal(read(bench, topic, 2), wanted, "read_committed")
    equal(read(bench, other), wanted[:1], "another topic of the same transactions")
    everything = read(bench, topic, 2, "read_uncommitted")
    equal([len(values) for values in everything], [200, 200], "read_uncommitted")
    # Each end takes an offset of its own.
    equal(latest(bench, topic, True), 220)


def an_open_transaction_holds_readers(bench):
    topic = bench.topic()
    producer = producer_of(bench, bench.name("id"))
    producer.begin_transaction()
    send(producer, topic, [b"a"] * 5)
    plain = Producer({"bootstrap.servers": bench.address})
    plain.produce(topic, b"plain", partition=0)
    equal(plain.flush(10), 0)
    equal(latest(bench, topic, True), 0, "the last stable offset")
    equal(latest(bench, topic, False), 6, "the high watermark")
    equal(read(bench, topic), [[]], "read_committed waits for the transaction")
    equal(len(read(bench, topic, isolation="read_uncommitted")[0]), 6)
    producer.commit_transaction(30)
    # EndTxn is answered when the end is decided; the marker follows.
    eventually(lambda: latest(bench, topic, True) == 7, "stable to the end")
    equal(read(bench, topic), [[b"a"] * 5 + [b"plain"]])


def a_waiting_reader_wakes_at_the_commit(bench):
    topic = bench.topic()
    producer = producer_of(bench, bench.name("id"))
    producer.begin_transaction()
    send(producer, topic, [b"a"])
    consumer = consumer_of(bench, fetch_wait_max_ms=20000, socket_timeout_ms=60000)
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    end = eventually(lambda: consumer.poll(5), "the end of what is stable", 30)
    equal(end.error().code(), KafkaError._PARTITION_EOF)
    time.sleep(1)
    started = time.monotonic()
    threading.Timer(0.5, lambda: producer.commit_transaction(30)).start()
    message = None
    while message is None or message.error() is not None:
        message = consumer.poll(15)
        holds(time.monotonic() < started + 10, "the record comes long before the fetch ends")
    equal(message.value(), b"a")
    consumer.close()


def a_new_instance_fences_the_old_one(bench):
    topic, name = bench.topic(), bench.name("id")
    old = producer_of(bench, name)
    old.begin_transaction()
    send(old, topic, [b"zombie"])
    new = producer_of(bench, name)
    new.begin_transaction()
    send(new, topic, [b"new"])
    error = raises(KafkaException, lambda: old.commit_transaction(30)).args[0]
    holds(error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED,
                           KafkaError.INVALID_PRODUCER_EPOCH), f"fenced: {error}")
    holds(error.fatal(), "and for good")
    new.commit_transaction(30)
    eventually(lambda: read(bench, topic) == [[b"new"]], "only the new one's")


def a_transaction_is_aborted_when_its_time_is_up(bench):
    topic, name = bench.topic(), bench.name("id")
    producer = producer_of(bench, name, transaction_timeout_ms=1000, message_timeout_ms=900)
    producer.begin_transaction()
    send(producer, topic, [b"late"])
    plain = Producer({"bootstrap.servers": bench.address})
    plain.produce(topic, b"plain", partition=0)
    equal(plain.flush(10), 0)
    # Kafka looks every ten seconds.
    eventually(lambda: latest(bench, topic, True) == 3, "aborted", 25)
    equal(read(bench, topic), [[b"plain"]])
    raises(KafkaException, lambda: producer.commit_transaction(30))
    again = producer_of(bench, name)
    again.begin_transaction()
    send(again, topic, [b"again"])
    again.commit_transaction(30)
    eventually(lambda: read(bench, topic) == [[b"plain", b"again"]], "it goes on")


def many_producers_at_once(bench):
    """Eight producers, three partitions, commits and aborts mixed: exactly what was committed."""
    topic = bench.topic(partitions=3)
    wanted, lock, failed = [[] for _ in range(3)], threading.Lock(), []

    def work(number):
        try:
            producer = producer_of(bench, bench.prefix + f"-many-{number}")
            for turn in range(15):
                producer.begin_transaction()
                sent = [(p, b"%d-%d-%d-%d" % (number, turn, p, i))
                        for p in range(3) if (turn + p + number) % 4 for i in range(5)]
                for partition, value in sent:
                    producer.produce(topic, value, partition=partition)
                if (turn + number) % 5 == 0:
                    producer.flush(30)
                    producer.abort_transaction(30)
                    continue
                producer.commit_transaction(30)
                with lock:
                    for partition, value in sent:
                        wanted[partition].append(value)
        except Exception as error:  # noqa: BLE001: told below
            failed.append(error)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    equal(failed, [])
    wanted = [sorted(values) for values in wanted]
    eventually(lambda: [sorted(v) for v in read(bench, topic, 3)] == wanted, "all that committed")
    for values in read(bench, topic, 3):
        for number in range(8):
            mine = [tuple(map(int, v.split(b"-"))) for v in values if v.startswith(b"%d-" % number)]
            equal(mine, sorted(mine), "each producer's in order")


def consume_transform_produce(bench):
    """Offsets commit with the output: an aborted turn is done again, a committed one is not."""
    source, target, group = bench.topic(), bench.topic(), bench.name("group")
    plain = Producer({"bootstrap.servers": bench.address})
    for number in range(100):
        plain.produce(source, b"%d" % number, partition=0)
    equal(plain.flush(20), 0)
    aborted = 0
    for life in range(4):
        consumer = consumer_of(bench, group_id=group, enable_partition_eof=False)
        consumer.subscribe([source])
        producer = producer_of(bench, group + "-id")
        for turn in range(5):
            messages = []
            until = time.monotonic() + 20
            while len(messages) < 5 and time.monotonic() < until:
                messages += [m for m in consumer.consume(5 - len(messages), 1) if not m.error()]
            if not messages:
                break
            producer.begin_transaction()
            for message in messages:
                producer.produce(target, message.value(), partition=0)
            position = consumer.position(consumer.assignment())
            producer.send_offsets_to_transaction(position, consumer.consumer_group_metadata(), 30)
            if turn == 2:
                producer.abort_transaction(30)
                aborted += 1
                break
            producer.commit_transaction(30)
        consumer.close()
    holds(aborted >= 3, f"{aborted} turns aborted")
    got = read(bench, target)[0]
    holds(len(got) >= 30, f"{len(got)} came through")
    equal(got, [b"%d" % i for i in range(len(got))], "each once, in order")


def a_transaction_outlives_the_broker(bench):
    """kill -9 in the middle, again and again: commits that were answered are there, once."""
    from broker import Broker
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set")
    with Broker(kind) as broker:
        # A loaded machine may take its time to start a broker again.
        producer = producer_of(bench, "outlives", broker.address, transaction_timeout_ms=600_000)
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": broker.address})
        admin.create_topics([NewTopic("t", 2, 1)])["t"].result(20)
        wanted, number = [[], []], 0
        for life in range(2):
            for turn in range(8):
                values = [b"%d" % (number + i) for i in range(10)]
                number += 10
                producer.begin_transaction()
                for partition in range(2):
                    for value in values:
                        producer.produce("t", value, partition=partition)
                if turn in (4, 7):
                    producer.flush(30)
                if turn == 7:
                    # The end of this one is asked for while nobody is there. Its data is: an
                    # end without any, which the client cannot tell, is INVALID_TXN_STATE.
                    broker.kill()
                    starter = threading.Timer(0.5, broker.start, [120])
                    starter.start()
                if turn % 3 == 2:
                    producer.flush(120)
                    producer.abort_transaction(120)
                else:
                    producer.commit_transaction(120)
                    wanted = [w + values for w in wanted]
            starter.join()
        eventually(lambda: read(bench, "t", 2, address=broker.address) == wanted,
                   "exactly what was committed", 30)


def transactions_half_ended_are_ended_after_a_kill(bench):
    """kill -9 while many commit: what was decided is carried out by the next start, whichever part
    of the broker starts first, and nobody's id stays taken."""
    from broker import Broker
    kind = os.environ.get("BROKER_KIND")
    if not kind:
        raise Skip("BROKER_KIND is not set")
    names = [f"half-{number}" for number in range(12)]
    partitions = list(range(8))
    with Broker(kind) as broker:
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": broker.address})
        admin.create_topics([NewTopic("t", len(partitions), 1)])["t"].result(20)
        for _ in range(3):
            connections = [wire.Connection(broker.address) for _ in names]
            producers = [coordinated(*pair) for pair in zip(connections, names)]
            for connection, name, producer in zip(connections, names, producers):
                codes = add_partitions(connection, name, producer, "t", partitions)
                equal(codes, [NONE] * len(partitions), "AddPartitionsToTxn")
            for connection, name, producer in zip(connections, names, producers):
                body = wire.string(name) + struct.pack(">qhb", *producer, True)
                connection.send_request(END_TXN, 2, body)
            # One of them is decided by now; the others are somewhere in between.
            connections[0].response()
            broker.kill()
            for connection in connections:
                connection.close()
            broker.start(120)
        with wire.Connection(broker.address) as connection:
            for name in names:
                coordinated(connection, name)


# What clients never send, or only old ones.

def coordinated(connection, transactional_id, timeout=60000, wanted=NONE):
    """FindCoordinator v1 and InitProducerId v1: producer id and epoch."""
    def found():
        body = wire.string(transactional_id) + b"\1"
        return struct.unpack(">h", connection.ask(FIND_COORDINATOR, 1, body)[4:6])[0] == 0
    eventually(found, "there is a coordinator", 30)

    def init():
        body = wire.string(transactional_id) + struct.pack(">i", timeout)
        answer = connection.ask(wire.INIT_PRODUCER_ID, 1, body)
        error, *producer = struct.unpack(">hqh", answer[4:16])
        return error not in (14, 15, 16, CONCURRENT) and (error, producer)
    error, producer = eventually(init, "a coordinator that is loaded", 30)
    equal(error, wanted, "InitProducerId")
    return producer


def add_partitions(connection, transactional_id, producer, topic, partitions):
    """AddPartitionsToTxn v2: the code of each partition in their order (Kafka's answer has none),
    once nothing is being ended any more."""
    body = (wire.string(transactional_id) + struct.pack(">qhi", *producer, 1) + wire.string(topic)
            + struct.pack(f">i{len(partitions)}i", len(partitions), *partitions))

    def asked():
        answer = connection.ask(ADD_PARTITIONS, 2, body)
        rows = answer[4 + 4 + 2 + len(topic.encode()) + 4:]
        codes = [code for _, code in sorted(struct.iter_unpack(">ih", rows))]
        return CONCURRENT not in codes and codes
    return eventually(asked, "the transaction before is over", 30)


def end(connection, transactional_id, producer, commit):
    """EndTxn v2."""
    body = wire.string(transactional_id) + struct.pack(">qhb", *producer, commit)
    return struct.unpack(">h", connection.ask(END_TXN, 2, body)[4:6])[0]


def transactional(values, producer, sequence):
    return wire.batch(values, *producer, sequence, attributes=TRANSACTIONAL)


def ends_without_a_transaction_are_refused(bench):
    name = bench.name("id")
    with wire.Connection(bench.address) as connection:
        producer = coordinated(connection, name)
        equal(end(connection, name, producer, True), INVALID_TXN_STATE, "nothing to commit")
        equal(end(connection, name, producer, False), INVALID_TXN_STATE, "nothing to abort")
        equal(end(connection, name, [producer[0] + 12345, 0], True), INVALID_MAPPING)
        equal(end(connection, name, [producer[0], 7], True), FENCED)
        equal(end(connection, bench.name("nobody"), producer, True) in (INVALID_MAPPING, 16), True)
        coordinated(connection, bench.name("id"), timeout=0, wanted=INVALID_TIMEOUT)
        coordinated(connection, bench.name("id"), timeout=900_001, wanted=INVALID_TIMEOUT)


def partitions_that_are_not_there_join_no_transaction(bench):
    topic, name = bench.topic(), bench.name("id")
    with wire.Connection(bench.address) as connection:
        producer = coordinated(connection, name)
        codes = add_partitions(connection, name, producer, topic, [0, 9])
        equal(codes, [NOT_ATTEMPTED, UNKNOWN_TOPIC])
        equal(add_partitions(connection, name, producer, "no-such-topic", [0]), [UNKNOWN_TOPIC])
        equal(end(connection, name, producer, True), INVALID_TXN_STATE, "nothing was added")
        equal(add_partitions(connection, name, producer, topic, [0]), [NONE])
        fenced = add_partitions(connection, name, [producer[0], producer[1] + 1], topic, [0])
        equal(fenced, [FENCED])
        other = add_partitions(connection, name, [producer[0] + 999, 0], topic, [0])
        equal(other, [INVALID_MAPPING])
        equal(end(connection, name, producer, False), NONE)


def data_outside_of_a_transaction_is_refused(bench):
    """Partitions not added, ended transactions, other epochs: nothing lands that would hang."""
    topic, name = bench.topic(), bench.name("id")

    def produce(records, who=name):
        return connection.produce(topic, 0, records, version=8, transactional_id=who)[0]
    with wire.Connection(bench.address) as connection:
        producer = coordinated(connection, name)
        first = transactional([b"a"], producer, 0)
        equal(produce(first, None), ID_AUTHORIZATION, "no transactional id")
        equal(produce(first), INVALID_TXN_STATE, "the partition was not added")
        equal(add_partitions(connection, name, producer, topic, [0]), [NONE])
        equal(produce(first), NONE)
        equal(produce(first), NONE, "a retry")
        equal(connection.end_offset(topic, 0), 1, "which is not written again")
        equal(produce(transactional([b"c"], producer, 2)), OUT_OF_ORDER, "a gap")
        equal(produce(wire.batch([b"b"], *producer, 1)), INVALID_TXN_STATE, "not transactional")
        equal(produce(transactional([b"b"], producer, 1)), NONE)
        equal(end(connection, name, producer, True), NONE)
        # Kafka and Ottla know at once or after the marker.
        eventually(lambda: latest(bench, topic, True) == 3, "committed")
        equal(produce(transactional([b"late"], producer, 2)), INVALID_TXN_STATE, "it has ended")
        zombie = producer
        producer = coordinated(connection, name)
        equal(producer, [zombie[0], zombie[1] + 1])
        equal(add_partitions(connection, name, producer, topic, [0]), [NONE])
        equal(produce(transactional([b"d"], producer, 0)), NONE)
        equal(produce(transactional([b"z"], zombie, 2)), INVALID_EPOCH, "a zombie")
        equal(end(connection, name, zombie, True), FENCED)
        equal(end(connection, name, producer, False), NONE)
        eventually(lambda: latest(bench, topic, True) == 5, "aborted")
        equal(end(connection, name, producer, False), NONE, "a retry")
        equal(end(connection, name, producer, True), INVALID_TXN_STATE, "the other way")
    equal(read(bench, topic), [[b"a", b"b"]])


def markers_end_a_hanging_transaction(bench):
    """What `kafka-transactions abort` sends."""
    topic, name = bench.topic(), bench.name("id")
    with wire.Connection(bench.address) as connection:
        coordinated(connection, name)
        producer = coordinated(connection, name)
        equal(add_partitions(connection, name, producer, topic, [0]), [NONE])
        records = transactional([b"hangs"], producer, 0)
        equal(connection.produce(topic, 0, records, version=8, transactional_id=name), (NONE, 0))
        equal(latest(bench, topic, True), 0)

        def mark(partition, epoch):
            # v1, flexible: the header and the body have tags.
            data = topic.encode()
            body = (b"\2" + struct.pack(">qhb", producer[0], epoch, 0) + b"\2"
                    + bytes([len(data) + 1]) + data + b"\2" + struct.pack(">i", partition) + b"\0"
                    + struct.pack(">i", 0) + b"\0" + b"\0")
            answer = connection.ask(WRITE_MARKERS, 1, b"\0" + body)
            return struct.unpack(">ih", answer[-10:-4])[1]
        equal(mark(5, producer[1]), UNKNOWN_TOPIC)
        equal(mark(0, producer[1]), NONE)
        equal(latest(bench, topic, True), 2)
        equal(mark(0, producer[1] - 1), INVALID_EPOCH)
    equal(read(bench, topic), [[]])


# Java: transactions v2 where the broker has them, and Kafka's own tool.

def java_producers_in_transactions(bench):
    topic = bench.topic(partitions=2)
    told = bench.tool("producer-perf-test", "--topic", topic, "--num-records", 4000,
                      "--record-size", 100, "--throughput", 2000, "--transactional-id",
                      bench.name("perf"), "--transaction-duration-ms", 100).stdout
    holds(re.search(r"4000 records sent", told), told)
    got = read(bench, topic, 2)
    equal(sum(len(values) for values in got), 4000, "read_committed")


def java_copies_exactly_once(bench):
    """Kafka's own copier, which aborts now and then; offsets in the same transactions."""
    source, target, count = bench.topic(), bench.topic(), 1000
    bench.kcat("-P", "-t", source, "-X", "acks=all", stdin="".join(f"{i}\n" for i in range(count)))
    bench.tool("org.apache.kafka.tools.TransactionalMessageCopier", "--input-topic", source,
               "--input-partition", 0, "--output-topic", target, "--transactional-id",
               bench.name("copier"), "--consumer-group", bench.name("group"),
               "--transaction-size", 50, "--enable-random-aborts", "--use-group-metadata",
               bootstrap="--broker-list")
    wanted = [[b"%d" % i for i in range(count)]]
    eventually(lambda: read(bench, target) == wanted, "each once, in order")


def transactions_tool(bench):
    topic, name = bench.topic(), bench.name("id")
    tool = "org.apache.kafka.tools.TransactionsCommand"
    producer = producer_of(bench, name, transaction_timeout_ms=600_000)
    producer.begin_transaction()
    send(producer, topic, [b"open"])

    def run(*arguments, **how):
        return bench.tool(tool, *arguments, **how).stdout
    listed = run("list")
    holds(re.search(rf"^{name}\s+\d+\s+\d+\s+Ongoing", listed, re.M), listed)
    holds(name in run("list", "--transactional-id-pattern", f".*{name[-9:]}"), "by pattern")
    holds(name not in run("list", "--duration-filter", "600000"), "by duration")
    told = run("describe", "--transactional-id", name)
    holds(re.search(rf"Ongoing\s+.*{topic}-0", told), told)
    told = run("describe-producers", "--topic", topic, "--partition", 0)
    row = told.splitlines()[1].split()
    equal(row[-1], "0", "where its transaction begins")
    hanging = run("find-hanging", "--broker-id", 1, "--max-transaction-timeout", 15)
    holds(topic not in hanging, hanging)
    run("abort", "--topic", topic, "--partition", 0, "--start-offset", 0)
    equal(latest(bench, topic, True), 2, "aborted")
    equal(read(bench, topic), [[]])


def transactions_are_listed_and_described(bench):
    topic, name = bench.topic(), bench.name("id")
    with wire.Connection(bench.address) as connection:
        coordinated(connection, name)

        def listed(state=None, version=0, tail=b""):
            names = b"\1" if state is None else b"\2" + bytes([len(state) + 1]) + state
            body = b"\0" + names + b"\1" + tail + b"\0"
            answer = connection.ask(LIST_TRANSACTIONS, version, body)
            return struct.unpack(">h", answer[5:7])[0], name.encode() in answer
        equal(listed(), (NONE, True))
        equal(listed(b"Empty"), (NONE, True))
        equal(listed(b"Ongoing"), (NONE, False))
        equal(listed(b"Nonsense"), (NONE, False))
        any_age = struct.pack(">q", -1)
        _, versions = connection.api_versions()
        if versions[LIST_TRANSACTIONS][1] >= 2:
            equal(listed(None, 2, any_age + bytes([len(name) + 1]) + name.encode()), (NONE, True))
            equal(listed(None, 2, any_age + b"\4abc"), (NONE, False))
            equal(listed(None, 2, any_age + b"\3[("), (BAD_REGEX, False))
    equal(read(bench, topic), [[]])


TESTS = [what_commits_is_read_and_what_aborts_is_not, an_open_transaction_holds_readers,
         a_waiting_reader_wakes_at_the_commit, a_new_instance_fences_the_old_one,
         a_transaction_is_aborted_when_its_time_is_up, many_producers_at_once,
         consume_transform_produce, a_transaction_outlives_the_broker,
         transactions_half_ended_are_ended_after_a_kill,
         ends_without_a_transaction_are_refused,
         partitions_that_are_not_there_join_no_transaction,
         data_outside_of_a_transaction_is_refused, markers_end_a_hanging_transaction,
         java_producers_in_transactions, java_copies_exactly_once, transactions_tool,
         transactions_are_listed_and_described]
