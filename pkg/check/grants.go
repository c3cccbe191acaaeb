package check

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// Privileges are those that a node needs on its database, in the order of the documentation.
var Privileges = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER", "TRIGGER", "LOCK TABLES"}

// GrantAll returns the statement that gives a user, written as 'name'@'host', all privileges that a node needs on a
// database.
func GrantAll(database, user string) string { return grant(Privileges, database, user) }

func grant(privileges []string, database, user string) string {
	return "GRANT " + strings.Join(privileges, ", ") + " ON " + mysqldb.Quote(database) + ".* TO " + user + ";"
}

// account quotes a user in the form of CURRENT_USER() and of definers: name@host.
func account(user string) string { return mysqldb.Account(user) }

// grants are the privileges of a user, by what they are granted on.
type grants struct {
	database string // of the node
	list     []granted
}

type granted struct {
	privileges []string
	revoke     bool   // MySQL's partial revokes
	to         string // the user, or a role
	database   string // "*" means all; otherwise a pattern
	table      string // "*" means all
}

// readGrants reads the user's privileges, including those of active roles.
func readGrants(ctx context.Context, db *mysqldb.DB) (*grants, error) {
	var lines []string
	if err := db.SelectContext(ctx, &lines, `SHOW GRANTS`); err != nil {
		return nil, fmt.Errorf("read the privileges: %w", err)
	}
	return parseGrants(db.Name, lines), nil
}

// grantLine parses a line of SHOW GRANTS. Lines about roles and proxies do not match. What follows the grantee may be a
// password hash, and is not matched.
var grantLine = regexp.MustCompile("^(GRANT|REVOKE) (.+?) ON (?:TABLE )?(\\*|`(?:[^`]|``)*`|[^ .`]+)\\.(\\*|`(?:[^`]|``)*`|[^ .`]+) (?:TO|FROM) (\\S+)")

// ofColumns matches the columns that a privilege is limited to.
var ofColumns = regexp.MustCompile(`\([^)]*\)`)

func parseGrants(database string, lines []string) *grants {
	g := &grants{database: database}
	for _, line := range lines {
		m := grantLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		one := granted{revoke: m[1] == "REVOKE", database: unquote(m[3]), table: unquote(m[4]), to: m[5]}
		// A privilege on only some columns does not count.
		for p := range strings.SplitSeq(ofColumns.ReplaceAllStringFunc(m[2], func(c string) string {
			return "(" + strings.Repeat("x", len(c)-2) + ")"
		}), ",") {
			p = strings.ToUpper(strings.TrimSpace(p))
			if !strings.HasSuffix(p, ")") {
				one.privileges = append(one.privileges, p)
			}
		}
		g.list = append(g.list, one)
	}
	return g
}

func unquote(name string) string {
	if inner, ok := strings.CutPrefix(name, "`"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return name
}

// gives reports whether the privileges include the named one.
func (g granted) gives(privilege string) bool {
	return slices.Contains(g.privileges, privilege) || slices.Contains(g.privileges, "ALL PRIVILEGES") || slices.Contains(g.privileges, "ALL")
}

// global reports whether the user has one of the privileges everywhere.
func (g *grants) global(privileges ...string) bool {
	return slices.ContainsFunc(privileges, func(p string) bool {
		return slices.ContainsFunc(g.list, func(x granted) bool { return !x.revoke && x.database == "*" && x.gives(p) })
	})
}

// has reports whether the user has a privilege on a table of the database; "*" means all of them. It follows the servers'
// rules ("Access Control, Stage 2" in the MySQL manual): of a grantee's rows for databases, only the closest one counts.
func (g *grants) has(privilege, table string) bool {
	found := false
	for i, x := range g.list {
		switch {
		case x.revoke && x.database == g.database && x.gives(privilege):
			return false
		case x.revoke || !x.gives(privilege):
		case x.table == "*" && (x.database == "*" || g.closest(x.to) == i):
			found = true
		case table != "*" && x.table == table && x.database == g.database:
			found = true
		}
	}
	return found
}

// closest returns which of a grantee's rows for databases counts for the node's database, or -1: one without wildcards
// comes before others, then the one whose first wildcard comes last.
func (g *grants) closest(to string) int {
	best, most := -1, -1
	for i, x := range g.list {
		if x.revoke || x.to != to || x.table != "*" || x.database == "*" || !like(x.database, g.database) {
			continue
		}
		if literal := literalLength(x.database); literal > most {
			best, most = i, literal
		}
	}
	return best
}

// literalLength returns how much of a pattern precedes its first wildcard; for one without wildcards, it is larger than
// for any other.
func literalLength(pattern string) int {
	for i := 0; i < len(pattern); i++ {
		switch pattern[i] {
		case '\\':
			i++
		case '%', '_':
			return i
		}
	}
	return 1 << 20
}

// target returns what further privileges must be granted on: the row that counts now, if any, since another would replace
// it.
func (g *grants) target() string {
	for i, x := range g.list {
		if x.database != "*" && g.closest(x.to) == i {
			return x.database
		}
	}
	return g.database
}

// like matches a name with the pattern that GRANT takes for databases.
func like(pattern, name string) bool {
	var b strings.Builder
	b.WriteString("^(?s)")
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped, r != '\\' && r != '%' && r != '_':
			b.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			b.WriteString(".*")
		default:
			b.WriteString(".")
		}
	}
	re, err := regexp.Compile(b.String() + "$")
	return err == nil && re.MatchString(name)
}

// needs says what a node needs each privilege for, and on which tables.
type needs struct {
	privilege string
	tables    []string // "*" means the database itself
	without   string   // what does not work without it
}

// neededPrivileges returns what a node needs in order to capture changes to some tables and to write others. armed
// are the tables that have triggers.
func neededPrivileges(own, synced, received, armed []string) []needs {
	user := slices.Concat(synced, received)
	written := slices.Concat(own, received)
	return []needs{
		{"SELECT", slices.Concat(own, user), "nothing could be read"},
		{"INSERT", written, "nothing could be written"},
		{"UPDATE", written, "nothing could be written"},
		{"DELETE", written, "nothing could be deleted"},
		{"CREATE", own, "the node could not create its own tables"},
		{"ALTER", own, "the node could not migrate its own tables"},
		{"TRIGGER", armed, "no change would be captured"},
		{"LOCK TABLES", []string{"*"}, "the node would not start"},
	}
}

// judgeGrants judges each privilege.
func judgeGrants(f *finding.List, g *grants, user string, needed []needs) {
	for _, n := range needed {
		if len(n.tables) == 0 {
			continue
		}
		var lacking []string
		for _, table := range n.tables {
			if !g.has(n.privilege, table) && !slices.Contains(lacking, table) {
				lacking = append(lacking, table)
			}
		}
		switch {
		case len(lacking) == 0:
			f.Rightf(n.privilege, "%s has it", account(user))
		case len(lacking) == len(slices.Compact(slices.Sorted(slices.Values(n.tables)))):
			f.Wrongf(n.privilege, grant([]string{n.privilege}, g.target(), account(user)), "%s lacks it on database %s: %s", account(user), g.database, n.without)
		default:
			f.Wrongf(n.privilege, grant([]string{n.privilege}, g.target(), account(user)), "%s lacks it on %s: %s", account(user), list(lacking), n.without)
		}
	}
}

// list shows the first few names and the number of the others.
func list(names []string) string {
	const most = 5
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
