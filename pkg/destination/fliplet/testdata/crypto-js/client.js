// Has crypto-js decrypt the texts that stand in a JSON list on the standard input, and encrypts each again. The key is
// the argument.
const CryptoJS = require('./core')
const AES = require('./aes')

const key = process.argv[2]
const list = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const texts = list.map(text => AES.decrypt(text, key).toString(CryptoJS.enc.Utf8))
console.log(JSON.stringify({texts, again: texts.map(text => AES.encrypt(text, key).toString())}))
