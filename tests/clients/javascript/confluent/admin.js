// The administrative calls of @confluentinc/kafka-javascript.
//
// Called by: checks.js.

const assert = require('node:assert/strict')
const { ConsumerGroupStates, ConsumerGroupTypes, ErrorCodes, IsolationLevel } =
  require('@confluentinc/kafka-javascript').KafkaJS

exports.administers = async ({ admin, topic, target, groupId, until, write, numbered, read }) => {
  const made = `${target}-made`
  const configEntries = [{ name: 'retention.ms', value: '7200000' }]
  const topics = [{ topic: made, numPartitions: 2, replicationFactor: 1, configEntries }]
  assert.equal(await admin.createTopics({ topics }), true)
  // It answers false for a topic that is there.
  assert.equal(await admin.createTopics({ topics }), false)
  await until(async () => (await admin.listTopics()).includes(made))
  const [metadata] = await admin.fetchTopicMetadata(
    { topics: [made], includeAuthorizedOperations: true })
  assert.deepEqual([metadata.name, metadata.isInternal, metadata.partitions.length],
    [made, false, 2])
  assert.equal(metadata.authorizedOperations.length, 8)

  await write(topic, numbered(0, 90))
  for (const protocol of ['consumer', 'range']) {
    await administersGroup({ admin, topic, groupId: `${groupId}-${protocol}`, protocol, read })
  }

  const isolationLevel = IsolationLevel.READ_COMMITTED
  const [{ partition, offset }] = await admin.fetchTopicOffsets(topic, { isolationLevel })
  const [removed] = await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset }] })
  assert.deepEqual([removed.topic, removed.partition, removed.lowWatermark],
    [topic, partition, Number(offset)])
  const [{ low, high }] = await admin.fetchTopicOffsets(topic, { isolationLevel })
  assert.deepEqual([low, high], [offset, offset])

  await admin.deleteTopics({ topics: [made] })
  await until(async () => !(await admin.listTopics()).includes(made))
}

async function administersGroup({ admin, topic, groupId, protocol, read }) {
  const reader = await read({ topic, groupId, protocol })
  await reader.take(90)
  await reader.commit()
  const describe = async () => {
    const { groups: [group] } = await admin.describeGroups([groupId],
      { includeAuthorizedOperations: true })
    return group
  }
  const alive = await describe()
  assert.deepEqual([alive.groupId, alive.state, alive.members.length, alive.error],
    [groupId, ConsumerGroupStates.STABLE, 1, undefined])
  assert.equal(alive.type,
    protocol === 'consumer' ? ConsumerGroupTypes.CONSUMER : ConsumerGroupTypes.CLASSIC)
  const given = alive.members[0].assignment.topicPartitions
  assert.deepEqual(given.map(({ partition }) => partition).sort(), [0, 1, 2])
  assert.deepEqual(await admin.deleteGroups([groupId]).catch(error =>
    error.groups.map(one => one.errorCode)), [ErrorCodes.ERR_NON_EMPTY_GROUP])
  const offsets = (await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions
  assert.equal(offsets.reduce((sum, { offset }) => sum + Number(offset), 0), 90)
  await reader.consumer.disconnect()
  assert.equal((await describe()).state, ConsumerGroupStates.EMPTY)
  const { groups } = await admin.listGroups(
    { matchConsumerGroupStates: [ConsumerGroupStates.EMPTY] })
  assert.ok(groups.some(one => one.groupId === groupId), 'listed')
  assert.deepEqual((await admin.deleteGroups([groupId])).map(one => one.groupId), [groupId])
}
