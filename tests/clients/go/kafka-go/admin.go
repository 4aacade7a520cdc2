package main

import (
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla/bench"
)

func administersTopics(b *bench.Bench) {
	client, name := client(b), b.Name("t")
	create := func(topic kafka.TopicConfig, validates bool) error {
		short := *client
		if validates {
			// It waits for the topic to be there, too.
			short.Timeout = time.Second
		}
		done, err := short.CreateTopics(ctx, &kafka.CreateTopicsRequest{
			Topics: []kafka.TopicConfig{topic}, ValidateOnly: validates})
		bench.Check(err)
		return done.Errors[topic.Topic]
	}
	detail := kafka.TopicConfig{Topic: name, NumPartitions: 1, ReplicationFactor: 1}
	bench.Check(create(detail, true))
	bench.Equal(led(client, name), 0, "what was only validated is not there")
	createTopic(client, name, kafka.ConfigEntry{ConfigName: "cleanup.policy",
		ConfigValue: "compact"})
	bench.Refused(create(detail, false), kafka.TopicAlreadyExists, "again")
	detail.Topic, detail.ReplicationFactor = b.Name("t"), 2
	bench.Refused(create(detail, false), kafka.InvalidReplicationFactor, "more than brokers")
	detail.Topic, detail.ReplicationFactor = "a/b", 1
	bench.Refused(create(detail, false), kafka.InvalidTopic, "a name that is none")

	grow := func(count int32) error {
		done, err := client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{
			Topics: []kafka.TopicPartitionsConfig{{Name: name, Count: count}}})
		bench.Check(err)
		return done.Errors[name]
	}
	bench.Check(grow(partitions + 2))
	bench.Until("all partitions have a leader", func() bool {
		return led(client, name) == partitions+2
	})
	bench.Refused(grow(1), kafka.InvalidPartitionNumber, "fewer")
	setsConfigs(client, name)

	elected, err := client.ElectLeaders(ctx, &kafka.ElectLeadersRequest{Topic: name,
		Partitions: []int{0}, Timeout: 10 * time.Second})
	bench.Check(err)
	bench.Check(elected.Error)
	bench.Refused(elected.PartitionResults[0].Error, kafka.ElectionNotNeeded, "it is led well")
	done, err := client.AlterPartitionReassignments(ctx, &kafka.AlterPartitionReassignmentsRequest{
		Topic: name, Timeout: 10 * time.Second,
		Assignments: []kafka.AlterPartitionReassignmentsRequestAssignment{
			{PartitionID: 0, BrokerIDs: []int{1}}}})
	bench.Check(err)
	bench.Check(done.Error)
	bench.Check(done.PartitionResults[0].Error)
	moving, err := client.ListPartitionReassignments(ctx, &kafka.ListPartitionReassignmentsRequest{
		Timeout: 10 * time.Second,
		Topics: map[string]kafka.ListPartitionReassignmentsRequestTopic{
			name: {PartitionIndexes: []int{0}}}})
	bench.Check(err)
	bench.Check(moving.Error)
	bench.Equal(len(moving.Topics), 0, "nothing has to move")

	remove := func() error {
		done, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{name}})
		bench.Check(err)
		return done.Errors[name]
	}
	bench.Check(remove())
	bench.Refused(remove(), kafka.UnknownTopicOrPartition, "again")
}

