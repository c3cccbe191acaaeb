package hook

import (
	_ "embed"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of a hook's block.
var Schema = keys.MustDefine(schema, "auth", remote.CredentialsSchema)

// From is the JSON Schema of what a job says about a hook.
//
//go:embed from.json
var From []byte
