package log

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
)

// ahead knows what alters tables in what is written and not read yet, as far as it has looked. It belongs to who reads the log.
type ahead struct {
	tables map[string]*alteration
	looked binlog.Read // how far
	scout  Reader      // what looks; nil: nothing
	used   time.Time   // when it did last
	server Server
	waits  Waits
	read   func() binlog.Position                                 // what was read whole
	alters func(to map[string]*alteration, t *binlog.Transaction) // notes what a transaction does
}

// alteration is what is done to a table. Each is the last transaction of its kind that the log has; zero: none.
type alteration struct {
	moves, types binlog.GTID     // see binlog.SQL
	any          binlog.GTID     // that does anything to it
	past         *binlog.Written // where what the log does not tell has been done; nil: nothing is known of such a thing
}

// does returns what it does of what rows do not tell.
func (a *alteration) does() trust {
	if a == nil {
		return trust{}
	}
	var none binlog.GTID
	types := a.types != none || a.past != nil
	return trust{order: types || a.moves != none, texts: types}
}

// isOver notes that what a transaction, or all of one kind, does is read, and reports whether nothing is left.
func (a *alteration) isOver(read func(binlog.GTID) bool) bool {
	for _, g := range []*binlog.GTID{&a.moves, &a.types, &a.any} {
		if read(*g) {
			*g = binlog.GTID{}
		}
	}
	return *a == alteration{}
}

// begin has the reading begin at a position, of another log than before.
func (a *ahead) begin(at binlog.Position) {
	a.rest()
	a.looked, a.tables = binlog.Read{Position: at.Clone()}, map[string]*alteration{}
}

// goOn has it go on at a position, when all that the log tells is known up to another.
func (a *ahead) goOn(at, looked binlog.Position, tables map[string]*alteration) {
	before := a.tables
	a.begin(looked)
	a.tables = tables
	maps.DeleteFunc(a.tables, func(_ string, x *alteration) bool { return x.isOver(at.Has) })
	for table, x := range before {
		if x.past != nil {
			a.unlogged(table, *x.past)
		}
	}
}

// look looks through what is written by now and not read, and returns how far that is. If that takes too long it fails as a lock does that is not
// granted in time; what it has looked through counts.
func (a *ahead) look(ctx context.Context) (end binlog.Written, err error) {
	limited, cancel := a.waits.Limit(ctx, barrierMost)
	defer cancel()
	if end, err = a.server.Written(limited); err != nil {
		return end, err
	}
	if read := a.read(); !a.looked.Contains(read) {
		a.rest()
		a.looked = binlog.Read{Position: read}
	}
	for !a.looked.Reached(end) {
		if a.scout == nil {
			a.scout = a.server.Read(a.looked.Position, func(*binlog.Layout) ([]int, bool) { return nil, false })
		}
		a.used = a.waits.Now()
		t, err := a.scout.Next(limited)
		switch {
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			return end, mysqldb.Answer(lockWaitTimeout, "what is written and not read is not looked through yet for what alters tables")
		case err != nil:
			return end, fmt.Errorf("look for what alters tables: %w", err)
		case t == nil: // what was being written may have been given up
			if end, err = a.server.Written(limited); err != nil {
				return end, err
			}
			continue
		}
		a.alters(a.tables, t)
		if t.Last {
			a.looked.Add(t.GTID)
		}
	}
	return end, nil
}

// unlogged notes that a table has been altered, by the time that something was written, without a word in the log.
func (a *ahead) unlogged(table string, by binlog.Written) {
	if a.tables[table] == nil {
		a.tables[table] = &alteration{}
	}
	a.tables[table].past = &by
}

// passes notes that what a transaction does to a table is read.
func (a *ahead) passes(table string, by binlog.GTID) {
	if x := a.tables[table]; x != nil && x.isOver(func(g binlog.GTID) bool { return g == by }) {
		delete(a.tables, table)
	}
}

// reached returns the tables that were altered without a word in the log, where all is read that was written by then.
func (a *ahead) reached(read binlog.Read) (tables []string) {
	for table, x := range a.tables {
		if x.past == nil || !read.Reached(*x.past) {
			continue
		}
		x.past = nil
		tables = append(tables, table)
		if x.isOver(read.Has) {
			delete(a.tables, table)
		}
	}
	return tables
}

// scoutRest is how long a connection stays on which nothing is looked through: a definition that is read anew seldom is the only one.
const scoutRest = 3 * time.Second

// rests ends the connection if nothing has been looked through for a while.
func (a *ahead) rests() {
	if a.scout != nil && a.waits.Now().Sub(a.used) > scoutRest {
		a.rest()
	}
}

func (a *ahead) rest() {
	if a.scout != nil {
		a.scout.Close()
		a.scout = nil
	}
}

// alters notes what the statements of a transaction do to the database's tables.
func (s *shapes) alters(to map[string]*alteration, t *binlog.Transaction) {
	for i := range t.Changes {
		c := &t.Changes[i]
		if c.Kind != binlog.Statement || !defines(c.SQL.Verb) {
			continue
		}
		for _, n := range c.SQL.Tables {
			name := s.spelled(n.Table)
			if n.Schema != s.schema || !s.synced(name) {
				continue
			}
			a := to[name]
			if a == nil {
				a = &alteration{}
				to[name] = a
			}
			a.any = t.GTID
			if c.SQL.Moves {
				a.moves = t.GTID
			}
			if c.SQL.Types {
				a.types = t.GTID
			}
		}
	}
}

// defines reports whether a statement changes what a table's name stands for.
func defines(v binlog.Verb) bool {
	return v == binlog.CreateTable || v == binlog.AlterTable || v == binlog.DropTable || v == binlog.RenameTable
}
