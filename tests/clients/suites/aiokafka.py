"""aiokafka, the client of Python's asyncio: its own protocol code, without librdkafka."""

import asyncio
import logging
import subprocess
import sys

import wire
from run import HERE, Skip, equal, holds

VERSION = "0.14.0"
PARTITIONS = 3
SECONDS_MAX = 60


def with_aiokafka(test):
    """The suite's tests are coroutines that get the bench and the module."""
    def run(bench):
        done = subprocess.run([HERE / "aiokafka-fetch", VERSION], stdout=subprocess.PIPE, text=True)
        if done.returncode == 75:
            raise Skip(f"aiokafka {VERSION} could not be fetched")
        equal(done.returncode, 0, "aiokafka-fetch")
        libs = f"{done.stdout.strip()}/libs"
        if libs not in sys.path:
            sys.path.append(libs)
        import aiokafka
        equal(aiokafka.__version__, VERSION)
        # It warns of every rebalance.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        asyncio.run(asyncio.wait_for(test(bench, aiokafka), SECONDS_MAX))
    run.__name__ = test.__name__
    return run


async def produce(bench, client, topic, values, **config):
    async with client.AIOKafkaProducer(bootstrap_servers=bench.address, **config) as producer:
        sent = [await producer.send(topic, value) for value in values]
        return await asyncio.gather(*sent)


def consumer_of(bench, client, *topics, **config):
    return client.AIOKafkaConsumer(*topics, bootstrap_servers=bench.address,
                                   **{"auto_offset_reset": "earliest"} | config)


async def take(consumer, count):
    got = []
    while len(got) < count:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            got += records
    return got


def values_of(records):
    return sorted((record.value for record in records), key=lambda value: (len(value), value))


def numbered(first, last):
    return [b"%d" % n for n in range(first, last)]


async def writes_every_codec(bench, client):
    for codec in wire.CODECS:
        for idempotent in False, True:
            topic = bench.topic(partitions=PARTITIONS)
            told = await produce(bench, client, topic, numbered(0, 300), linger_ms=5,
                                 enable_idempotence=idempotent,
                                 compression_type=None if codec == "none" else codec)
            equal(len({(one.partition, one.offset) for one in told}), 300, "each its offset")
            async with consumer_of(bench, client, topic) as consumer:
                got = await take(consumer, 300)
            equal(values_of(got), numbered(0, 300), f"{codec}, idempotent={idempotent}")


async def headers_keys_and_times(bench, client):
    topic = bench.topic()
    async with client.AIOKafkaProducer(bootstrap_servers=bench.address, acks="all") as producer:
        told = await producer.send_and_wait(topic, None, b"k", timestamp_ms=1_600_000_000_123,
                                            headers=[("h", b"1"), ("h", b"2")])
    equal((told.offset, told.timestamp, told.timestamp_type), (0, 1_600_000_000_123, 0))
    async with consumer_of(bench, client, topic) as consumer:
        got = (await take(consumer, 1))[0]
    equal((got.key, got.value, got.headers), (b"k", None, (("h", b"1"), ("h", b"2"))))


async def seeks_and_asks_for_offsets(bench, client):
    topic = bench.topic()
    first_ms = 1_700_000_000_000
    async with client.AIOKafkaProducer(bootstrap_servers=bench.address) as producer:
        for n in range(20):
            await producer.send_and_wait(topic, b"%d" % n, timestamp_ms=first_ms + n * 1000)
    part = client.TopicPartition(topic, 0)
    async with consumer_of(bench, client, group_id=None) as consumer:
        consumer.assign([part])
        equal(await consumer.beginning_offsets([part]), {part: 0})
        equal(await consumer.end_offsets([part]), {part: 20})
        found = await consumer.offsets_for_times({part: first_ms + 6500})
        equal((found[part].offset, found[part].timestamp), (7, first_ms + 7000))
        equal(await consumer.offsets_for_times({part: first_ms + 99_000}), {part: None})
        for offset in 13, 4:
            consumer.seek(part, offset)
            equal((await consumer.getone()).value, b"%d" % offset)
        await consumer.seek_to_beginning(part)
        equal((await consumer.getone()).offset, 0)
        await consumer.seek_to_end(part)
        equal(await consumer.position(part), 20)
    reset_none = consumer_of(bench, client, group_id=None, auto_offset_reset="none")
    async with reset_none as consumer:
        consumer.assign([part])
        consumer.seek(part, 99)
        try:
            got = await consumer.getone()
        except client.errors.OffsetOutOfRangeError:
            return
    raise AssertionError(f"read {got} behind the end")


