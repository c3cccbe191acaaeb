package log

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/capture"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// What alters a table stands in the log, but for what is done with sql_log_bin=0 and, where binlog_do_db or binlog_ignore_db is set, by a session
// whose default database is another. Rows that come after it would be understood by the definition of before for as long as the log describes
// them alike. So a table that looks different is compared with the definition by which its rows are understood.

var errUnlogged = errors.New("it was altered, and the log does not say so, as with sql_log_bin=0")

// unlogged leaves out the tables of which only the columns have changed since the last run, if the log says so, or names the columns of rows. The
// rows of others are not understood up to the log's end at the start.
func (s *Source) unlogged(ctx context.Context, list []capture.Unseen) ([]capture.Unseen, error) {
	if !slices.ContainsFunc(list, func(u capture.Unseen) bool { return u.Altered }) {
		return list, nil
	}
	named, err := s.server.NamesColumns(ctx)
	if err != nil {
		return nil, err
	}
	ahead := s.decoder.shapes.ahead
	var rest []capture.Unseen
	for _, u := range list {
		if u.Altered && (named || ahead[u.Table] != nil) {
			continue
		}
		if u.Altered {
			u.Reason += ", and the server's log does not say so, as with sql_log_bin=0"
			if !s.known.read.Reached(s.start.end) { // no one reads yet
				ahead[u.Table] = &alteration{moves: true, types: true, unlogged: true}
			}
		}
		rest = append(rest, u)
	}
	return rest, nil
}

// doubts reports whether there are such tables.
func (s *shapes) doubts() bool {
	for _, a := range s.ahead {
		if a.unlogged {
			return true
		}
	}
	return false
}

// passed forgets what was altered without a word in the log, once all is read that was written before the start.
func (s *shapes) passed() {
	for table, a := range s.ahead {
		if a.unlogged {
			delete(s.ahead, table)
		}
	}
}

// suspect has a table looked at that was altered, whether the log says so or not.
func (s *Source) suspect(table string) {
	s.known.mu.Lock()
	s.known.suspects[table] = true
	s.known.mu.Unlock()
	s.tell()
}

// errBehind says that the log is not read up to now: what it says of a table is not known yet.
var errBehind = errors.New("the log is not read up to now")

// suspected looks at the tables that are suspected. Those that it cannot look at now stay; the error is errBehind if nothing else is wrong.
func (s *Source) suspected(ctx context.Context) error {
	s.known.mu.Lock()
	list := s.known.suspects
	s.known.suspects = map[string]bool{} // they may be suspected anew meanwhile
	s.known.mu.Unlock()
	var behind error
	for table := range list {
		err := s.compare(ctx, table)
		if err == nil {
			continue
		}
		s.known.mu.Lock()
		s.known.suspects[table] = true
		s.known.mu.Unlock()
		if behind == nil && mysqldb.LockTimeout(err) {
			behind = errBehind
		} else if !mysqldb.LockTimeout(err) {
			behind = fmt.Errorf("look whether %s was altered: %w", table, err)
		}
	}
	return behind
}

// compare finds out whether a table's rows are understood by another definition than its own, although the log is read up to when its own was
// looked at. What differs twice, by the same definition, is not an alteration that was just read.
func (s *Source) compare(ctx context.Context, table string) error {
	var before *schema.Table
	for {
		now, order, err := s.decoder.shapes.present(ctx, table)
		if err != nil || now == nil {
			return err
		}
		w, err := s.server.Written(ctx)
		if err != nil {
			return err
		}
		if err := s.until(ctx, w, math.MaxInt); err != nil {
			return err
		}
		if taken, err := s.waits.Turn(ctx, s.tap.held, nil); !taken || err != nil {
			return err
		}
		by := s.decoder.shapes.differs(now, order)
		if by != nil && by == before {
			s.disowned(table)
		}
		<-s.tap.held
		if by == nil || by == before {
			return nil
		}
		before = by
	}
}

// disowned has a table's rows understood anew, and the table sent as a whole. The tap is held.
func (s *Source) disowned(table string) {
	s.decoder.shapes.forget(table)
	if s.tap.reader != nil {
		s.tap.reader.Forget()
	}
	s.known.mu.Lock()
	s.doubted(map[string]error{table: errUnlogged}, &binlog.Transaction{})
	s.known.mu.Unlock()
}

// present returns a table's definition, and all its columns in order, as they are now; nil if it is not there or cannot be synced.
func (s *shapes) present(ctx context.Context, table string) (*schema.Table, []string, error) {
	now, err := schema.Read(ctx, s.db, s.db.Name, table)
	if errors.Is(err, schema.ErrNoTable) || errors.Is(err, schema.ErrUnfit) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	order, err := s.readColumns(ctx, table)
	return now, order, err
}

// differs returns the definition by which the log's rows of a table are understood, if what they do not tell is different in the present one:
// the order of columns without names, and the character sets and members of a key's texts.
func (s *shapes) differs(now *schema.Table, order []string) *schema.Table {
	d := s.taken[now.Name]
	if d == nil || (!d.order || slices.Equal(s.order[now.Name], order)) && (!d.texts || sameKey(d.table, now)) {
		return nil
	}
	return d.table
}

// sameKey reports whether two definitions have the same columns as their keys.
func sameKey(a, b *schema.Table) bool {
	return slices.EqualFunc(a.Key, b.Key, func(i, k int) bool {
		x, y := &a.Columns[i], &b.Columns[k]
		return x.Name == y.Name && x.Type == y.Type && x.Charset == y.Charset && x.Collation == y.Collation && slices.Equal(x.Members, y.Members)
	})
}
