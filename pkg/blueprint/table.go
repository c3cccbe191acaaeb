package blueprint

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Bounds of a table.
const (
	mostColumns = 4096
	mostIndexes = 128
	mostMembers = 65535
	mostText    = 4096 // bytes of a default, a comment or a member
)

// Table is the definition of a table.
type Table struct {
	Name    string      `json:"name"`
	Cannot  string      `json:"cannot,omitempty"` // why it has to be created by hand; then everything else may be empty
	Charset string      `json:"charset,omitempty"`
	Collate string      `json:"collate,omitempty"`
	Comment string      `json:"comment,omitempty"`
	Columns []Column    `json:"columns,omitempty"`
	Indexes []Index     `json:"indexes,omitempty"` // the primary key is the first
	Refers  []Reference `json:"refers,omitempty"`  // foreign keys
}

// Column is a column.
type Column struct {
	Name      string   `json:"name"`
	Type      string   `json:"type"`              // such as decimal(10,2) unsigned; just enum or set, with Members
	Members   []string `json:"members,omitempty"` // of enum and set
	Charset   string   `json:"charset,omitempty"`
	Collate   string   `json:"collate,omitempty"`
	Null      bool     `json:"null,omitempty"`
	Default   *string  `json:"default,omitempty"` // a literal
	Now       string   `json:"now,omitempty"`     // the default is the current time: default, update, both
	Digits    int      `json:"digits,omitempty"`  // of that time's fraction
	Counts    bool     `json:"counts,omitempty"`  // AUTO_INCREMENT
	Comment   string   `json:"comment,omitempty"`
	Bits      bool     `json:"bits,omitempty"`     // Default is a literal such as b'101'
	Unquoted  bool     `json:"unquoted,omitempty"` // Default is a number
	Invisible bool     `json:"invisible,omitempty"`
}

// Index is a key.
type Index struct {
	Name   string `json:"name"` // PRIMARY is the primary key
	Kind   string `json:"kind"` // "", unique, fulltext, spatial
	Fields []Part `json:"fields"`
}

// Part is a column of an index, or its beginning.
type Part struct {
	Column string `json:"column"`
	Length int    `json:"length,omitempty"` // 0: all
	Down   bool   `json:"down,omitempty"`
}

// Reference is a foreign key.
type Reference struct {
	Name     string   `json:"name"`
	Columns  []string `json:"columns"`
	Table    string   `json:"table"`
	Parents  []string `json:"parents"` // columns there
	OnDelete string   `json:"onDelete"`
	OnUpdate string   `json:"onUpdate"`
}

var (
	typeForm = regexp.MustCompile(`^([a-z]+[46]?(?: precision)?)(\([0-9]{1,5}(,[0-9]{1,2})?\))?( unsigned)?( zerofill)?$`)
	wordForm = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	bitsForm = regexp.MustCompile(`^[01]{1,64}$`)
	numForm  = regexp.MustCompile(`^-?[0-9]{1,65}(\.[0-9]{1,65})?(e[+-]?[0-9]{1,3})?$`)
)

// types are those that a column may have.
var types = []string{
	"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "bit", "date", "time", "datetime", "timestamp", "year",
	"char", "varchar", "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "tinytext", "text", "mediumtext", "longtext",
	"enum", "set", "json", "uuid", "inet4", "inet6", "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
	"geometrycollection", "geomcollection",
}

var actions = []string{"RESTRICT", "CASCADE", "SET NULL", "NO ACTION"}

// name returns what is wrong with the name of something.
func name(s string) error {
	if s == "" || len(s) > 256 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) || strings.HasSuffix(s, " ") {
		return fmt.Errorf("%.80q is not a valid name", s)
	}
	return nil
}

func text(s string) error {
	if len(s) > mostText || strings.ContainsRune(s, 0) {
		return fmt.Errorf("%.80q is not valid in a definition", s)
	}
	return nil
}

func word(s string) error {
	if s != "" && !wordForm.MatchString(s) {
		return fmt.Errorf("%.80q is not a character set or collation", s)
	}
	return nil
}

// Valid returns what is wrong with a table from elsewhere. Promise 8.
func (t *Table) Valid() error {
	errs := []error{name(t.Name), text(t.Cannot)}
	if t.Cannot != "" {
		return errors.Join(errs...)
	}
	errs = append(errs, word(t.Charset), word(t.Collate), text(t.Comment))
	if len(t.Columns) == 0 || len(t.Columns) > mostColumns || len(t.Indexes) == 0 || len(t.Indexes) > mostIndexes || len(t.Refers) > mostIndexes {
		return fmt.Errorf("table %.80q has no columns, no key, or too many", t.Name)
	}
	for i := range t.Columns {
		errs = append(errs, t.Columns[i].valid())
	}
	if t.Indexes[0].Name != "PRIMARY" {
		errs = append(errs, errors.New("it has no primary key"))
	}
	for i, x := range t.Indexes {
		errs = append(errs, name(x.Name))
		if len(x.Fields) == 0 || len(x.Fields) > 64 || !slices.Contains([]string{"", "unique", "fulltext", "spatial"}, x.Kind) || i > 0 && strings.EqualFold(x.Name, "PRIMARY") {
			errs = append(errs, fmt.Errorf("the index %.80q is not valid", x.Name))
		}
		for _, p := range x.Fields {
			if errs = append(errs, t.has(p.Column)); p.Length < 0 || p.Length > 65535 {
				errs = append(errs, fmt.Errorf("the index %.80q is not valid", x.Name))
			}
		}
	}
	for _, r := range t.Refers {
		errs = append(errs, name(r.Name), name(r.Table))
		if len(r.Columns) == 0 || len(r.Columns) != len(r.Parents) || len(r.Columns) > 64 || !slices.Contains(actions, r.OnDelete) || !slices.Contains(actions, r.OnUpdate) {
			errs = append(errs, fmt.Errorf("the foreign key %.80q is not valid", r.Name))
		}
		for i := range r.Columns {
			errs = append(errs, t.has(r.Columns[i]))
		}
		for _, p := range r.Parents {
			errs = append(errs, name(p))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("the definition of table %.80q: %w", t.Name, err)
	}
	return nil
}

// has returns an error unless the table has a column.
func (t *Table) has(column string) error {
	if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == column }) {
		return fmt.Errorf("it has no column %.80q", column)
	}
	return nil
}

