"""franz-go, a client of Go without librdkafka: every codec, a cooperative group."""

from go_client import tests_of

TESTS = tests_of("franz-go")
