"""Java programs of the suites: what they need from Maven Central, and a process of theirs.

Room:       `tests/clients`, real clients as outside scripts.
Called by:  suites that drive a program of Kafka's world: streams, connect, storm, old_java …
Calls:      java/fetch, java.
Never:      leaves a process behind.
"""

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from run import HERE, REPOSITORY, Skip, equal, eventually, holds

LOG4J = REPOSITORY / "perf" / "peers" / "kafka-log4j2-tools.properties"


def fetch(name, version=None):
    """The folder with what `java/NAME-pom.xml` lists in `libs` and NAME's programs in `classes`."""
    release = version or (HERE / "java" / f"{name}-pom.xml").read_text().split("<release>")[1]
    release = release.split("<")[0]
    done = subprocess.run([HERE / "java" / "fetch", name, release])
    if done.returncode == 75:
        raise Skip(f"{name} {release} could not be fetched from Maven Central")
    equal(done.returncode, 0, f"java/fetch {name} {release}")
    return REPOSITORY / ".cache" / f"{name}-{release}"


class Java:
    """One process that runs a class; what it says goes to a file. Ends with its `with`."""

    def __init__(self, classpath, *arguments, heap="400m", options=()):
        self.out = tempfile.NamedTemporaryFile(prefix="java-", suffix=".log")
        self.process = subprocess.Popen(
            ["java", f"-Xmx{heap}", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
             f"-Dlog4j2.configurationFile={LOG4J}", *options,
             "-cp", ":".join(str(part) for part in classpath), *(str(a) for a in arguments)],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def text(self):
        return Path(self.out.name).read_text(errors="replace")

    def check(self):
        holds(self.process.poll() is None, f"the process lives: {self.text()[-900:]}")

    def until(self, what, check, seconds):
        """Until the check returns something true, which it returns; the process lives so long."""
        def done():
            self.check()
            return check()
        try:
            return eventually(done, what, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.text()[-900:]}") from None

    def kill(self):
        """As a power cut ends it."""
        self.process.kill()
        self.process.wait()

    def wait(self, seconds, code=0):
        """Until it ends by itself, with this code."""
        try:
            ended = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended within {seconds} s: {self.text()[-900:]}") from None
        holds(ended == code, f"ended with {ended}, not {code}: {self.text()[-900:]}")
        return self.text()

    def stop(self, seconds=40):
        """As an operator stops it; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"SIGTERM ignored: {self.text()[-900:]}") from None


def kafka_libs():
    """The jars of Apache Kafka's own tools."""
    from broker import KAFKA_LIBS
    if not KAFKA_LIBS.exists():
        raise Skip("Apache Kafka's tools are not installed")
    return f"{KAFKA_LIBS}/*"
