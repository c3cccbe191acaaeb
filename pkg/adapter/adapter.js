// Plays the connector for an adapter. Go calls the exported function with a task.
'use strict'

const {file, env, most, url, settings} = require('./.setup.json')
const {client, lines} = require('./.guest.js')

globalThis.process = {env}

const user = require('./' + file)

const shared = ask => ({url, settings: {...settings}, rest: client(ask)})

// answer is what push says of an operation: [id, why it is refused].
const answer = (v, i) => {
  if (v === undefined || v === null || v === true) return []
  if (typeof v === 'string' && v !== '' || typeof v === 'number') return [String(v)]
  if (typeof v === 'object' && Object.keys(v).every(k => k === 'id' || k === 'refused')) {
    if (v.refused !== undefined && v.refused !== null) return [null, reason(v.refused)]
    return answer(v.id, i)
  }
  throw new TypeError(`push returned something else for operation ${i} than nothing, an id, {id} or {refused: 'why'}`)
}

const reason = why => {
  const text = why instanceof Error ? why.message : why
  if (typeof text !== 'string' || text === '') throw new TypeError('a refusal needs a text that says why')
  return text
}

const answers = (returned, n) => {
  if (Array.isArray(returned)) {
    if (returned.length !== n) throw new TypeError(`push returned ${returned.length} answers to ${n} operations`)
    return Array.from(returned, answer)
  }
  const nothing = returned === undefined || returned === null || returned === true
  if (!nothing && !(typeof returned === 'object' && typeof returned.status === 'number' && 'data' in returned)) {
    throw new TypeError('push returned neither nothing nor a list of answers, one for each operation')
  }
  return Array.from({length: n}, () => [])
}

const tasks = {
  describe() {
    return {text: JSON.stringify({push: typeof user.push === 'function', pull: typeof user.pull === 'function', batchSize: user.batchSize})}
  },
  async push(ask, {operations, id, job, options}) {
    await ask('B')
    const batch = [...operations]
    const refused = new Map()
    const reject = (which, why) => {
      const at = Number.isInteger(which) ? which : operations.indexOf(which)
      if (operations[at] === undefined) throw new TypeError('context.reject: the first argument must be an operation of the batch, or its index')
      refused.set(at, reason(why))
    }
    const list = answers(await user.push(batch, {...shared(ask), id, job, options, reject}), operations.length)
    for (const [at, why] of refused) list[at] = [null, why]
    return {text: JSON.stringify(list)}
  },
  async pull(ask, {since, date, typeId, page, options}) {
    let rows = await user.pull(since, {...shared(ask), date: date ?? undefined, typeId: typeId ?? undefined, page: page ?? undefined, options})
    let next
    if (rows !== null && typeof rows === 'object' && !Array.isArray(rows)) ({rows, next} = rows)
    const text = lines('pull', rows, most, 'return {rows, next}, so that pull is called again with context.page')
    return next === undefined || next === null ? {text} : {text, next: JSON.stringify(next)}
  },
}

module.exports = context => tasks[context.entity.task](context.database.query, context.entity)
