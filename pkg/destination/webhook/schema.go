package webhook

import (
	_ "embed"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

//go:embed schema.json
var schema []byte

// Schema is the JSON Schema of an endpoint's block.
var Schema = keys.MustDefine(schema, "auth", remote.CredentialsSchema)

// To is the JSON Schema of what a job says about an endpoint.
//
//go:embed to.json
var To []byte
