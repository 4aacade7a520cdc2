"""kafka-python: pure Python, its own protocol code."""

import subprocess
import sys
import time
from pathlib import Path

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import MessageSizeTooLargeError

from run import equal, eventually, holds, raises

EXAMPLE = Path(__file__).with_name("example_kafka_python.py")


def consumer_of(bench, topic, partitions=(0,), **config):
    consumer = KafkaConsumer(bootstrap_servers=bench.address, auto_offset_reset="earliest",
                             consumer_timeout_ms=1500, **config)
    consumer.assign([TopicPartition(topic, p) for p in partitions])
    return consumer


def the_example(bench):
    """`my_topic` is the example's name, so on a used broker it holds more than our record. The
    address is the example's too, but for the port: whatever `localhost` resolves to must do."""
    before = 0
    address = f"localhost:{bench.port}"
    bench.command(sys.executable, EXAMPLE, "produce", address)
    after = eventually(lambda: bench.end_offsets("my_topic"), "my_topic has a record")
    holds(after > before, "the record arrived")
    reader = subprocess.Popen([sys.executable, EXAMPLE, "consume", address],
                              stdout=subprocess.PIPE, text=True)
    try:
        line = reader.stdout.readline()
    finally:
        reader.kill()
        reader.wait()
    equal(line, "my_topic:0:0: key=b'key' value=b'Hello, Kafka!'\n")


def metadata_of_what_was_sent(bench):
    topic = bench.topic(partitions=3)
    producer = KafkaProducer(bootstrap_servers=bench.address, acks="all")
    first = producer.send(topic, value=b"a", key=b"k", partition=2, timestamp_ms=1_600_000_000_123,
                          headers=[("h", b"1"), ("h", b"2")]).get(10)
    second = producer.send(topic, value=None, key=b"k", partition=2).get(10)
    producer.close()
    equal((first.topic, first.partition, first.offset), (topic, 2, 0))
    equal((first.timestamp, second.offset), (1_600_000_000_123, 1))
    got = list(consumer_of(bench, topic, [2]))
    equal([(m.key, m.value, m.offset) for m in got], [(b"k", b"a", 0), (b"k", None, 1)])
    equal(list(got[0].headers), [("h", b"1"), ("h", b"2")])
    equal((got[0].timestamp, got[0].timestamp_type), (1_600_000_000_123, 0))


def every_level_of_acks(bench):
    for acks in (0, 1, "all"):
        topic = bench.topic()
        producer = KafkaProducer(bootstrap_servers=bench.address, acks=acks, linger_ms=5,
                                 enable_idempotence=False)
        for i in range(500):
            producer.send(topic, value=b"%d" % i)
        producer.flush(20)
        producer.close()
        eventually(lambda: bench.end_offsets(topic) == 500, f"500 records with acks={acks}")
        got = [m.value for m in consumer_of(bench, topic)]
        equal(sorted(got, key=int), [b"%d" % i for i in range(500)], f"acks={acks}")


def an_idempotent_producer(bench):
    topic = bench.topic()
    producer = KafkaProducer(bootstrap_servers=bench.address, enable_idempotence=True)
    for i in range(2000):
        producer.send(topic, value=b"%d" % i)
    producer.flush(20)
    producer.close()
    equal([m.value for m in consumer_of(bench, topic)], [b"%d" % i for i in range(2000)])


def seeks_and_asks_for_offsets(bench):
    topic = bench.topic()
    partition = TopicPartition(topic, 0)
    producer = KafkaProducer(bootstrap_servers=bench.address)
    for i in range(10):
        producer.send(topic, value=b"%d" % i, timestamp_ms=1_600_000_000_000 + i * 1000)
        producer.flush(10)
    producer.close()
    consumer = consumer_of(bench, topic)
    equal(consumer.beginning_offsets([partition]), {partition: 0})
    equal(consumer.end_offsets([partition]), {partition: 10})
    found = consumer.offsets_for_times({partition: 1_600_000_004_500})[partition]
    equal((found.offset, found.timestamp), (5, 1_600_000_005_000))
    equal(consumer.offsets_for_times({partition: 1_700_000_000_000}), {partition: None})
    consumer.seek(partition, 8)
    equal([m.offset for m in consumer], [8, 9])
    consumer.seek_to_beginning(partition)
    equal(next(consumer).offset, 0)
    equal(consumer.position(partition), 1)
    consumer.seek_to_end(partition)
    equal([m.offset for m in consumer], [])
    consumer.close()


def lists_topics_and_partitions(bench):
    topic = bench.topic(partitions=5)
    consumer = KafkaConsumer(bootstrap_servers=bench.address)
    holds(topic in consumer.topics(), "topics() has the topic")
    equal(consumer.partitions_for_topic(topic), {0, 1, 2, 3, 4})
    consumer.close()


def subscribes_to_all_partitions_without_a_group(bench):
    topic = bench.topic(partitions=4)
    producer = KafkaProducer(bootstrap_servers=bench.address)
    for i in range(400):
        producer.send(topic, key=b"%d" % i, value=b"%d" % i)
    producer.flush(10)
    producer.close()
    consumer = KafkaConsumer(topic, bootstrap_servers=bench.address, group_id=None,
                             auto_offset_reset="earliest", consumer_timeout_ms=2000)
    got = list(consumer)
    consumer.close()
    equal(sorted(int(m.value) for m in got), list(range(400)))
    equal({m.partition for m in got}, {0, 1, 2, 3})


def an_offset_out_of_range_resets(bench):
    topic = bench.topic()
    producer = KafkaProducer(bootstrap_servers=bench.address)
    producer.send(topic, value=b"only").get(10)
    producer.close()
    consumer = consumer_of(bench, topic)
    consumer.seek(TopicPartition(topic, 0), 1000)
    equal([m.value for m in consumer], [b"only"])
    consumer.close()


def a_message_larger_than_the_topic_allows(bench):
    topic = bench.topic(max_message_bytes=20000)
    # This client gives up for good when an idempotent batch is refused.
    producer = KafkaProducer(bootstrap_servers=bench.address, max_request_size=2_000_000,
                             enable_idempotence=False)
    producer.send(topic, value=b"x" * 10000).get(10)
    raises(MessageSizeTooLargeError, lambda: producer.send(topic, value=b"x" * 50000).get(10))
    producer.send(topic, value=b"y").get(10)
    producer.close()
    equal([len(m.value) for m in consumer_of(bench, topic)], [10000, 1])


def a_waiting_fetch_is_woken(bench):
    topic = bench.topic()
    consumer = KafkaConsumer(bootstrap_servers=bench.address, fetch_max_wait_ms=10000,
                             fetch_min_bytes=1, request_timeout_ms=30000)
    consumer.assign([TopicPartition(topic, 0)])
    consumer.seek_to_beginning()
    equal(consumer.poll(300), {})
    producer = KafkaProducer(bootstrap_servers=bench.address)
    started = time.monotonic()
    producer.send(topic, value=b"wake").get(10)
    got = consumer.poll(8000)
    waited = time.monotonic() - started
    equal([m.value for records in got.values() for m in records], [b"wake"])
    holds(waited < 2, f"woken at once, not after {waited:.1f} s")
    producer.close()
    consumer.close()


TESTS = [the_example, metadata_of_what_was_sent, every_level_of_acks, an_idempotent_producer,
         seeks_and_asks_for_offsets, lists_topics_and_partitions,
         subscribes_to_all_partitions_without_a_group, an_offset_out_of_range_resets,
         a_message_larger_than_the_topic_allows, a_waiting_fetch_is_woken]
