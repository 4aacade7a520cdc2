package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla/bench"
)

func reader(b *bench.Bench, topic string, partition int, config kafka.ReaderConfig) *kafka.Reader {
	config.Brokers, config.Topic, config.Partition = []string{b.Address}, topic, partition
	config.MaxWait = 100 * time.Millisecond
	return kafka.NewReader(config)
}

// Reads all that the partitions hold, from their starts.
func readAll(b *bench.Bench, topic string, config kafka.ReaderConfig) []kafka.Message {
	var got []kafka.Message
	for partition := range partitions {
		one, left := reader(b, topic, partition, config), ends(b, topic)[partition]
		for ; left > 0; left-- {
			record, err := one.ReadMessage(ctx)
			bench.Check(err)
			got = append(got, record)
		}
		bench.Check(one.Close())
	}
	return got
}

// The latest offset of each partition.
func ends(b *bench.Bench, topic string) []int64 {
	var got []int64
	for partition := range partitions {
		connection := connect(b, topic, partition)
		end, err := connection.ReadLastOffset()
		bench.Check(err)
		got = append(got, end)
		bench.Check(connection.Close())
	}
	return got
}

func connect(b *bench.Bench, topic string, partition int) *kafka.Conn {
	connection, err := kafka.DialLeader(ctx, "tcp", b.Address, topic, partition)
	bench.Check(err)
	return connection
}

// The values of the records, in the order of their numbers.
func values(records []kafka.Message) []string {
	got := make([]string, 0, len(records))
	for _, record := range records {
		got = append(got, string(record.Value))
	}
	return bench.ByNumber(got)
}

func writesEveryCodecAndAcks(b *bench.Bench) {
	for name, codec := range codecs {
		for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne,
			kafka.RequireAll} {
			topic := topic(b)
			sendAs(b.Address, topic, &kafka.Writer{Compression: codec, RequiredAcks: acks},
				messages(bench.Records(0, 300)))
			what := fmt.Sprintf("%s, acks=%s", name, acks)
			bench.Until(what+" arrived", func() bool {
				sum := int64(0)
				for _, end := range ends(b, topic) {
					sum += end
				}
				return sum >= 300
			})
			bench.Equal(values(readAll(b, topic, kafka.ReaderConfig{})), bench.Numbered(0, 300), what)
		}
	}
}

func headersKeysAndTimes(b *bench.Bench) {
	first := time.UnixMilli(1_600_000_000_123)
	name := topic(b)
	send(b.Address, name, &kafka.Writer{Balancer: toPartition(0)}, []kafka.Message{{
		Key: []byte("k"), Time: first, Headers: []kafka.Header{{Key: "h", Value: []byte("1")},
			{Key: "h", Value: []byte("2")}, {Key: "empty", Value: []byte{}}}}})
	one := reader(b, name, 0, kafka.ReaderConfig{})
	got, err := one.ReadMessage(ctx)
	bench.Check(err)
	bench.Check(one.Close())
	bench.Equal(string(got.Key), "k", "key")
	bench.Equal(len(got.Value), 0, "value")
	bench.Equal(got.Time.UnixMilli(), first.UnixMilli(), "timestamp")
	headers := ""
	for _, header := range got.Headers {
		headers += header.Key + "=" + string(header.Value) + " "
	}
	bench.Equal(headers, "h=1 h=2 empty= ", "headers")

	stamped := topic(b, kafka.ConfigEntry{ConfigName: "message.timestamp.type",
		ConfigValue: "LogAppendTime"})
	told, err := client(b).Produce(ctx, &kafka.ProduceRequest{Topic: stamped,
		RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(kafka.Record{Time: first,
			Value: kafka.NewBytes([]byte("v"))})})
	bench.Check(err)
	bench.Check(told.Error)
	bench.Holds(time.Since(told.LogAppendTime).Abs() < time.Minute, "the broker's time")
}

// toPartition is a balancer that knows one partition only.
type toPartition int

func (p toPartition) Balance(kafka.Message, ...int) int { return int(p) }

// The oldest requests that kafka-go has, one at a time.
func readsAndWritesOnAConnection(b *bench.Bench) {
	topic := topic(b)
	connection := connect(b, topic, 1)
	offset := int64(0)
	for name, codec := range codecs {
		_, partition, base, _, err := connection.WriteCompressedMessagesAt(codec.Codec(),
			messages(bench.Records(int(offset), int(offset)+10))...)
		bench.Check(err)
		bench.Equal(partition, 1, "partition")
		bench.Equal(base, offset, "the first offset of "+name)
		offset += 10
	}
	first, last, err := connection.ReadOffsets()
	bench.Check(err)
	bench.Equal([]int64{first, last}, []int64{0, offset}, "offsets")
	for _, seek := range []struct {
		by     int64
		whence int
		to     int64
	}{{0, kafka.SeekStart, 0}, {7, kafka.SeekAbsolute, 7}, {4, kafka.SeekCurrent, 12},
		{3, kafka.SeekEnd, offset - 3}, {24, kafka.SeekAbsolute | kafka.SeekDontCheck, 24}} {
		at, err := connection.Seek(seek.by, seek.whence)
		bench.Check(err)
		bench.Equal(at, seek.to, "where it is")
		record, err := connection.ReadMessage(10_000)
		bench.Check(err)
		bench.Equal(record.Offset, seek.to, "what it reads")
		bench.Equal(string(record.Value), fmt.Sprintf("v%d", seek.to), "its value")
	}
	_, err = connection.Seek(offset+1, kafka.SeekAbsolute)
	bench.Refused(err, kafka.OffsetOutOfRange, "behind the end")
	_, err = connection.Seek(0, kafka.SeekStart)
	bench.Check(err)
	var got []kafka.Message
	for len(got) < int(offset) {
		batch := connection.ReadBatchWith(kafka.ReadBatchConfig{MinBytes: 1, MaxBytes: 1000,
			MaxWait: time.Second})
		bench.Equal(batch.HighWaterMark(), offset, "high watermark")
		for {
			record, err := batch.ReadMessage()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrShortBuffer) {
				break
			}
			bench.Check(err)
			got = append(got, record)
		}
		_ = batch.Close()
	}
	bench.Equal(values(got), bench.Numbered(0, int(offset)), "all of them")
	versions, err := connection.ApiVersions()
	bench.Check(err)
	bench.Holds(len(versions) > 40, "what the broker speaks")
	controller, err := connection.Controller()
	bench.Check(err)
	bench.Equal(fmt.Sprintf("%s:%d", controller.Host, controller.Port), b.Address, "controller")
	bench.Check(connection.Close())
}

