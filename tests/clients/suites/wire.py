"""Requests as bytes: order, splitting, waiting, and the answers no library lets one see."""

import os
import struct
import time

import wire as w
from run import equal, holds


def an_unknown_version_of_api_versions(bench):
    """The answer is a v0 body with UNSUPPORTED_VERSION, so that any client can fall back."""
    with w.Connection(bench.address) as connection:
        answer = connection.ask(w.API_VERSIONS, 120, b"\0\x05name\x02v\0")
        error, count = struct.unpack(">hi", answer[:6])
        rows = {key: (low, high) for key, low, high
                in struct.iter_unpack(">hhh", answer[6:6 + 6 * count])}
        equal(error, 35)
        holds(rows[w.API_VERSIONS][0] == 0, f"ApiVersions' own range: {rows}")
        equal(connection.api_versions()[0], 0, "and the connection lives on")


def every_advertised_range_is_sane(bench):
    with w.Connection(bench.address) as connection:
        error, rows = connection.api_versions()
    equal(error, 0)
    for key in (w.PRODUCE, w.FETCH, w.LIST_OFFSETS, w.METADATA, w.API_VERSIONS, 19, 20, 21, 22, 23,
                32, 33, 35, 37, 44, 60, 75):
        holds(key in rows, f"API {key} is advertised")
    for key, (low, high) in rows.items():
        holds(0 <= low <= high, f"API {key}: {low} to {high}")
    equal(rows[w.PRODUCE][0], 0, "Produce from 0, or old librdkafka stops compressing")


def one_byte_at_a_time(bench):
    with w.Connection(bench.address) as connection:
        body = w.header(w.API_VERSIONS, 0, 9)
        connection.correlation_id = 9
        for byte in struct.pack(">i", len(body)) + body:
            connection.send(bytes([byte]))
            time.sleep(0.002)
        equal(connection.response()[:2], b"\0\0")


def many_requests_in_one_send(bench):
    """Answers come in the order of the requests, whatever each one takes."""
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        frames, kinds = bytearray(), []
        for i in range(200):
            if i % 3 == 0:
                key, version, body = w.PRODUCE, 3, w.produce_body(topic, 0, w.batch([b"%d" % i]))
            elif i % 3 == 1:
                key, version, body = w.API_VERSIONS, 0, b""
            else:
                key, version = w.FETCH, 4
                body = w.fetch_body(topic, 0, 0, wait_ms=0)
            request = w.header(key, version, i) + body
            frames += struct.pack(">i", len(request)) + request
            kinds.append(key)
        connection.send(bytes(frames))
        for i in range(200):
            size, correlation_id = struct.unpack(">ii", connection.receive(8))
            connection.receive(size - 4)
            equal(correlation_id, i)
        equal(connection.end_offset(topic, 0), 67)


def in_one_send(connection, requests):
    """The answers to (key, version, body) that left together; they must come in their order."""
    frames = bytearray()
    for i, (key, version, body) in enumerate(requests):
        request = w.header(key, version, i) + body
        frames += struct.pack(">i", len(request)) + request
    connection.send(bytes(frames))
    answers = []
    for i in range(len(requests)):
        size, correlation_id = struct.unpack(">ii", connection.receive(8))
        equal(correlation_id, i, "answers in the order of the requests")
        answers.append(connection.receive(size - 4))
    return answers


def list_offset_body(topic, partition, timestamp):
    return (struct.pack(">ii", -1, 1) + w.string(topic)
            + struct.pack(">iiq", 1, partition, timestamp))


def delete_records_body(topic, partition, offset):
    return (struct.pack(">i", 1) + w.string(topic) + struct.pack(">iiq", 1, partition, offset)
            + struct.pack(">i", 10000))


def behind(answer, topic, kind):
    """The fields `kind` that follow the topic's name and, if any, its only partition's id."""
    at = answer.index(w.string(topic)) + len(w.string(topic))
    return struct.unpack(kind, answer[at:at + struct.calcsize(kind)])


