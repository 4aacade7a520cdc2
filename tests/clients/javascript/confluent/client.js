// @confluentinc/kafka-javascript, librdkafka under the calls of kafkajs, as the programs of this
// folder call it.
//
// Called by: smoke.js, checks.js, confluent/admin.js.

const { ErrorCodes, Kafka, logLevel } = require('@confluentinc/kafka-javascript').KafkaJS

const kafka = address => new Kafka({ kafkaJS: { brokers: [address], logLevel: logLevel.NOTHING } })

exports.admin = address => kafka(address).admin()

exports.producer = (address, { codec = 'none', transactionalId } = {}) => {
  const how = { idempotent: true, acks: -1, compression: codec }
  if (transactionalId) how.transactionalId = transactionalId
  return kafka(address).producer({ kafkaJS: how, 'linger.ms': 5 })
}

// `each` gets every record.
exports.consumer = async (address, { topic, groupId, committed, protocol, instance }, each) => {
  const how = {
    kafkaJS: {
      groupId, fromBeginning: true, autoCommit: false, readUncommitted: !committed,
      maxWaitTimeInMs: 200
    }
  }
  if (protocol === 'consumer') {
    how['group.protocol'] = 'consumer'
  } else {
    how['heartbeat.interval.ms'] = 100
    if (protocol) how['partition.assignment.strategy'] = protocol
  }
  if (instance) how['group.instance.id'] = instance
  const consumer = kafka(address).consumer(how)
  await consumer.connect()
  await consumer.subscribe({ topics: [topic] })
  await consumer.run({ eachMessage: async payload => each(payload) })
  const assigned = () => consumer.assignment().map(({ partition }) => partition)
  // It tries again by itself, whatever goes wrong.
  return { consumer, failed: new Promise(() => {}), assigned }
}

exports.sendOffsets = (transaction, { consumer, topics }) =>
  transaction.sendOffsets({ consumer, topics })

exports.isFenced = error =>
  [ErrorCodes.ERR__FENCED, ErrorCodes.ERR_PRODUCER_FENCED, ErrorCodes.ERR_INVALID_PRODUCER_EPOCH,
    ErrorCodes.ERR__STATE].includes(error.code)
