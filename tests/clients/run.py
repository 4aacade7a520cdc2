"""Runs suites of tests against a broker and says how each went.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  `run`, `all`.
Calls:      the modules of `suites/`: each defines `TESTS`, a list of functions taking a `Bench`;
            some define `PROPERTIES`, which their broker must have.
Never:      knows which broker it talks to.
"""

import contextlib
import importlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
SUITES = ["kcat", "kafka_python", "confluent", "java", "admin", "idempotent", "compression",
          "wire", "dump_log", "groups", "group_migration", "transactions", "admin_wire",
          "data_wire", "admin_tools", "java_admin", "topic_configs", "tools", "tools_beside",
          "share_groups", "streams", "verifiable", "connect", "flink", "spark",
          "kafka_python_own", "log_dirs", "kafkajs", "confluent_javascript", "librdkafka",
          "franz_go", "sarama", "kafka_go", "aiokafka", "old_java", "storm", "spring"]
# What every landing runs; `all` has the longer ones too.
QUICK = ["kcat", "kafka_python", "confluent", "java", "admin", "idempotent", "compression", "wire",
         "dump_log"]

# A loaded machine starts a JVM in five seconds instead of one.
TEST_SECONDS_MAX = 150
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(REPOSITORY / "perf" / "peers"))
from broker import KAFKA_LIBS, Broker  # noqa: E402


class Skip(Exception):
    """The test cannot run here; the text says what it needs."""


class Bench:
    """What a test gets: the broker's address, fresh topic names, and ways to run programs."""

    def __init__(self, address, suite):
        self.address = address
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.prefix = f"{suite.replace('_', '-')}-{secrets.token_hex(3)}"
        self.count = 0
        self.admin_client = None

    def name(self, hint="t"):
        """A topic name nobody has used."""
        self.count += 1
        return f"{self.prefix}-{hint}-{self.count}"

    def topic(self, hint="t", partitions=1, **config):
        """Creates a topic (`segment_bytes=…` means segment.bytes) and returns its name."""
        from confluent_kafka.admin import NewTopic
        name = self.name(hint)
        settings = {key.replace("_", "."): str(value) for key, value in config.items()}
        new = NewTopic(name, partitions, 1, config=settings)
        self.admin().create_topics([new], operation_timeout=10)[name].result(15)
        eventually(lambda: self.leads(name, partitions), f"{name} has its leaders", 60)
        return name

    def leads(self, topic, partitions):
        """True when every partition answers; Kafka may not know a new topic at once."""
        import wire
        with wire.Connection(self.address) as connection:
            return all(connection.list_offset(topic, p)[0] == 0 for p in range(partitions))

    def soon(self, check, what):
        """For what an administrative answer promises. Ottla answers when it is visible; Apache
        Kafka's brokers learn of it a little later."""
        eventually(check, what, 0 if os.environ.get("BROKER_KIND") == "ottla" else 30)

    def admin(self):
        from confluent_kafka.admin import AdminClient
        if self.admin_client is None:
            self.admin_client = AdminClient({"bootstrap.servers": self.address})
        return self.admin_client

    def end_offsets(self, topic, partitions=1):
        """The sum of all partitions' latest offsets: how many records arrived."""
        import wire
        with wire.Connection(self.address) as connection:
            return sum(connection.end_offset(topic, p) for p in range(partitions))

    def command(self, *arguments, stdin=None, timeout=200, code=0):
        """Runs a program; returns its CompletedProcess with text. `code=None`: any exit code."""
        binary = isinstance(stdin, bytes)
        done = subprocess.run([str(a) for a in arguments], input=stdin, capture_output=True,
                              text=not binary, timeout=timeout)
        if code is not None and done.returncode != code:
            error = done.stderr if not binary else done.stderr.decode(errors="replace")
            out = done.stdout if not binary else done.stdout.decode(errors="replace")
            raise AssertionError(f"{Path(arguments[0]).name} exited {done.returncode}, not {code}: "
                                 f"{error[-600:]}{out[-300:]}")
        return done

    def kcat(self, *arguments, **how):
        if shutil.which("kcat") is None:
            raise Skip("kcat is not installed")
        return self.command("kcat", "-b", self.address, *arguments, **how)

    def tool(self, name, *arguments, bootstrap="--bootstrap-server", **how):
        """One of Apache Kafka's own tools."""
        self.needs_kafka()
        tool = REPOSITORY / "perf" / "peers" / "kafka-tool"
        return self.command(tool, name, bootstrap, self.address, *arguments, **how)

    def needs_kafka(self):
        """Skips the test where Apache Kafka's jars could not be fetched."""
        if not KAFKA_LIBS.exists():
            raise Skip("Apache Kafka's tools are not installed")


