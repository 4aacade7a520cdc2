"""The integration tests that kafka-python ships in its source package, as it ships them.

They run against a broker of their own, because they count on its id, on how many partitions a topic
gets by itself and on short sessions. Left out are those that start a broker themselves (TLS, SASL)
and the one that asks for an authorizer.
"""

import os
import re
import subprocess

from broker import Broker
from run import HERE, REPOSITORY, Skip, equal, holds

# Each test has its own limit of 300 s; the whole file has this one.
TEST_SECONDS_MAX = 900
VERSION = next(line.split("==")[1].strip() for line in open(HERE / "requirements.txt")
               if line.startswith("kafka-python=="))
WITHOUT = ["admin_integration.py::test_create_describe_delete_acls"]


def file(name, count):
    """A test that runs one of their files; so many of its tests must pass, and none may fail."""
    def test(bench):
        kind = os.environ.get("BROKER_KIND")
        if not kind:
            raise Skip("BROKER_KIND is not set: a broker with their settings is needed")
        fetched = subprocess.run([HERE / "kafka-python-fetch"])
        if fetched.returncode == 75:
            raise Skip(f"the source package of kafka-python {VERSION} could not be fetched")
        equal(fetched.returncode, 0, "kafka-python-fetch")
        root = REPOSITORY / ".cache" / f"kafka-python-{VERSION}"
        broker = Broker(kind, properties={"node.id": "0", "num.partitions": "4",
                                          "group.min.session.timeout.ms": "3000"})
        broker.properties["advertised.listeners"] = f"PLAINTEXT://{broker.address}"
        if kind == "kafka":
            voter = f"0@127.0.0.1:{broker.port + 1}"
            broker.properties["controller.quorum.voters"] = voter
        with broker:
            done = subprocess.run(
                [REPOSITORY / ".cache" / "venv" / "bin" / "python", "-m", "pytest", "-q", "-rfE",
                 "-p", "no:cacheprovider", "-o", "log_level=CRITICAL", "--tb=line",
                 *(f"--deselect=test/integration/test_{name}" for name in WITHOUT),
                 f"test/integration/test_{name}_integration.py"],
                cwd=root / "source", capture_output=True, text=True,
                env=os.environ | {"KAFKA_URI": f"kafka://{broker.address}",
                                  "KAFKA_VERSION": "4.3.1", "KAFKA_ROOT": str(root),
                                  "PYTHONPATH": f"{root / 'libs'}:{root / 'source'}",
                                  "PYTHONDONTWRITEBYTECODE": "1"})
        wrong = re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.M)
        why = "; ".join(re.findall(r"^/.*: .*Error.*|^E .*", done.stdout, re.M))
        holds(not wrong, f"{'; '.join(wrong)}: {why}")
        passed = re.search(r"(\d+) passed", done.stdout)
        holds(passed and int(passed[1]) >= count, f"{count} pass: {done.stdout[-600:]}")
    test.__name__ = name
    return test


TESTS = [file("admin", 21), file("consumer", 16), file("producer", 17)]
