// Writes and reads with kafka-go, and has its tests: the commands are those of the package bench.
//
// Called by: the suite `kafka-go`.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
	"ottla/bench"
)

// A codec that is not set is `none`.
var codecs = map[string]kafka.Compression{
	"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd,
}

const partitions = 3

// The bench ends what takes too long.
var ctx = context.Background()

func main() {
	bench.Main(bench.Program{Produce: produce, Consume: consume, Tests: map[string]func(*bench.Bench){
		"writes_every_codec_and_acks":        writesEveryCodecAndAcks,
		"headers_keys_and_times":             headersKeysAndTimes,
		"reads_and_writes_on_a_connection":   readsAndWritesOnAConnection,
		"seeks_and_asks_for_offsets":         seeksAndAsksForOffsets,
		"reads_and_writes_by_requests":       readsAndWritesByRequests,
		"a_group_shares_and_goes_on":         aGroupSharesAndGoesOn,
		"commits_by_generation":              commitsByGeneration,
		"a_member_of_single_requests":        aMemberOfSingleRequests,
		"transactions_commit_and_abort":      transactionsCommitAndAbort,
		"offsets_of_a_transaction":           offsetsOfATransaction,
		"administers_topics":                 administersTopics,
		"administers_groups_and_the_cluster": administersGroupsAndTheCluster,
	}})
}

func produce(address, topic, codec string, records []bench.Record) {
	send(address, topic, &kafka.Writer{Compression: codecs[codec]}, messages(records))
}

func consume(address, topic, group string, count int, tell func(bench.Read)) {
	reader := join(address, topic, group, kafka.ReaderConfig{})
	for range count {
		record, err := reader.FetchMessage(ctx)
		bench.Check(err)
		headers := ""
		for _, header := range record.Headers {
			headers += header.Key + "=" + string(header.Value)
		}
		tell(bench.Read{Partition: record.Partition, Offset: record.Offset,
			Key: record.Key, Value: record.Value, Headers: headers})
		bench.Check(reader.CommitMessages(ctx, record))
	}
	bench.Check(reader.Close())
}

func messages(records []bench.Record) []kafka.Message {
	sent := make([]kafka.Message, 0, len(records))
	for _, record := range records {
		sent = append(sent, kafka.Message{
			Key:     []byte(record.Key),
			Value:   []byte(record.Value),
			Headers: []kafka.Header{{Key: "h", Value: []byte(record.Header)}},
		})
	}
	return sent
}

// Sends by a writer that has what the test is about, and waits for all replicas.
func send(address, topic string, writer *kafka.Writer, records []kafka.Message) {
	writer.RequiredAcks = kafka.RequireAll
	sendAs(address, topic, writer, records)
}

func sendAs(address, topic string, writer *kafka.Writer, records []kafka.Message) {
	writer.Addr, writer.Topic = kafka.TCP(address), topic
	writer.BatchTimeout = 5 * time.Millisecond
	if writer.Balancer == nil {
		writer.Balancer = &kafka.Hash{}
	}
	bench.Check(writer.WriteMessages(ctx, records...))
	bench.Check(writer.Close())
}

func client(b *bench.Bench) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(b.Address), Timeout: 30 * time.Second}
}

// Creates a topic, and waits for all its leaders to answer.
func topic(b *bench.Bench, configs ...kafka.ConfigEntry) string {
	name := b.Name("t")
	createTopic(client(b), name, configs...)
	return name
}

func createTopic(client *kafka.Client, name string, configs ...kafka.ConfigEntry) {
	done, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}}})
	bench.Check(err)
	bench.Check(done.Errors[name])
	for partition := range partitions {
		bench.Until(fmt.Sprintf("%s/%d has its leader", name, partition), func() bool {
			connection, err := kafka.DialLeader(ctx, "tcp", client.Addr.String(), name, partition)
			if err != nil {
				return false
			}
			defer connection.Close()
			_, err = connection.ReadLastOffset()
			return err == nil
		})
	}
}

// How many partitions of the topic have a leader.
func led(client *kafka.Client, topic string) int {
	// A transport of its own: what others remember of the topics may be seconds old.
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	told, err := transport.RoundTrip(ctx, client.Addr, &metadata.Request{
		TopicNames: []string{topic}})
	bench.Check(err)
	count := 0
	for _, partition := range told.(*metadata.Response).Topics[0].Partitions {
		if partition.ErrorCode == 0 && partition.LeaderID >= 0 {
			count++
		}
	}
	return count
}
