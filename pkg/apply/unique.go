package apply

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/value"
)

// claim is a row that wants values of a unique key.
type claim struct {
	step  *Step
	key   []string // columns of the unique key
	value tuple
}

// putInTurn writes a group's rows such that each comes after those that have values
// which it wants. Where rows want each other's, one of them is moved aside before. A
// row whose values are those of one that stays is barred.
func (g *group) putInTurn(ctx context.Context, tx mysqldb.Tx) error {
	steps := pick(g, (*Step).puts)
	if len(steps) == 0 {
		return nil
	}
	after, err := g.inTheWay(ctx, tx, steps)
	if err != nil {
		return err
	}
	if len(after) == 0 {
		return put(ctx, tx, g.table, steps)
	}
	order, aside := inTurn(steps, after)
	tied := map[*Step]bool{}
	for s, list := range after {
		tied[s] = true
		for _, c := range list {
			tied[c.step] = true
		}
	}
	free := slices.DeleteFunc(slices.Clone(steps), func(s *Step) bool { return tied[s] })
	if err := put(ctx, tx, g.table, free); err != nil {
		return err
	}
	for _, c := range aside {
		if err := moveAside(ctx, tx, g.table, c); err != nil {
			return err
		}
	}
	for _, s := range order {
		if tied[s] {
			if err := put(ctx, tx, g.table, []*Step{s}); err != nil {
				return err
			}
		}
	}
	return nil
}

// inTheWay returns for each row the rows of the group that have values which it wants,
// and which they are about to give up, each with the unique key that it is about.
func (g *group) inTheWay(ctx context.Context, tx mysqldb.Tx, steps []*Step) (map[*Step][]claim, error) {
	byKey := make(map[string]*Step, len(steps))
	for _, s := range steps {
		byKey[s.in.Key] = s
		if s.exists {
			byKey[s.key] = s
		}
	}
	byRow := make(map[change.Row]*Step, len(steps))
	for _, s := range steps {
		byRow[s.in.Row] = s
	}
	after, wanted := map[*Step][]claim{}, map[*Step][]claim{}
	var b barred
	for _, u := range g.table.Unique {
		claims := g.claims(u, steps)
		holders, err := g.holdersOf(ctx, tx, u, claims)
		if err != nil {
			return nil, err
		}
		for i, key := range holders {
			c := claims[i]
			h := byKey[key]
			r := change.Row{Table: g.table.Name, Key: key}
			switch {
			case h == c.step:
			case h == nil || g.stays(h, u):
				b.add(c.step.in.Row, g.waitForValue(r, c))
			default:
				after[c.step] = append(after[c.step], claim{step: h, key: u, value: c.value})
				wanted[h] = append(wanted[h], c)
			}
		}
	}
	// Who wants a value of a row that waits, waits too: all at once, and not one at each try.
	for barred := slices.Collect(maps.Keys(b.waits)); len(barred) > 0; barred = barred[1:] {
		h := byRow[barred[0]]
		for _, c := range wanted[h] {
			if b.waits[c.step.in.Row] == nil {
				barred = append(barred, c.step.in.Row)
			}
			b.add(c.step.in.Row, g.waitForValue(h.in.Row, c))
		}
		delete(wanted, h)
	}
	return after, b.or()
}

// claims returns the rows that will have values of a unique key that they may not have
// yet.
func (g *group) claims(u []string, steps []*Step) []claim {
	var list []claim
	for _, s := range steps {
		v, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.after(s, name) })
		if ok && v != nil && (!s.exists || !g.has(s, u, v)) {
			list = append(list, claim{s, u, v})
		}
	}
	return list
}

// has reports whether a row has the values already.
func (g *group) has(s *Step, u []string, v tuple) bool {
	now, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.before.value(s.in.Key, name) })
	return ok && now != nil && now.equal(v)
}

// stays reports whether a row keeps its values of a unique key.
func (g *group) stays(s *Step, u []string) bool {
	next, ok := tupleOf(u, func(name string) ([]byte, bool) { return g.after(s, name) })
	return !ok || next != nil && g.has(s, u, next)
}

