"""Starts and stops a broker, Ottla or Apache Kafka, for the scripts of `perf` and `tests/clients`.

Room:       `perf/peers`, how each broker starts.
Called by:  tests/clients/*, perf/compare.
Calls:      java (jars fetched by kafka-fetch), target/release/ottla (or $OTTLA).
Never:      binds anything but loopback; ends a process other than the one it started.

The same few properties start both brokers, so a test can be pointed at either one.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
KAFKA_VERSION = os.environ.get("KAFKA_VERSION", "4.3.1")
KAFKA_LIBS = REPOSITORY / ".cache" / f"kafka-{KAFKA_VERSION}" / "libs"
# Below the kernel's ephemeral range, or a client's own port could take the broker's.
# BROKER_PORTS=20500-20999 for a machine that several share.
PORT_FIRST, PORT_LAST = map(int, os.environ.get("BROKER_PORTS", "20000-31999").split("-"))
CLUSTER_ID = "4L6g3nShT-eMCtK--X86sw"


class BrokerError(Exception):
    """The broker did not do what was asked of its process; the text says what it printed."""


class Broker:
    """One broker process and its folder. `kind` is "ottla" or "kafka"."""

    def __init__(self, kind, folder=None, port=None, properties=None, cpus=None, heap="1g",
                 arguments=()):
        self.kind = kind
        self.temporary = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix=f"{kind}-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.properties = dict(properties or {})
        self.cpus = cpus
        self.heap = heap
        self.arguments = list(arguments)
        self.process = None
        self.started_at = None
        self.log_file = self.folder / "out.log"
        self.log_dir = Path(self.properties.get("log.dirs", self.folder / "data"))

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self, timeout_s=60):
        """Starts the process; returns the seconds from exec to the first (ApiVersions, Metadata
        with a broker in it) answer."""
        command = self.command()
        with open(self.log_file, "ab") as log:
            self.started_at = time.monotonic()
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                cwd=self.folder)
        return self.wait_ready(timeout_s)

    def command(self):
        """Writes the properties file (and formats Kafka's folder once); the command to exec."""
        file = self.folder / "server.properties"
        file.write_text("".join(f"{k}={v}\n" for k, v in self.all_properties().items()))
        pin = ["taskset", "-c", self.cpus] if self.cpus else []
        if self.kind == "ottla":
            return pin + [str(ottla_binary()), "server", str(file)] + self.arguments
        if not KAFKA_LIBS.exists():
            raise BrokerError("Apache Kafka is not here: run perf/peers/kafka-fetch")
        if not (self.log_dir / "meta.properties").exists():
            done = subprocess.run(
                [HERE / "kafka-tool", "storage", "format", "-t", CLUSTER_ID, "-c", file],
                capture_output=True, text=True)
            if done.returncode != 0:
                raise BrokerError(f"kafka-storage format: {done.stdout}{done.stderr}")
        # Kafka's own start script uses these flags.
        return pin + [
            "java", f"-Xmx{self.heap}", f"-Xms{self.heap}", "-server", "-XX:+UseG1GC",
            "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
            "-XX:+ExplicitGCInvokesConcurrent", "-XX:MaxInlineLevel=15",
            "-Djava.awt.headless=true", f"-Dkafka.logs.dir={self.folder}",
            f"-Dlog4j2.configurationFile={HERE / 'kafka-log4j2-server.properties'}",
            "-cp", f"{KAFKA_LIBS}/*", "kafka.Kafka", str(file)]

    def all_properties(self):
        """What both brokers get, what Kafka needs besides, and what the caller asked for."""
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": str(self.log_dir),
        }
        if self.kind == "kafka":
            controller = f"127.0.0.1:{self.port + 1}"
            properties |= {
                "listeners": f"PLAINTEXT://{self.address},CONTROLLER://{controller}",
                "advertised.listeners": f"PLAINTEXT://{self.address}",
                "controller.listener.names": "CONTROLLER",
                "controller.quorum.voters": f"1@{controller}",
                "offsets.topic.replication.factor": "1",
                "transaction.state.log.replication.factor": "1",
                "transaction.state.log.min.isr": "1",
                "share.coordinator.state.topic.replication.factor": "1",
                "share.coordinator.state.topic.min.isr": "1",
                "group.initial.rebalance.delay.ms": "0",
            }
        return properties | self.properties

    def wait_ready(self, timeout_s=60):
        """Asks every 2 ms; returns seconds since exec. Raises when the process ended or is late."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise BrokerError(f"{self.kind} ended with {self.process.returncode}:\n"
                                  + self.log_tail())
            if answers(self.port):
                return time.monotonic() - self.started_at
            time.sleep(0.002)
        raise BrokerError(f"{self.kind} gave no answer within {timeout_s} s:\n{self.log_tail()}")

    def stop(self, timeout_s=30):
        """SIGTERM; returns the exit code (Kafka's is 143), or raises when it takes too long."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise BrokerError(f"{self.kind} ignored SIGTERM for {timeout_s} s") from None

    def kill(self):
        """SIGKILL, and reaps it."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def close(self):
        """Ends the process whatever its state; removes the folder if it was ours."""
        try:
            self.stop()
        except BrokerError:
            pass
        if self.temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log_tail(self, bytes_max=4000):
        try:
            return self.log_file.read_bytes()[-bytes_max:].decode(errors="replace")
        except OSError:
            return ""

    def cpu_seconds(self):
        return cpu_seconds(self.pid)

    def rss_mb(self):
        return rss_mb(self.pid)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            # Nobody else would end it.
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()


def ottla_binary():
    binary = Path(os.environ.get("OTTLA", REPOSITORY / "target" / "release" / "ottla"))
    if not binary.exists():
        raise BrokerError(f"{binary} is not there: cargo build --release, or set OTTLA")
    return binary.resolve()


def free_port():
    """Two free neighbours (Kafka's controller takes the second), below the ephemeral range."""
    count = PORT_LAST - PORT_FIRST
    start = (os.getpid() * 37 + time.monotonic_ns() // 1000) % count
    for step in range(0, 2000, 2):
        port = PORT_FIRST + (start + step) % count
        if all(is_free(p) for p in (port, port + 1)):
            return port
    raise BrokerError(f"no free port between {PORT_FIRST} and {PORT_LAST}")


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def answers(port):
    """True when ApiVersions v0 has no error and Metadata v1 lists a broker."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            versions = ask(connection, 18, 0, b"")
            brokers = ask(connection, 3, 1, struct.pack(">i", 0))
            return versions[:2] == b"\0\0" and struct.unpack(">i", brokers[:4])[0] > 0
    except (OSError, struct.error):
        return False


def create_topic(address, topic, partitions=1, timeout_s=30):
    """CreateTopics v2, then waits until every partition's leader answers."""
    host, port = address.rsplit(":", 1)
    name = struct.pack(">h", len(topic)) + topic.encode()
    body = (struct.pack(">i", 1) + name + struct.pack(">ihii", partitions, 1, 0, 0)
            + struct.pack(">i", 15000) + b"\0")
    asked = (struct.pack(">ii", -1, 1) + name + struct.pack(">i", partitions)
             + b"".join(struct.pack(">iq", p, -1) for p in range(partitions)))
    until = time.monotonic() + timeout_s
    with socket.create_connection((host, int(port)), timeout=timeout_s) as connection:
        error = struct.unpack(">h", ask(connection, 19, 2, body)[10 + len(topic):][:2])[0]
        if error:
            raise BrokerError(f"CreateTopics {topic} answered error {error}")
        while True:
            answer = ask(connection, 2, 1, asked)[4 + len(name) + 4:]
            if all(row[1] == 0 for row in struct.iter_unpack(">ihqq", answer)):
                return
            if time.monotonic() > until:
                raise BrokerError(f"{topic} has no leaders after {timeout_s} s")
            time.sleep(0.02)


def ask(connection, key, version, body):
    """One request with a v1 header; the response's body (behind its correlation id)."""
    client = b"probe"
    request = struct.pack(">hhih", key, version, 7, len(client)) + client + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    size = struct.unpack(">i", receive(connection, 4))[0]
    return receive(connection, size)[4:]


def receive(connection, size):
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError("the broker closed the connection")
        parts += part
    return bytes(parts)


def cpu_seconds(pid):
    """User and system time of a process, all threads, in seconds (10 ms steps)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def run_with(kind, arguments):
    """The body of with-ottla and with-kafka: [KEY=VALUE …] COMMAND …; the command's exit code.

    `{}` in the command becomes HOST:PORT; without one HOST:PORT is appended. The command also
    finds BROKER, BROKER_KIND, BROKER_PID and BROKER_LOG_DIR in its environment.
    """
    properties = {}
    while arguments and "=" in arguments[0] and "/" not in arguments[0].split("=")[0]:
        name, value = arguments.pop(0).split("=", 1)
        properties[name] = value
    if not arguments:
        print(f"usage: with-{kind} [PROPERTY=VALUE …] COMMAND …", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    broker = Broker(kind, properties=properties)
    try:
        broker.start()
        if not any("{}" in argument for argument in arguments):
            arguments = arguments + ["{}"]
        environment = os.environ | {
            "BROKER": broker.address, "BROKER_KIND": kind, "BROKER_PID": str(broker.pid),
            "BROKER_LOG_DIR": str(broker.log_dir)}
        code = subprocess.run([a.replace("{}", broker.address) for a in arguments],
                              env=environment).returncode
        if broker.process.poll() is not None:
            print(f"{kind} ended by itself with {broker.process.returncode}", file=sys.stderr)
            code = code or 1
        if code != 0:
            print(f"---- last lines of {kind}'s log\n{broker.log_tail()}----", file=sys.stderr)
        return code
    except BrokerError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        broker.close()
