package binlog_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// site is a schema of a server with a log, and a reader of it from its present end on.
type site struct {
	*testing.T
	ctx     context.Context
	server  *testkit.Database
	schema  string
	db      *sqlx.DB
	mariaDB bool
	reader  *binlog.Reader

	prepared map[string]bool // transactions of the schema
}

func start(t *testing.T) *site {
	t.Helper()
	return startOn(t, testkit.Logging(t))
}

// startOn is start on a server.
func startOn(t *testing.T, server *testkit.Database) *site {
	t.Helper()
	schema := server.Create(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // only a failure takes that long
	t.Cleanup(cancel)
	s := &site{T: t, ctx: ctx, server: server, schema: schema, db: server.Open(t, schema), mariaDB: server.Flavour == testkit.FlavourMariaDB, prepared: map[string]bool{}}
	s.reader = s.newReader(s.written().Position)
	return s
}

func (s *site) newReader(from binlog.Position) *binlog.Reader {
	r := binlog.NewReader(binlog.Config{
		MySQL:   config.MySQL{Host: s.server.Host, Port: s.server.Port, User: s.server.User, Password: s.server.Password},
		MariaDB: s.mariaDB,
		Wants: func(l *binlog.Layout) ([]int, bool) {
			columns := make([]int, len(l.Columns))
			for i := range columns {
				columns[i] = i
			}
			return columns, l.Schema == s.schema
		},
	}, from)
	s.Cleanup(r.Close)
	return r
}

func (s *site) exec(queries ...string) {
	s.Helper()
	for _, q := range queries {
		if _, err := s.db.ExecContext(s.ctx, q); err != nil {
			s.Fatalf("%s: %v", q, err)
		}
	}
}

func (s *site) written() binlog.Written {
	s.Helper()
	w, err := binlog.AskWritten(s.ctx, s.db, s.mariaDB)
	if err != nil {
		s.Fatal(err)
	}
	return w
}

// read returns the transactions up to what is written now, without those of other schemas.
func (s *site) read() []*binlog.Transaction {
	s.Helper()
	var all []*binlog.Transaction
	for w := s.written(); !s.reader.Has(w); {
		t, err := s.reader.Next(s.ctx)
		if err != nil {
			s.Fatal(err)
		}
		if t == nil {
			continue
		}
		t.Changes = slices.DeleteFunc(t.Changes, func(c binlog.Change) bool { return c.Schema != s.schema })
		if len(t.Changes) > 0 || s.prepared[t.XA.ID] {
			all = append(all, t)
		}
		if len(t.Changes) > 0 && t.XA.Phase == binlog.Prepared {
			s.prepared[t.XA.ID] = true
		}
	}
	return all
}

// tell writes the changes of transactions as lines.
func tell(all []*binlog.Transaction) []string {
	names := map[binlog.Kind]string{binlog.Insert: "insert", binlog.Update: "update", binlog.Delete: "delete", binlog.Mentioned: "mentioned", binlog.Unknown: "unknown"}
	var lines []string
	for _, t := range all {
		for _, c := range t.Changes {
			line := names[c.Kind] + " " + c.Table
			if c.Kind == binlog.Statement {
				line = c.SQL.Text
			}
			for _, image := range [][]binlog.Value{c.Before, c.After} {
				if image == nil {
					continue
				}
				line += " ("
				for i, v := range image {
					if i > 0 {
						line += ", "
					}
					switch v.State {
					case binlog.Absent:
						line += "-"
					case binlog.Null:
						line += "NULL"
					default:
						line += fmt.Sprintf("%x", v.Raw)
					}
				}
				line += ")"
			}
			if c.EndOfStatement {
				line += ";"
			}
			lines = append(lines, line)
		}
		if t.XA.Phase != binlog.Ordinary {
			lines = append(lines, fmt.Sprintf("%d %s", t.XA.Phase, t.XA.ID))
		}
	}
	return lines
}

// expect compares what is read with lines.
func (s *site) expect(want ...string) {
	s.Helper()
	if got := tell(s.read()); !slices.Equal(got, want) {
		s.Errorf("read\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestRowsAreRead(t *testing.T) {
	t.Parallel()
	s := start(t)
	const create = `CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(10))`
	s.exec(create, `INSERT INTO t VALUES (1, 'one'), (2, NULL)`, `UPDATE t SET name = 'uno' WHERE id = 1`, `DELETE FROM t WHERE id = 2`)
	s.expect(create+";", "insert t (01000000, 6f6e65)", "insert t (02000000, NULL);",
		"update t (01000000, 6f6e65) (01000000, 756e6f);", "delete t (02000000, NULL);")
}

// TestARowOfNullsIsRead: it has fewer bytes than columns.
func TestARowOfNullsIsRead(t *testing.T) {
	s := start(t)
	create, row := `CREATE TABLE wide (id INT PRIMARY KEY`, "insert wide (01000000"
	for i := range 60 {
		create += fmt.Sprintf(", c%d INT", i)
		row += ", NULL"
	}
	s.exec(create+")", `INSERT INTO wide (id) VALUES (1)`)
	s.expect(create+");", row+");")
}
