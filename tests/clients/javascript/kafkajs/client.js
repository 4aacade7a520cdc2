// kafkajs as the programs of this folder call it.
//
// Called by: smoke.js, checks.js, kafkajs/admin.js.

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require('kafkajs')
const { init, compress, decompress } = require('@bokuweb/zstd-wasm')
const SnappyCodec = require('kafkajs-snappy')
const { compressFrame, decompressFrame } = require('lz4-napi')

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD
}
CompressionCodecs[CompressionTypes.Snappy] = SnappyCodec
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: async encoder => compressFrame(encoder.buffer),
  decompress: async buffer => decompressFrame(buffer)
})
const zstd = init()
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: encoder => zstd.then(() => Buffer.from(compress(encoder.buffer))),
  decompress: buffer => zstd.then(() => Buffer.from(decompress(buffer)))
})

const kafka = address => new Kafka({ brokers: [address], logLevel: logLevel.NOTHING })

exports.admin = address => kafka(address).admin()

exports.producer = (address, { codec = 'none', transactionalId } = {}) => {
  const producer = kafka(address).producer(
    { idempotent: true, maxInFlightRequests: 1, transactionalId })
  const { send } = producer
  producer.send = record => send({ acks: -1, compression: CODECS[codec], ...record })
  return producer
}

// `each` gets every record. What the member was given last is in `consumer.given`.
exports.consumer = async (address, { topic, groupId, committed }, each) => {
  const consumer = kafka(address).consumer(
    { groupId, maxWaitTimeInMs: 200, heartbeatInterval: 100, readUncommitted: !committed })
  consumer.given = []
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    consumer.given = payload.memberAssignment[topic] || []
  })
  consumer.on(consumer.events.REBALANCING, () => { consumer.given = [] })
  const failed = new Promise((_, reject) =>
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error)))
  // Only who waits for it wants to hear of it.
  failed.catch(() => {})
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async payload => each(payload) })
  return { consumer, failed, assigned: () => consumer.given }
}

exports.sendOffsets = (transaction, { groupId, topics }) =>
  transaction.sendOffsets({ consumerGroupId: groupId, topics })

exports.isFenced = error =>
  ['PRODUCER_FENCED', 'INVALID_PRODUCER_EPOCH'].includes(error.type || error.cause?.type)
