// The administrative calls of kafkajs.
//
// Called by: checks.js.

const assert = require('node:assert/strict')
const { ConfigResourceTypes } = require('kafkajs')
const { inOrder } = require('./reader')

const TOPIC = ConfigResourceTypes.TOPIC

exports.administers = async ({ admin, topic, target, groupId, until, write, numbered, read }) => {
  const made = `${target}-made`
  assert.equal(await admin.createTopics({
    waitForLeaders: true,
    topics: [{
      topic: made,
      numPartitions: 2,
      replicationFactor: 1,
      configEntries: [{ name: 'retention.ms', value: '7200000' }]
    }]
  }), true)
  // It answers false for a topic that is there.
  assert.equal(await admin.createTopics({ topics: [{ topic: made }] }), false)
  await assert.rejects(admin.createTopics({ topics: [{ topic: 'no/name' }] }))

  const partitions = async name => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
    return topics[0].partitions.length
  }
  assert.equal(await partitions(made), 2)
  await admin.createPartitions({ topicPartitions: [{ topic: made, count: 4 }] })
  await until(async () => await partitions(made) === 4)
  await assert.rejects(admin.createPartitions({ topicPartitions: [{ topic: made, count: 3 }] }))

  const settings = async () => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: true, resources: [{ type: TOPIC, name: made }]
    })
    return Object.fromEntries(resources[0].configEntries.map(entry =>
      [entry.configName, entry.configValue]))
  }
  assert.equal((await settings())['retention.ms'], '7200000')
  const configEntries = [{ name: 'max.message.bytes', value: '54321' }]
  await admin.alterConfigs({
    validateOnly: false, resources: [{ type: TOPIC, name: made, configEntries }]
  })
  // What is not named goes back to its default.
  await until(async () => (await settings())['max.message.bytes'] === '54321')
  await until(async () => (await settings())['retention.ms'] === '604800000')

  const { brokers, controller, clusterId } = await admin.describeCluster()
  assert.deepEqual([brokers.length, typeof controller, clusterId.length], [1, 'number', 22])
  assert.deepEqual((await admin.listPartitionReassignments({})).topics, [])

  await administersGroups({ admin, topic, groupId, write, numbered, read })

  await admin.deleteTopics({ topics: [made] })
  await until(async () => !(await admin.listTopics()).includes(made))
}

async function administersGroups({ admin, topic, groupId, write, numbered, read }) {
  await write(topic, numbered(0, 90))
  const reader = await read({ topic, groupId })
  await reader.take(90)
  await reader.commit()
  const { groups: [alive] } = await admin.describeGroups([groupId])
  assert.deepEqual([alive.state, alive.protocolType, alive.members.length],
    ['Stable', 'consumer', 1])
  const refused = await admin.deleteGroups([groupId]).catch(error => error)
  assert.equal(refused.groups[0].error.type, 'NON_EMPTY_GROUP')
  await reader.consumer.disconnect()
  const { groups } = await admin.listGroups()
  assert.ok(groups.some(one => one.groupId === groupId && one.protocolType === 'consumer'))
  const { groups: [empty] } = await admin.describeGroups([groupId])
  assert.deepEqual([empty.state, empty.members.length], ['Empty', 0])

  const offsets = async () => {
    const [told] = await admin.fetchOffsets({ groupId, topics: [topic] })
    return inOrder(told.partitions)
  }
  const ends = await admin.fetchTopicOffsets(topic)
  assert.deepEqual(await offsets(), inOrder(ends.map(({ partition, high }) =>
    ({ partition, offset: high }))))
  const five = ends.map(({ partition }) => ({ partition, offset: '5' }))
  await admin.setOffsets({ groupId, topic, partitions: five })
  assert.deepEqual(await offsets(), inOrder(five))
  await admin.resetOffsets({ groupId, topic, earliest: true })
  // kafkajs writes -2 down, and has the broker's answer told by `resolveOffsets`.
  const [resolved] = await admin.fetchOffsets({ groupId, topics: [topic], resolveOffsets: true })
  const firsts = ends.map(({ partition }) => [partition, '0']).sort()
  assert.deepEqual(inOrder(resolved.partitions), firsts)

  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '3' }] })
  const low = (await admin.fetchTopicOffsets(topic)).find(({ partition }) => partition === 0)
  assert.equal(low.low, '3')
  await assert.rejects(
    admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '9999' }] }))

  const [deleted] = await admin.deleteGroups([groupId])
  assert.deepEqual([deleted.groupId, deleted.errorCode], [groupId, 0])
  assert.deepEqual(await offsets(), ends.map(({ partition }) => [partition, '-1']).sort())
}
