package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"ottla/bench"
)

// A member of a group, which stays in it until it is closed.
func join(address, topic, group string, config kafka.ReaderConfig) *kafka.Reader {
	client := &kafka.Client{Addr: kafka.TCP(address), Timeout: 30 * time.Second}
	coordinator(client, group, kafka.CoordinatorKeyTypeConsumer)
	config.Brokers, config.GroupTopics = []string{address}, []string{topic}
	config.GroupID, config.StartOffset = group, kafka.FirstOffset
	config.HeartbeatInterval = 100 * time.Millisecond
	config.MaxWait, config.JoinGroupBackoff = 100*time.Millisecond, 100*time.Millisecond
	return kafka.NewReader(config)
}

// Takes so many records, from whichever member has the next one, and commits each.
func take(count int, members ...*kafka.Reader) []kafka.Message {
	type offer struct {
		record kafka.Message
		by     *kafka.Reader
		err    error
	}
	offers := make(chan offer)
	until, stop := context.WithCancel(ctx)
	defer stop()
	for _, member := range members {
		go func() {
			for until.Err() == nil {
				record, err := member.FetchMessage(until)
				if err != nil && until.Err() != nil {
					break
				}
				offers <- offer{record, member, err}
			}
			offers <- offer{err: context.Canceled}
		}()
	}
	var got []kafka.Message
	for ended := 0; ended < len(members); {
		one := <-offers
		if errors.Is(one.err, context.Canceled) {
			ended++
			continue
		}
		bench.Check(one.err)
		bench.Check(one.by.CommitMessages(ctx, one.record))
		got = append(got, one.record)
		if len(got) == count {
			stop()
		}
	}
	return got
}

// How many partitions each of the members has, when the group is stable.
func shares(b *bench.Bench, group string) []int {
	told, err := client(b).DescribeGroups(ctx, &kafka.DescribeGroupsRequest{
		GroupIDs: []string{group}})
	bench.Check(err)
	bench.Check(told.Groups[0].Error)
	if told.Groups[0].GroupState != "Stable" {
		return nil
	}
	var got []int
	for _, member := range told.Groups[0].Members {
		count := 0
		for _, topic := range member.MemberAssignments.Topics {
			count += len(topic.Partitions)
		}
		got = append(got, count)
	}
	return got
}

// Each balancer; the second member joins while the first reads, and both leave.
func aGroupSharesAndGoesOn(b *bench.Bench) {
	for _, balancer := range []kafka.GroupBalancer{kafka.RangeGroupBalancer{},
		kafka.RoundRobinGroupBalancer{}, &kafka.RackAffinityGroupBalancer{Rack: "r"}} {
		for _, interval := range []time.Duration{0, 50 * time.Millisecond} {
			topic, group := topic(b), b.Name("g")
			what := fmt.Sprintf("%s, commits every %s", balancer.ProtocolName(), interval)
			config := kafka.ReaderConfig{GroupBalancers: []kafka.GroupBalancer{balancer},
				CommitInterval: interval}
			first := join(b.Address, topic, group, config)
			send(b.Address, topic, &kafka.Writer{}, messages(bench.Records(0, 100)))
			bench.Equal(values(take(100, first)), bench.Numbered(0, 100), what)
			second := join(b.Address, topic, group, config)
			bench.Until(what+", shares", func() bool {
				got := shares(b, group)
				return len(got) == 2 && got[0]+got[1] == partitions && got[0]*got[1] > 0
			})
			send(b.Address, topic, &kafka.Writer{}, messages(bench.Records(100, 200)))
			bench.Equal(values(take(100, first, second)), bench.Numbered(100, 200), what+", shared")
			bench.Check(first.Close())
			bench.Until(what+", gives all to who is left", func() bool {
				got := shares(b, group)
				return len(got) == 1 && got[0] == partitions
			})
			send(b.Address, topic, &kafka.Writer{}, messages(bench.Records(200, 230)))
			bench.Equal(values(take(30, second)), bench.Numbered(200, 230), what+", alone")
			bench.Check(second.Close())
			send(b.Address, topic, &kafka.Writer{}, messages(bench.Records(230, 240)))
			third := join(b.Address, topic, group, config)
			bench.Equal(values(take(10, third)), bench.Numbered(230, 240), what+", goes on")
			bench.Check(third.Close())
		}
	}
}

// A group whose application reads by itself.
func commitsByGeneration(b *bench.Bench) {
	topic, group := topic(b), b.Name("g")
	for _, wanted := range []int64{kafka.FirstOffset, 7, 8} {
		member, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group,
			Brokers: []string{b.Address}, Topics: []string{topic}, StartOffset: kafka.FirstOffset,
			HeartbeatInterval: 100 * time.Millisecond})
		bench.Check(err)
		generation, err := member.Next(ctx)
		bench.Check(err)
		bench.Equal(len(generation.Assignments[topic]), partitions, "partitions")
		for _, assigned := range generation.Assignments[topic] {
			if assigned.ID == 1 {
				bench.Equal(assigned.Offset, wanted, "where it goes on")
			} else {
				bench.Equal(assigned.Offset, int64(kafka.FirstOffset), "nothing was committed")
			}
		}
		// The member of single requests that has gone commits nothing.
		offsets := map[string]map[int]int64{topic: {1: max(wanted, 6) + 1}}
		bench.Check(generation.CommitOffsets(offsets))
		bench.Check(member.Close())
		bench.Holds(generation.CommitOffsets(offsets) != nil, "who has left commits nothing")
	}
}

