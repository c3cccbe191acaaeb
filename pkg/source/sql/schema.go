package sql

import (
	_ "embed"
	"errors"
)

// From is the JSON Schema of what a job says about a database.
//
//go:embed from.json
var From []byte

// Rows is what a job reads from a database: a table or a query.
type Rows struct {
	Query string `koanf:"query"`
	Table string `koanf:"table"`
}

// Statement returns the query, or one that reads the table; errors begin with a key.
func (r Rows) Statement(s *Source) (string, error) {
	switch {
	case r.Query == "" && r.Table == "":
		return "", errors.New("query: is missing; write a SELECT statement, or name a table")
	case r.Query != "" && r.Table != "":
		return "", errors.New("table: conflicts with query; keep one of them")
	case r.Table != "":
		return "SELECT * FROM " + s.dialect.Quote(r.Table), nil
	}
	return r.Query, nil
}
