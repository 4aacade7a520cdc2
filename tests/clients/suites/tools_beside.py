"""The steps of `tools`, taken by Apache Kafka's tools and by ours on the same broker."""

from suites.tools import STEPS, TEST_SECONDS_MAX, compared, steps_told  # noqa: F401


def beside(bench, steps):
    bench.needs_kafka()
    return steps_told(bench, steps, kafka=True)


TESTS = [compared(steps, beside) for steps in STEPS]