def equal(got, wanted, what=""):
    if got != wanted:
        raise AssertionError(f"{what}: got {short(got)}, wanted {short(wanted)}".lstrip(": "))


def holds(condition, what):
    if not condition:
        raise AssertionError(what)


def raises(kind, run, name=None):
    """Runs it; it must raise `kind`, and when `name` is given with that word in its text."""
    try:
        run()
    except kind as error:
        if name is not None and name not in repr(error) + str(error):
            raise AssertionError(f"raised {error!r}, wanted {name}") from None
        return error
    raise AssertionError(f"nothing was raised, wanted {name or kind.__name__}")


def eventually(check, what, seconds=10):
    """Calls until it returns something true; that is returned."""
    until = time.monotonic() + seconds
    while True:
        got = check()
        if got:
            return got
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def short(value, most=300):
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


@contextlib.contextmanager
def broker_for(module, address):
    """The address to run a suite against: the given one, or that of a broker of the same kind with
    the properties that the suite needs, where `with-ottla` or `with-kafka` says of which kind."""
    kind = os.environ.get("BROKER_KIND")
    properties = getattr(module, "PROPERTIES", None)
    if kind is None or properties is None:
        yield address
        return
    given = dict(os.environ)
    with Broker(kind, properties=properties) as broker:
        os.environ |= {"BROKER": broker.address, "BROKER_PID": str(broker.pid),
                       "BROKER_LOG_DIR": str(broker.log_dir)}
        try:
            yield broker.address
        finally:
            os.environ |= given


def run_suite(suite, address, only):
    """Passed, failed and skipped."""
    module = importlib.import_module(f"suites.{suite}")
    with broker_for(module, address) as address:
        return run_tests(suite, module.TESTS, Bench(address, suite), only,
                         getattr(module, "TEST_SECONDS_MAX", TEST_SECONDS_MAX))


def run_tests(suite, tests, bench, only, seconds_max):
    passed = failed = skipped = 0
    for test in tests:
        name = test.__name__
        if only and name not in only:
            continue
        started = time.monotonic()
        signal.alarm(seconds_max)
        try:
            test(bench)
            passed += 1
            print(f"ok {suite}.{name} ({time.monotonic() - started:.1f} s)", flush=True)
        except Skip as why:
            skipped += 1
            print(f"skipped {suite}.{name}: {why}", flush=True)
        except Exception as error:  # noqa: BLE001: a test may fail in any way
            failed += 1
            why = " ".join(str(error).split()) or type(error).__name__
            print(f"FAILED {suite}.{name}: {type(error).__name__}: {why[:1200]}", flush=True)
            if os.environ.get("TRACE"):
                traceback.print_exc()
        finally:
            signal.alarm(0)
    return passed, failed, skipped


def too_long(*_):
    raise TimeoutError("longer than a test may take")


def main(arguments):
    if arguments[:1] == ["--list"]:
        print("\n".join(["all", "quick"] + [suite.replace("_", "-") for suite in SUITES]))
        return 0
    if len(arguments) < 2:
        print("usage: run SUITE HOST:PORT [TEST …]   (run --list)", file=sys.stderr)
        return 2
    wanted, address, only = arguments[0].replace("-", "_"), arguments[1], arguments[2:]
    if wanted == "confluent_kafka":
        wanted = "confluent"
    sets = {"all": SUITES, "quick": QUICK}
    if wanted not in sets and wanted not in SUITES:
        print(f"no suite is named {arguments[0]}; there are: all quick {' '.join(SUITES)}",
              file=sys.stderr)
        return 2
    signal.signal(signal.SIGALRM, too_long)
    totals = [run_suite(s, address, only) for s in sets.get(wanted, [wanted])]
    passed, failed, skipped = (sum(column) for column in zip(*totals))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    # The suites import this module's helpers by name; they must get this very one.
    sys.modules["run"] = sys.modules["__main__"]
    code = main(sys.argv[1:])
    # Client libraries keep threads that would wait for a broker that may be gone.
    sys.stdout.flush()
    os._exit(code)
