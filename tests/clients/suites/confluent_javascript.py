"""Confluent's client of JavaScript: librdkafka under Node, with the calls of kafkajs."""

from node_client import CHECKS, tests_of

TESTS = tests_of("confluent", [*CHECKS, "staticMember"],
                 ("", "consumer", "roundrobin", "cooperative-sticky"))
