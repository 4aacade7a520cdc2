"""Every administrative call, by confluent-kafka's AdminClient and by kafka-python's."""

import time

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions,
                                   NewTopic, OffsetSpec, ResourceType)
from confluent_kafka import TopicCollection
from kafka import KafkaAdminClient
from kafka import TopicPartition as PyPartition
from kafka.admin import (ConfigResource as PyResource, ConfigResourceType as PyType,
                         NewTopic as PyTopic)
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError

from run import equal, holds, raises

NODE = "1"


def only(futures):
    """The one future's result."""
    future, = futures.values()
    return future.result(15)


def code_of(run):
    return raises(KafkaException, run).args[0].code()


def fill(bench, topic, count, partition=0, first_ms=1_600_000_000_000):
    producer = Producer({"bootstrap.servers": bench.address})
    for i in range(count):
        producer.produce(topic, b"%d" % i, partition=partition, timestamp=first_ms + 1000 * i)
        producer.flush(10)


def topic_config(bench, topic):
    return only(bench.admin().describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))


def creates_and_deletes_topics(bench):
    admin = bench.admin()
    names = [bench.name() for _ in range(10)]
    made = admin.create_topics([NewTopic(n, i + 1, 1) for i, n in enumerate(names)])
    equal([made[n].result(15) for n in names], [None] * 10)

    def counts():
        listed = admin.list_topics(timeout=10).topics
        return [len(listed[n].partitions) if n in listed else 0 for n in names]
    bench.soon(lambda: counts() == list(range(1, 11)), "created, so listed")
    dropped = admin.delete_topics(names, operation_timeout=10)
    equal([dropped[n].result(15) for n in names], [None] * 10)
    bench.soon(lambda: counts() == [0] * 10, "deleted, so not listed")


def refuses_wrong_topics(bench):
    admin, topic = bench.admin(), bench.topic()

    def create(new, **how):
        return code_of(lambda: only(admin.create_topics([new], **how)))
    equal(create(NewTopic(topic, 1, 1)), KafkaError.TOPIC_ALREADY_EXISTS)
    equal(create(NewTopic("no/slash", 1, 1)), KafkaError.TOPIC_EXCEPTION)
    equal(create(NewTopic("x" * 250, 1, 1)), KafkaError.TOPIC_EXCEPTION)
    equal(create(NewTopic("..", 1, 1)), KafkaError.TOPIC_EXCEPTION)
    equal(create(NewTopic(bench.name(), 0, 1)), KafkaError.INVALID_PARTITIONS)
    equal(create(NewTopic(bench.name(), 1, 9)), KafkaError.INVALID_REPLICATION_FACTOR)
    equal(create(NewTopic(bench.name(), 1, 1, config={"no.such": "1"})), KafkaError.INVALID_CONFIG)
    equal(create(NewTopic(bench.name(), 1, 1, config={"retention.ms": "soon"})),
          KafkaError.INVALID_CONFIG)
    equal(code_of(lambda: only(admin.delete_topics([bench.name("missing")]))),
          KafkaError.UNKNOWN_TOPIC_OR_PART)


def only_validates_when_asked(bench):
    admin, name = bench.admin(), bench.name()
    equal(only(admin.create_topics([NewTopic(name, 3, 1)], validate_only=True)), None)
    time.sleep(0.2)
    holds(name not in admin.list_topics(timeout=10).topics, "nothing was created")


def creates_with_assignment_and_defaults(bench):
    admin, name, by_default = bench.admin(), bench.name(), bench.name()
    only(admin.create_topics([NewTopic(name, 2, replica_assignment=[[int(NODE)], [int(NODE)]])]))
    only(admin.create_topics([NewTopic(by_default, -1, -1)]))

    def listed():
        topics = admin.list_topics(timeout=10).topics
        return (name in topics and len(topics[name].partitions) == 2
                and by_default in topics and len(topics[by_default].partitions) >= 1)
    bench.soon(listed, "two partitions, and num.partitions of them")


def describes_topics_with_ids(bench):
    topic = bench.topic(partitions=3)
    told = only(bench.admin().describe_topics(TopicCollection([topic])))
    equal((told.name, len(told.partitions), told.is_internal), (topic, 3, False))
    holds(str(told.topic_id) not in ("", "AAAAAAAAAAAAAAAAAAAAAA"), f"topic id {told.topic_id}")
    equal([(p.id, p.leader.id) for p in told.partitions], [(p, int(NODE)) for p in range(3)])


def adds_partitions(bench):
    admin, topic = bench.admin(), bench.topic(partitions=2)
    fill(bench, topic, 2)
    only(admin.create_partitions([NewPartitions(topic, 6)]))
    bench.soon(lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 6,
               "six partitions")
    fill(bench, topic, 1, partition=5)
    equal(bench.end_offsets(topic, 6), 3)
    equal(code_of(lambda: only(admin.create_partitions([NewPartitions(topic, 3)]))),
          KafkaError.INVALID_PARTITIONS)
    equal(code_of(lambda: only(admin.create_partitions([NewPartitions(bench.name(), 3)]))),
          KafkaError.UNKNOWN_TOPIC_OR_PART)


