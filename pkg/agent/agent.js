// Plays Fliplet Agent for a configuration that is written for it. Go calls the exported function with a task.
'use strict'

const {file, env, dialect, most} = require('./.setup.json')

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

// client is what scripts know as axios.
const client = context => {
  const request = async (url, config = {}) => {
    if (typeof url === 'object') [url, config] = [url.url, url]
    const {method = 'GET', params, headers, auth, data, baseURL} = config
    if (typeof url !== 'string') throw new TypeError('rest: the URL must be a string')
    if (baseURL && !/^https?:/.test(url)) url = baseURL.replace(/\/$/, '') + '/' + url.replace(/^\//, '')
    const [answer] = await context.database.query('H' + JSON.stringify({url, method: method.toUpperCase(), params, headers, auth, data}))
    return answer
  }
  const rest = (...a) => request(...a)
  rest.request = request
  rest.get = (url, config) => request(url, {...config, method: 'GET'})
  rest.post = (url, data, config) => request(url, {...config, data, method: 'POST'})
  return rest
}

// bytes have the form of Node's Buffer.
const bytes = (key, v) => v instanceof Uint8Array ? {type: 'Buffer', data: [...v]} : v

const text = (what, rows) => {
  if (!Array.isArray(rows)) throw new Error(`${what} did not return a list of rows`)
  const parts = []
  let size = 0
  for (const row of rows) {
    if (row === null || typeof row !== 'object' || Array.isArray(row)) throw new Error(`${what} returned a row that is not an object`)
    const part = JSON.stringify(row, bytes)
    size += part.length
    if (size > most) throw new Error(`${what} returned more than ${most >> 20} MiB; return db.query(…) itself, which is streamed, or less`)
    parts.push(part)
  }
  return parts.join('\n')
}

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
      return {text: text('sourceQuery', Array.isArray(result?.[0]) ? result[0] : result)}
    }
    let result = await o.source(client(context))
    if (result?.data) result = result.data
    return {text: text('source', result)}
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
