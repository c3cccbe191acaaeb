package adapter

import (
	"bytes"
	_ "embed"
	"encoding/json"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

//go:embed schema.json
var schema []byte

// Schema returns the JSON Schema of the block of adapters with these types.
func Schema(types []string) []byte {
	list, err := json.Marshal(types)
	if err != nil {
		panic(err) // texts can be marshalled
	}
	text := bytes.Replace(schema, []byte(`["custom"]`), list, 1)
	return keys.MustDefine(text, "auth", remote.CredentialsSchema)
}

// Use is the JSON Schema of what a job says about an adapter, be it a source or a destination.
//
//go:embed use.json
var Use []byte
