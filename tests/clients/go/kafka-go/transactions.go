package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"ottla/bench"
)

// A transaction of kafka-go's single requests, which is all that it has for them.
type transaction struct {
	client   *kafka.Client
	id       string
	producer *kafka.ProducerSession
	sequence int
}

func newTransaction(b *bench.Bench, id string) *transaction {
	one := &transaction{client: client(b), id: id}
	coordinator(one.client, id, kafka.CoordinatorKeyTypeTransaction)
	bench.Until("the coordinator has its producer", func() bool {
		told, err := one.client.InitProducerID(ctx, &kafka.InitProducerIDRequest{
			TransactionalID: id, TransactionTimeoutMs: 30_000, ProducerID: -1, ProducerEpoch: -1})
		bench.Check(err)
		one.producer = told.Producer
		return told.Error == nil
	})
	return one
}

// Writes to partition 0, as one batch with a codec.
func (t *transaction) send(topic string, first, count int, codec kafka.Compression) error {
	var refusal error
	// The markers of the transaction before may still be on their way.
	bench.Until("the transaction before has ended", func() bool {
		added, err := t.client.AddPartitionsToTxn(ctx, &kafka.AddPartitionsToTxnRequest{
			TransactionalID: t.id, ProducerID: t.producer.ProducerID,
			ProducerEpoch: t.producer.ProducerEpoch,
			Topics:        map[string][]kafka.AddPartitionToTxn{topic: {{Partition: 0}}}})
		bench.Check(err)
		refusal = added.Topics[topic][0].Error
		return !errors.Is(refusal, kafka.ConcurrentTransactions)
	})
	if refusal != nil {
		return refusal
	}
	told, err := t.client.RawProduce(ctx, &kafka.RawProduceRequest{Topic: topic,
		RequiredAcks: kafka.RequireAll, TransactionalID: t.id,
		RawRecords: protocol.RawRecordSet{Reader: t.batch(first, count, codec)}})
	bench.Check(err)
	t.sequence += count
	return told.Error
}

// The batch as kafka-go writes it, and in it what only a producer with an id has: kafka-go writes
// none.
func (t *transaction) batch(first, count int, codec kafka.Compression) *bytes.Reader {
	set := protocol.RecordSet{Version: 2, Records: records(first, count),
		Attributes: protocol.Attributes(codec) | protocol.Transactional}
	var out bytes.Buffer
	_, err := set.WriteTo(&out)
	bench.Check(err)
	// Its size is in front of it.
	batch := out.Bytes()[4:]
	binary.BigEndian.PutUint64(batch[43:], uint64(t.producer.ProducerID))
	binary.BigEndian.PutUint16(batch[51:], uint16(t.producer.ProducerEpoch))
	binary.BigEndian.PutUint32(batch[53:], uint32(t.sequence))
	sum := crc32.Checksum(batch[21:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(batch[17:], sum)
	return bytes.NewReader(out.Bytes())
}

func (t *transaction) end(commits bool) error {
	ended, err := t.client.EndTxn(ctx, &kafka.EndTxnRequest{TransactionalID: t.id,
		ProducerID: t.producer.ProducerID, ProducerEpoch: t.producer.ProducerEpoch,
		Committed: commits})
	bench.Check(err)
	return ended.Error
}

// Where the partition's readers of committed records stand, and where the others do.
func marks(b *bench.Bench, topic string) (int64, int64) {
	told, err := client(b).Fetch(ctx, &kafka.FetchRequest{Topic: topic, MinBytes: 1,
		MaxBytes: 1000, MaxWait: time.Millisecond, IsolationLevel: kafka.ReadCommitted})
	bench.Check(err)
	bench.Check(told.Error)
	return told.LastStableOffset, told.HighWatermark
}

func transactionsCommitAndAbort(b *bench.Bench) {
	topic, id := topic(b), b.Name("id")
	one, end := newTransaction(b, id), int64(0)
	for name, codec := range codecs {
		for _, commits := range []bool{true, false} {
			bench.Check(one.send(topic, int(end), 10, codec))
			stable, high := marks(b, topic)
			bench.Equal([]int64{stable, high}, []int64{end, end + 10}, name+": while it is open")
			bench.Check(one.end(commits))
			end += 11
			bench.Until(name+": its marker is written", func() bool {
				stable, high := marks(b, topic)
				return stable == end && high == end
			})
		}
	}
	// The reader of kafka-go takes what is stable; it skips markers and keeps what was aborted.
	committed := reader(b, topic, 0, kafka.ReaderConfig{IsolationLevel: kafka.ReadCommitted})
	for range 2 * len(codecs) * 10 {
		_, err := committed.ReadMessage(ctx)
		bench.Check(err)
	}
	bench.Check(committed.Close())

	young := newTransaction(b, id)
	bench.Equal(young.producer.ProducerID, one.producer.ProducerID, "the same producer")
	err := one.send(topic, 0, 1, 0)
	bench.Holds(err == kafka.InvalidProducerEpoch || err == kafka.ProducerFenced,
		fmt.Sprintf("the old instance is fenced: %v", err))
	bench.Check(young.send(topic, 0, 1, 0))
	bench.Check(young.end(true))
}

// The offsets of a group count when their transaction is committed.
func offsetsOfATransaction(b *bench.Bench) {
	topic, group := topic(b), b.Name("g")
	one := newTransaction(b, b.Name("id"))
	coordinator(one.client, group, kafka.CoordinatorKeyTypeConsumer)
	committed := func() int64 {
		told, err := one.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group,
			Topics: map[string][]int{topic: {1}}})
		bench.Check(err)
		bench.Check(told.Error)
		return told.Topics[topic][0].CommittedOffset
	}
	for _, step := range []struct {
		commits bool
		before  int64
	}{{false, -1}, {true, -1}, {false, 43}} {
		// EndTxn is answered before the group has heard of it.
		bench.Until("what was committed before counts", func() bool {
			return committed() == step.before
		})
		bench.Check(one.send(topic, 0, 1, 0))
		added, err := one.client.AddOffsetsToTxn(ctx, &kafka.AddOffsetsToTxnRequest{
			TransactionalID: one.id, ProducerID: one.producer.ProducerID,
			ProducerEpoch: one.producer.ProducerEpoch, GroupID: group})
		bench.Check(err)
		bench.Check(added.Error)
		done, err := one.client.TxnOffsetCommit(ctx, &kafka.TxnOffsetCommitRequest{
			TransactionalID: one.id, GroupID: group, ProducerID: one.producer.ProducerID,
			ProducerEpoch: one.producer.ProducerEpoch, GenerationID: -1,
			Topics: map[string][]kafka.TxnOffsetCommit{topic: {{Partition: 1, Offset: 43}}}})
		bench.Check(err)
		bench.Check(done.Topics[topic][0].Error)
		bench.Check(one.end(step.commits))
	}
	bench.Equal(committed(), 43, "what was aborted does not count")
}