async def a_group_shares_and_goes_on(bench, client):
    """Each assignor; the second member joins while the first reads, and both leave."""
    from aiokafka.coordinator.assignors.range import RangePartitionAssignor
    from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
    from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
    for assignor in RangePartitionAssignor, RoundRobinPartitionAssignor, StickyPartitionAssignor:
        topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
        how = {"group_id": group, "partition_assignment_strategy": (assignor,),
               "enable_auto_commit": False, "heartbeat_interval_ms": 100}
        async with consumer_of(bench, client, topic, **how) as first:
            await produce(bench, client, topic, numbered(0, 100))
            equal(values_of(await take(first, 100)), numbered(0, 100))
            await first.commit()
            async with consumer_of(bench, client, topic, **how) as second:
                # The first learns of it by a heartbeat, and joins again.
                while not first.assignment() or not second.assignment() \
                        or first.assignment() & second.assignment():
                    await asyncio.sleep(0.02)
                equal(len(first.assignment() | second.assignment()), PARTITIONS)
                await produce(bench, client, topic, numbered(100, 200))
                got = []
                while len(got) < 100:
                    for member in first, second:
                        for records in (await member.getmany(timeout_ms=100)).values():
                            got += records
                equal(values_of(got), numbered(100, 200), assignor.__name__)
                for member in first, second:
                    await member.commit()
        async with consumer_of(bench, client, topic, **how) as third:
            await produce(bench, client, topic, numbered(200, 210))
            equal(values_of(await take(third, 10)), numbered(200, 210), "goes on")


async def a_static_member_comes_back(bench, client):
    topic, group = bench.topic(partitions=PARTITIONS), bench.name("g")
    how = {"group_id": group, "group_instance_id": "one", "session_timeout_ms": 30000}
    await produce(bench, client, topic, numbered(0, 30))
    for first in 0, 30:
        async with consumer_of(bench, client, topic, **how) as consumer:
            equal(values_of(await take(consumer, 30)), numbered(first, first + 30))
        await produce(bench, client, topic, numbered(first + 30, first + 60))


async def transactions_commit_and_abort(bench, client):
    topic = bench.topic(partitions=PARTITIONS)
    producer = client.AIOKafkaProducer(bootstrap_servers=bench.address,
                                       transactional_id=bench.name("id"))
    async with producer:
        for number in range(12):
            await producer.begin_transaction()
            for value in numbered(number * 10, number * 10 + 10):
                await producer.send(topic, value)
            if number % 3 == 2:
                await producer.abort_transaction()
            else:
                await producer.commit_transaction()
    wanted = [value for number in range(12) if number % 3 != 2
              for value in numbered(number * 10, number * 10 + 10)]
    committed = consumer_of(bench, client, topic, isolation_level="read_committed")
    async with committed as consumer:
        equal(values_of(await take(consumer, len(wanted))), wanted, "committed")
    async with consumer_of(bench, client, topic) as consumer:
        equal(values_of(await take(consumer, 120)), numbered(0, 120), "uncommitted")


