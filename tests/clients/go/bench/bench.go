// Package bench is what the programs beside it share: their commands, the records that they write
// and read, and how a test fails.
//
//	NAME HOST:PORT produce TOPIC FIRST COUNT CODEC
//	NAME HOST:PORT consume TOPIC GROUP COUNT        one line for each record that is read
//	NAME HOST:PORT test TEST PREFIX                 a test that the program has itself
//
// Called by: the programs beside it, each run by the suite of its name.
// Never:     knows a client.
package bench

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"time"
)

// Python ends a test a little later, and could not tell where it stood.
const testSecondsMax = 140

// Program is one client: what every one must do, and its own tests.
type Program struct {
	Produce func(address, topic, codec string, records []Record)
	// Reads so many records as a member of a group, commits them and leaves.
	Consume func(address, topic, group string, count int, tell func(Read))
	Tests   map[string]func(*Bench)
}

// Record is what `produce` writes: k7, v7 and the header h=7 for its number 7.
type Record struct{ Key, Value, Header string }

// Read is one record as it came back.
type Read struct {
	Partition  int
	Offset     int64
	Key, Value []byte
	// Name and value of each header, joined.
	Headers string
}

// Bench is what a test gets.
type Bench struct {
	Address string
	prefix  string
	count   int
}

// Name returns one that nobody has used: for a topic, a group or a transactional id.
func (b *Bench) Name(hint string) string {
	b.count++
	return fmt.Sprintf("%s-%s-%d", b.prefix, hint, b.count)
}

// Main does what the command line says.
func Main(program Program) {
	address, command, arguments := os.Args[1], os.Args[2], os.Args[3:]
	time.AfterFunc(testSecondsMax*time.Second, func() {
		fail(0, fmt.Errorf("%s is not done after %d s", os.Args[2:], testSecondsMax))
	})
	switch command {
	case "produce":
		first, count := number(arguments[1]), number(arguments[2])
		program.Produce(address, arguments[0], arguments[3], Records(first, first+count))
	case "consume":
		out := json.NewEncoder(os.Stdout)
		program.Consume(address, arguments[0], arguments[1], number(arguments[2]), func(r Read) {
			Check(out.Encode([]any{r.Partition, r.Offset, string(r.Key), string(r.Value), r.Headers}))
		})
	case "test":
		test, ok := program.Tests[arguments[0]]
		Holds(ok, "there is a test "+arguments[0])
		test(&Bench{Address: address, prefix: arguments[1]})
	default:
		fail(0, errors.New("no such command: "+command))
	}
}

// Records are those with the numbers from first on, without last.
func Records(first, last int) []Record {
	records := make([]Record, 0, last-first)
	for n := first; n < last; n++ {
		text := strconv.Itoa(n)
		records = append(records, Record{Key: "k" + text, Value: "v" + text, Header: text})
	}
	return records
}

// Numbered are the values of `Records`.
func Numbered(first, last int) []string {
	values := make([]string, 0, last-first)
	for _, record := range Records(first, last) {
		values = append(values, record.Value)
	}
	return values
}

// ByNumber sorts such values by their numbers.
func ByNumber(values []string) []string {
	slices.SortFunc(values, func(a, b string) int {
		return cmp.Or(len(a)-len(b), cmp.Compare(a, b))
	})
	return values
}

// Check ends the program when there is an error.
func Check(err error) {
	if err != nil {
		fail(2, err)
	}
}

// Equal ends the program when it got anything else.
func Equal[T any](got, wanted T, what string) {
	if !reflect.DeepEqual(got, wanted) {
		fail(2, fmt.Errorf("%s: got %v, wanted %v", what, got, wanted))
	}
}

// Holds ends the program when it does not.
func Holds(condition bool, what string) {
	if !condition {
		fail(2, errors.New("not so: "+what))
	}
}

// Refused ends the program unless the error is, or holds, the wanted one.
func Refused(err, wanted error, what string) {
	if !errors.Is(err, wanted) {
		fail(2, fmt.Errorf("%s: got %v, wanted %v", what, err, wanted))
	}
}

// Until asks until it holds; Kafka's brokers learn of what its controller has answered a bit later.
func Until(what string, holds func() bool) {
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			fail(2, errors.New("not within 30 s: "+what))
		}
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	Check(err)
	return n
}

// Says which line of the program found it, of the caller so many frames above.
func fail(above int, err error) {
	_, file, line, _ := runtime.Caller(above)
	fmt.Fprintf(os.Stderr, "%s:%d: %v\n", filepath.Base(file), line, err)
	os.Exit(1)
}
