package fliplet

import _ "embed"

// Schema is the JSON Schema of an account's block.
//
//go:embed schema.json
var Schema []byte

// To is the JSON Schema of what a job says about a data source.
//
//go:embed to.json
var To []byte
