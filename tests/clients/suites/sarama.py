"""Sarama, a client of Go that writes the requests of any version of Kafka that it is told."""

from go_client import tests_of

# Groups come and go in most of the tests; Ottla waits for three seconds where nothing else is set.
PROPERTIES = {"group.initial.rebalance.delay.ms": "0"}
TESTS = tests_of("sarama", [
    "writes_every_codec_and_acks", "idempotent_writes_stay_in_order", "headers_keys_and_times",
    "reads_partitions_by_hand", "seeks_and_asks_for_offsets", "a_group_shares_and_goes_on",
    "a_static_member_comes_back", "commits_by_hand", "transactions_commit_and_abort",
    "consumes_and_produces_exactly_once", "a_new_instance_fences_the_old_one",
    "administers_topics", "administers_groups", "describes_the_cluster_and_what_is_open",
    "speaks_the_versions_before_kafka_3", "speaks_the_versions_from_kafka_3_onward"])
