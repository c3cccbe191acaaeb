package blueprint

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Read returns the definitions of tables, in their order. Foreign keys to other tables are left out. A table that
// cannot be described is returned with the reason.
func Read(ctx context.Context, db *mysqldb.DB, names []string) ([]Table, error) {
	list := make([]Table, 0, len(names))
	for _, n := range names {
		t := Table{Name: n}
		for _, read := range []func(context.Context, *mysqldb.DB, *Table) error{readTable, readColumns, readIndexes} {
			if err := read(ctx, db, &t); err != nil {
				return nil, fmt.Errorf("read the definition of table %s: %w", n, err)
			}
		}
		if err := readReferences(ctx, db, &t, names); err != nil {
			return nil, fmt.Errorf("read the foreign keys of table %s: %w", n, err)
		}
		if err := t.Valid(); t.Cannot == "" && err != nil {
			t.Cannot = err.Error()
		}
		if t.Cannot != "" {
			t = Table{Name: n, Cannot: t.Cannot[:min(len(t.Cannot), mostText)]}
		}
		list = append(list, t)
	}
	return list, nil
}

func readTable(ctx context.Context, db *mysqldb.DB, t *Table) error {
	return mysqldb.Each(ctx, db, `SELECT COALESCE(c.CHARACTER_SET_NAME, ''), COALESCE(t.TABLE_COLLATION, ''), t.TABLE_COMMENT
		FROM information_schema.TABLES t LEFT JOIN information_schema.COLLATION_CHARACTER_SET_APPLICABILITY c ON c.COLLATION_NAME = t.TABLE_COLLATION
		WHERE t.TABLE_SCHEMA = ? AND t.TABLE_NAME = ? LIMIT 1`, []any{db.Name, t.Name}, func(r *sql.Rows) error {
		return r.Scan(&t.Charset, &t.Collate, &t.Comment)
	})
}

var timeForm = regexp.MustCompile(`(?i)^(?:on update )?(?:current_timestamp|now)(?:\(([0-6]?)\))?$`)

// readColumns reads the columns. MariaDB shows a default as it is in SQL, quoted or not; MySQL shows the value, and
// says in the column EXTRA whether it is an expression.
func readColumns(ctx context.Context, db *mysqldb.DB, t *Table) error {
	checked := map[string]bool{} // columns that MariaDB checks to be JSON
	if db.MariaDB {
		err := mysqldb.Each(ctx, db, `SELECT CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`,
			[]any{db.Name, t.Name}, func(r *sql.Rows) error {
				var clause string
				if err := r.Scan(&clause); err != nil {
					return err
				}
				if column, ok := strings.CutPrefix(clause, "json_valid(`"); ok && strings.HasSuffix(column, "`)") {
					checked[strings.TrimSuffix(column, "`)")] = true
				}
				return nil
			})
		if err != nil {
			return err
		}
	}
	return mysqldb.Each(ctx, db, `SELECT COLUMN_NAME, COLUMN_TYPE, COALESCE(CHARACTER_SET_NAME, ''), COALESCE(COLLATION_NAME, ''), IS_NULLABLE = 'YES',
		COLUMN_DEFAULT, EXTRA, COALESCE(GENERATION_EXPRESSION, ''), COLUMN_COMMENT
		FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`, []any{db.Name, t.Name}, func(r *sql.Rows) error {
		var c Column
		var kind, extra, generated string
		var value sql.NullString
		if err := r.Scan(&c.Name, &kind, &c.Charset, &c.Collate, &c.Null, &value, &extra, &generated, &c.Comment); err != nil {
			return err
		}
		if generated != "" {
			t.Cannot = "its column " + c.Name + " is generated, by an expression"
			return nil
		}
		c.setType(kind)
		if checked[c.Name] && c.Type == "longtext" {
			c.Type = "json"
		}
		if c.Type == "json" || c.Collate == t.Collate {
			c.Charset, c.Collate = "", "" // it has its table's
		}
		extra, c.Invisible = strings.CutSuffix(strings.ToLower(extra), "invisible")
		extra = strings.TrimRight(extra, ", ")
		c.Counts = strings.Contains(extra, "auto_increment")
		if value.Valid && !c.setDefault(value.String, db.MariaDB, strings.Contains(extra, "default_generated")) {
			t.Cannot = "the default of its column " + c.Name + " is an expression, or not text"
		}
		if i := strings.Index(extra, "on update "); i >= 0 {
			m := timeForm.FindStringSubmatch(extra[i:])
			if m == nil {
				t.Cannot = "its column " + c.Name + " is set on updates by an expression"
			} else {
				c.Digits, _ = strconv.Atoi(m[1]) // one digit, or none
				if c.Now = "update"; value.Valid && c.Default == nil && !strings.EqualFold(value.String, "NULL") {
					c.Now = "both"
				}
			}
		}
		t.Columns = append(t.Columns, c)
		return nil
	})
}

// setType extracts the members of an ENUM or SET. The servers show them quoted, with quotes doubled, and escaped.
func (c *Column) setType(kind string) {
	base, rest, ok := strings.Cut(kind, "(")
	if !ok || base != "enum" && base != "set" {
		c.Type = strings.ToLower(kind)
		return
	}
	c.Type = base
	rest = strings.TrimSuffix(rest, ")")
	for rest != "" {
		rest = strings.TrimPrefix(rest, "'")
		var m strings.Builder
		for rest != "" {
			if strings.HasPrefix(rest, "''") {
				m.WriteByte('\'')
				rest = rest[2:]
				continue
			}
			if rest[0] == '\'' {
				break
			}
			if i := strings.IndexByte(`\nr0Z`, rest[min(1, len(rest)-1)]); rest[0] == '\\' && len(rest) > 1 && i >= 0 {
				m.WriteByte("\\\n\r\x00\x1a"[i])
				rest = rest[2:]
				continue
			}
			m.WriteByte(rest[0])
			rest = rest[1:]
		}
		c.Members = append(c.Members, m.String())
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, "'"), ",")
	}
}

