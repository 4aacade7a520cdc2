package main

import (
	"maps"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"ottla/bench"
)

func administersTopics(b *bench.Bench) {
	admin, name := administrator(b.Address, settings()), b.Name("t")
	detail := &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1}
	bench.Check(admin.CreateTopic(name, detail, true))
	topics, err := admin.ListTopics()
	bench.Check(err)
	bench.Holds(topics[name].NumPartitions == 0, "what was only validated is not there")
	compact := "compact"
	createTopic(admin, name, map[string]*string{"cleanup.policy": &compact})
	bench.Refused(admin.CreateTopic(name, detail, false), sarama.ErrTopicAlreadyExists, "again")
	detail.ReplicationFactor = 2
	bench.Refused(admin.CreateTopic(b.Name("t"), detail, false),
		sarama.ErrInvalidReplicationFactor, "more replicas than brokers")
	bench.Refused(admin.CreateTopic("a/b", &sarama.TopicDetail{NumPartitions: 1,
		ReplicationFactor: 1}, false), sarama.ErrInvalidTopic, "a name that is none")

	bench.Check(admin.CreatePartitions(name, partitions+2, nil, false))
	bench.Until("all partitions have a leader", func() bool {
		return led(admin, name) == partitions+2
	})
	bench.Refused(admin.CreatePartitions(name, 1, nil, false), sarama.ErrInvalidPartitions, "fewer")
	topics, err = admin.ListTopics()
	bench.Check(err)
	bench.Equal(topics[name].NumPartitions, partitions+2, "partitions")
	bench.Equal(topics[name].ReplicationFactor, 1, "replication factor")
	bench.Equal(*topics[name].ConfigEntries["cleanup.policy"], compact, "cleanup.policy")

	setsConfigs(admin, name)

	elected, err := admin.ElectLeaders(sarama.PreferredElection, map[string][]int32{name: {0, 1}})
	bench.Check(err)
	for _, one := range elected[name] {
		bench.Equal(one.ErrorCode, sarama.ErrElectionNotNeeded, "it is led by whom it should be")
	}
	_, broker, err := admin.DescribeCluster()
	bench.Check(err)
	bench.Check(admin.AlterPartitionReassignments(name, [][]int32{{broker}, {broker}, {broker},
		{broker}, {broker}}))
	moving, err := admin.ListPartitionReassignments(name, []int32{0, 1})
	bench.Check(err)
	bench.Equal(len(moving[name]), 0, "nothing has to move")

	send(b.Address, settings(), messages(name, bench.Records(0, 100)))
	asker := client(b.Address, settings())
	end, err := asker.GetOffset(name, 0, sarama.OffsetNewest)
	bench.Check(err)
	bench.Holds(end > 1, "partition 0 has records")
	bench.Check(admin.DeleteRecords(name, map[int32]int64{0: end - 1}))
	start, err := asker.GetOffset(name, 0, sarama.OffsetOldest)
	bench.Check(err)
	bench.Equal(start, end-1, "the log's start")
	bench.Holds(admin.DeleteRecords(name, map[int32]int64{0: end + 1}) != nil, "behind the end")
	bench.Check(asker.Close())

	bench.Check(admin.DeleteTopic(name))
	bench.Until("it is gone", func() bool {
		topics, err := admin.ListTopics()
		bench.Check(err)
		_, there := topics[name]
		return !there
	})
	bench.Refused(admin.DeleteTopic(name), sarama.ErrUnknownTopicOrPartition, "again")
	bench.Check(admin.Close())
}

