package sqldb

import _ "embed"

// The JSON Schemas of databases' blocks.
var (
	//go:embed mysql.json
	MySQL []byte
	//go:embed postgres.json
	Postgres []byte
	//go:embed sqlite.json
	SQLite []byte
	//go:embed mssql.json
	MSSQL []byte
)
