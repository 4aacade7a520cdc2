"""A few of Kafka's requests, written byte by byte on a plain socket: what no library would send.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  bad_input.py, real_input, suites.
Calls:      sockets.
Never:      hides an error: codes come back as numbers.

Only old, inflexible versions, so that every byte is easy to see.
"""

import socket
import struct

PRODUCE, FETCH, LIST_OFFSETS, METADATA, API_VERSIONS, INIT_PRODUCER_ID = 0, 1, 2, 3, 18, 22
CREATE_TOPICS, DELETE_TOPICS, DELETE_RECORDS = 19, 20, 21
DESCRIBE_GROUPS, DESCRIBE_CONFIGS = 15, 32
LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC32C[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def varint(value):
    """Zigzag, as records use it."""
    value = (value << 1) ^ (value >> 63)
    out = bytearray()
    while value > 0x7F or value < 0:
        out.append((value & 0x7F) | 0x80)
        value = (value >> 7) & 0x01FFFFFFFFFFFFFF
    out.append(value)
    return bytes(out)


def string(text):
    if text is None:
        return struct.pack(">h", -1)
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">h", len(data)) + data


def blob(data):
    return struct.pack(">i", -1) if data is None else struct.pack(">i", len(data)) + data


def record(delta, key, value, timestamp_delta=0):
    def nullable(data):
        return varint(-1) if data is None else varint(len(data)) + data
    body = (b"\0" + varint(timestamp_delta) + varint(delta) + nullable(key) + nullable(value)
            + varint(0))
    return varint(len(body)) + body


def batch(values, producer_id=-1, producer_epoch=-1, sequence=-1, attributes=0, magic=2,
          timestamp=1_700_000_000_000, records=None, count=None, last_delta=None, crc=None,
          length=None):
    """A record batch v2. Everything can be set wrong: `count`, `last_delta`, `crc`, `length`, or
    the bytes of `records` themselves."""
    if records is None:
        records = b"".join(record(i, None, v) for i, v in enumerate(values))
    count = len(values) if count is None else count
    last_delta = count - 1 if last_delta is None else last_delta
    checked = struct.pack(">hiqqqhii", attributes, last_delta, timestamp, timestamp, producer_id,
                          producer_epoch, sequence, count) + records
    crc = crc32c(checked) if crc is None else crc
    length = 9 + len(checked) if length is None else length
    return struct.pack(">qiibI", 0, length, 0, magic, crc) + checked


def header(key, version, correlation_id=1, client="wire"):
    return struct.pack(">hhi", key, version, correlation_id) + string(client)


def produce_body(topic, partition, records, acks=-1, timeout_ms=10000, transactional_id=None):
    """Produce v3 to v8."""
    return (string(transactional_id) + struct.pack(">hii", acks, timeout_ms, 1) + string(topic)
            + struct.pack(">ii", 1, partition) + blob(records))


def produce_answer(topic, answer):
    """Error code and base offset in the answer of a Produce of one partition."""
    at = 4 + 2 + len(topic.encode()) + 4 + 4
    return struct.unpack(">hq", answer[at:at + 10])


def fetch_body(topic, partition, offset, wait_ms=500, min_bytes=1, max_bytes=1 << 20):
    """Fetch v4."""
    return (struct.pack(">iiiibi", -1, wait_ms, min_bytes, max_bytes, 0, 1) + string(topic)
            + struct.pack(">iiqi", 1, partition, offset, max_bytes))


class Connection:
    """One blocking connection that asks one thing at a time."""

    def __init__(self, address, timeout_s=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=timeout_s)
        self.correlation_id = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def send_request(self, key, version, body):
        self.correlation_id += 1
        request = header(key, version, self.correlation_id) + body
        self.send(struct.pack(">i", len(request)) + request)

    def receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionResetError("the broker closed the connection")
            data += part
        return bytes(data)

    def response(self):
        """The next response's body, behind the correlation id, which must be the last one sent."""
        size = struct.unpack(">i", self.receive(4))[0]
        answer = self.receive(size)
        correlation_id = struct.unpack(">i", answer[:4])[0]
        if correlation_id != self.correlation_id:
            raise AssertionError(f"correlation id {correlation_id}, not {self.correlation_id}")
        return answer[4:]

    def ask(self, key, version, body):
        self.send_request(key, version, body)
        return self.response()

    def api_versions(self):
        """Error code and {key: (min, max)} of ApiVersions v0."""
        answer = self.ask(API_VERSIONS, 0, b"")
        error, count = struct.unpack(">hi", answer[:6])
        rows = struct.iter_unpack(">hhh", answer[6:6 + 6 * count])
        return error, {key: (low, high) for key, low, high in rows}

    def init_producer_id(self):
        """Error code, producer id and epoch of InitProducerId v0."""
        answer = self.ask(INIT_PRODUCER_ID, 0, string(None) + struct.pack(">i", 60000))
        return struct.unpack(">hqh", answer[4:16])

    def produce(self, topic, partition, records, acks=-1, version=3, transactional_id=None):
        """Error code and base offset of one Produce."""
        body = produce_body(topic, partition, records, acks, transactional_id=transactional_id)
        return produce_answer(topic, self.ask(PRODUCE, version, body))

    def list_offset(self, topic, partition, timestamp=LATEST):
        """Error code, timestamp and offset of ListOffsets v1."""
        body = (struct.pack(">ii", -1, 1) + string(topic)
                + struct.pack(">iiq", 1, partition, timestamp))
        answer = self.ask(LIST_OFFSETS, 1, body)
        at = 4 + 2 + len(topic.encode()) + 4 + 4
        return struct.unpack(">hqq", answer[at:at + 18])

    def end_offset(self, topic, partition):
        error, _, offset = self.list_offset(topic, partition)
        if error:
            raise AssertionError(f"ListOffsets {topic}:{partition} answered error {error}")
        return offset

    def fetch(self, topic, partition, offset, **how):
        """Error code, high watermark and the record bytes of Fetch v4."""
        answer = self.ask(FETCH, 4, fetch_body(topic, partition, offset, **how))
        at = 4 + 4 + 2 + len(topic.encode()) + 4 + 4
        error, high_watermark, _, aborted = struct.unpack(">hqqi", answer[at:at + 22])
        at += 22 + max(aborted, 0) * 16
        size = struct.unpack(">i", answer[at:at + 4])[0]
        return error, high_watermark, answer[at + 4:at + 4 + max(size, 0)]


def batches(data):
    """(base offset, codec name, record count, raw batch) of every whole batch in `data`."""
    at = 0
    while len(data) - at >= 61:
        base, length = struct.unpack(">qi", data[at:at + 12])
        if at + 12 + length > len(data):
            return
        raw = data[at:at + 12 + length]
        attributes = struct.unpack(">h", raw[21:23])[0]
        count = struct.unpack(">i", raw[57:61])[0]
        yield base, CODECS[attributes & 7], count, raw
        at += 12 + length
