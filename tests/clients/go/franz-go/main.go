// Writes and reads records with franz-go; the commands are those of the package bench.
//
// Called by: the suite `franz-go`.
package main

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"ottla/bench"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func main() {
	bench.Main(bench.Program{Produce: produce, Consume: consume})
}

func produce(address, topic, codec string, records []bench.Record) {
	client := connect(address, kgo.ProducerBatchCompression(codecs[codec]))
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	sent := make([]*kgo.Record, 0, len(records))
	for _, record := range records {
		sent = append(sent, &kgo.Record{
			Topic:   topic,
			Key:     []byte(record.Key),
			Value:   []byte(record.Value),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte(record.Header)}},
		})
	}
	bench.Check(client.ProduceSync(ctx, sent...).FirstErr())
}

func consume(address, topic, group string, count int, tell func(bench.Read)) {
	client := connect(address, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	for left := count; left > 0; {
		fetches := client.PollRecords(ctx, left)
		bench.Check(fetches.Err())
		for _, record := range fetches.Records() {
			left--
			headers := ""
			for _, one := range record.Headers {
				headers += one.Key + "=" + string(one.Value)
			}
			tell(bench.Read{Partition: int(record.Partition), Offset: record.Offset,
				Key: record.Key, Value: record.Value, Headers: headers})
		}
	}
	bench.Check(client.CommitUncommittedOffsets(ctx))
}

func connect(address string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(address))...)
	bench.Check(err)
	return client
}
