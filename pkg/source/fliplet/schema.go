package fliplet

import _ "embed"

// Schema is the JSON Schema of an account's block.
//
//go:embed schema.json
var Schema []byte

// From is the JSON Schema of what a job says about the data source.
//
//go:embed from.json
var From []byte
