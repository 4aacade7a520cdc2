"""Each codec: written by every client, kept as it came, read by every other client."""

import gzip
import json
import random
import secrets
import struct
from concurrent.futures import ThreadPoolExecutor

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from kafka import KafkaConsumer, KafkaProducer
from kafka import TopicPartition as PyPartition

import wire
from run import equal, eventually, holds

COUNT = 400


def text(writer, i):
    return f"{writer} {i} " + "the same words again and again, " * 8


def write_kcat(bench, topic, codec):
    lines = "".join(text("kcat", i) + "\n" for i in range(COUNT))
    bench.kcat("-P", "-t", topic, "-z", codec, "-X", "linger.ms=50", stdin=lines)


def write_confluent(bench, topic, codec):
    producer = Producer({"bootstrap.servers": bench.address, "compression.type": codec,
                         "linger.ms": 50})
    for i in range(COUNT):
        producer.produce(topic, text("confluent", i).encode())
    equal(producer.flush(20), 0)


def write_kafka_python(bench, topic, codec):
    producer = KafkaProducer(bootstrap_servers=bench.address, linger_ms=50,
                             compression_type=None if codec == "none" else codec)
    for i in range(COUNT):
        producer.send(topic, text("kafka_python", i).encode())
    producer.flush(20)
    producer.close()


def write_java(bench, topic, codec):
    lines = "".join(text("java", i) + "\n" for i in range(COUNT))
    bench.tool("console-producer", "--topic", topic, "--compression-codec", codec, stdin=lines)


def read_kcat(bench, topic):
    return bench.kcat("-C", "-t", topic, "-e", "-q", "-X", "check.crcs=true").stdout.splitlines()


def read_confluent(bench, topic):
    consumer = Consumer({"bootstrap.servers": bench.address, "group.id": "none",
                         "enable.auto.commit": False, "check.crcs": True})
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    got = []
    eventually(lambda: got.extend(consumer.consume(5000, 0.2)) or len(got) >= 4 * COUNT, "all", 15)
    consumer.close()
    equal([m.error() for m in got if m.error()], [])
    return [m.value().decode() for m in got]


def read_kafka_python(bench, topic):
    consumer = KafkaConsumer(bootstrap_servers=bench.address, auto_offset_reset="earliest",
                             consumer_timeout_ms=2000)
    consumer.assign([PyPartition(topic, 0)])
    got = []
    for message in consumer:
        got.append(message.value.decode())
        if len(got) == 4 * COUNT:
            break
    consumer.close()
    return got


def read_java(bench, topic):
    return bench.tool("console-consumer", "--topic", topic, "--partition", 0, "--offset",
                      "earliest", "--max-messages", 4 * COUNT).stdout.splitlines()


def pairs_of(codec):
    def pairs(bench):
        topic = bench.topic(codec)
        writers = [write_kcat, write_confluent, write_kafka_python, write_java]
        for write in writers:
            write(bench, topic, codec)
        wanted = [text(name, i) for name in ("kcat", "confluent", "kafka_python", "java")
                  for i in range(COUNT)]
        for read in (read_kcat, read_confluent, read_kafka_python, read_java):
            equal(sorted(read(bench, topic)) == sorted(wanted), True, read.__name__)
        with wire.Connection(bench.address) as connection:
            _, high_watermark, data = connection.fetch(topic, 0, 0, max_bytes=1 << 24)
        seen = list(wire.batches(data))
        equal(high_watermark, 4 * COUNT)
        equal({name for _, name, _, _ in seen}, {codec}, "codec as stored")
        holds(max(count for _, _, count, _ in seen) > 20, "whole batches, not single records")
        if codec != "none":
            plain = sum(len(line) for line in wanted)
            holds(len(data) < plain / 3, f"{len(data)} bytes for {plain}")
    pairs.__name__ = codec
    return pairs


def mixed_codecs_in_one_partition(bench):
    topic, wanted = bench.topic(), []
    for turn in range(3):
        for codec in wire.CODECS:
            lines = [f"{codec} {turn} {i} " + "x" * 100 for i in range(30)]
            bench.kcat("-P", "-t", topic, "-z", codec, "-X", "linger.ms=20",
                       stdin="\n".join(lines) + "\n")
            wanted += lines
    equal(read_kcat(bench, topic) == wanted, True, "in the order of writing")
    last = json.loads(bench.kcat("-C", "-t", topic, "-o", "-1", "-e", "-q", "-J").stdout)
    equal(last["offset"], len(wanted) - 1)


def connections_that_write_the_same_partitions(bench):
    """Each request has all partitions in an order of its own: no two may wait for each other."""
    partitions, connections, requests = 6, 8, 50
    topic = bench.topic(partitions=partitions)
    records = b"".join(wire.record(i, None, secrets.token_bytes(100)) for i in range(20))
    batch = wire.batch([b""] * 20, records=gzip.compress(records), attributes=1)

    def write(number):
        order = random.Random(number)
        with wire.Connection(bench.address) as connection:
            for _ in range(requests):
                places = order.sample(range(partitions), partitions)
                parts = b"".join(struct.pack(">i", p) + wire.blob(batch) for p in places)
                connection.ask(wire.PRODUCE, 3, wire.string(None)
                               + struct.pack(">hii", -1, 5000, 1) + wire.string(topic)
                               + struct.pack(">i", partitions) + parts)

    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(write, range(connections)))
    equal(bench.end_offsets(topic, partitions), partitions * connections * requests * 20)


TESTS = [pairs_of(codec) for codec in wire.CODECS] + [
    mixed_codecs_in_one_partition, connections_that_write_the_same_partitions]
