package transform

import (
	"context"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestStatementsMatchSqlstring(t *testing.T) {
	for _, pair := range golden(t, "sqlstring.json") {
		t.Run(pair[0], func(t *testing.T) {
			var sent string
			tr := world{querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
				sent = sql
				return nil, nil
			})}.orders(t, body("await context.database.query("+pair[0]+");\nreturn context.entity;"))
			if _, err := tr.Apply(t.Context(), call()); err != nil {
				t.Fatal(err)
			}
			if sent != pair[1] {
				t.Errorf("got  %s\nwant %s", sent, pair[1])
			}
		})
	}
}

func TestObjectWhoseSQLThrowsIsAnError(t *testing.T) {
	tr := world{querier: queryFunc(func(context.Context, string) ([]value.Entity, error) { return nil, nil })}.orders(t,
		body("await context.database.query('?', {toSqlString() { throw new Error('no sql') }});"))
	_, err := tr.Apply(t.Context(), call())
	wantError(t, err, "orders.js:2: Error: no sql")
}

func TestAnObjectIsNotAStatementValue(t *testing.T) {
	tr := world{querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
		t.Errorf("%s was executed", sql)
		return nil, nil
	})}.orders(t, body(`
		const {statement, value} = new Function('return ' + context.entity.arguments)();
		return context.database.query(statement, 'first', value);`))
	for _, arguments := range []string{
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: {name: 1}}",
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: JSON.parse('{\"name\": 1, \"toSqlString\": \"1=1\"}')}",
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: Object.create(null)}",
		"{statement: 'SELECT ? FROM t WHERE name IN (?)', value: [1, {name: 1}]}",
		"{statement: 'INSERT INTO t VALUES (?), ?', value: [[1, {name: 1}]]}",
		"{statement: 'UPDATE t SET a = ? SET ?', value: {name: {name: 1}}}",
		"{statement: 'UPDATE ? SET a = ?', value: {name: 1}}",
		"{statement: 'SELECT ? FROM offset ?', value: {name: 1}}",
		"{statement: 'SELECT ? FROM t WHERE `set ?', value: {name: 1}}",
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: new String('boxed')}",
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: new Map([[1, 2]])}",
		"{statement: 'SELECT ? FROM t WHERE name = ?', value: () => 1}",
		"{statement: 'SELECT ? SET ?', value: new Proxy([], {})}",
	} {
		t.Run(arguments, func(t *testing.T) {
			_, err := tr.Apply(t.Context(), call(value.Field{Name: "arguments", Value: arguments}))
			wantError(t, err, "orders.js:", "TypeError: query: value 2 is ", "not a column value")
		})
	}
}

func TestObjectsBecomeAssignmentsInSet(t *testing.T) {
	for arguments, want := range map[string]string{
		"'insert into t\\nset  ?', {a: 1}":                                "insert into t\nset  `a` = 1",
		"'INSERT INTO t SET ? ON DUPLICATE KEY UPDATE ?', {a: 1}, {b: 2}": "INSERT INTO t SET `a` = 1 ON DUPLICATE KEY UPDATE `b` = 2",
		"'UPDATE t SET ?, n = n + 1 WHERE id = ?', {a: 'x'}, 7":           "UPDATE t SET `a` = 'x', n = n + 1 WHERE id = 7",
	} {
		var sent string
		tr := world{querier: queryFunc(func(_ context.Context, sql string) ([]value.Entity, error) {
			sent = sql
			return nil, nil
		})}.orders(t, body("await context.database.query("+arguments+");\nreturn context.entity;"))
		if _, err := tr.Apply(t.Context(), call()); err != nil || sent != want {
			t.Errorf("%s gives %q (%v), want %q", arguments, sent, err, want)
		}
	}
}

func FuzzLiteralsAreClosed(f *testing.F) {
	for _, seed := range []string{"", "'", `\`, `\'`, "\x00\x1a", "a\nb", "' OR 1=1 -- "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		literal := quoted(text)
		inner := literal[1 : len(literal)-1]
		for i := 0; i < len(inner); i++ {
			switch inner[i] {
			case '\\':
				i++
				if i == len(inner) {
					t.Fatalf("%q escapes its own closing quote", literal)
				}
			case '\'':
				t.Fatalf("%q ends early", literal)
			}
		}
	})
}
