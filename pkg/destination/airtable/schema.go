package airtable

import _ "embed"

// Schema is the JSON Schema of a base's block.
//
//go:embed schema.json
var Schema []byte

// To is the JSON Schema of what a job says about a table.
//
//go:embed to.json
var To []byte