// Both ways of setting: all at once, which unsets the rest, and one by one.
func setsConfigs(admin sarama.ClusterAdmin, name string) {
	told := func(key string) sarama.ConfigEntry {
		told, err := admin.DescribeConfigs([]*sarama.ConfigResource{{Type: sarama.TopicResource,
			Name: name, ConfigNames: []string{key}}}, sarama.DescribeConfigsOptions{
			IncludeSynonyms: true, IncludeDocumentation: true})
		bench.Check(err)
		bench.Equal(told[0].ErrorCode, sarama.ErrNoError, "DescribeConfigs")
		bench.Equal(len(told[0].Configs), 1, "only what was asked for")
		return told[0].Configs[0]
	}
	hour, both := "3600000", "delete"
	bench.Check(admin.AlterConfig(sarama.TopicResource, name,
		map[string]*string{"retention.ms": &hour}, false))
	bench.Until("retention.ms is set", func() bool { return told("retention.ms").Value == hour })
	entry := told("retention.ms")
	bench.Equal(entry.Source, sarama.SourceTopic, "whose value it is")
	bench.Equal(entry.Type, sarama.LongConfigType, "its type")
	bench.Equal(entry.Synonyms[0].ConfigName, "retention.ms", "where its value is from")
	bench.Holds(entry.Documentation != nil && len(*entry.Documentation) > 0, "what it means")
	entry = told("cleanup.policy")
	bench.Equal(entry.Value, "delete", "unset by the other one")
	bench.Equal(entry.Synonyms[0].ConfigName, "log.cleanup.policy", "where its value is from")

	compact := "compact"
	bench.Check(admin.IncrementalAlterConfig(sarama.TopicResource, name,
		map[string]sarama.IncrementalAlterConfigsEntry{
			"retention.ms":   {Operation: sarama.IncrementalAlterConfigsOperationDelete},
			"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationAppend, Value: &compact},
		}, false))
	bench.Until("cleanup.policy has both", func() bool {
		return told("cleanup.policy").Value == "delete,compact"
	})
	bench.Holds(told("retention.ms").Default, "retention.ms is the default again")
	bench.Check(admin.IncrementalAlterConfig(sarama.TopicResource, name,
		map[string]sarama.IncrementalAlterConfigsEntry{
			"cleanup.policy": {Operation: sarama.IncrementalAlterConfigsOperationSubtract, Value: &compact},
		}, false))
	bench.Until("cleanup.policy has one", func() bool {
		return told("cleanup.policy").Value == both
	})
	wrong := "many"
	bench.Refused(admin.AlterConfig(sarama.TopicResource, name,
		map[string]*string{"retention.ms": &wrong}, false), sarama.ErrInvalidConfig, "no number")
	broker, err := admin.DescribeConfig(sarama.ConfigResource{Type: sarama.BrokerResource,
		Name: "1", ConfigNames: []string{"log.retention.hours", "num.io.threads"}})
	bench.Check(err)
	bench.Equal(len(broker), 2, "the broker's own")
}

func administersGroups(b *bench.Bench) {
	topic, group := topic(b, nil), b.Name("g")
	admin := administrator(b.Address, settings())
	send(b.Address, settings(), messages(topic, bench.Records(0, 60)))
	reader := join(b.Address, settings(), group, topic)
	reader.take(60)
	state := func() *sarama.GroupDescription {
		told, err := admin.DescribeConsumerGroups([]string{group})
		bench.Check(err)
		bench.Equal(told[0].Err, sarama.ErrNoError, "DescribeConsumerGroups")
		return told[0]
	}
	bench.Equal(state().State, "Stable", "the state")
	bench.Equal(state().Protocol, "range", "the protocol")
	for _, member := range state().Members {
		assigned, err := member.GetMemberAssignment()
		bench.Check(err)
		slices.Sort(assigned.Topics[topic])
		bench.Equal(assigned.Topics, map[string][]int32{topic: {0, 1, 2}}, "its partitions")
		subscribed, err := member.GetMemberMetadata()
		bench.Check(err)
		bench.Equal(subscribed.Topics, []string{topic}, "its topics")
		bench.Equal(member.ClientId, "sarama", "its client")
	}
	bench.Refused(admin.DeleteConsumerGroup(group), sarama.ErrNonEmptyGroup, "it has a member")
	bench.Refused(admin.DeleteConsumerGroupOffset(group, topic, 0),
		sarama.ErrGroupSubscribedToTopic, "it reads the topic")
	reader.leave()
	bench.Equal(state().State, "Empty", "the state")
	groups, err := admin.ListConsumerGroups()
	bench.Check(err)
	bench.Equal(groups[group], "consumer", "listed")

	committed := func() int64 {
		told, err := admin.ListConsumerGroupOffsetsBatch(map[string]map[string][]int32{group: nil})
		bench.Check(err)
		bench.Equal(told[group].Err, sarama.ErrNoError, "OffsetFetch")
		sum := int64(0)
		for block := range maps.Values(told[group].Blocks[topic]) {
			sum += block.Offset
		}
		return sum
	}
	bench.Equal(committed(), 60, "committed")
	altered, err := admin.AlterConsumerGroupOffsets(group,
		map[string]map[int32]sarama.OffsetAndMetadata{topic: {0: {Offset: 1, LeaderEpoch: -1},
			1: {Offset: 2, LeaderEpoch: -1}, 2: {Offset: 3, LeaderEpoch: -1}}}, nil)
	bench.Check(err)
	for _, code := range altered.Errors[topic] {
		bench.Equal(code, sarama.ErrNoError, "altered")
	}
	bench.Equal(committed(), 6, "committed")
	bench.Check(admin.DeleteConsumerGroupOffset(group, topic, 2))
	bench.Equal(committed(), 3, "committed")
	bench.Check(admin.DeleteConsumerGroup(group))
	bench.Equal(state().State, "Dead", "the state")
	bench.Refused(admin.DeleteConsumerGroup(group), sarama.ErrGroupIDNotFound, "again")
	bench.Check(admin.Close())
}

