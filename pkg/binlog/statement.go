package binlog

import "strings"

// SQL is a statement that is logged as text: a definition, or a write by a session of another binlog_format.
type SQL struct {
	Text   string // clipped at 64 KiB
	Verb   Verb
	Tables []Name // that it defines or writes, and perhaps more; a Write without any may write every table
	Schema string // of CREATE, ALTER and DROP DATABASE
	Rows   bool   // it may remove or change rows that the log does not list
	New    bool   // it may bring rows that the log does not list, or change some
	Moves  bool   // it may add, remove or move columns, or put another table in the place of one
	Types  bool   // it may give columns other types, character sets or members, or put another table in the place of one
}

// Name is a table's name. Schema is filled in from the session's default.
type Name struct{ Schema, Table string }

// Verb is what a statement does.
type Verb uint8

// The verbs. What is none of them, such as GRANT, or concerns temporary tables alone, is Other.
const (
	Other Verb = iota
	CreateTable
	AlterTable // also CREATE and DROP INDEX
	DropTable
	RenameTable // each old name is followed by the new one
	Truncate
	CreateDatabase
	AlterDatabase
	DropDatabase
	Trigger // CREATE TRIGGER with its table; DROP TRIGGER without one
	Write   // INSERT, UPDATE, DELETE, REPLACE, LOAD, a call of a function or a procedure
)

// mostText is how much of a statement is kept.
const mostText = 64 << 10

// mostNames is how many tables of a statement are listed.
const mostNames = 10_000

// ParseSQL finds what a statement does, and to which tables. schema is the session's default.
func ParseSQL(schema, text string) *SQL {
	p := &parser{tokens: tokens{rest: text}, whole: text, schema: schema, sql: &SQL{Text: strings.Clone(text[:min(len(text), mostText)])}}
	p.advance()
	p.statement()
	return p.sql
}

// parser looks at one token after another.
type parser struct {
	tokens
	token  token
	whole  string // the statement
	schema string
	sql    *SQL
}

func (p *parser) advance() { p.token = p.next() }

// is reports whether the token is a keyword, and goes on if so.
func (p *parser) is(keywords ...string) bool {
	for _, k := range keywords {
		if p.token.kind == tokenWord && strings.EqualFold(p.token.text, k) {
			p.advance()
			return true
		}
	}
	return false
}

// sign is the same for a character.
func (p *parser) sign(s string) bool {
	if p.token.kind == tokenSign && p.token.text == s {
		p.advance()
		return true
	}
	return false
}

// name reads [schema.]name.
func (p *parser) name() (Name, bool) {
	if p.token.kind != tokenWord && p.token.kind != tokenName {
		return Name{}, false
	}
	n := Name{p.schema, p.token.text}
	p.advance()
	if p.sign(".") && (p.token.kind == tokenWord || p.token.kind == tokenName) {
		n = Name{n.Table, p.token.text}
		p.advance()
	}
	return n, true
}

// table reads a name, and lists it.
func (p *parser) table() bool {
	n, ok := p.name()
	if ok && len(p.sql.Tables) < mostNames {
		p.sql.Tables = append(p.sql.Tables, n)
	}
	return ok
}

func (p *parser) exists() {
	if p.is("IF") {
		p.is("NOT")
		p.is("EXISTS")
	}
}

// after goes on to what follows one of the keywords, outside of parentheses if deep is not set.
func (p *parser) after(deep bool, keywords ...string) bool {
	for depth := 0; p.token.kind != tokenEnd; {
		if (deep || depth == 0) && p.is(keywords...) {
			return true
		}
		switch {
		case p.sign("("):
			depth++
		case p.sign(")"):
			depth--
		default:
			p.advance()
		}
	}
	return false
}