func (c *Column) valid() error {
	errs := []error{name(c.Name), word(c.Charset), word(c.Collate), text(c.Comment)}
	m := typeForm.FindStringSubmatch(c.Type)
	if m == nil || !slices.Contains(types, m[1]) {
		return fmt.Errorf("column %.80q: the type %.80q is not known", c.Name, c.Type)
	}
	listed := m[1] == "enum" || m[1] == "set"
	if listed != (len(c.Members) > 0) || len(c.Members) > mostMembers || listed && c.Type != m[1] {
		errs = append(errs, errors.New("its members are not valid"))
	}
	for _, s := range c.Members {
		errs = append(errs, text(s))
	}
	if !slices.Contains([]string{"", "default", "update", "both"}, c.Now) || c.Digits < 0 || c.Digits > 6 {
		errs = append(errs, errors.New("its default is not valid"))
	}
	if d := c.Default; d != nil {
		errs = append(errs, text(*d))
		if c.Bits && !bitsForm.MatchString(*d) || c.Unquoted && !numForm.MatchString(*d) || c.Now == "default" || c.Now == "both" {
			errs = append(errs, errors.New("its default is not valid"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("column %.80q: %w", c.Name, err)
	}
	return nil
}

// Create returns the statement that creates a valid table.
func (t *Table) Create() string {
	var lines []string
	for i := range t.Columns {
		lines = append(lines, t.Columns[i].create())
	}
	for _, x := range t.Indexes {
		head := map[string]string{"": "KEY ", "unique": "UNIQUE KEY ", "fulltext": "FULLTEXT KEY ", "spatial": "SPATIAL KEY "}[x.Kind] + mysqldb.Quote(x.Name)
		if x.Name == "PRIMARY" {
			head = "PRIMARY KEY"
		}
		var parts []string
		for _, p := range x.Fields {
			part := mysqldb.Quote(p.Column)
			if p.Length > 0 {
				part += fmt.Sprintf("(%d)", p.Length)
			}
			if p.Down {
				part += " DESC"
			}
			parts = append(parts, part)
		}
		lines = append(lines, head+" ("+strings.Join(parts, ", ")+")")
	}
	for _, r := range t.Refers {
		lines = append(lines, "CONSTRAINT "+mysqldb.Quote(r.Name)+" FOREIGN KEY ("+quoted(r.Columns)+") REFERENCES "+mysqldb.Quote(r.Table)+
			" ("+quoted(r.Parents)+") ON DELETE "+r.OnDelete+" ON UPDATE "+r.OnUpdate)
	}
	out := "CREATE TABLE " + mysqldb.Quote(t.Name) + " (\n  " + strings.Join(lines, ",\n  ") + "\n) ENGINE=InnoDB"
	if t.Charset != "" {
		out += " DEFAULT CHARACTER SET " + t.Charset
	}
	if t.Collate != "" {
		out += " COLLATE " + t.Collate
	}
	if t.Comment != "" {
		out += " COMMENT " + mysqldb.QuoteString(t.Comment)
	}
	return out
}

func quoted(names []string) string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = mysqldb.Quote(n)
	}
	return strings.Join(list, ", ")
}

func (c *Column) create() string {
	kind := c.Type
	if kind == "geomcollection" { // MySQL's name for it, which MariaDB does not know
		kind = "geometrycollection"
	}
	out := mysqldb.Quote(c.Name) + " " + kind
	if len(c.Members) > 0 {
		list := make([]string, len(c.Members))
		for i, m := range c.Members {
			list[i] = mysqldb.QuoteString(m)
		}
		out += "(" + strings.Join(list, ",") + ")"
	}
	if c.Charset != "" {
		out += " CHARACTER SET " + c.Charset
	}
	if c.Collate != "" {
		out += " COLLATE " + c.Collate
	}
	if c.Null {
		out += " NULL"
	} else {
		out += " NOT NULL"
	}
	now := fmt.Sprintf("CURRENT_TIMESTAMP(%d)", c.Digits)
	switch {
	case c.Now == "default" || c.Now == "both":
		out += " DEFAULT " + now
	case c.Default == nil:
	case c.Bits:
		out += " DEFAULT b'" + *c.Default + "'"
	case c.Unquoted:
		out += " DEFAULT " + *c.Default
	case strings.HasSuffix(kind, "text") || strings.HasSuffix(kind, "blob"): // for MySQL only an expression can be their default
		out += " DEFAULT (" + mysqldb.QuoteString(*c.Default) + ")"
	default:
		out += " DEFAULT " + mysqldb.QuoteString(*c.Default)
	}
	if c.Now == "update" || c.Now == "both" {
		out += " ON UPDATE " + now
	}
	if c.Counts {
		out += " AUTO_INCREMENT"
	}
	if c.Invisible {
		out += " INVISIBLE"
	}
	if c.Comment != "" {
		out += " COMMENT " + mysqldb.QuoteString(c.Comment)
	}
	return out
}
