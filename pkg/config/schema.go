package config

import (
	"bytes"
	_ "embed" // schema.json is embedded.
	"sync"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

//go:embed schema.json
var schemaJSON []byte

// Schema returns the JSON Schema (draft 2020-12) of the configuration file,
// with descriptions, defaults and examples, for editors to complete from.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// root is the parsed schema.
var root = sync.OnceValue(func() *keys.Schema { return keys.MustParse(schemaJSON) })
