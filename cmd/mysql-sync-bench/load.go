package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jmoiron/sqlx"
)

// portion is the number of rows that one statement loads.
const portion = 1000

// fill inserts rows with the IDs first to first+n-1 into a table, without a binary log. n is a
// multiple of portion, or below it.
func (s *site) fill(table string, first, n int) {
	conn, err := s.db.Connx(s.b.ctx)
	s.b.must("connect to "+s.name, err)
	defer func() { _ = conn.Close() }()
	do := func(query string) {
		_, err := conn.ExecContext(s.b.ctx, query)
		s.b.must("fill "+table, err)
	}
	do("SET sql_log_bin = 0")
	size := min(n, portion)
	insert, err := conn.PreparexContext(s.b.ctx, "INSERT INTO "+table+" VALUES "+
		strings.TrimSuffix(strings.Repeat("(?"+strings.Repeat(", ?", columns-1)+"), ", size), ", "))
	s.b.must("fill "+table, err)
	defer func() { _ = insert.Close() }()
	for i := 0; i+size <= n; i += size {
		values := make([]any, 0, size*columns)
		for k := range size {
			values = append(values, row(int64(first+i+k))...)
		}
		_, err := insert.ExecContext(s.b.ctx, values...)
		s.b.must("fill "+table, err)
	}
	do("SET sql_log_bin = 1")
}

// sessions is how many connections pile up a backlog.
const sessions = 4

// loop makes the server itself run a statement n times, each in its own transaction. The statement
// may use i, which runs from first to first+n-1; the work is split among several connections.
// Meanwhile the server does not wait for the disk, to save time.
func (s *site) loop(statement string, first, n int) {
	s.exec("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
	defer s.exec(fmt.Sprintf("SET GLOBAL innodb_flush_log_at_trx_commit = %d", s.b.s.Flush))
	var wait sync.WaitGroup
	errs := make([]error, sessions)
	for k := range sessions {
		from, to := first+n*k/sessions, first+n*(k+1)/sessions
		wait.Go(func() {
			_, errs[k] = s.db.ExecContext(s.b.ctx, fmt.Sprintf(
				`BEGIN NOT ATOMIC DECLARE i INT DEFAULT %d; WHILE i < %d DO %s; SET i = i + 1; END WHILE; END`, from, to, statement))
		})
	}
	wait.Wait()
	for _, err := range errs {
		s.b.must("write at "+s.name, err)
	}
}

// singles inserts n staged rows, starting at ID first, one by one.
func (s *site) singles(first, n int) {
	s.loop("INSERT INTO orders SELECT * FROM staging WHERE id = i", first, n)
}

// bulk inserts n staged rows, starting at ID first, many at a time: the same backlog, sooner.
func (s *site) bulk(first, n int) {
	const most = 10_000
	for from := first; from < first+n; from += most {
		s.exec("INSERT INTO orders SELECT * FROM staging WHERE id BETWEEN ? AND ?", from, min(from+most, first+n)-1)
	}
}

// touch makes n single updates, cycling through the IDs 1 to rows.
func (s *site) touch(n, rows int) {
	s.loop(fmt.Sprintf(`UPDATE orders SET revision = revision + 1, amount = amount + 0.01, changed = NOW(6) WHERE id = 1 + i MOD %d`, rows), 0, n)
}

// scatter makes n single updates, scattered over the IDs 1 to rows.
func (s *site) scatter(n, rows int) {
	s.loop(fmt.Sprintf(`UPDATE orders SET revision = revision + 1, changed = NOW(6) WHERE id = 1 + i * %d MOD %d`, scattering, rows), 0, n)
}

const scattering = 48271 // a prime, so that each ID comes up once before any repeats

// scattered returns the IDs that scatter's connections update last.
func scattered(n, rows int) (ids []int64) {
	for k := range sessions {
		ids = append(ids, 1+int64(n*(k+1)/sessions-1)*scattering%int64(rows))
	}
	return ids
}

// writers are the users of a steady load: single-row transactions at full speed, each writer on its
// own connection, half inserts and half updates.
type writers struct {
	quit  context.CancelFunc
	done  sync.WaitGroup
	count [sessions]atomic.Int64
	last  [sessions]int64 // id of each writer's last insert
	err   [sessions]error
}

// startWriters starts them. Those of a later round insert different rows.
func (s *site) startWriters(turn int) *writers {
	ctx, quit := context.WithCancel(s.b.ctx)
	w := &writers{quit: quit}
	for k := range sessions {
		w.done.Go(func() { w.err[k] = w.write(ctx, s.db, k, int64(1+k)*100_000_000+int64(turn)*1_000_000) })
	}
	return w
}

func (w *writers) write(ctx context.Context, db *sqlx.DB, k int, first int64) error {
	insert, err := db.Preparex("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer func() { _ = insert.Close() }()
	update, err := db.Preparex("UPDATE orders SET revision = revision + 1, status = 'paid', changed = NOW(6) WHERE id = ?")
	if err != nil {
		return err
	}
	defer func() { _ = update.Close() }()
	// What has begun is finished, so the statements do not use ctx.
	for id := first; ctx.Err() == nil; id++ {
		if _, err := insert.Exec(row(id)...); err != nil {
			return err
		}
		w.last[k] = id
		if _, err := update.Exec(first + (id-first)/2); err != nil {
			return err
		}
		w.count[k].Add(2)
	}
	return nil
}

// stop ends the writers and returns the number of transactions and the IDs of their last rows.
func (w *writers) stop(b *bench) (count int, ids []int64) {
	w.quit()
	w.done.Wait()
	for _, err := range w.err {
		b.must("write", err)
	}
	return w.total(), w.last[:]
}

// total is the number of transactions so far.
func (w *writers) total() (n int) {
	for k := range w.count {
		n += int(w.count[k].Load())
	}
	return n
}
