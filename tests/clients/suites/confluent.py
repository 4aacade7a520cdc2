"""confluent-kafka: the newest librdkafka, which negotiates the newest versions it knows."""

import json
import time

from confluent_kafka import (OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException,
                             Producer, TopicPartition)

from run import equal, eventually, holds, raises


def producer_of(bench, **config):
    settings = {"bootstrap.servers": bench.address}
    return Producer(settings | {k.replace("_", "."): v for k, v in config.items()})


def consumer_of(bench, **config):
    """Assigned by hand: the group is only a name it must have, nothing is committed."""
    settings = {"bootstrap.servers": bench.address, "group.id": "none", "enable.auto.commit": False,
                "enable.partition.eof": True, "auto.offset.reset": "earliest"}
    return Consumer(settings | {k.replace("_", "."): v for k, v in config.items()})


def read(consumer, partitions, seconds=15):
    """Everything up to the end of each partition."""
    consumer.assign(partitions)
    got, ends, until = [], set(), time.monotonic() + seconds
    while len(ends) < len(partitions):
        holds(time.monotonic() < until, f"all ends within {seconds} s ({len(got)} records)")
        for message in consumer.consume(1000, 0.5):
            if message.error() is None:
                got.append(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ends.add(message.partition())
            else:
                raise AssertionError(message.error())
    consumer.close()
    return got


def produce(bench, topic, values, **config):
    """Sends and waits; returns (partition, offset) of each, in sending order."""
    reports = {}

    def report(number):
        def told(error, message):
            reports[number] = error or (message.partition(), message.offset())
        return told
    producer = producer_of(bench, **config)
    for number, value in enumerate(values):
        producer.produce(topic, value, on_delivery=report(number))
        producer.poll(0)
    equal(producer.flush(20), 0, "left in the queue")
    return [reports[number] for number in range(len(values))]


def lists_brokers_and_topics(bench):
    topic = bench.topic(partitions=3)
    told = bench.admin().list_topics(timeout=10)
    equal([f"{b.host}:{b.port}" for b in told.brokers.values()], [bench.address])
    holds(told.cluster_id, "a cluster id")
    holds(told.controller_id in told.brokers, "the controller is a broker")
    partitions = told.topics[topic].partitions
    equal(sorted(partitions), [0, 1, 2])
    node = told.controller_id
    equal({(p.leader, tuple(p.replicas), tuple(p.isrs)) for p in partitions.values()},
          {(node, (node,), (node,))})


def every_report_carries_its_offset(bench):
    topic = bench.topic()
    equal(produce(bench, topic, [b"%d" % i for i in range(3000)], acks="all",
                  enable_idempotence=True), [(0, i) for i in range(3000)])
    got = read(consumer_of(bench), [TopicPartition(topic, 0, OFFSET_BEGINNING)])
    equal([m.value() for m in got], [b"%d" % i for i in range(3000)])
    equal([m.offset() for m in got], list(range(3000)))


def keys_headers_and_timestamps(bench):
    topic = bench.topic()
    producer = producer_of(bench)
    producer.produce(topic, b"v", b"k", timestamp=1_650_000_000_001,
                     headers=[("a", b"1"), ("empty", b""), ("null", None)])
    producer.produce(topic, None, b"k")
    producer.flush(10)
    first, second = read(consumer_of(bench), [TopicPartition(topic, 0, OFFSET_BEGINNING)])
    equal((first.key(), first.value(), first.timestamp()), (b"k", b"v", (1, 1_650_000_000_001)))
    equal(first.headers(), [("a", b"1"), ("empty", b""), ("null", None)])
    equal((second.key(), second.value(), second.headers()), (b"k", None, None))


def log_append_time(bench):
    topic = bench.topic(message_timestamp_type="LogAppendTime")
    before_ms = int(time.time() * 1000)
    producer = producer_of(bench)
    producer.produce(topic, b"v", timestamp=1_000_000_000_000)
    producer.flush(10)
    message, = read(consumer_of(bench), [TopicPartition(topic, 0, OFFSET_BEGINNING)])
    kind, timestamp_ms = message.timestamp()
    equal(kind, 2, "the broker's time")
    holds(before_ms - 1000 <= timestamp_ms <= time.time() * 1000 + 1000, f"now: {timestamp_ms}")


def watermarks_and_times(bench):
    topic = bench.topic()
    producer = producer_of(bench)
    for i in range(10):
        producer.produce(topic, b"%d" % i, timestamp=1_600_000_000_000 + 1000 * i)
    producer.flush(10)
    consumer = consumer_of(bench)
    partition = TopicPartition(topic, 0)
    equal(consumer.get_watermark_offsets(partition, timeout=10), (0, 10))

    def at(timestamp_ms):
        asked = [TopicPartition(topic, 0, timestamp_ms)]
        return consumer.offsets_for_times(asked, timeout=10)[0].offset
    equal((at(0), at(1_600_000_003_000), at(1_600_000_003_001)), (0, 3, 4))
    equal(at(1_700_000_000_000), OFFSET_END, "later than all")
    consumer.close()


def seeks_pauses_and_resumes(bench):
    topic = bench.topic()
    produce(bench, topic, [b"%d" % i for i in range(100)])
    consumer = consumer_of(bench, enable_partition_eof=False)
    partition = TopicPartition(topic, 0, 50)
    consumer.assign([partition])
    equal(consumer.poll(10).offset(), 50)
    consumer.seek(TopicPartition(topic, 0, 10))
    equal(eventually(lambda: consumer.poll(5), "a record").offset(), 10)
    consumer.pause([partition])
    holds(consumer.poll(0.7) is None, "nothing while paused")
    consumer.resume([partition])
    equal(consumer.poll(10).offset(), 11)
    consumer.close()


def many_partitions_in_one_fetch_session(bench):
    """Thirty-two partitions, written in turn while being read: full and incremental fetches."""
    topic = bench.topic(partitions=32)
    consumer = consumer_of(bench, enable_partition_eof=False)
    consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(32)])
    producer, got = producer_of(bench), []
    for turn in range(20):
        for p in range(turn % 2, 32, 2):
            producer.produce(topic, b"%d" % turn, partition=p)
        producer.flush(10)
        wanted = 16 * (turn + 1)
        eventually(lambda: got.extend(consumer.consume(100, 0.05)) or len(got) >= wanted,
                   f"{wanted} records")
    equal([m.error() for m in got if m.error()], [])
    for p in range(32):
        equal([int(m.value()) for m in got if m.partition() == p], list(range(p % 2, 20, 2)))
    consumer.close()


