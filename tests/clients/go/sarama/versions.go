package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/IBM/sarama"
	"ottla/bench"
)

func speaksTheVersionsBeforeKafka3(b *bench.Bench) {
	speaksVersions(b, sarama.V0_11_0_0, sarama.V3_0_0_0)
}

func speaksTheVersionsFromKafka3Onward(b *bench.Bench) {
	speaksVersions(b, sarama.V3_0_0_0, sarama.KafkaVersion{})
}

// What an application and its operator do, in the requests of each version from the first on.
func speaksVersions(b *bench.Bench, first, end sarama.KafkaVersion) {
	last := ""
	for _, version := range sarama.SupportedVersions {
		// Requests do not change within `4.3`.
		text := version.String()
		minor := text[:strings.LastIndex(text, ".")]
		if !version.IsAtLeast(first) || minor == last ||
			end != (sarama.KafkaVersion{}) && version.IsAtLeast(end) {
			continue
		}
		last = minor
		speaks(b, version)
	}
	bench.Holds(last != "", "there are such versions")
}

func speaks(b *bench.Bench, version sarama.KafkaVersion) {
	as := func(config *sarama.Config) *sarama.Config {
		config.Version = version
		return config
	}
	admin, name, group := administrator(b.Address, as(settings())), b.Name("t"), b.Name("g")
	what := func(it string) string { return fmt.Sprintf("as %s: %s", version, it) }
	createTopic(admin, name, nil)
	first := 0
	for _, codec := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		config := as(settings())
		config.Producer.Compression = codecs[codec]
		if codec == "zstd" && !version.IsAtLeast(sarama.V2_1_0_0) {
			continue
		}
		send(b.Address, config, messages(name, bench.Records(first, first+10)))
		first += 10
	}
	one := producer(b.Address, as(transactional(b.Name("id"))))
	for _, aborts := range []bool{true, false} {
		bench.Check(one.BeginTxn())
		bench.Check(one.SendMessages(messages(name, bench.Records(first, first+10))))
		if aborts {
			bench.Check(one.AbortTxn())
		} else {
			bench.Check(one.CommitTxn())
		}
	}
	bench.Check(one.Close())
	first += 10
	reader := join(b.Address, as(committedOnly()), group, name)
	bench.Equal(values(reader.take(first)), bench.Numbered(0, first), what("read"))
	reader.leave()

	offsets, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{name: {0, 1, 2}})
	bench.Check(err)
	asker := client(b.Address, as(settings()))
	for partition := range int32(partitions) {
		committed := offsets.GetBlock(name, partition).Offset
		end, err := asker.GetOffset(name, partition, sarama.OffsetNewest)
		bench.Check(err)
		// The marker of the commit is behind the last record.
		bench.Holds(0 < committed && committed < end, what("committed up to the last record"))
	}
	described, err := admin.DescribeConsumerGroups([]string{group})
	bench.Check(err)
	bench.Equal(described[0].State, "Empty", what("the state"))
	groups, err := admin.ListConsumerGroups()
	bench.Check(err)
	bench.Equal(groups[group], "consumer", what("listed"))

	bench.Check(admin.DeleteRecords(name, map[int32]int64{0: 1}))
	start, err := asker.GetOffset(name, 0, sarama.OffsetOldest)
	bench.Check(err)
	bench.Equal(start, 1, what("the log's start"))
	bench.Check(asker.Close())
	setsRetention(admin, version, name)
	if version.IsAtLeast(sarama.V1_0_0_0) {
		bench.Check(admin.CreatePartitions(name, partitions+1, nil, false))
		bench.Until(what("it has one more"), func() bool { return led(admin, name) == partitions+1 })
	}
	brokers, _, err := admin.DescribeCluster()
	bench.Check(err)
	bench.Equal(brokers[0].Addr(), b.Address, what("the address"))
	if version.IsAtLeast(sarama.V1_1_0_0) {
		bench.Check(admin.DeleteConsumerGroup(group))
	}
	bench.Check(admin.DeleteTopic(name))
	bench.Check(admin.Close())
}

func setsRetention(admin sarama.ClusterAdmin, version sarama.KafkaVersion, topic string) {
	hour := "3600000"
	bench.Check(admin.AlterConfig(sarama.TopicResource, topic,
		map[string]*string{"retention.ms": &hour}, false))
	resource := sarama.ConfigResource{Type: sarama.TopicResource, Name: topic,
		ConfigNames: []string{"retention.ms"}}
	if !version.IsAtLeast(sarama.V1_1_0_0) {
		// Kafka 4 has dropped this version of the request, and closes the connection.
		_, err := admin.DescribeConfig(resource)
		bench.Refused(err, io.EOF, "DescribeConfigs v0")
		return
	}
	bench.Until(fmt.Sprintf("as %s: retention.ms is set", version), func() bool {
		told, err := admin.DescribeConfig(resource)
		bench.Check(err)
		return told[0].Value == hour
	})
}