def what_was_produced_is_seen_by_what_follows(bench):
    """ListOffsets and DeleteRecords, sent with a Produce in one piece, find its records, of acks=all
    and acks=1 in turn; on partitions of all shards."""
    partitions, rounds = 4, 20
    topic = bench.topic(partitions=partitions)
    with w.Connection(bench.address) as connection:
        for turn in range(rounds):
            requests = []
            for p in range(partitions):
                produce = (w.PRODUCE, 3, w.produce_body(topic, p, w.batch([b"a", b"b"]),
                                                        acks=(-1, 1)[turn % 2]))
                requests += [
                    produce, (w.LIST_OFFSETS, 1, list_offset_body(topic, p, w.LATEST)),
                    produce, (w.DELETE_RECORDS, 0, delete_records_body(topic, p, -1)),
                    (w.LIST_OFFSETS, 1, list_offset_body(topic, p, w.EARLIEST)),
                    (w.FETCH, 4, w.fetch_body(topic, p, 4 * turn + 2, wait_ms=0))]
            answers = iter(in_one_send(connection, requests))
            for _ in range(partitions):
                equal(w.produce_answer(topic, next(answers)), (0, 4 * turn), "Produce")
                error, _, end = behind(next(answers), topic, ">8xhqq")
                equal((error, end), (0, 4 * turn + 2), "ListOffsets behind a Produce")
                equal(w.produce_answer(topic, next(answers)), (0, 4 * turn + 2), "the next Produce")
                equal(behind(next(answers), topic, ">8xqh"), (4 * turn + 4, 0), "DeleteRecords")
                error, _, start = behind(next(answers), topic, ">8xhqq")
                equal((error, start), (0, 4 * turn + 4), "ListOffsets behind DeleteRecords")
                equal(behind(next(answers), topic, ">8xh"), (1,), "Fetch of what is deleted")


def what_was_created_is_seen_by_what_follows(bench):
    """Metadata and Produce, sent with a CreateTopics in one piece, find the topic, and none behind
    a DeleteTopics. Apache Kafka keeps the order, yet may learn of the topic a little later."""
    later = {3, 5, 6} if os.environ.get("BROKER_KIND") != "ottla" else set()
    for turn in range(5):
        topic = bench.name("created")
        create = (struct.pack(">i", 1) + w.string(topic) + struct.pack(">ihii", 3, 1, 0, 0)
                  + struct.pack(">i", 10000) + b"\0")
        metadata = (w.METADATA, 4, struct.pack(">i", 1) + w.string(topic) + b"\0")
        requests = [(w.CREATE_TOPICS, 2, create), metadata]
        requests += [(w.PRODUCE, 3, w.produce_body(topic, p, w.batch([b"x"]))) for p in range(3)]
        requests += [(w.LIST_OFFSETS, 1, list_offset_body(topic, 2, w.LATEST)),
                     (w.CREATE_TOPICS, 2, create)]
        delete = struct.pack(">i", 1) + w.string(topic) + struct.pack(">i", 10000)
        with w.Connection(bench.address) as connection:
            answers = in_one_send(connection, requests)
            equal(behind(answers[0], topic, ">h"), (0,), "CreateTopics")
            at = answers[1].index(w.string(topic))
            error, = struct.unpack(">h", answers[1][at - 2:at])
            # How many partitions follow the name and a byte.
            equal((error, *behind(answers[1], topic, ">xi")), (error, 0 if error else 3))
            errors = {error} | {w.produce_answer(topic, answer)[0] for answer in answers[2:5]}
            errors |= {behind(answers[5], topic, ">8xh")[0]}
            holds(errors <= {0} | later, f"behind CreateTopics: errors {errors}")
            equal(behind(answers[6], topic, ">h"), (36,), "the second CreateTopics")
            gone = in_one_send(connection, [(w.DELETE_TOPICS, 1, delete), metadata,
                                            (w.DELETE_TOPICS, 1, delete), requests[2]])
            equal(behind(gone[0], topic, ">h"), (0,), "DeleteTopics")
            equal(behind(gone[2], topic, ">h"), (3,), "the second DeleteTopics")
            at = gone[1].index(w.string(topic))
            errors = {struct.unpack(">h", gone[1][at - 2:at])[0],
                      w.produce_answer(topic, gone[3])[0]}
            holds(errors <= {3} | ({0, 5, 6} if later else set()),
                  f"behind DeleteTopics: errors {errors}")


