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

// Schema returns the JSON Schema of the block of a service whose type is one of these adapters.
func Schema(types []string) []byte {
	list, err := json.Marshal(types)
	if err != nil {
		panic(err) // cannot happen: strings can be marshalled
	}
	text := bytes.Replace(schema, []byte(`["custom"]`), list, 1)
	return keys.MustDefine(text, "auth", remote.CredentialsSchema)
}

// Use is the JSON Schema of a job's configuration of an adapter, as a source or a destination.
//
//go:embed use.json
var Use []byte
