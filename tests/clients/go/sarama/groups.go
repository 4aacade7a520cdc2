package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"ottla/bench"
)

// One member of a group: it offers what it reads, and marks what was taken.
type member struct {
	group  sarama.ConsumerGroup
	topic  string
	offers chan *sarama.ConsumerMessage
	cancel context.CancelFunc
	done   chan struct{}
	// Why it left by itself.
	failure error

	lock    sync.Mutex
	session sarama.ConsumerGroupSession
}

// Starts a member, which stays in the group until it is told to leave.
func join(address string, config *sarama.Config, id, topic string) *member {
	group, err := sarama.NewConsumerGroup([]string{address}, id, config)
	bench.Check(err)
	ctx, cancel := context.WithCancel(context.Background())
	m := &member{group: group, topic: topic, offers: make(chan *sarama.ConsumerMessage),
		cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			if err := group.Consume(ctx, []string{topic}, m); err != nil {
				m.failure = err
				return
			}
		}
	}()
	go func() {
		for err := range group.Errors() {
			bench.Holds(ctx.Err() != nil || !errors.As(err, new(*sarama.ConsumerError)), err.Error())
		}
	}()
	return m
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	bench.Holds(m.failure == nil || errors.Is(m.failure, context.Canceled),
		fmt.Sprintf("the member left well: %v", m.failure))
	bench.Check(m.group.Close())
}