func seeksAndAsksForOffsets(b *bench.Bench) {
	topic := topic(b)
	first := time.UnixMilli(1_700_000_000_000)
	sent := messages(bench.Records(0, 20))
	for n := range sent {
		sent[n].Time = first.Add(time.Duration(n) * time.Second)
	}
	send(b.Address, topic, &kafka.Writer{Balancer: toPartition(0)}, sent)
	one := reader(b, topic, 0, kafka.ReaderConfig{OffsetOutOfRangeError: true})
	for _, offset := range []int64{13, 4, kafka.FirstOffset} {
		bench.Check(one.SetOffset(offset))
		got, err := one.ReadMessage(ctx)
		bench.Check(err)
		bench.Equal(got.Offset, max(offset, 0), "the offset that was asked for")
		bench.Equal(got.HighWaterMark, 20, "high watermark")
	}
	bench.Check(one.SetOffsetAt(ctx, first.Add(6500*time.Millisecond)))
	got, err := one.ReadMessage(ctx)
	bench.Check(err)
	bench.Equal(got.Offset, 7, "the first record after the time")
	lag, err := one.ReadLag(ctx)
	bench.Check(err)
	bench.Equal(lag, 12, "what is left")
	bench.Check(one.SetOffset(99))
	_, err = one.ReadMessage(ctx)
	bench.Refused(err, kafka.OffsetOutOfRange, "behind the end")
	bench.Check(one.Close())

	millis := first.Add(6500 * time.Millisecond).UnixMilli()
	told, err := client(b).ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.FirstOffsetOf(0),
			kafka.LastOffsetOf(0), kafka.TimeOffsetOf(0, time.UnixMilli(millis))}}})
	bench.Check(err)
	bench.Check(told.Topics[topic][0].Error)
	bench.Equal(told.Topics[topic][0].FirstOffset, 0, "first")
	bench.Equal(told.Topics[topic][0].LastOffset, 20, "last")
	_, found := told.Topics[topic][0].Offsets[7]
	bench.Holds(found, "the offset by time")
}

// The newest requests that kafka-go has.
func readsAndWritesByRequests(b *bench.Bench) {
	topic, client, offset := topic(b), client(b), int64(0)
	for _, codec := range codecs {
		told, err := client.Produce(ctx, &kafka.ProduceRequest{Topic: topic, Partition: 2,
			RequiredAcks: kafka.RequireAll, Compression: codec, Records: records(int(offset), 10)})
		bench.Check(err)
		bench.Check(told.Error)
		bench.Equal(told.BaseOffset, offset, "base offset")
		bench.Equal(told.LogStartOffset, 0, "log start offset")
		offset += 10
	}
	var got []string
	for from := int64(0); from < offset; from = int64(len(got)) {
		told, err := client.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: 2,
			Offset: from, MinBytes: 1, MaxBytes: 100_000, MaxWait: time.Second})
		bench.Check(err)
		bench.Check(told.Error)
		bench.Equal([]int64{told.HighWatermark, told.LastStableOffset, told.LogStartOffset},
			[]int64{offset, offset, 0}, "the marks")
		for {
			record, err := told.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			bench.Check(err)
			if record.Offset < from {
				// A batch is told as a whole.
				continue
			}
			value, err := kafka.ReadAll(record.Value)
			bench.Check(err)
			got = append(got, string(value))
		}
	}
	bench.Equal(got, bench.Numbered(0, int(offset)), "in order")
	told, err := client.Fetch(ctx, &kafka.FetchRequest{Topic: topic, Partition: 2,
		Offset: offset + 1, MinBytes: 1, MaxBytes: 1000, MaxWait: time.Second})
	bench.Check(err)
	bench.Refused(told.Error, kafka.OffsetOutOfRange, "behind the end")
}

func records(first, count int) kafka.RecordReader {
	var made []kafka.Record
	for _, value := range bench.Numbered(first, first+count) {
		made = append(made, kafka.Record{Value: kafka.NewBytes([]byte(value))})
	}
	return kafka.NewRecordReader(made...)
}
