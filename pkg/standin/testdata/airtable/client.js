// Has Airtable's own client use a base at an address, and prints what came of it as JSON.
const {readFileSync} = require('fs')
const {join} = require('path')

const bundle = readFileSync(join(__dirname, 'airtable.browser.js'), 'utf8')
// It is made for browsers, which have a window.
const Airtable = new Function('window', 'let require\n' + bundle + '\nreturn require')(globalThis)('airtable')

const [endpointUrl, apiKey, baseId] = process.argv.slice(2)
const open = key => new Airtable({endpointUrl, apiKey: key, noRetryIfRateLimited: true}).base(baseId)
const table = open(apiKey)('Orders')
const fails = async promise => {
  try {
    await promise
  } catch (e) {
    return `${e.statusCode} ${e.error}`
  }
  return 'it was taken'
}

const main = async () => {
  const seen = {}
  const orders = n => Array.from({length: n}, (_, i) => ({fields: {Order: `o-${i}`, Amount: i}}))
  const made = await table.create(orders(10))
  seen.created = made.map(r => [r.id.startsWith('rec'), r.get('Order'), r.get('Amount')])
  for (let i = 0; i < 10; i++) await table.create(orders(10).map(r => ({fields: {Order: `p-${i}-${r.fields.Order}`}})))
  seen.pages = []
  await table.select({pageSize: 100}).eachPage((records, next) => { seen.pages.push(records.length); next() })
  seen.upserted = (await table.update([{fields: {Order: 'o-1', Amount: '7.5'}}, {fields: {Order: 'new', Paid: true}}],
    {performUpsert: {fieldsToMergeOn: ['Order']}, typecast: true})).map(r => [r.get('Order'), r.get('Amount'), r.get('Paid')])
  seen.updated = (await table.update([{id: made[0].id, fields: {Amount: null}}]))[0].get('Amount') === undefined
  seen.found = (await table.find(made[1].id)).get('Amount')
  seen.destroyed = (await table.destroy([made[2].id, made[3].id])).length
  seen.left = (await table.select().all()).length
  seen.refused = {
    eleven: await fails(table.create(orders(11))),
    field: await fails(table.create([{fields: {Order: 'x'}}, {fields: {Nothing: 1}}])),
    value: await fails(table.create([{fields: {Amount: 'much'}}])),
    computed: await fails(table.create([{fields: {Total: 1}}])),
    four: await fails(table.update(orders(1), {performUpsert: {fieldsToMergeOn: ['Order', 'Amount', 'Paid', 'Total']}})),
    gone: await fails(table.find(made[2].id)),
    again: await fails(table.destroy([made[2].id])),
    table: await fails(open(apiKey)('Nothing').select().all()),
    token: await fails(open('pat-2')('Orders').select().all()),
  }
  seen.after = (await table.select().all()).length
  console.log(JSON.stringify(seen))
}

main().catch(e => { console.error(e); process.exit(1) })
