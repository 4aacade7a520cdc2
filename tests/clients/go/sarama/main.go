// Writes and reads with Sarama, and has its tests: the commands are those of the package bench.
//
// Called by: the suite `sarama`.
package main

import (
	"time"

	"github.com/IBM/sarama"
	"ottla/bench"
)

var codecs = map[string]sarama.CompressionCodec{
	"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP,
	"snappy": sarama.CompressionSnappy, "lz4": sarama.CompressionLZ4,
	"zstd": sarama.CompressionZSTD,
}

const partitions = 3

func main() {
	bench.Main(bench.Program{Produce: produce, Consume: consume, Tests: map[string]func(*bench.Bench){
		"writes_every_codec_and_acks":             writesEveryCodecAndAcks,
		"idempotent_writes_stay_in_order":         idempotentWritesStayInOrder,
		"headers_keys_and_times":                  headersKeysAndTimes,
		"reads_partitions_by_hand":                readsPartitionsByHand,
		"seeks_and_asks_for_offsets":              seeksAndAsksForOffsets,
		"a_group_shares_and_goes_on":              aGroupSharesAndGoesOn,
		"a_static_member_comes_back":              aStaticMemberComesBack,
		"commits_by_hand":                         commitsByHand,
		"transactions_commit_and_abort":           transactionsCommitAndAbort,
		"consumes_and_produces_exactly_once":      consumesAndProducesExactlyOnce,
		"a_new_instance_fences_the_old_one":       aNewInstanceFencesTheOldOne,
		"administers_topics":                      administersTopics,
		"administers_groups":                      administersGroups,
		"describes_the_cluster_and_what_is_open":  describesTheClusterAndWhatIsOpen,
		"speaks_the_versions_before_kafka_3":      speaksTheVersionsBeforeKafka3,
		"speaks_the_versions_from_kafka_3_onward": speaksTheVersionsFromKafka3Onward,
	}})
}

// What the tests set, besides what each of them is about.
func settings() *sarama.Config {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	config.Producer.Return.Successes = true
	config.Producer.RequiredAcks = sarama.WaitForAll
	// A producer that has just begun may send a batch twice: it closes the connection that it needs.
	config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1
	config.Consumer.Return.Errors = true
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Group.Heartbeat.Interval = 100 * time.Millisecond
	// A broker that has just begun is no coordinator yet.
	config.Consumer.Group.Rebalance.Retry.Max = 100
	config.Consumer.Group.Rebalance.Retry.Backoff = 100 * time.Millisecond
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	config.Metadata.Retry.Backoff = 20 * time.Millisecond
	return config
}

func transactional(id string) *sarama.Config {
	config := settings()
	config.Producer.Transaction.ID = id
	return config
}

func committedOnly() *sarama.Config {
	config := settings()
	config.Consumer.IsolationLevel = sarama.ReadCommitted
	return config
}

func produce(address, topic, codec string, records []bench.Record) {
	config := settings()
	config.Producer.Compression = codecs[codec]
	send(address, config, messages(topic, records))
}

func consume(address, topic, group string, count int, tell func(bench.Read)) {
	one := join(address, settings(), group, topic)
	for _, record := range one.take(count) {
		headers := ""
		for _, header := range record.Headers {
			headers += string(header.Key) + "=" + string(header.Value)
		}
		tell(bench.Read{Partition: int(record.Partition), Offset: record.Offset,
			Key: record.Key, Value: record.Value, Headers: headers})
	}
	one.leave()
}

func messages(topic string, records []bench.Record) []*sarama.ProducerMessage {
	sent := make([]*sarama.ProducerMessage, 0, len(records))
	for _, record := range records {
		sent = append(sent, &sarama.ProducerMessage{
			Topic:   topic,
			Key:     sarama.StringEncoder(record.Key),
			Value:   sarama.StringEncoder(record.Value),
			Headers: []sarama.RecordHeader{{Key: []byte("h"), Value: []byte(record.Header)}},
		})
	}
	return sent
}

func producer(address string, config *sarama.Config) sarama.SyncProducer {
	producer, err := sarama.NewSyncProducer([]string{address}, config)
	bench.Check(err)
	return producer
}

func send(address string, config *sarama.Config, records []*sarama.ProducerMessage) {
	one := producer(address, config)
	bench.Check(one.SendMessages(records))
	bench.Check(one.Close())
}

func administrator(address string, config *sarama.Config) sarama.ClusterAdmin {
	admin, err := sarama.NewClusterAdmin([]string{address}, config)
	bench.Check(err)
	return admin
}

// Creates a topic, and waits for all its leaders to answer.
func topic(b *bench.Bench, config map[string]*string) string {
	admin, name := administrator(b.Address, settings()), b.Name("t")
	createTopic(admin, name, config)
	bench.Check(admin.Close())
	return name
}

func createTopic(admin sarama.ClusterAdmin, name string, config map[string]*string) {
	bench.Check(admin.CreateTopic(name, &sarama.TopicDetail{NumPartitions: partitions,
		ReplicationFactor: 1, ConfigEntries: config}, false))
	wanted := map[int32]int64{}
	for partition := range int32(partitions) {
		wanted[partition] = sarama.OffsetNewest
	}
	bench.Until(name+" has its leaders", func() bool {
		told, err := admin.ListOffsets(map[string]map[int32]int64{name: wanted}, nil)
		if err != nil {
			return false
		}
		for _, one := range told[name] {
			if one.Err != sarama.ErrNoError {
				return false
			}
		}
		return true
	})
}

// How many partitions of the topic have a leader.
func led(admin sarama.ClusterAdmin, topic string) int {
	told, err := admin.DescribeTopics([]string{topic})
	bench.Check(err)
	count := 0
	for _, partition := range told[0].Partitions {
		if partition.Err == sarama.ErrNoError && partition.Leader >= 0 {
			count++
		}
	}
	return count
}

func client(address string, config *sarama.Config) sarama.Client {
	client, err := sarama.NewClient([]string{address}, config)
	bench.Check(err)
	return client
}
