package transform

import (
	"context"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/value"
)

func TestStatementsAreThoseOfSqlstring(t *testing.T) {
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

func FuzzLiteralEndsWhereItShould(f *testing.F) {
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
					t.Fatalf("%q escapes its own end", literal)
				}
			case '\'':
				t.Fatalf("%q ends early", literal)
			}
		}
	})
}
