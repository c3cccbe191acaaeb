package log

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// Server is what a Source asks of its server: a real one or, in simulations of many nodes, memory.
type Server interface {
	Logs(ctx context.Context) (bool, error) // whether it writes a log
	// Written and Committed say how far; see package binlog.
	Written(ctx context.Context) (binlog.Written, error)
	Committed(ctx context.Context) (binlog.Committed, error)
	// Read returns a Reader of what follows a position; for wants see binlog.Config.
	Read(from binlog.Position, wants func(*binlog.Layout) ([]int, bool)) Reader
	// Recorded returns P, nil if there is none; settled: after it has waited for whoever moves P just now. Record writes it.
	Recorded(ctx context.Context, settled bool) (*Recorded, error)
	Record(ctx context.Context, tx mysqldb.Execer, p Recorded) error
	// Done writes names of what is done into the log.
	Done(ctx context.Context, tx mysqldb.Execer, by int, names []byte) error
	// NamesColumns reports whether the log names the columns of rows.
	NamesColumns(ctx context.Context) (bool, error)
	// Rotate begins a new file of MariaDB's log.
	Rotate(ctx context.Context) error
	// InTx runs a transaction of which nobody else knows.
	InTx(ctx context.Context, f func(tx mysqldb.Tx) error) error
	// Lock waits for the locks of rows, and lets go of them.
	Lock(ctx context.Context, t *schema.Table, keys []string) error
}

// Recorded is P with what a start must know.
type Recorded struct {
	At     binlog.Position
	Mark   string // proves it; see rule 6
	Others []byte // what others had prepared then; see others
}

// Reader is what a binlog.Reader does.
type Reader interface {
	Next(ctx context.Context) (*binlog.Transaction, error)
	Has(w binlog.Written) bool
	More() bool
	Forget()
	Close()
}

// Waits is how a Source waits: by the clock or, in simulations, in simulated time.
type Waits interface {
	Now() time.Time
	// Limit returns a context that also ends after a time.
	Limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
	// Turn waits until held has a place, and takes it, or until moved is closed, or ctx ends.
	Turn(ctx context.Context, held chan<- struct{}, moved <-chan struct{}) (taken bool, err error)
}

// byClock waits by the clock.
type byClock struct{}

func (byClock) Now() time.Time { return time.Now() }

func (byClock) Limit(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

func (byClock) Turn(ctx context.Context, held chan<- struct{}, moved <-chan struct{}) (bool, error) {
	select {
	case held <- struct{}{}:
		return true, nil
	case <-moved:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// server is a node's.
type server struct {
	Config
	db *mysqldb.DB
}

func (s *server) Logs(ctx context.Context) (logs bool, err error) {
	if err := s.db.GetContext(ctx, &logs, `SELECT @@GLOBAL.log_bin`); err != nil {
		return false, fmt.Errorf("ask whether the server writes a log: %w", err)
	}
	return logs, nil
}

func (s *server) Written(ctx context.Context) (binlog.Written, error) {
	return binlog.AskWritten(ctx, s.db, s.db.MariaDB)
}

func (s *server) Committed(ctx context.Context) (binlog.Committed, error) {
	return binlog.AskCommitted(ctx, s.db, s.db.MariaDB)
}

func (s *server) Read(from binlog.Position, wants func(*binlog.Layout) ([]int, bool)) Reader {
	return binlog.NewReader(binlog.Config{MySQL: s.MySQL, MariaDB: s.db.MariaDB, Wants: wants, Heartbeat: time.Second}, from)
}

func (s *server) Recorded(ctx context.Context, settled bool) (*Recorded, error) {
	query := `SELECT position, mark, others FROM sync_log WHERE id = 1`
	if settled {
		query += ` LOCK IN SHARE MODE`
	}
	var p Recorded
	var text string
	err := s.db.QueryRowContext(ctx, query).Scan(&text, &p.Mark, &p.Others)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as documented
	}
	if err == nil {
		p.At, err = binlog.ParsePosition(s.db.MariaDB, text)
	}
	if err != nil {
		return nil, fmt.Errorf("read sync_log: %w", err)
	}
	return &p, nil
}

func (*server) Record(ctx context.Context, tx mysqldb.Execer, p Recorded) error {
	var q mysqldb.Statement
	q.SQL("INSERT INTO sync_log (id, position, mark, others, moved_at) VALUES (1, ")
	q.Text([]byte(p.At.String()))
	q.SQL(", ")
	q.Text([]byte(p.Mark))
	q.SQL(", ")
	if p.Others == nil {
		q.Null()
	} else {
		q.Bytes(p.Others)
	}
	q.SQL(`, UTC_TIMESTAMP(6))
		ON DUPLICATE KEY UPDATE position = VALUES(position), mark = VALUES(mark), others = VALUES(others), moved_at = VALUES(moved_at)`)
	return mysqldb.Along(ctx, tx, "write sync_log", &q)
}

func (*server) Done(ctx context.Context, tx mysqldb.Execer, by int, names []byte) error {
	var q mysqldb.Statement
	q.SQL("INSERT INTO sync_log_done (id, names, written_at) VALUES (")
	q.Int(int64(by))
	q.SQL(", ")
	q.Bytes(names)
	q.SQL(`, UTC_TIMESTAMP(6))
		ON DUPLICATE KEY UPDATE names = VALUES(names), written_at = VALUES(written_at)`)
	return mysqldb.Along(ctx, tx, "write sync_log_done", &q)
}

func (s *server) NamesColumns(ctx context.Context) (bool, error) {
	var list []struct {
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	err := s.db.SelectContext(ctx, &list, `SHOW GLOBAL VARIABLES LIKE 'binlog\_row\_metadata'`)
	if err != nil {
		return false, fmt.Errorf("ask what the log says of rows: %w", err)
	}
	return len(list) == 1 && list[0].Value == "FULL", nil
}

func (s *server) Rotate(ctx context.Context) error {
	if !s.db.MariaDB {
		return nil
	}
	_, err := s.db.DB.ExecContext(ctx, `FLUSH NO_WRITE_TO_BINLOG BINARY LOGS`)
	return err
}

func (s *server) InTx(ctx context.Context, f func(tx mysqldb.Tx) error) error {
	return mysqldb.InTx(ctx, s.db, f)
}

func (s *server) Lock(ctx context.Context, t *schema.Table, keys []string) error {
	return s.InTx(ctx, func(tx mysqldb.Tx) error {
		var q mysqldb.Statement
		if err := t.AddSelect(&q, "1", slices.Values(keys), " LOCK IN SHARE MODE"); err != nil {
			return err
		}
		return q.Query(ctx, tx, func(*sql.Rows) error { return nil })
	})
}