// Both ways of setting: all at once, which unsets the rest, and one by one.
func setsConfigs(client *kafka.Client, name string) {
	told := func(key string) kafka.DescribeConfigResponseConfigEntry {
		told, err := client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{
			Resources: []kafka.DescribeConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic,
				ResourceName: name, ConfigNames: []string{key}}}})
		bench.Check(err)
		bench.Check(told.Resources[0].Error)
		bench.Equal(len(told.Resources[0].ConfigEntries), 1, "only what was asked for")
		return told.Resources[0].ConfigEntries[0]
	}
	alter := func(value string) error {
		done, err := client.AlterConfigs(ctx, &kafka.AlterConfigsRequest{
			Resources: []kafka.AlterConfigRequestResource{{ResourceType: kafka.ResourceTypeTopic,
				ResourceName: name, Configs: []kafka.AlterConfigRequestConfig{
					{Name: "retention.ms", Value: value}}}}})
		bench.Check(err)
		return done.Errors[kafka.AlterConfigsResponseResource{Type: int8(kafka.ResourceTypeTopic),
			Name: name}]
	}
	bench.Check(alter("3600000"))
	bench.Until("retention.ms is set", func() bool {
		return told("retention.ms").ConfigValue == "3600000"
	})
	bench.Equal(told("cleanup.policy").ConfigValue, "delete", "unset by the other one")
	bench.Refused(alter("many"), kafka.InvalidConfiguration, "no number")
	incremental := func(configs ...kafka.IncrementalAlterConfigsRequestConfig) {
		done, err := client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
			Resources: []kafka.IncrementalAlterConfigsRequestResource{{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: name, Configs: configs}}})
		bench.Check(err)
		bench.Check(done.Resources[0].Error)
	}
	policy := kafka.IncrementalAlterConfigsRequestConfig{Name: "cleanup.policy", Value: "compact",
		ConfigOperation: kafka.ConfigOperationAppend}
	incremental(policy, kafka.IncrementalAlterConfigsRequestConfig{Name: "retention.ms",
		ConfigOperation: kafka.ConfigOperationDelete})
	bench.Until("cleanup.policy has both", func() bool {
		return told("cleanup.policy").ConfigValue == "delete,compact"
	})
	bench.Holds(told("retention.ms").ConfigValue != "3600000", "the default again")
	policy.ConfigOperation = kafka.ConfigOperationSubtract
	incremental(policy)
	bench.Until("cleanup.policy has one", func() bool {
		return told("cleanup.policy").ConfigValue == "delete"
	})
}

func administersGroupsAndTheCluster(b *bench.Bench) {
	topic, group, client := topic(b), b.Name("g"), client(b)
	send(b.Address, topic, &kafka.Writer{}, messages(bench.Records(0, 60)))
	member := join(b.Address, topic, group, kafka.ReaderConfig{})
	take(60, member)
	listed := func() bool {
		told, err := client.ListGroups(ctx, &kafka.ListGroupsRequest{})
		bench.Check(err)
		bench.Check(told.Error)
		for _, one := range told.Groups {
			if one.GroupID == group {
				bench.Equal(one.ProtocolType, "consumer", "its protocol")
				return true
			}
		}
		return false
	}
	bench.Holds(listed(), "it is listed")
	bench.Equal(shares(b, group), []int{partitions}, "its member")
	remove := func() error {
		done, err := client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
		bench.Check(err)
		return done.Errors[group]
	}
	forget := func() error {
		done, err := client.OffsetDelete(ctx, &kafka.OffsetDeleteRequest{GroupID: group,
			Topics: map[string][]int{topic: {0}}})
		bench.Check(err)
		bench.Check(done.Error)
		return done.Topics[topic][0].Error
	}
	bench.Refused(remove(), kafka.NonEmptyGroup, "it has a member")
	bench.Refused(forget(), kafka.GroupSubscribedToTopic, "it reads the topic")
	bench.Check(member.Close())
	offsets, err := client.ConsumerOffsets(ctx, kafka.TopicAndGroup{Topic: topic, GroupId: group})
	bench.Check(err)
	bench.Equal(offsets[0]+offsets[1]+offsets[2], 60, "committed")
	bench.Check(forget())
	offsets, err = client.ConsumerOffsets(ctx, kafka.TopicAndGroup{Topic: topic, GroupId: group})
	bench.Check(err)
	bench.Equal(offsets[0], -1, "what was deleted")
	bench.Check(remove())
	bench.Holds(!listed(), "it is gone")
	bench.Refused(remove(), kafka.GroupIdNotFound, "again")

	told, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	bench.Check(err)
	bench.Equal(len(told.Brokers), 1, "brokers")
	bench.Equal(fmt.Sprintf("%s:%d", told.Brokers[0].Host, told.Brokers[0].Port), b.Address,
		"its address")
	bench.Equal(told.Controller, told.Brokers[0], "the controller")
	bench.Equal(len(told.Topics[0].Partitions), partitions, "partitions")
	versions, err := client.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	bench.Check(err)
	bench.Check(versions.Error)
	bench.Holds(len(versions.ApiKeys) > 40, "what the broker speaks")
}