def both_isolation_levels(bench):
    topic = bench.topic()
    produce(bench, topic, [b"a", b"b"])
    for level in ("read_uncommitted", "read_committed"):
        got = read(consumer_of(bench, isolation_level=level),
                   [TopicPartition(topic, 0, OFFSET_BEGINNING)])
        equal([m.value() for m in got], [b"a", b"b"], level)


def an_unknown_topic_is_an_error(bench):
    consumer = consumer_of(bench)
    missing = bench.name("missing")
    error = raises(KafkaException, lambda: consumer.get_watermark_offsets(
        TopicPartition(missing, 0), timeout=5))
    holds(error.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART,
                                   KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC),
          repr(error))
    consumer.close()


def too_large_is_reported(bench):
    topic = bench.topic(max_message_bytes=20000)
    sizes = [10, 60000, 10]
    reports = produce(bench, topic, [b"x" * size for size in sizes], linger_ms=0,
                      batch_num_messages=1)
    equal(reports[1].code(), KafkaError.MSG_SIZE_TOO_LARGE)
    equal((reports[0], reports[2]), ((0, 0), (0, 1)))


def each_record_at_fault_is_told(bench):
    """A batch is refused whole; who sent a record that was not at fault learns that it was not."""
    topic = bench.topic(cleanup_policy="compact")
    for codec in "none", "gzip":
        # A batch leaves when it has a hundred records.
        producer = producer_of(bench, linger_ms=10000, batch_num_messages=100,
                               compression_codec=codec)
        reports = {}
        for number in range(100):
            producer.produce(topic, b"v", None if number % 10 == 3 else b"k",
                             on_delivery=lambda error, _, n=number: reports.update({n: error}))
        # A flush would send what has come so far.
        eventually(lambda: producer.poll(0.1) >= 0 and len(reports) == 100, "all are told of", 20)
        at_fault = [n for n, error in reports.items() if error.code() == KafkaError.INVALID_RECORD]
        equal(sorted(at_fault), list(range(3, 100, 10)), codec)
        # librdkafka's code of its own for the others.
        others = {error.code() for n, error in reports.items() if n not in at_fault}
        equal(others, {KafkaError._INVALID_DIFFERENT_RECORD}, codec)
    equal(bench.end_offsets(topic), 0)


def statistics_show_the_broker_up(bench):
    seen = []
    producer = Producer({"bootstrap.servers": bench.address, "statistics.interval.ms": 200,
                         "stats_cb": lambda text: seen.append(json.loads(text))})
    topic = bench.topic()
    producer.produce(topic, b"x")
    producer.flush(10)
    eventually(lambda: producer.poll(0.1) and False or seen, "statistics")
    up = [b for s in seen for b in s["brokers"].values() if b["state"] == "UP" and b["nodeid"] > 0]
    holds(up, "one broker is UP by its node id")


TESTS = [lists_brokers_and_topics, every_report_carries_its_offset, keys_headers_and_timestamps,
         log_append_time, watermarks_and_times, seeks_pauses_and_resumes,
         many_partitions_in_one_fetch_session, both_isolation_levels, an_unknown_topic_is_an_error,
         too_large_is_reported, each_record_at_fault_is_told, statistics_show_the_broker_up]
