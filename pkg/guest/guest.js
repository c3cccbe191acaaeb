// What the programs that play a host give to a user's script.
'use strict'

// client is what scripts know as axios. ask sends a question to Go, and returns a promise of its answer's rows.
exports.client = ask => {
  const request = async (url, config = {}) => {
    if (url !== null && typeof url === 'object') [url, config] = [url.url, url]
    const {method = 'GET', params, headers, auth, data, baseURL} = config
    if (typeof url !== 'string') throw new TypeError('rest: the URL must be a string')
    if (baseURL && !/^https?:/.test(url)) url = baseURL.replace(/\/$/, '') + '/' + url.replace(/^\//, '')
    try {
      const [answer] = await ask('H' + JSON.stringify({url, method: method.toUpperCase(), params, headers, auth, data}))
      return answer
    } catch (e) {
      const [, status] = /^rest\.\w+: \S+ answered (\d{3})\b/.exec(e.message) ?? []
      if (status) e.response = {status: Number(status)}
      Object.defineProperty(e, 'stack', {value: String(e.stack).split('\n').filter(line => !line.includes('.guest.js:')).join('\n')}) // the user's line
      throw e
    }
  }
  const rest = (...a) => request(...a)
  rest.request = request
  for (const method of ['get', 'delete']) rest[method] = (url, config) => request(url, {...config, method})
  for (const method of ['post', 'put', 'patch']) rest[method] = (url, data, config) => request(url, {...config, data, method})
  return rest
}

// bytes have the form of Node's Buffer.
const bytes = (key, v) => v instanceof Uint8Array ? {type: 'Buffer', data: [...v]} : v

// lines are rows as JSON, one a line. what returned them; hint is how to return fewer.
exports.lines = (what, rows, most, hint) => {
  if (!Array.isArray(rows)) throw new Error(`${what} did not return a list of rows`)
  const parts = []
  let size = 0
  for (const row of rows) {
    if (row === null || typeof row !== 'object' || Array.isArray(row)) throw new Error(`${what} returned a row that is not an object`)
    const part = JSON.stringify(row, bytes)
    size += part.length
    if (size > most) throw new Error(`${what} returned more than ${most >> 20} MiB; ${hint}`)
    parts.push(part)
  }
  return parts.join('\n')
}