async def consumes_and_produces_exactly_once(bench, client):
    source, target = bench.topic(partitions=PARTITIONS), bench.topic()
    group = bench.name("g")
    await produce(bench, client, source, numbered(0, 100))
    how = {"group_id": group, "enable_auto_commit": False, "isolation_level": "read_committed"}
    producer = client.AIOKafkaProducer(bootstrap_servers=bench.address,
                                       transactional_id=bench.name("id"))
    async with producer:
        # The first try is aborted; its offsets must not count.
        for aborts in True, False:
            async with consumer_of(bench, client, source, **how) as consumer:
                records = await take(consumer, 100)
                await producer.begin_transaction()
                for record in records:
                    await producer.send(target, record.value)
                offsets = {}
                for record in records:
                    part = client.TopicPartition(source, record.partition)
                    offsets[part] = max(offsets.get(part, 0), record.offset + 1)
                await producer.send_offsets_to_transaction(offsets, group)
                if aborts:
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()
        async with consumer_of(bench, client, source, **how) as consumer:
            told = [await consumer.committed(part) for part in offsets]
    equal(told, list(offsets.values()), "committed offsets")
    committed = consumer_of(bench, client, target, isolation_level="read_committed")
    async with committed as consumer:
        equal(values_of(await take(consumer, 100)), numbered(0, 100), "once")


async def a_new_instance_fences_the_old_one(bench, client):
    topic, name = bench.topic(), bench.name("id")
    old = client.AIOKafkaProducer(bootstrap_servers=bench.address, transactional_id=name)
    await old.start()
    try:
        await old.begin_transaction()
        await old.send_and_wait(topic, b"old")
        new = client.AIOKafkaProducer(bootstrap_servers=bench.address, transactional_id=name)
        async with new, new.transaction():
            await new.send_and_wait(topic, b"new")
        try:
            await old.send_and_wait(topic, b"zombie")
            await old.commit_transaction()
        except (client.errors.ProducerFenced, client.errors.InvalidProducerEpoch) as error:
            fenced = error
        else:
            fenced = None
    finally:
        try:
            await old.stop()
        except client.errors.KafkaError:
            # It may say once more that it is fenced.
            pass
    holds(fenced is not None, "the old producer is fenced")
    committed = consumer_of(bench, client, topic, isolation_level="read_committed")
    async with committed as consumer:
        equal(values_of(await take(consumer, 1)), [b"new"])


async def administers(bench, client):
    from aiokafka.admin import (AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete)
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
    topic, group = bench.name(), bench.name("g")
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.address)
    await admin.start()
    try:
        made = await admin.create_topics([NewTopic(topic, 1, 1)])
        equal([error[1] for error in made.topic_errors], [0])
        await admin.create_partitions({topic: NewPartitions(total_count=3)})
        while len((await admin.describe_topics([topic]))[0]["partitions"]) < 3:
            await asyncio.sleep(0.02)
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "123456"})
        await admin.alter_configs([resource])

        async def retention():
            told = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            return {entry[0]: entry[1] for entry in told[0].resources[0][4]}["retention.ms"]

        while await retention() != "123456":
            await asyncio.sleep(0.02)
        await produce(bench, client, topic, numbered(0, 60))
        async with consumer_of(bench, client, topic, group_id=group) as consumer:
            await take(consumer, 60)
            await consumer.commit()
            told = await admin.describe_consumer_groups([group])
            equal([(one[1], one[2], len(one[5])) for one in told[0].groups],
                  [(group, "Stable", 1)])
        holds(group in [name for name, *_ in await admin.list_consumer_groups()], "listed")
        offsets = await admin.list_consumer_group_offsets(group)
        equal(sum(one.offset for one in offsets.values()), 60)
        part = client.TopicPartition(topic, 0)
        async with consumer_of(bench, client, group_id=None) as consumer:
            end = (await consumer.end_offsets([part]))[part]
        await admin.delete_records({part: RecordsToDelete(end)})
        async with consumer_of(bench, client, group_id=None) as consumer:
            equal(await consumer.beginning_offsets([part]), {part: end})
        await admin.delete_topics([topic])
        while topic in await admin.list_topics():
            await asyncio.sleep(0.02)
    finally:
        await admin.close()


TESTS = [with_aiokafka(test) for test in (
    writes_every_codec, headers_keys_and_times, seeks_and_asks_for_offsets,
    a_group_shares_and_goes_on, a_static_member_comes_back, transactions_commit_and_abort,
    consumes_and_produces_exactly_once, a_new_instance_fences_the_old_one, administers)]
