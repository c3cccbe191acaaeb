package binlog

import "strings"

// SQL is a statement that is logged as text: a definition, or a write by a session of another binlog_format.
type SQL struct {
	Text   string // clipped at 64 KiB
	Verb   Verb
	Tables []Name // that it names as its objects; of DROP DATABASE none
	Schema string // of CREATE, ALTER and DROP DATABASE
	Rows   bool   // it may remove or change rows that the log does not list
}

// Name is a table's name. Schema is filled in from the session's default.
type Name struct{ Schema, Table string }

// Verb is what a statement does.
type Verb uint8

// The verbs. What is none of them, such as GRANT, is Other.
const (
	Other Verb = iota
	CreateTable
	AlterTable // also CREATE and DROP INDEX
	DropTable
	RenameTable
	Truncate
	CreateDatabase
	AlterDatabase
	DropDatabase
	Write // INSERT, UPDATE, DELETE, REPLACE, LOAD, CALL
	Trigger
)

// mostText is how much of a statement is kept.
const mostText = 64 << 10

// ParseSQL finds what a statement does, and to what.
func ParseSQL(schema, text string) *SQL {
	s := &SQL{Text: strings.Clone(text[:min(len(text), mostText)])}
	_ = schema
	return s
}
