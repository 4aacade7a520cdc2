package main

import (
	"errors"
	"fmt"

	"github.com/IBM/sarama"
	"ottla/bench"
)

func transactionsCommitAndAbort(b *bench.Bench) {
	topic := topic(b, nil)
	one := producer(b.Address, transactional(b.Name("id")))
	wanted := []string{}
	for number := range 12 {
		first := number * 10
		bench.Check(one.BeginTxn())
		bench.Check(one.SendMessages(messages(topic, bench.Records(first, first+10))))
		if number%3 == 2 {
			bench.Check(one.AbortTxn())
		} else {
			bench.Check(one.CommitTxn())
			wanted = append(wanted, bench.Numbered(first, first+10)...)
		}
	}
	// One that holds nothing ends well, too.
	bench.Check(one.BeginTxn())
	bench.Check(one.CommitTxn())
	bench.Check(one.Close())
	bench.Equal(values(readAll(b.Address, committedOnly(), topic)), wanted, "committed")
	bench.Equal(values(readAll(b.Address, settings(), topic)), bench.Numbered(0, 120), "uncommitted")
}

// The first try is aborted; neither its records nor its offsets count.
func consumesAndProducesExactlyOnce(b *bench.Bench) {
	source, target, group := topic(b, nil), topic(b, nil), b.Name("g")
	send(b.Address, settings(), messages(source, bench.Records(0, 100)))
	config := committedOnly()
	config.Consumer.Offsets.AutoCommit.Enable = false
	one := producer(b.Address, transactional(b.Name("id")))
	for _, aborts := range []bool{true, false} {
		reader := join(b.Address, config, group, source)
		records := reader.take(100)
		member := sarama.NewConsumerGroupMetadataFromSession(reader.session, group, nil)
		bench.Check(one.BeginTxn())
		for _, record := range records {
			bench.Check(one.SendMessages([]*sarama.ProducerMessage{{Topic: target,
				Value: sarama.ByteEncoder(record.Value)}}))
			bench.Check(one.AddMessageToTxnWithGroupMetadata(record, member, nil))
		}
		if aborts {
			bench.Check(one.AbortTxn())
		} else {
			bench.Check(one.CommitTxn())
		}
		reader.leave()
	}
	bench.Equal(values(readAll(b.Address, committedOnly(), target)), bench.Numbered(0, 100), "once")
	send(b.Address, settings(), messages(source, bench.Records(100, 110)))
	reader := join(b.Address, config, group, source)
	bench.Equal(values(reader.take(10)), bench.Numbered(100, 110), "goes on from the transaction")

	// A member of a generation that is over commits nothing any more.
	zombie := sarama.NewConsumerGroupMetadataFromSession(reader.session, group, nil)
	zombie.GenerationID--
	bench.Check(one.BeginTxn())
	bench.Check(one.SendMessages(messages(target, bench.Records(200, 201))))
	offset := &sarama.PartitionOffsetMetadata{Partition: 0, Offset: 1, LeaderEpoch: -1}
	err := one.AddOffsetsToTxnWithGroupMetadata(
		map[string][]*sarama.PartitionOffsetMetadata{source: {offset}}, zombie)
	if err == nil {
		// They are sent when the transaction ends.
		err = one.CommitTxn()
	}
	bench.Holds(err != nil, "a zombie's offsets are refused")
	if one.TxnStatus()&sarama.ProducerTxnFlagAbortableError != 0 {
		bench.Check(one.AbortTxn())
	}
	// What it says of a transaction that has failed is its own affair.
	_ = one.Close()
	reader.leave()
}

func aNewInstanceFencesTheOldOne(b *bench.Bench) {
	topic, id := topic(b, nil), b.Name("id")
	old := producer(b.Address, transactional(id))
	bench.Check(old.BeginTxn())
	bench.Check(old.SendMessages(messages(topic, bench.Records(0, 1))))
	young := producer(b.Address, transactional(id))
	bench.Check(young.BeginTxn())
	bench.Check(young.SendMessages(messages(topic, bench.Records(1, 2))))
	bench.Check(young.CommitTxn())
	bench.Check(young.Close())
	err := old.SendMessages(messages(topic, bench.Records(2, 3)))
	if err == nil {
		err = old.CommitTxn()
	}
	var failures sarama.ProducerErrors
	if errors.As(err, &failures) {
		err = failures[0].Err
	}
	bench.Holds(errors.Is(err, sarama.ErrInvalidProducerEpoch) ||
		errors.Is(err, sarama.ErrProducerFenced), fmt.Sprintf("fenced: %v", err))
	_ = old.Close()
	bench.Equal(values(readAll(b.Address, committedOnly(), topic)), bench.Numbered(1, 2), "committed")
}
