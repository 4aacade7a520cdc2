"""Requests as bytes: order, splitting, waiting, and the answers no library lets one see."""

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
         many_requests_in_one_send, acks_zero_has_no_answer, a_fetch_waits_as_long_as_it_says,
         a_fetch_smaller_than_a_batch_gets_the_batch, a_fetch_inside_a_batch_starts_at_the_batch,
         fetch_errors, what_was_written_comes_back_unchanged,
         produce_refuses_old_versions_and_keeps_the_connection_rules]
