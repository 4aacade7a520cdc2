"""Idempotent producers: the defaults of Java and librdkafka, and the sequence rules themselves."""

import re

import wire
from run import equal, holds

NONE, UNKNOWN_PRODUCER_ID, OUT_OF_ORDER, INVALID_EPOCH = 0, 59, 45, 47
DUPLICATE = 46


def java_producer(bench):
    topic = bench.topic()
    bench.tool("verifiable-producer", "--topic", topic, "--max-messages", 20000, "--acks", -1)
    got = bench.kcat("-C", "-t", topic, "-e", "-q").stdout.split()
    equal(got == [str(i) for i in range(20000)], True, "20,000 numbers once and in order")


def librdkafka_producers(bench):
    """The distribution's librdkafka and the newest, many small batches in flight."""
    topic, lines = bench.topic(), [f"{i}" for i in range(50000)]
    bench.kcat("-P", "-t", topic, "-X", "enable.idempotence=true", "-X", "batch.num.messages=100",
               "-X", "linger.ms=1", stdin="\n".join(lines) + "\n")
    equal(bench.kcat("-C", "-t", topic, "-e", "-q").stdout.split() == lines, True, "kcat")
    from confluent_kafka import Producer
    topic = bench.topic(partitions=8)
    producer = Producer({"bootstrap.servers": bench.address, "enable.idempotence": True,
                         "linger.ms": 0, "batch.num.messages": 50})
    for i in range(40000):
        while True:
            try:
                producer.produce(topic, b"%d" % i, partition=i % 8)
                break
            except BufferError:
                producer.poll(0.1)
    equal(producer.flush(30), 0)
    for p in range(8):
        got = bench.kcat("-C", "-t", topic, "-p", p, "-e", "-q").stdout.split()
        equal(got == [str(i) for i in range(p, 40000, 8)], True, f"partition {p}")


def producer_ids_are_unique(bench):
    with wire.Connection(bench.address) as connection:
        answers = [connection.init_producer_id() for _ in range(50)]
    equal({(error, epoch) for error, _, epoch in answers}, {(0, 0)})
    equal(len({producer for _, producer, _ in answers}), 50)


def a_repeated_batch_is_answered_with_its_first_offset(bench):
    topic = bench.topic()
    with wire.Connection(bench.address) as connection:
        _, producer, epoch = connection.init_producer_id()
        sent = [wire.batch([b"a", b"b"], producer, epoch, sequence=2 * i) for i in range(5)]
        first = [connection.produce(topic, 0, records) for records in sent]
        equal(first, [(NONE, 2 * i) for i in range(5)])
        again = [connection.produce(topic, 0, records) for records in sent]
        equal(again, first, "the last five batches are known")
        equal(connection.end_offset(topic, 0), 10, "and were not written again")


def a_batch_older_than_the_last_five_is_a_duplicate(bench):
    topic = bench.topic()
    with wire.Connection(bench.address) as connection:
        _, producer, epoch = connection.init_producer_id()
        sent = [wire.batch([b"a"], producer, epoch, sequence=i) for i in range(8)]
        for records in sent:
            equal(connection.produce(topic, 0, records)[0], NONE)
        error, _ = connection.produce(topic, 0, sent[0])
        holds(error in (DUPLICATE, OUT_OF_ORDER), f"error {error}")
        equal(connection.end_offset(topic, 0), 8)


def a_gap_is_refused(bench):
    topic = bench.topic()
    with wire.Connection(bench.address) as connection:
        _, producer, epoch = connection.init_producer_id()
        equal(connection.produce(topic, 0, wire.batch([b"a"], producer, epoch, 0)), (NONE, 0))
        late = wire.batch([b"c"], producer, epoch, 2)
        equal(connection.produce(topic, 0, late)[0], OUT_OF_ORDER)
        equal(connection.produce(topic, 0, wire.batch([b"b"], producer, epoch, 1)), (NONE, 1))
        equal(connection.produce(topic, 0, late), (NONE, 2))


def an_old_epoch_is_fenced(bench):
    topic = bench.topic()
    with wire.Connection(bench.address) as connection:
        _, producer, _ = connection.init_producer_id()
        equal(connection.produce(topic, 0, wire.batch([b"a"], producer, 3, 0)), (NONE, 0))
        error, _ = connection.produce(topic, 0, wire.batch([b"b"], producer, 2, 0))
        equal(error, INVALID_EPOCH)
        equal(connection.produce(topic, 0, wire.batch([b"c"], producer, 4, 0)), (NONE, 1))
        error, _ = connection.produce(topic, 0, wire.batch([b"d"], producer, 5, 7))
        equal(error, OUT_OF_ORDER, "a new epoch starts at 0")


def sequences_wrap(bench):
    """After 2³¹-1 comes 0."""
    topic, top = bench.topic(), 2**31 - 1
    with wire.Connection(bench.address) as connection:
        _, producer, epoch = connection.init_producer_id()
        # A producer the partition doesn't know may start anywhere.
        equal(connection.produce(topic, 0, wire.batch([b"a"], producer, epoch, top)), (NONE, 0))
        equal(connection.produce(topic, 0, wire.batch([b"b"], producer, epoch, 0)), (NONE, 1))


def perf_test_is_idempotent_by_default(bench):
    topic = bench.topic()
    told = bench.tool("producer-perf-test", "--topic", topic, "--num-records", 50000,
                      "--record-size", 50, "--throughput", -1).stdout
    holds(re.search("50000 records sent", told), told)
    with wire.Connection(bench.address) as connection:
        _, _, data = connection.fetch(topic, 0, 0)
    _, _, _, raw = next(wire.batches(data))
    producer = int.from_bytes(raw[43:51], "big", signed=True)
    holds(producer >= 0, f"the batch carries a producer id: {producer}")
    equal(bench.end_offsets(topic), 50000)


TESTS = [java_producer, librdkafka_producers, producer_ids_are_unique,
         a_repeated_batch_is_answered_with_its_first_offset,
         a_batch_older_than_the_last_five_is_a_duplicate, a_gap_is_refused, an_old_epoch_is_fenced,
         sequences_wrap, perf_test_is_idempotent_by_default]
