package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/IBM/sarama"
	"ottla/bench"
)

// Reads so many records of one partition, from an offset on.
func read(address string, config *sarama.Config, topic string, partition int32, from int64,
	count int,
) []*sarama.ConsumerMessage {
	consumer, err := sarama.NewConsumer([]string{address}, config)
	bench.Check(err)
	stream, err := consumer.ConsumePartition(topic, partition, from)
	bench.Check(err)
	got := next(stream, count)
	bench.Check(stream.Close())
	bench.Check(consumer.Close())
	return got
}

func next(stream sarama.PartitionConsumer, count int) []*sarama.ConsumerMessage {
	got := make([]*sarama.ConsumerMessage, 0, count)
	for len(got) < count {
		select {
		case record := <-stream.Messages():
			got = append(got, record)
		case err := <-stream.Errors():
			bench.Check(err)
		}
	}
	return got
}

// Reads all that the partitions hold for this isolation, up to a record that it writes itself: the
// last offset of a partition may be a control record's, which no reader is told of.
func readAll(address string, config *sarama.Config, topic string) []*sarama.ConsumerMessage {
	const last = "last"
	by := settings()
	by.Producer.Partitioner = sarama.NewManualPartitioner
	marker := producer(address, by)
	consumer, err := sarama.NewConsumer([]string{address}, config)
	bench.Check(err)
	var got []*sarama.ConsumerMessage
	for partition := range int32(partitions) {
		_, end, err := marker.SendMessage(&sarama.ProducerMessage{Topic: topic,
			Partition: partition, Key: sarama.StringEncoder(last)})
		bench.Check(err)
		stream, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		bench.Check(err)
		for offset := int64(-1); offset < end; {
			record := next(stream, 1)[0]
			offset = record.Offset
			if string(record.Key) != last {
				got = append(got, record)
			}
		}
		bench.Check(stream.Close())
	}
	bench.Check(consumer.Close())
	bench.Check(marker.Close())
	return got
}

// The values of the records, in the order of their numbers.
func values(records []*sarama.ConsumerMessage) []string {
	got := make([]string, 0, len(records))
	for _, record := range records {
		got = append(got, string(record.Value))
	}
	return bench.ByNumber(got)
}

func writesEveryCodecAndAcks(b *bench.Bench) {
	for name, codec := range codecs {
		for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal,
			sarama.WaitForAll} {
			topic, config := topic(b, nil), settings()
			config.Producer.Compression, config.Producer.RequiredAcks = codec, acks
			config.Producer.Idempotent = acks == sarama.WaitForAll
			send(b.Address, config, messages(topic, bench.Records(0, 300)))
			what := fmt.Sprintf("%s, acks=%d", name, acks)
			reader, total := client(b.Address, settings()), int64(0)
			bench.Until(what+" arrived", func() bool {
				total = 0
				for partition := range int32(partitions) {
					end, err := reader.GetOffset(topic, partition, sarama.OffsetNewest)
					bench.Check(err)
					total += end
				}
				return total >= 300
			})
			bench.Check(reader.Close())
			got := values(readAll(b.Address, settings(), topic))
			if !config.Producer.Idempotent {
				got = slices.Compact(got)
			}
			bench.Equal(got, bench.Numbered(0, 300), what)
		}
	}
}

// An application that does not wait for its answers: many small batches, one request at a time.
func idempotentWritesStayInOrder(b *bench.Bench) {
	topic, config := topic(b, nil), settings()
	config.Producer.Flush.MaxMessages = 7
	config.Producer.Partitioner = sarama.NewManualPartitioner
	one, err := sarama.NewAsyncProducer([]string{b.Address}, config)
	bench.Check(err)
	go func() {
		for _, record := range messages(topic, bench.Records(0, 1000)) {
			record.Partition = 1
			one.Input() <- record
		}
	}()
	for n := range 1000 {
		select {
		case sent := <-one.Successes():
			bench.Equal(sent.Offset, int64(n), "the offset that was told")
		case err := <-one.Errors():
			bench.Check(err)
		}
	}
	bench.Check(one.Close())
	for n, record := range read(b.Address, settings(), topic, 1, 0, 1000) {
		bench.Equal(string(record.Value), fmt.Sprintf("v%d", n), "in order")
	}
}