// setDefault reads a default, and reports whether it is a literal or the current time.
func (c *Column) setDefault(value string, mariaDB, expression bool) bool {
	if m := timeForm.FindStringSubmatch(value); m != nil && (mariaDB || expression || strings.HasPrefix(c.Type, "datetime") || strings.HasPrefix(c.Type, "timestamp")) {
		c.Now = "default"
		c.Digits, _ = strconv.Atoi(m[1]) // one digit, or none
		return true
	}
	switch bits, isBits := strings.CutPrefix(value, "b'"); {
	case mariaDB && value == "NULL":
		return true
	case expression:
		return false
	case isBits && strings.HasPrefix(c.Type, "bit"):
		bits = strings.TrimSuffix(bits, "'")
		c.Default, c.Bits = &bits, true
		return bitsForm.MatchString(bits)
	case !mariaDB && strings.Contains(c.Type, "binary("): // MySQL shows these in hexadecimal
		b, err := hex.DecodeString(strings.TrimPrefix(value, "0x"))
		c.Default = c.unpadded(string(b))
		return err == nil && utf8.Valid(b)
	case !mariaDB:
		c.Default = &value
		return true
	case numForm.MatchString(value):
		c.Default, c.Unquoted = &value, true
		return true
	case len(value) >= 2 && value[0] == '\'' && value[len(value)-1] == '\'':
		inner := value[1 : len(value)-1]
		if strings.Contains(strings.ReplaceAll(inner, "''", ""), "'") {
			return false // two texts, joined by something
		}
		if strings.Contains(c.Type, "binary(") && strings.Contains(inner, "?") {
			return false // it may stand for a byte that is not text
		}
		inner = strings.NewReplacer("''", "'", `\\`, `\`, `\'`, "'", `\n`, "\n", `\r`, "\r", `\0`, "\x00", `\Z`, "\x1a").Replace(inner)
		c.Default = c.unpadded(inner)
		return true
	}
	return false
}

// unpadded returns a default without the zeros that a BINARY column appends.
func (c *Column) unpadded(value string) *string {
	if strings.HasPrefix(c.Type, "binary(") {
		value = strings.TrimRight(value, "\x00")
	}
	return &value
}

func readIndexes(ctx context.Context, db *mysqldb.DB, t *Table) error {
	err := mysqldb.Each(ctx, db, `SELECT INDEX_NAME, NON_UNIQUE, INDEX_TYPE, COALESCE(COLUMN_NAME, ''), COALESCE(SUB_PART, 0), COALESCE(COLLATION, '')
		FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY INDEX_NAME <> 'PRIMARY', INDEX_NAME, SEQ_IN_INDEX`,
		[]any{db.Name, t.Name}, func(r *sql.Rows) error {
			var index, kind, order string
			var many bool
			var p Part
			if err := r.Scan(&index, &many, &kind, &p.Column, &p.Length, &order); err != nil {
				return err
			}
			if p.Column == "" {
				t.Cannot = "its index " + index + " is by an expression"
				return nil
			}
			p.Down = order == "D"
			if n := len(t.Indexes); n == 0 || t.Indexes[n-1].Name != index {
				x := Index{Name: index}
				switch {
				case kind == "FULLTEXT":
					x.Kind = "fulltext"
				case kind == "SPATIAL":
					x.Kind = "spatial"
				case !many && index != "PRIMARY":
					x.Kind = "unique"
				}
				t.Indexes = append(t.Indexes, x)
			}
			x := &t.Indexes[len(t.Indexes)-1]
			if x.Kind == "spatial" || x.Kind == "fulltext" {
				p.Length, p.Down = 0, false
			}
			x.Fields = append(x.Fields, p)
			return nil
		})
	return err
}

func readReferences(ctx context.Context, db *mysqldb.DB, t *Table, tables []string) error {
	return mysqldb.Each(ctx, db, `SELECT k.CONSTRAINT_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_NAME, k.REFERENCED_COLUMN_NAME, r.DELETE_RULE, r.UPDATE_RULE
		FROM information_schema.KEY_COLUMN_USAGE k JOIN information_schema.REFERENTIAL_CONSTRAINTS r
			ON r.CONSTRAINT_SCHEMA = k.CONSTRAINT_SCHEMA AND r.CONSTRAINT_NAME = k.CONSTRAINT_NAME AND r.TABLE_NAME = k.TABLE_NAME
		WHERE k.TABLE_SCHEMA = ? AND k.TABLE_NAME = ? AND k.REFERENCED_TABLE_SCHEMA = k.TABLE_SCHEMA AND k.REFERENCED_TABLE_NAME IS NOT NULL
		ORDER BY k.CONSTRAINT_NAME, k.ORDINAL_POSITION`, []any{db.Name, t.Name}, func(r *sql.Rows) error {
		var f Reference
		var column, parent string
		if err := r.Scan(&f.Name, &column, &f.Table, &parent, &f.OnDelete, &f.OnUpdate); err != nil {
			return err
		}
		if f.Table = db.Spelled(f.Table); !slices.Contains(tables, f.Table) {
			return nil
		}
		if n := len(t.Refers); n == 0 || t.Refers[n-1].Name != f.Name {
			t.Refers = append(t.Refers, f)
		}
		last := &t.Refers[len(t.Refers)-1]
		last.Columns, last.Parents = append(last.Columns, column), append(last.Parents, parent)
		return nil
	})
}
