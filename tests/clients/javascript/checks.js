// What a client of JavaScript does with a broker besides writing and reading; ends with 0 when each
// answer was the right one.
//
//   node checks.js HOST:PORT CHECK TOPIC TARGET GROUP [PROTOCOL]
//
// Called by: node_client.py. TOPIC has three partitions, TARGET one; both are new.

const assert = require('node:assert/strict')
const { setTimeout: pause } = require('node:timers/promises')
const client = require('./client')
const { Reader, inOrder } = require('./reader')

const [address, check, topic, target, groupId, protocol] = process.argv.slice(2)
const FIRST_MS = 1700000000000

const numbered = (first, last) =>
  Array.from({ length: last - first }, (_, at) => `${first + at}`)
const valuesOf = records =>
  records.map(({ message }) => Number(message.value)).sort((a, b) => a - b).map(String)

async function withProducer(how, use) {
  const producer = client.producer(address, how)
  await producer.connect()
  try {
    return await use(producer)
  } finally {
    await producer.disconnect()
  }
}

async function withAdmin(use) {
  const admin = client.admin(address)
  await admin.connect()
  try {
    return await use(admin)
  } finally {
    await admin.disconnect()
  }
}

const write = (name, values) => withProducer({}, producer =>
  producer.send({ topic: name, messages: values.map(value => ({ key: value, value })) }))

// Reads so many records of a topic in a group of its own.
async function readAll(name, count, how = {}) {
  const reader = await Reader.start(address, { topic: name, groupId: `${groupId}-${name}`, ...how })
  const taken = await reader.take(count)
  await reader.consumer.disconnect()
  return taken
}

async function until(test) {
  while (!await test()) await pause(20)
}

