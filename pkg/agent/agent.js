// Plays Fliplet Agent for a configuration that is written for it. Go calls the exported function with a task.
'use strict'

const {file, env, dialect, most} = require('./.setup.json')
const {client, lines} = require('./.guest.js')

globalThis.process = {env, argv: ['node', file], platform: 'linux', versions: {}}

const user = require('./' + file)
const operations = []
let begun

// place is the line of the user's file that is being run.
const place = () => {
  for (const [, name, line] of new Error().stack.matchAll(/([^\s():]+):(\d+):\d+/g)) if (name !== '.agent.js') return {file: name, line: Number(line)}
  return {file, line: 0}
}

const note = type => function (operation) {
  if (operation === null || typeof operation !== 'object') throw new TypeError(`agent.${type} needs an object`)
  operations.push({type, ...place(), keys: operation})
  return this
}

const agent = {push: note('push'), pull: note('pull')}

const begin = () => {
  begun ??= (async () => {
    if (typeof user.setup === 'function') await user.setup(agent)
  })()
  return begun
}

// Query is a statement of a script. It runs once somebody waits for its rows, so that one that is only returned can be
// streamed.
class Query {
  constructor(run) { this.run = run }
  start() { return this.rows ??= this.run() }
  then(...f) { return this.start().then(...f) }
  catch(f) { return this.start().catch(f) }
  finally(f) { return this.start().finally(f) }
}

const named = (sql, values) => {
  const list = []
  const text = sql.replace(/(:?):([A-Za-z_]\w*)/g, (whole, double, name) => {
    if (double || !Object.hasOwn(values, name)) return whole
    list.push(values[name])
    return '?'
  })
  return [text, list]
}

// database is what scripts know as a Sequelize. kind says whether its statements may write.
const database = (context, kind) => {
  const ask = async (what, sql, values = []) => context.database.query(what + sql, ...values)
  const made = []
  const query = (sql, options = {}) => {
    if (typeof sql !== 'string') throw new TypeError('db.query: the first argument must be a string')
    if (options.bind) throw new Error('db.query: bind is not supported; use replacements')
    let values = options.replacements
    if (values) {
      if (dialect !== 'mysql') throw new Error('db.query: replacements work for MySQL and MariaDB only; write the values into the statement')
      if (!Array.isArray(values)) [sql, values] = named(sql, values)
    }
    for (const q of made) q.start()
    const q = new Query(async () => {
      const rows = await ask(kind, sql, values ?? [])
      return options.type === 'SELECT' ? rows : [rows, {}]
    })
    q.sql = values ? undefined : sql
    made.push(q)
    if (kind !== 'R') q.start()
    return q
  }
  return {db: {query, QueryTypes: {SELECT: 'SELECT', INSERT: 'INSERT', UPDATE: 'UPDATE', DELETE: 'DELETE', RAW: 'RAW'}, getDialect: () => dialect}, made}
}

const less = 'return db.query(…) itself, which is streamed, or less'

const tasks = {
  // describe says what the file exports. Functions cannot leave the sandbox: they are named.
  describe() {
    const described = operations.map(o => ({...o, functions: Object.keys(o.keys).filter(k => typeof o.keys[k] === 'function')}))
    return {text: JSON.stringify({config: user.config, setup: typeof user.setup, operations: described})}
  },
  async rows(context, o) {
    if (typeof o.sourceQuery === 'function') {
      const {db, made} = database(context, 'R')
      let result = o.sourceQuery(db)
      if (result instanceof Query && result.sql !== undefined && !result.rows) return {sql: result.sql}
      for (const q of made) q.start()
      result = await result
      return {text: lines('sourceQuery', Array.isArray(result?.[0]) ? result[0] : result, most, less)}
    }
    let result = await o.source(client(context.database.query))
    if (result?.data) result = result.data
    return {text: lines('source', result, most, less)}
  },
  async act(context, o) {
    const {db, made} = database(context, 'W')
    await o.action(context.entity.entries, db)
    await Promise.all(made)
    return {text: ''}
  },
}

module.exports = async context => {
  await begin()
  const {task, operation} = context.entity
  return tasks[task](context, operations[operation]?.keys)
}
