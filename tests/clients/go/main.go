// Writes and reads records with franz-go, one line per record read.
//
//	smoke HOST:PORT produce TOPIC FIRST COUNT CODEC
//	smoke HOST:PORT consume TOPIC GROUP COUNT
//
// Called by: the suite `franz-go`.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	address, what, arguments := os.Args[1], os.Args[2], os.Args[3:]
	if what == "produce" {
		produce(ctx, address, arguments)
	} else {
		consume(ctx, address, arguments)
	}
}

func produce(ctx context.Context, address string, arguments []string) {
	topic, codec := arguments[0], codecs[arguments[3]]
	client := connect(address, kgo.ProducerBatchCompression(codec))
	defer client.Close()
	first, count := number(arguments[1]), number(arguments[2])
	records := make([]*kgo.Record, 0, count)
	for n := first; n < first+count; n++ {
		records = append(records, &kgo.Record{
			Topic:   topic,
			Key:     []byte(fmt.Sprintf("k%d", n)),
			Value:   []byte(fmt.Sprintf("v%d", n)),
			Headers: []kgo.RecordHeader{{Key: "h", Value: []byte(strconv.Itoa(n))}},
		})
	}
	check(client.ProduceSync(ctx, records...).FirstErr())
}

// Reads so many records as a member of a group, commits them and leaves.
func consume(ctx context.Context, address string, arguments []string) {
	client := connect(address, kgo.ConsumeTopics(arguments[0]), kgo.ConsumerGroup(arguments[1]),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	defer client.Close()
	out := json.NewEncoder(os.Stdout)
	for left := number(arguments[2]); left > 0; {
		fetches := client.PollRecords(ctx, left)
		check(fetches.Err())
		for _, record := range fetches.Records() {
			left--
			header := ""
			for _, one := range record.Headers {
				header += one.Key + "=" + string(one.Value)
			}
			check(out.Encode([]any{record.Partition, record.Offset, string(record.Key),
				string(record.Value), header}))
		}
	}
	check(client.CommitUncommittedOffsets(ctx))
}

func connect(address string, options ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(address))...)
	check(err)
	return client
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