def describes_configs(bench):
    topic = bench.topic(retention_ms=777000)
    config = topic_config(bench, topic)
    equal((config["retention.ms"].value, config["retention.ms"].is_default), ("777000", False))
    equal((config["cleanup.policy"].value, config["cleanup.policy"].is_default), ("delete", True))
    for name, value in (("segment.bytes", "1073741824"), ("max.message.bytes", "1048588"),
                        ("compression.type", "producer"), ("min.insync.replicas", "1"),
                        ("message.timestamp.type", "CreateTime"), ("retention.bytes", "-1")):
        equal(config[name].value, value, name)
    broker = only(bench.admin().describe_configs([ConfigResource(ResourceType.BROKER, NODE)]))
    equal(broker["node.id"].value, NODE)
    holds(broker["log.dirs"].is_read_only, "log.dirs cannot change while it runs")
    holds("num.partitions" in broker and "message.max.bytes" in broker, "the usual properties")
    equal(code_of(lambda: topic_config(bench, bench.name("missing"))),
          KafkaError.UNKNOWN_TOPIC_OR_PART)


def changes_configs_one_by_one(bench):
    admin, topic = bench.admin(), bench.topic()

    def change(name, value, operation):
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
            ConfigEntry(name, value, incremental_operation=operation)])
        return only(admin.incremental_alter_configs([resource]))
    change("retention.ms", "5000000", AlterConfigOpType.SET)
    change("cleanup.policy", "compact", AlterConfigOpType.APPEND)
    config = topic_config(bench, topic)
    equal((config["retention.ms"].value, config["cleanup.policy"].value),
          ("5000000", "delete,compact"))
    change("cleanup.policy", "delete", AlterConfigOpType.SUBTRACT)
    change("retention.ms", None, AlterConfigOpType.DELETE)
    config = topic_config(bench, topic)
    equal((config["retention.ms"].value, config["cleanup.policy"].value), ("604800000", "compact"))
    equal(code_of(lambda: change("segment.bytes", "ten", AlterConfigOpType.SET)),
          KafkaError.INVALID_CONFIG)
    equal(code_of(lambda: change("no.such", "1", AlterConfigOpType.SET)),
          KafkaError.INVALID_CONFIG)


def a_changed_config_works_at_once(bench):
    admin, topic = bench.admin(), bench.topic()
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[ConfigEntry(
        "max.message.bytes", "1000", incremental_operation=AlterConfigOpType.SET)])
    only(admin.incremental_alter_configs([resource]))
    reports = []
    producer = Producer({"bootstrap.servers": bench.address})
    producer.produce(topic, b"x" * 5000, on_delivery=lambda error, _: reports.append(error))
    producer.flush(10)
    equal(reports[0] and reports[0].code(), KafkaError.MSG_SIZE_TOO_LARGE)


def replaces_all_configs(bench):
    """AlterConfigs, deprecated but spoken: what is not named falls back to its default."""
    admin, topic = bench.admin(), bench.topic(retention_ms=777000)
    only(admin.alter_configs([ConfigResource(ResourceType.TOPIC, topic,
                                             set_config={"segment.bytes": "2000000"})]))
    config = topic_config(bench, topic)
    equal((config["segment.bytes"].value, config["retention.ms"].value), ("2000000", "604800000"))


def deletes_records(bench):
    admin, topic = bench.admin(), bench.topic()
    fill(bench, topic, 10)
    told = only(admin.delete_records([TopicPartition(topic, 0, 4)]))
    equal(told.low_watermark, 4)
    spec = {TopicPartition(topic, 0): OffsetSpec.earliest()}
    equal(only(admin.list_offsets(spec)).offset, 4)
    equal(bench.kcat("-C", "-t", topic, "-e", "-q", "-c", "1").stdout, "4\n")
    told = only(admin.delete_records([TopicPartition(topic, 0, -1)]))
    equal(told.low_watermark, 10, "-1 is the high watermark")
    equal(code_of(lambda: only(admin.delete_records([TopicPartition(topic, 0, 99)]))),
          KafkaError.OFFSET_OUT_OF_RANGE)


def lists_offsets(bench):
    admin, topic = bench.admin(), bench.topic()
    fill(bench, topic, 10)

    def at(spec, **how):
        told = only(admin.list_offsets({TopicPartition(topic, 0): spec}, **how))
        return told.offset, told.timestamp
    equal(at(OffsetSpec.earliest())[0], 0)
    equal(at(OffsetSpec.latest())[0], 10)
    equal(at(OffsetSpec.latest(), isolation_level=IsolationLevel.READ_COMMITTED)[0], 10)
    equal(at(OffsetSpec.max_timestamp()), (9, 1_600_000_009_000))
    equal(at(OffsetSpec.for_timestamp(1_600_000_002_500)), (3, 1_600_000_003_000))
    equal(at(OffsetSpec.for_timestamp(1_900_000_000_000)), (-1, -1))


