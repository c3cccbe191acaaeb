package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Candidate is a table of a database, and why it cannot be synced.
type Candidate struct {
	Name string
	Why  string // "": it can be
	Rows int64  // approximate, estimated by the server
}

// Candidates returns the tables and views of the database, by name, without those of mysql-sync.
func Candidates(ctx context.Context, db *mysqldb.DB) ([]Candidate, error) {
	var all []Candidate
	var one Candidate
	err := query(ctx, db, `SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? ORDER BY TABLE_NAME`,
		[]any{db.Name}, func() { all = append(all, one) }, &one.Name, &one.Rows)
	if err != nil {
		return nil, fmt.Errorf("read the tables: %w", err)
	}
	all = slices.DeleteFunc(all, func(c Candidate) bool { return slices.Contains(schema.Own, c.Name) })
	names := make([]string, len(all))
	for i, c := range all {
		names[i] = c.Name
	}
	c, err := readCatalogue(ctx, db, schema.NewTables(db), names, nil)
	if err != nil {
		return nil, err
	}
	for i := range all {
		t, name := &all[i], all[i].Name
		switch {
		case c.unfit[name] != nil:
			t.Why = finding.Printable(strings.TrimPrefix(strings.TrimPrefix(c.unfit[name].Error(), "table "+name+": "), schema.ErrUnfit.Error()+": "))
		case !c.transactional[c.tables[name].Engine]:
			t.Why = "its engine " + c.tables[name].Engine + " has no transactions"
		}
	}
	return all, nil
}

// Setup returns the statements with which an administrator creates a user with exactly the privileges that a node needs on
// the database, and makes the settings that it needs.
func Setup(ctx context.Context, db *mysqldb.DB) ([]string, error) {
	s, err := readServer(ctx, db)
	if err != nil {
		return nil, err
	}
	host := "%"
	if at := strings.LastIndexByte(s.user, '@'); at >= 0 {
		host = s.user[at+1:]
	}
	user := account("mysql_sync@" + host)
	statements := []string{"CREATE USER " + user + " IDENTIFIED BY 'choose one';", GrantAll(db.Name, user)}
	if s.on("log_bin") && !s.on("log_bin_trust_function_creators") {
		statements = append(statements, "SET GLOBAL log_bin_trust_function_creators = 1;  -- and the same in the server's configuration")
	}
	return statements, nil
}