func describesTheClusterAndWhatIsOpen(b *bench.Bench) {
	topic, id := topic(b, nil), b.Name("id")
	admin := administrator(b.Address, settings()).(sarama.TransactionClusterAdmin)
	brokers, controller, err := admin.DescribeCluster()
	bench.Check(err)
	bench.Equal(len(brokers), 1, "brokers")
	bench.Equal(brokers[0].Addr(), b.Address, "its address")
	bench.Equal(controller, brokers[0].ID(), "the controller")
	coordinator, err := admin.Coordinator(b.Name("g"))
	bench.Check(err)
	bench.Equal(coordinator.ID(), controller, "the coordinator")

	one := producer(b.Address, transactional(id))
	bench.Check(one.BeginTxn())
	partition, offset, err := one.SendMessage(messages(topic, bench.Records(0, 1))[0])
	bench.Check(err)
	transactions, err := admin.DescribeTransactions([]string{id})
	bench.Check(err)
	state := transactions[id]
	bench.Equal(state.ErrorCode, sarama.ErrNoError, "DescribeTransactions")
	bench.Equal(state.TransactionState, "Ongoing", "its state")
	bench.Equal(state.TransactionTimeout, time.Minute, "its timeout")
	bench.Equal(state.Topics, []sarama.DescribeTransactionsResponseTopic{
		{Topic: topic, Partitions: []int32{partition}}}, "its partitions")
	producers, err := admin.DescribeProducers(map[string][]int32{topic: {partition}})
	bench.Check(err)
	bench.Equal(len(producers[topic][partition].ActiveProducers), 1, "producers")
	active := producers[topic][partition].ActiveProducers[0]
	bench.Equal(active.ProducerID, state.ProducerID, "its id")
	bench.Equal(active.CurrentTxnStartOffset, offset, "where its transaction begins")
	listed, err := admin.ListTransactions([]string{"Ongoing"}, []int64{state.ProducerID}, -1)
	bench.Check(err)
	bench.Equal(len(listed), 1, "transactions")
	bench.Equal(listed[0].TransactionalID, id, "the transaction")
	bench.Check(one.AbortTxn())
	bench.Check(one.Close())

	folders, err := admin.DescribeLogDirs([]int32{controller})
	bench.Check(err)
	sizes := int64(0)
	for _, folder := range folders[controller] {
		bench.Equal(folder.ErrorCode, sarama.ErrNoError, "DescribeLogDirs")
		for _, one := range folder.Topics {
			if one.Topic == topic {
				bench.Equal(len(one.Partitions), partitions, "its partitions")
				for _, partition := range one.Partitions {
					sizes += partition.Size
				}
			}
		}
	}
	bench.Holds(sizes > 0, "the topic has bytes")
	bench.Check(admin.Close())
}