// Who coordinates it; in a broker that has just begun nobody does.
func coordinator(client *kafka.Client, key string, kind kafka.CoordinatorKeyType,
) *kafka.FindCoordinatorResponse {
	var found *kafka.FindCoordinatorResponse
	bench.Until(key+" has its coordinator", func() bool {
		var err error
		found, err = client.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: key,
			KeyType: kind})
		bench.Check(err)
		if found.Error != nil || kind != kafka.CoordinatorKeyTypeConsumer {
			return found.Error == nil
		}
		told, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: key,
			Topics: map[string][]int{"none": {0}}})
		bench.Check(err)
		return told.Error == nil && told.Topics["none"][0].Error == nil
	})
	return found
}

// What a member says to its coordinator, one by one, and what it is refused.
func aMemberOfSingleRequests(b *bench.Bench) {
	topic, group, client := topic(b), b.Name("g"), client(b)
	found := coordinator(client, group, kafka.CoordinatorKeyTypeConsumer)
	bench.Equal(fmt.Sprintf("%s:%d", found.Coordinator.Host, found.Coordinator.Port), b.Address,
		"the coordinator")
	asks := &kafka.JoinGroupRequest{GroupID: group, SessionTimeout: 10 * time.Second,
		RebalanceTimeout: 10 * time.Second, ProtocolType: "consumer",
		Protocols: []kafka.GroupProtocol{{Name: "range",
			Metadata: kafka.GroupProtocolSubscription{Topics: []string{topic}}}}}
	joined, err := client.JoinGroup(ctx, asks)
	bench.Check(err)
	bench.Refused(joined.Error, kafka.MemberIDRequired, "a member without an id")
	asks.MemberID = joined.MemberID
	joined, err = client.JoinGroup(ctx, asks)
	bench.Check(err)
	bench.Check(joined.Error)
	bench.Equal(joined.LeaderID, asks.MemberID, "the leader")
	bench.Equal([]int{joined.GenerationID, len(joined.Members)}, []int{1, 1}, "the generation")
	assigned := kafka.GroupProtocolAssignment{AssignedPartitions: map[string][]int{topic: {0, 2}}}
	synced, err := client.SyncGroup(ctx, &kafka.SyncGroupRequest{GroupID: group, GenerationID: 1,
		MemberID: asks.MemberID, ProtocolType: "consumer", ProtocolName: "range",
		Assignments: []kafka.SyncGroupRequestAssignment{{MemberID: asks.MemberID,
			Assignment: assigned}}})
	bench.Check(err)
	bench.Check(synced.Error)
	bench.Equal(synced.Assignment.AssignedPartitions, assigned.AssignedPartitions, "assigned")

	for _, one := range []struct {
		member     string
		generation int
		wanted     kafka.Error
	}{{asks.MemberID, 1, 0}, {asks.MemberID, 2, kafka.IllegalGeneration},
		{"nobody", 1, kafka.UnknownMemberId}} {
		bench.Equal(heartbeat(client, group, one.generation, one.member), one.wanted,
			"heartbeat of "+one.member)
		done, err := client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group,
			GenerationID: one.generation, MemberID: one.member, Topics: map[string][]kafka.OffsetCommit{
				topic: {{Partition: 2, Offset: 42, Metadata: "here"}}}})
		bench.Check(err)
		if one.wanted == 0 {
			bench.Check(done.Topics[topic][0].Error)
		} else {
			bench.Refused(done.Topics[topic][0].Error, one.wanted, "commit of "+one.member)
		}
	}
	told, err := client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group,
		Topics: map[string][]int{topic: {0, 2}}})
	bench.Check(err)
	bench.Check(told.Error)
	bench.Equal(told.Topics[topic], []kafka.OffsetFetchPartition{{Partition: 0, CommittedOffset: -1},
		{Partition: 2, CommittedOffset: 42, Metadata: "here"}}, "committed")
	left, err := client.LeaveGroup(ctx, &kafka.LeaveGroupRequest{GroupID: group,
		Members: []kafka.LeaveGroupRequestMember{{ID: asks.MemberID}}})
	bench.Check(err)
	bench.Check(left.Error)
	bench.Equal(heartbeat(client, group, 1, asks.MemberID), kafka.UnknownMemberId, "who has left")
}

// kafka-go reads the fields of the answer in the wrong order: the code is told as the throttle.
func heartbeat(client *kafka.Client, group string, generation int, member string) kafka.Error {
	told, err := client.Heartbeat(ctx, &kafka.HeartbeatRequest{GroupID: group,
		GenerationID: int32(generation), MemberID: member})
	bench.Check(err)
	return kafka.Error(told.Throttle / time.Millisecond)
}