const checks = {
  async fields() {
    const headers = { twice: ['1', Buffer.from([0, 255])], empty: '' }
    await withProducer({}, async producer => {
      const nothing = { key: null, value: null, headers, timestamp: `${FIRST_MS}` }
      const [first] = await producer.send({ topic: target, messages: [nothing] })
      assert.deepEqual([first.topicName, first.partition, first.errorCode, first.baseOffset],
        [target, 0, 0, '0'])
      const [second] = await producer.send({ topic: target, messages: [{ key: 'k', value: '' }] })
      assert.equal(second.baseOffset, '1')
    })
    const [nulls, empties] = (await readAll(target, 2)).map(({ message }) => message)
    assert.deepEqual([nulls.key, nulls.value, nulls.timestamp], [null, null, `${FIRST_MS}`])
    const got = Object.entries(nulls.headers).map(([name, values]) =>
      [name, [].concat(values).map(value => Buffer.from(value).toString('hex'))])
    assert.deepEqual(Object.fromEntries(got), { twice: ['31', '00ff'], empty: [''] })
    // Confluent's client tells an empty value as null.
    assert.deepEqual([`${empties.key}`, empties.value?.length ?? 0], ['k', 0])
    assert.ok(Math.abs(Number(empties.timestamp) - Date.now()) < 120000, empties.timestamp)
  },

  async seeks() {
    const messages = numbered(0, 100).map((value, at) =>
      ({ value, partition: 0, timestamp: `${FIRST_MS + at * 1000}` }))
    await withProducer({}, producer => producer.send({ topic: target, messages }))
    const reader = await Reader.start(address, { topic: target, groupId })
    assert.deepEqual(valuesOf(await reader.take(100)), numbered(0, 100))
    for (const offset of [40, 7, 99]) {
      await reader.seek(0, offset)
      const rest = await reader.take(99 - offset)
      assert.deepEqual(valuesOf(rest), numbered(offset + 1, 100), 'each after it, once')
    }
    reader.consumer.pause([{ topic: target }])
    await write(target, numbered(100, 110))
    assert.deepEqual(valuesOf(await readAll(target, 110)), numbered(0, 110))
    assert.equal(reader.kept.length, 0, 'nothing is read meanwhile')
    reader.consumer.resume([{ topic: target }])
    assert.deepEqual(valuesOf(await reader.take(10)), numbered(100, 110))
    await reader.consumer.disconnect()
    await withAdmin(async admin => {
      assert.deepEqual(await admin.fetchTopicOffsetsByTimestamp(target, FIRST_MS + 6500),
        [{ partition: 0, offset: '7' }])
      const [{ low, high }] = await admin.fetchTopicOffsets(target)
      assert.deepEqual([low, high], ['0', '110'])
    })
  },

  // A second member joins while the first reads; both commit and leave; a third goes on.
  async shares() {
    const how = { topic, groupId, protocol }
    await write(topic, numbered(0, 60))
    const first = await Reader.start(address, how)
    assert.deepEqual(valuesOf(await first.take(60)), numbered(0, 60))
    await first.commit()
    const second = await Reader.start(address, how)
    await until(() => {
      const [one, two] = [first.assigned(), second.assigned()]
      return one.length > 0 && two.length > 0 && new Set([...one, ...two]).size === 3 &&
        one.length + two.length === 3
    })
    await write(topic, numbered(60, 120))
    await until(() => first.kept.length + second.kept.length >= 60)
    const both = [await first.take(first.kept.length), await second.take(second.kept.length)]
    assert.deepEqual(valuesOf(both.flat()), numbered(60, 120), 'each once')
    for (const reader of [first, second]) {
      // The first one's offsets of partitions that are the second's now are old.
      const assigned = reader.assigned()
      for (const partition of [...reader.next.keys()]) {
        if (!assigned.includes(partition)) reader.next.delete(partition)
      }
      await reader.commit()
    }
    await first.consumer.disconnect()
    await second.consumer.disconnect()
    await write(topic, numbered(120, 130))
    const third = await Reader.start(address, how)
    assert.deepEqual(valuesOf(await third.take(10)), numbered(120, 130), 'goes on')
    await third.commitAndLeave()
  },

  // A static member that comes back goes on with what it had, without a rebalance to wait for.
  async staticMember() {
    const how = { topic, groupId, protocol, instance: 'one' }
    for (const first of [0, 30]) {
      await write(topic, numbered(first, first + 30))
      const reader = await Reader.start(address, how)
      assert.deepEqual(valuesOf(await reader.take(30)), numbered(first, first + 30))
      await reader.commitAndLeave()
      const { groups: [group] } = await withAdmin(admin => admin.describeGroups([groupId]))
      assert.equal(group.members.length, 1, 'its place is kept')
    }
  },

  async transactions() {
    await withProducer({ transactionalId: groupId }, async producer => {
      for (let number = 0; number < 12; number++) {
        const transaction = await producer.transaction()
        const messages = numbered(number * 10, number * 10 + 10)
          .map(value => ({ key: value, value }))
        await transaction.send({ topic, messages })
        await transaction.send({ topic: target, messages: messages.slice(0, 1) })
        await (number % 3 === 2 ? transaction.abort() : transaction.commit())
      }
    })
    const wanted = numbered(0, 120).filter(value => Math.floor(Number(value) / 10) % 3 !== 2)
    const committed = await readAll(topic, 80, { committed: true })
    assert.deepEqual(valuesOf(committed), wanted, 'committed')
    const all = await readAll(topic, 120, { groupId: `${groupId}-all` })
    assert.deepEqual(valuesOf(all), numbered(0, 120), 'uncommitted')
  },

  // The first try is aborted; neither its records nor its offsets count.
  async exactlyOnce() {
    await write(topic, numbered(0, 100))
    let offsets
    await withProducer({ transactionalId: `${groupId}-id` }, async producer => {
      for (const commits of [false, true]) {
        const reader = await Reader.start(address, { topic, groupId, protocol, committed: true })
        const records = await reader.take(100)
        assert.deepEqual(valuesOf(records), numbered(0, 100))
        const transaction = await producer.transaction()
        const messages = records.map(({ message: { key, value } }) => ({ key, value }))
        await transaction.send({ topic: target, messages })
        offsets = reader.offsets()
        const topics = [{ topic, partitions: offsets }]
        await client.sendOffsets(transaction, { groupId, consumer: reader.consumer, topics })
        await (commits ? transaction.commit() : transaction.abort())
        await reader.consumer.disconnect()
      }
    })
    const told = await withAdmin(admin => admin.fetchOffsets({ groupId, topics: [topic] }))
    assert.deepEqual(inOrder(told[0].partitions), inOrder(offsets))
    const once = await readAll(target, 100, { committed: true })
    assert.deepEqual(valuesOf(once), numbered(0, 100), 'once')
  },

  async fences() {
    const how = { transactionalId: groupId }
    const old = client.producer(address, how)
    await old.connect()
    const begun = await old.transaction()
    await begun.send({ topic: target, messages: [{ value: '0' }] })
    await withProducer(how, async producer => {
      const transaction = await producer.transaction()
      await transaction.send({ topic: target, messages: [{ value: '1' }] })
      await transaction.commit()
    })
    await assert.rejects(async () => {
      await begun.send({ topic: target, messages: [{ value: '2' }] })
      await begun.commit()
    }, client.isFenced)
    const [{ message }] = await readAll(target, 1, { committed: true })
    assert.equal(`${message.value}`, '1')
  },

  administers: () => withAdmin(admin => require('./admin').administers({
    admin, topic, target, groupId, until, write, numbered, read: Reader.start.bind(Reader, address)
  }))
}

checks[check]().then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