// holdersOf returns the keys of the rows that have the claimed values now, by the places
// of the claims.
func (g *group) holdersOf(ctx context.Context, tx mysqldb.Tx, u []string, claims []claim) (map[int]string, error) {
	holders := map[int]string{}
	for from := 0; from < len(claims); from += looksMost {
		var q mysqldb.Statement
		for i, c := range claims[from:min(from+looksMost, len(claims))] {
			if i > 0 {
				q.SQL(" UNION ALL ")
			}
			q.SQL("SELECT " + strconv.Itoa(from+i) + ", " + g.table.KeyExpr("") + " FROM " + mysqldb.Quote(g.table.Name) + " WHERE ")
			addTuple(&q, "", u, u, g.table, c.value)
		}
		err := q.Query(ctx, tx, func(r *sql.Rows) error {
			var i int
			var key string
			err := r.Scan(&i, &key)
			holders[i] = key
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("look for unique values in %s: %w", g.table.Name, err)
		}
	}
	return holders, nil
}

// waitForValue says that a row waits for another to give up a value of a unique key.
func (g *group) waitForValue(holder change.Row, c claim) *Wait {
	shown := make([]string, len(c.key))
	for i, name := range c.key {
		shown[i] = fmt.Sprintf("%s %.40q", name, c.value[i])
	}
	id := func(key string) string {
		if id, err := g.table.ID(key); err == nil {
			return id
		}
		return key
	}
	return &Wait{
		text: fmt.Sprintf("Duplicate entry: the row %.64q waits for the row %.64q of %s, which has the same %s",
			id(c.step.in.Key), id(holder.Key), g.table.Name, strings.Join(shown, ", ")),
		told: fmt.Sprintf("Duplicate entry: the row %.64q waits for another row of %s, which has the same %s",
			id(c.step.in.Key), g.table.Name, strings.Join(shown, ", ")),
		needs: []change.Row{holder},
		taken: true,
	}
}

// inTurn orders rows such that each comes after those that it has to follow. Where
// they go round, it returns those that are moved aside, with the unique key that is
// to be free.
func inTurn(steps []*Step, after map[*Step][]claim) (order []*Step, aside []claim) {
	const open, done = 1, 2
	state := map[*Step]int{}
	var visit func(s *Step)
	visit = func(s *Step) {
		state[s] = open
		for _, c := range after[s] {
			switch state[c.step] {
			case 0:
				visit(c.step)
			case open:
				aside = append(aside, c)
			}
		}
		state[s] = done
		order = append(order, s)
	}
	for _, s := range steps {
		if state[s] == 0 {
			visit(s)
		}
	}
	return order, aside
}

// moveAside has a row give up its values of a unique key, until it is written: by an
// update to a value that no row has, or where there is no such value, by taking the row
// out. The checks of foreign keys are off.
func moveAside(ctx context.Context, tx mysqldb.Tx, t *schema.Table, c claim) error {
	if !c.step.exists {
		return nil // it is out already
	}
	if err := announce(ctx, tx, t, []*Step{c.step}); err != nil {
		return err
	}
	for range 4 {
		var q mysqldb.Statement
		if !addAside(&q, t, c.key) {
			break
		}
		q.SQL(" WHERE ")
		if err := t.AddKeys(&q, stepKeys([]*Step{c.step})); err != nil {
			return err
		}
		err := q.Exec(ctx, tx)
		if err == nil {
			return nil
		}
		if mysqldb.Number(err) == 0 || mysqldb.Transient(err) {
			return err
		}
	}
	if len(c.step.in.Columns) < len(t.Columns) {
		return errors.Join(errTied, fmt.Errorf("received only some columns of a row of %s that has to make room for another", t.Name))
	}
	c.step.exists = false
	return remove(ctx, tx, t, []*Step{c.step})
}

// addAside appends an update of one column of a unique key to NULL or, in a column that
// must have a value, to one at random, and returns false if there is none for its type.
func addAside(q *mysqldb.Statement, t *schema.Table, u []string) bool {
	var best *value.Column
	for _, name := range u {
		c, ok := t.Column(name)
		if !ok || slices.Contains(t.Key, t.Index(name)) {
			continue
		}
		if c.Nullable || best == nil && random(c) != nil {
			best = c
		}
		if c.Nullable {
			break
		}
	}
	if best == nil {
		return false
	}
	q.SQL("UPDATE " + mysqldb.Quote(t.Name) + " SET " + mysqldb.Quote(best.Name) + "=")
	if best.Nullable {
		q.Null()
	} else {
		schema.AddValue(q, best, random(best))
	}
	return true
}

// largest are the largest values of the integer types with a sign, of which those
// without have as many.
var largest = map[string]int64{"tinyint": 1<<7 - 1, "smallint": 1<<15 - 1, "mediumint": 1<<23 - 1, "int": 1<<31 - 1, "bigint": 1<<63 - 1}

// random returns a value that hardly any row has, or nil for a type that has none.
func random(c *value.Column) []byte {
	switch c.Kind {
	case value.Integer:
		if most := largest[c.DataType]; most > 0 {
			n, err := rand.Int(rand.Reader, big.NewInt(most))
			if err == nil {
				return []byte(n.String())
			}
		}
	case value.Text, value.Binary:
		if c.DataType == "enum" || c.DataType == "set" || c.Length < 8 || c.DataType == "uuid" || c.DataType == "inet4" || c.DataType == "inet6" {
			return nil
		}
		return []byte(rand.Text()[:min(c.Length, 26)])
	case value.Date, value.DateTime:
		days, err := rand.Int(rand.Reader, big.NewInt(365*7000))
		if err != nil {
			return nil
		}
		day := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days.Int64()))
		return []byte(day.Format("2006-01-02"))
	}
	return nil
}