func (p *parser) statement() {
	s := p.sql
	for p.wrapped() {
	}
	switch {
	case p.is("CREATE"):
		p.create()
	case p.is("ALTER"):
		p.is("ONLINE", "OFFLINE")
		ignore := p.is("IGNORE") // MariaDB: rows that a new unique key does not allow are removed
		switch {
		case p.is("TABLE"):
			p.exists()
			s.Verb, s.Rows = AlterTable, ignore
			p.table()
			p.alter()
		case p.is("DATABASE", "SCHEMA"):
			p.database(AlterDatabase)
		}
	case p.is("DROP"):
		p.drop()
	case p.is("RENAME"):
		if p.is("TABLE", "TABLES") {
			p.exists()
			s.Verb, s.Rows, s.New = RenameTable, true, true
			p.replaced()
			for p.table() && p.after(false, "TO") && p.table() && p.sign(",") {
			}
		}
	case p.is("TRUNCATE"):
		p.is("TABLE")
		s.Verb, s.Rows = Truncate, true
		p.table()
	case p.is("INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "WITH", "CALL", "SELECT", "DO", "BEGIN", "EXECUTE"):
		p.tokens, s.Verb, s.Rows, s.New = tokens{rest: p.whole}, Write, true, true
		p.advance()
		p.write()
	}
}

// replaced notes that another table, with columns of its own, may stand in the place of one afterwards. A CREATE TABLE needs no such note:
// there was none, so what made the place free has it.
func (p *parser) replaced() { p.sql.Moves, p.sql.Types = true, true }

// wrapped reads what may stand before a statement that is run, and reports whether there was such a thing.
func (p *parser) wrapped() bool {
	switch {
	case p.sign("("):
	case p.is("SET"): // MariaDB: SET STATEMENT variable = value FOR
		return p.is("STATEMENT") && p.after(false, "FOR")
	case p.is("ANALYZE"): // MariaDB runs the statement
		if p.is("FORMAT") && p.sign("=") {
			p.advance()
		}
	default:
		return false
	}
	return true
}

func (p *parser) create() {
	s := p.sql
	replace := p.is("OR") && p.is("REPLACE")
	temporary := p.is("TEMPORARY")
	// DEFINER, SQL SECURITY, UNIQUE, AGGREGATE and the like
	for p.token.kind != tokenEnd {
		switch {
		case p.is("TABLE"):
			p.exists()
			if !temporary {
				s.Verb, s.Rows = CreateTable, replace
				if replace {
					p.replaced()
				}
				p.table()
			}
			return
		case p.is("INDEX"):
			s.Verb = AlterTable
			if p.after(false, "ON") {
				p.table()
			}
			return
		case p.is("DATABASE", "SCHEMA"):
			p.database(CreateDatabase)
			s.Rows = replace
			return
		case p.is("TRIGGER"):
			s.Verb = Trigger
			if p.after(false, "ON") {
				p.table()
			}
			return
		case p.is("VIEW", "PROCEDURE", "FUNCTION", "EVENT", "USER", "ROLE", "SEQUENCE", "SERVER", "PACKAGE", "TABLESPACE", "LOGFILE"):
			return
		}
		p.advance()
	}
}

func (p *parser) database(v Verb) {
	p.exists()
	p.sql.Verb, p.sql.Schema = v, p.schema
	if p.token.kind == tokenName || p.token.kind == tokenWord && !p.option() {
		p.sql.Schema = p.token.text
	}
}

// option reports whether a word begins the options of a database, so that its name is left out.
func (p *parser) option() bool {
	switch strings.ToUpper(p.token.text) {
	case "DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "ENCRYPTION", "READ":
		return true
	}
	return false
}

func (p *parser) drop() {
	s := p.sql
	temporary := p.is("TEMPORARY")
	switch {
	case p.is("TABLE", "TABLES"):
		p.exists()
		if temporary {
			return
		}
		s.Verb, s.Rows = DropTable, true
		p.replaced()
		for p.table() && p.sign(",") {
		}
	case p.is("INDEX"):
		s.Verb = AlterTable
		if p.after(false, "ON") {
			p.table()
		}
	case p.is("DATABASE", "SCHEMA"):
		p.database(DropDatabase)
		s.Rows = true
	case p.is("TRIGGER"):
		s.Verb = Trigger
	}
}

// noColumns is what ADD and DROP can be about besides columns.
var noColumns = []string{"INDEX", "KEY", "UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR", "PRIMARY", "CONSTRAINT", "FOREIGN", "CHECK", "PARTITION", "PERIOD"}

// alter reads what follows ALTER TABLE name.
func (p *parser) alter() {
	depth := 0
	for p.token.kind != tokenEnd {
		switch {
		case p.sign("("):
			depth++
		case p.sign(")"):
			depth--
		case depth > 0:
			p.advance()
		case p.is("RENAME"):
			if p.is("COLUMN", "INDEX", "KEY") {
				continue
			}
			_ = p.is("TO", "AS") || p.sign("=")
			if p.table() {
				p.sql.Rows, p.sql.New = true, true
				p.replaced()
			}
		case p.is("ADD"):
			p.sql.Moves = !p.is(noColumns...) || p.sql.Moves
		case p.is("MODIFY", "CHANGE"):
			p.sql.Moves, p.sql.Types = true, true
		case p.is("IMPORT"):
			if p.is("TABLESPACE", "PARTITION") {
				p.sql.Rows, p.sql.New = true, true
			}
		case p.is("DROP"):
			if p.is("PARTITION") {
				p.sql.Rows = true
			} else {
				p.sql.Moves = !p.is(noColumns...) || p.sql.Moves
			}
		case p.is("TRUNCATE", "DISCARD"):
			p.sql.Rows = p.is("PARTITION", "TABLESPACE") || p.sql.Rows
		case p.is("EXCHANGE", "CONVERT"):
			if p.is("TABLE") {
				p.sql.Rows, p.sql.New = true, true
				p.table()
			} else if p.is("PARTITION") {
				p.sql.Rows, p.sql.New = true, true
				if p.after(false, "TABLE") {
					p.table()
				}
			} else if p.is("TO") {
				p.sql.Types = true
			}
		default:
			p.advance()
		}
	}
}

// write lists the names in the places of tables.
func (p *parser) write() {
	for p.token.kind != tokenEnd {
		switch {
		case p.is("UPDATE"):
			p.updated()
		case p.is("FROM", "INTO", "JOIN", "INSERT", "REPLACE", "DELETE", "USING"):
			p.list()
		default:
			p.advance()
		}
	}
}

// updated lists all names up to SET, also those of aliases, columns and indexes: tables can stand behind joins, hints and subqueries.
func (p *parser) updated() {
	for p.token.kind != tokenEnd && !p.is("SET") {
		if p.is("LOW_PRIORITY", "IGNORE", "AS", "OUTER", "INDEX", "KEY", "AND", "OR", "NOT") {
			continue
		}
		if p.token.kind == tokenWord && p.reserved() || !p.table() {
			p.advance()
		}
	}
}

// list reads name [[AS] alias], and those after commas.
func (p *parser) list() {
	for {
		for p.is("LOW_PRIORITY", "HIGH_PRIORITY", "DELAYED", "QUICK", "IGNORE", "INTO", "TABLE", "FROM", "ONLY") || p.sign("(") {
		}
		if p.token.kind == tokenWord && (strings.EqualFold(p.token.text, "SELECT") || strings.EqualFold(p.token.text, "SET")) {
			return
		}
		if !p.table() {
			return
		}
		p.is("AS")
		if p.token.kind == tokenName || p.token.kind == tokenWord && !p.reserved() {
			p.advance()
		}
		if !p.sign(",") {
			return
		}
	}
}

// reserved reports whether a word that may be an alias is none.
func (p *parser) reserved() bool {
	switch strings.ToUpper(p.token.text) {
	case "SET", "VALUES", "VALUE", "SELECT", "WHERE", "FROM", "INNER", "LEFT", "RIGHT", "CROSS", "NATURAL", "STRAIGHT_JOIN", "JOIN", "ON", "USING",
		"ORDER", "GROUP", "LIMIT", "HAVING", "UNION", "PARTITION", "FIELDS", "COLUMNS", "LINES", "CHARACTER", "USE", "FORCE", "IGNORE", "RETURNING":
		return true
	}
	return false
}