def acks_zero_has_no_answer(bench):
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        for i in range(10):
            connection.send_request(w.PRODUCE, 3, w.produce_body(
                topic, 0, w.batch([b"%d" % i]), acks=0))
        equal(connection.api_versions()[0], 0, "the next answer is to the next question")
        until = time.monotonic() + 5
        while connection.end_offset(topic, 0) < 10 and time.monotonic() < until:
            time.sleep(0.02)
        equal(connection.end_offset(topic, 0), 10)


def a_fetch_waits_as_long_as_it_says(bench):
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        started = time.monotonic()
        equal(connection.fetch(topic, 0, 0, wait_ms=700)[2], b"")
        waited = time.monotonic() - started
        holds(0.6 < waited < 1.5, f"700 ms, waited {waited * 1000:.0f} ms")
        connection.produce(topic, 0, w.batch([b"x" * 100]))
        started = time.monotonic()
        connection.fetch(topic, 0, 0, wait_ms=600, min_bytes=100_000)
        holds(time.monotonic() - started > 0.5, "min bytes were not there, so it waited")
        started = time.monotonic()
        connection.fetch(topic, 0, 0, wait_ms=5000, min_bytes=100)
        holds(time.monotonic() - started < 1, "min bytes were there, so it did not wait")


def a_fetch_smaller_than_a_batch_gets_the_batch(bench):
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        connection.produce(topic, 0, w.batch([b"x" * 50_000]))
        connection.produce(topic, 0, w.batch([b"y" * 50_000]))
        _, high_watermark, data = connection.fetch(topic, 0, 0, max_bytes=1000)
        equal(high_watermark, 2)
        holds(len(data) > 50_000, f"the first batch whole: {len(data)} bytes")


def a_fetch_inside_a_batch_starts_at_the_batch(bench):
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        connection.produce(topic, 0, w.batch([b"%d" % i for i in range(10)]))
        connection.produce(topic, 0, w.batch([b"%d" % i for i in range(10)]))
        _, _, data = connection.fetch(topic, 0, 13)
        base, _, count, _ = next(w.batches(data))
        equal((base, count), (10, 10))


def fetch_errors(bench):
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        equal(connection.fetch(topic, 0, 5)[0], 1, "OFFSET_OUT_OF_RANGE")
        equal(connection.fetch(topic, 9, 0)[0], 3, "UNKNOWN_TOPIC_OR_PARTITION")
        equal(connection.fetch(bench.name("missing"), 0, 0)[0], 3)
        equal(connection.fetch(topic, 0, -7)[0], 1)


def what_was_written_comes_back_unchanged(bench):
    """All bytes of a batch but base offset and leader epoch, which the broker sets."""
    topic = bench.topic()
    sent = w.batch([b"a" * 100, None, b""], timestamp=1_650_000_000_000)
    with w.Connection(bench.address) as connection:
        connection.produce(topic, 0, w.batch([b"before"]))
        equal(connection.produce(topic, 0, sent), (0, 1))
        _, _, data = connection.fetch(topic, 0, 1)
    base, _, count, raw = next(w.batches(data))
    equal((base, count), (1, 3))
    equal(raw[8:12] + raw[16:], sent[8:12] + sent[16:])


def produce_refuses_old_versions_and_keeps_the_connection_rules(bench):
    """Produce v2 is advertised but refused: an error answer or a closed connection."""
    topic = bench.topic()
    with w.Connection(bench.address) as connection:
        try:
            connection.ask(w.PRODUCE, 2, struct.pack(">hii", 1, 1000, 1) + w.string(topic)
                           + struct.pack(">ii", 1, 0) + w.blob(b""))
        except ConnectionError:
            pass
    equal(bench.end_offsets(topic), 0)


TESTS = [an_unknown_version_of_api_versions, every_advertised_range_is_sane, one_byte_at_a_time,
         many_requests_in_one_send, what_was_produced_is_seen_by_what_follows,
         what_was_created_is_seen_by_what_follows, acks_zero_has_no_answer,
         a_fetch_waits_as_long_as_it_says, a_fetch_smaller_than_a_batch_gets_the_batch,
         a_fetch_inside_a_batch_starts_at_the_batch,
         fetch_errors, what_was_written_comes_back_unchanged,
         produce_refuses_old_versions_and_keeps_the_connection_rules]