func (m *member) Setup(session sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.session = session
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error { return m.Setup(nil) }

func (m *member) ConsumeClaim(session sarama.ConsumerGroupSession,
	claim sarama.ConsumerGroupClaim,
) error {
	for {
		select {
		case record, open := <-claim.Messages():
			if !open {
				return nil
			}
			select {
			case m.offers <- record:
				session.MarkMessage(record, "taken")
			case <-session.Context().Done():
				return nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

// The partitions that it has now, and the generation it has them in.
func (m *member) claims() ([]int32, int32) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.session == nil {
		return nil, -1
	}
	return m.session.Claims()[m.topic], m.session.GenerationID()
}

func (m *member) take(count int) []*sarama.ConsumerMessage { return take(count, m, m) }

// Takes so many records, from whichever member has the next one.
func take(count int, one, other *member) []*sarama.ConsumerMessage {
	got := make([]*sarama.ConsumerMessage, 0, count)
	for len(got) < count {
		select {
		case record := <-one.offers:
			got = append(got, record)
		case record := <-other.offers:
			got = append(got, record)
		case <-one.done:
			bench.Check(errors.Join(one.failure, errors.New("a member left")))
		case <-other.done:
			bench.Check(errors.Join(other.failure, errors.New("a member left")))
		}
	}
	return got
}

// True when both have some, and together each of the topic's once.
func share(one, other *member) bool {
	first, _ := one.claims()
	second, _ := other.claims()
	seen := map[int32]bool{}
	for _, partition := range append(append([]int32{}, first...), second...) {
		seen[partition] = true
	}
	return len(first) > 0 && len(second) > 0 && len(first)+len(second) == partitions &&
		len(seen) == partitions
}

// Each strategy; the second member joins while the first reads, and both leave.
func aGroupSharesAndGoesOn(b *bench.Bench) {
	for _, strategy := range []func() sarama.BalanceStrategy{sarama.NewBalanceStrategyRange,
		sarama.NewBalanceStrategyRoundRobin, sarama.NewBalanceStrategySticky,
		sarama.NewBalanceStrategyCooperativeSticky} {
		topic, group, name := topic(b, nil), b.Name("g"), strategy().Name()
		config := func() *sarama.Config {
			config := settings()
			// A strategy may keep what it has assigned; no two members share one.
			config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategy()}
			return config
		}
		first := join(b.Address, config(), group, topic)
		send(b.Address, settings(), messages(topic, bench.Records(0, 100)))
		bench.Equal(values(first.take(100)), bench.Numbered(0, 100), name)
		second := join(b.Address, config(), group, topic)
		bench.Until(name+" shares", func() bool { return share(first, second) })
		send(b.Address, settings(), messages(topic, bench.Records(100, 200)))
		bench.Equal(values(take(100, first, second)), bench.Numbered(100, 200), name+", shared")
		first.leave()
		bench.Until(name+" gives all to who is left", func() bool {
			claims, _ := second.claims()
			return len(claims) == partitions
		})
		send(b.Address, settings(), messages(topic, bench.Records(200, 230)))
		bench.Equal(values(second.take(30)), bench.Numbered(200, 230), name+", alone")
		second.leave()
		send(b.Address, settings(), messages(topic, bench.Records(230, 240)))
		third := join(b.Address, config(), group, topic)
		bench.Equal(values(third.take(10)), bench.Numbered(230, 240), name+", goes on")
		third.leave()
	}
}

func aStaticMemberComesBack(b *bench.Bench) {
	topic, group := topic(b, nil), b.Name("g")
	config := func(instance string) *sarama.Config {
		config := settings()
		config.Consumer.Group.InstanceId = instance
		config.Consumer.Group.Session.Timeout = 30 * time.Second
		return config
	}
	stays := join(b.Address, config("stays"), group, topic)
	leaves := join(b.Address, config("leaves"), group, topic)
	bench.Until("they share", func() bool { return share(stays, leaves) })
	before, generation := leaves.claims()
	for first := range 3 {
		send(b.Address, settings(), messages(topic, bench.Records(first*30, first*30+30)))
		bench.Equal(values(take(30, stays, leaves)), bench.Numbered(first*30, first*30+30), "each once")
		leaves.leave()
		leaves = join(b.Address, config("leaves"), group, topic)
		bench.Until("it is back", func() bool { return share(stays, leaves) })
		claims, now := leaves.claims()
		bench.Equal(claims, before, "what it had before")
		bench.Equal(now, generation, "nobody else was disturbed: the generation")
	}
	// Who comes with the name of one that is there takes its place.
	taker := join(b.Address, config("leaves"), group, topic)
	<-leaves.done
	bench.Refused(leaves.failure, sarama.ErrFencedInstancedId, "whose name was taken")
	bench.Check(leaves.group.Close())
	bench.Until("the new one shares", func() bool { return share(stays, taker) })
	taker.leave()
	stays.leave()

	admin := administrator(b.Address, settings())
	told, err := admin.RemoveMemberFromConsumerGroup(group, []string{"stays", "leaves"})
	bench.Check(err)
	for _, one := range told.Members {
		bench.Equal(one.Err, sarama.ErrNoError, "removed")
	}
	groups, err := admin.DescribeConsumerGroups([]string{group})
	bench.Check(err)
	bench.Equal(groups[0].State, "Empty", "the state")
	bench.Check(admin.Close())
}

// Offsets without a member, with what the application wants to remember beside them.
func commitsByHand(b *bench.Bench) {
	topic, group, config := topic(b, nil), b.Name("g"), settings()
	admin := administrator(b.Address, settings())
	bench.Until("the group has its coordinator", func() bool {
		told, err := admin.DescribeConsumerGroups([]string{group})
		return err == nil && told[0].Err == sarama.ErrNoError
	})
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Consumer.Offsets.Initial = sarama.OffsetNewest
	for _, step := range []struct {
		offset, mark   int64
		told, metadata string
		back           bool
	}{{-1, 7, "", "seven", false}, {7, 9, "seven", "", false}, {9, 3, "", "again", true}} {
		connection := client(b.Address, config)
		manager, err := sarama.NewOffsetManagerFromClient(group, connection)
		bench.Check(err)
		partition, err := manager.ManagePartition(topic, 1)
		bench.Check(err)
		offset, metadata := partition.NextOffset()
		bench.Equal(offset, step.offset, "the offset to go on from")
		bench.Equal(metadata, step.told, "what was remembered")
		if step.back {
			partition.ResetOffset(step.mark, step.metadata)
		} else {
			partition.MarkOffset(step.mark, step.metadata)
		}
		manager.Commit()
		partition.AsyncClose()
		bench.Check(manager.Close())
		for err := range partition.Errors() {
			bench.Check(err)
		}
		bench.Check(connection.Close())
	}
	told, err := admin.ListConsumerGroupOffsets(group, map[string][]int32{topic: {0, 1}})
	bench.Check(err)
	bench.Equal(told.GetBlock(topic, 0).Offset, -1, "nothing was committed")
	bench.Equal(told.GetBlock(topic, 1).Offset, 3, "the last commit")
	bench.Equal(told.GetBlock(topic, 1).Metadata, "again", "its metadata")
	bench.Check(admin.Close())
}