def max_timestamp_out_of_order(bench):
    """The largest timestamp is not the last one."""
    topic = bench.topic()
    producer = Producer({"bootstrap.servers": bench.address, "linger.ms": 50})
    for i, ms in enumerate((1000, 9000, 3000, 9000, 2000)):
        producer.produce(topic, b"%d" % i, timestamp=1_600_000_000_000 + ms)
        if i % 2:
            producer.flush(10)
    producer.flush(10)
    told = only(bench.admin().list_offsets(
        {TopicPartition(topic, 0): OffsetSpec.max_timestamp()}))
    equal((told.offset, told.timestamp), (1, 1_600_000_009_000))


def describes_the_cluster(bench):
    told = bench.admin().describe_cluster().result(10)
    equal([f"{n.host}:{n.port}" for n in told.nodes], [bench.address])
    equal((told.controller.id, len(told.cluster_id)), (int(NODE), 22))


def a_deleted_topic_made_again_is_empty(bench):
    admin, topic = bench.admin(), bench.topic()
    fill(bench, topic, 5)

    def topic_id():
        try:
            return str(only(admin.describe_topics(TopicCollection([topic]))).topic_id)
        except KafkaException:
            return None
    first = topic_id()
    only(admin.delete_topics([topic], operation_timeout=10))
    bench.soon(lambda: topic_id() is None, "deleted")
    only(admin.create_topics([NewTopic(topic, 1, 1)]))
    bench.soon(lambda: topic_id() not in (None, first), "a new topic id")
    bench.soon(lambda: bench.leads(topic, 1), "the new topic answers")
    equal(bench.end_offsets(topic), 0)
    fill(bench, topic, 2)
    equal(bench.kcat("-C", "-t", topic, "-e", "-q").stdout, "0\n1\n")


def a_thousand_partitions(bench):
    topic = bench.topic(partitions=1000)
    equal(len(bench.admin().list_topics(topic, timeout=10).topics[topic].partitions), 1000)
    fill(bench, topic, 1, partition=999)
    equal(bench.kcat("-C", "-t", topic, "-p", "999", "-e", "-q").stdout, "0\n")
    only(bench.admin().delete_topics([topic], operation_timeout=20))


def py_admin(bench):
    return KafkaAdminClient(bootstrap_servers=bench.address)


def py_topics(bench):
    admin, name = py_admin(bench), bench.name()
    admin.create_topics([PyTopic(name=name, num_partitions=2, replication_factor=1)])
    raises(TopicAlreadyExistsError, lambda: admin.create_topics(
        [PyTopic(name=name, num_partitions=2, replication_factor=1)]))
    bench.soon(lambda: name in admin.list_topics(), "listed")

    def count():
        told, = admin.describe_topics([name])
        return len(told["partitions"])
    bench.soon(lambda: count() == 2, "two partitions")
    admin.create_partitions({name: 4})
    bench.soon(lambda: count() == 4, "four partitions")
    admin.delete_topics([name])
    raises(UnknownTopicOrPartitionError, lambda: admin.delete_topics([name]))
    admin.close()


def py_configs(bench):
    admin, topic = py_admin(bench), bench.topic()
    admin.alter_configs([PyResource(PyType.TOPIC, topic, configs={"retention.ms": "424242"})])
    told = repr(admin.describe_configs([PyResource(PyType.TOPIC, topic)]))
    holds("retention.ms" in told and "424242" in told, told[:500])
    equal(topic_config(bench, topic)["retention.ms"].value, "424242")
    admin.close()


def py_delete_records(bench):
    admin, topic = py_admin(bench), bench.topic()
    fill(bench, topic, 5)
    admin.delete_records({PyPartition(topic, 0): 3})
    equal(bench.kcat("-C", "-t", topic, "-e", "-q").stdout, "3\n4\n")
    admin.close()


def py_describes_cluster_and_log_dirs(bench):
    admin, topic = py_admin(bench), bench.topic()
    fill(bench, topic, 5)
    told = admin.describe_cluster()
    holds(told["cluster_id"] and len(told["brokers"]) == 1, repr(told))
    told = repr(admin.describe_log_dirs())
    holds(topic in told, f"the topic's size: {told[:300]}")
    admin.close()


TESTS = [creates_and_deletes_topics, refuses_wrong_topics, only_validates_when_asked,
         creates_with_assignment_and_defaults, describes_topics_with_ids, adds_partitions,
         describes_configs, changes_configs_one_by_one, a_changed_config_works_at_once,
         replaces_all_configs, deletes_records, lists_offsets, max_timestamp_out_of_order,
         describes_the_cluster, a_deleted_topic_made_again_is_empty, a_thousand_partitions,
         py_topics, py_configs, py_delete_records, py_describes_cluster_and_log_dirs]