func headersKeysAndTimes(b *bench.Bench) {
	first := time.UnixMilli(1_600_000_000_123)
	name, appendTime := topic(b, nil), "LogAppendTime"
	one := producer(b.Address, settings())
	partition, offset, err := one.SendMessage(&sarama.ProducerMessage{
		Topic: name, Key: sarama.StringEncoder("k"), Timestamp: first,
		Headers: []sarama.RecordHeader{{Key: []byte("h"), Value: []byte("1")},
			{Key: []byte("h"), Value: []byte("2")}, {Key: []byte("empty")}},
	})
	bench.Check(err)
	bench.Equal(offset, 0, "offset")
	got := read(b.Address, settings(), name, partition, 0, 1)[0]
	bench.Equal(string(got.Key), "k", "key")
	bench.Holds(got.Value == nil, "a null value stays null")
	bench.Equal(got.Timestamp.UnixMilli(), first.UnixMilli(), "timestamp")
	headers := ""
	for _, header := range got.Headers {
		headers += string(header.Key) + "=" + string(header.Value) + " "
	}
	bench.Equal(headers, "h=1 h=2 empty= ", "headers")

	stamped := topic(b, map[string]*string{"message.timestamp.type": &appendTime})
	sent := &sarama.ProducerMessage{Topic: stamped, Value: sarama.StringEncoder("v"),
		Timestamp: first}
	partition, _, err = one.SendMessage(sent)
	bench.Check(err)
	bench.Check(one.Close())
	got = read(b.Address, settings(), stamped, partition, 0, 1)[0]
	bench.Holds(time.Since(got.Timestamp).Abs() < time.Minute, "the broker's time")
	bench.Equal(sent.Timestamp.UnixMilli(), got.Timestamp.UnixMilli(), "the time that was told")
}

// One fetch over several partitions, batches larger than what a fetch asks for, a reader that
// waits at the end, one that pauses.
func readsPartitionsByHand(b *bench.Bench) {
	topic, config := topic(b, nil), settings()
	config.Producer.Partitioner = sarama.NewManualPartitioner
	large := bytes.Repeat([]byte("x"), 100_000)
	write := func(values ...[]byte) {
		var sent []*sarama.ProducerMessage
		for partition := range int32(partitions) {
			for _, value := range values {
				sent = append(sent, &sarama.ProducerMessage{Topic: topic, Partition: partition,
					Value: sarama.ByteEncoder(value)})
			}
		}
		send(b.Address, config, sent)
	}
	write([]byte("small"), large, large, []byte("last"))

	config.Consumer.Fetch.Default, config.Consumer.MaxWaitTime = 1000, 5*time.Second
	consumer, err := sarama.NewConsumer([]string{b.Address}, config)
	bench.Check(err)
	var streams []sarama.PartitionConsumer
	for partition := range int32(partitions) {
		stream, err := consumer.ConsumePartition(topic, partition, sarama.OffsetOldest)
		bench.Check(err)
		streams = append(streams, stream)
	}
	for _, stream := range streams {
		got := next(stream, 4)
		bench.Equal(len(got[1].Value)+len(got[2].Value), 200_000, "the large records")
		bench.Equal(string(got[3].Value), "last", "the last record")
		bench.Equal(stream.HighWaterMarkOffset(), 4, "high watermark")
	}
	// The fetch that waits for five seconds is answered at once.
	started := time.Now()
	write([]byte("woken"))
	for _, stream := range streams {
		bench.Equal(string(next(stream, 1)[0].Value), "woken", "the record that ends the wait")
	}
	bench.Holds(time.Since(started) < 4*time.Second, "a waiting fetch is answered when it can be")
	consumer.PauseAll()
	write([]byte("kept"))
	consumer.ResumeAll()
	for _, stream := range streams {
		bench.Equal(string(next(stream, 1)[0].Value), "kept", "the record behind the pause")
		bench.Check(stream.Close())
	}
	bench.Check(consumer.Close())
}

func seeksAndAsksForOffsets(b *bench.Bench) {
	topic, config := topic(b, nil), settings()
	config.Producer.Partitioner = sarama.NewManualPartitioner
	first := int64(1_700_000_000_000)
	sent := messages(topic, bench.Records(0, 20))
	for n, record := range sent {
		record.Timestamp = time.UnixMilli(first + int64(n)*1000)
	}
	send(b.Address, config, sent)
	asker := client(b.Address, settings())
	for _, one := range []struct{ time, offset int64 }{
		{sarama.OffsetOldest, 0}, {sarama.OffsetNewest, 20}, {first, 0}, {first + 6500, 7},
		{first + 19_000, 19}, {0, 0}, {first + 19_001, -1},
	} {
		offset, err := asker.GetOffset(topic, 0, one.time)
		bench.Check(err)
		bench.Equal(offset, one.offset, fmt.Sprintf("the offset for %d", one.time))
	}
	bench.Check(asker.Close())
	for _, offset := range []int64{13, 4, sarama.OffsetOldest} {
		got := read(b.Address, settings(), topic, 0, offset, 1)[0]
		bench.Equal(got.Offset, max(offset, 0), "the offset that was asked for")
	}
	consumer, err := sarama.NewConsumer([]string{b.Address}, settings())
	bench.Check(err)
	_, err = consumer.ConsumePartition(topic, 0, 21)
	bench.Refused(err, sarama.ErrOffsetOutOfRange, "behind the end")
	_, err = consumer.ConsumePartition(topic, partitions, 0)
	bench.Holds(errors.Is(err, sarama.ErrUnknownTopicOrPartition) ||
		errors.Is(err, sarama.ErrLeaderNotAvailable), "a partition that is not there")
	bench.Check(consumer.Close())
}
