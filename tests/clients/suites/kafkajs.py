"""kafkajs, the client of JavaScript that is JavaScript all through: its own protocol code."""

from node_client import CHECKS, tests_of

TESTS = tests_of("kafkajs", CHECKS)
