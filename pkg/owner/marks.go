package owner

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/mysqldb"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// databaseMarks tell how recent a database is.
type databaseMarks struct {
	versions bool   // rows have versions
	position int64  // the last one that it knows of
	database string // its name, if it has one
}

func readMarks(ctx context.Context, db *mysqldb.DB) (is databaseMarks, err error) {
	err = db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM sync_versions), GREATEST(COALESCE((SELECT MAX(position) FROM sync_versions), 0),
		COALESCE((SELECT CAST(value AS SIGNED) FROM sync_node WHERE name = ?), 0)), COALESCE((SELECT value FROM sync_node WHERE name = ?), '')`,
		schema.NodePosition, schema.NodeDatabase).Scan(&is.versions, &is.position, &is.database)
	return is, err
}

func nameDatabase(ctx context.Context, db *mysqldb.DB, name string) error {
	return schema.SetNode(ctx, db, schema.NodeDatabase, name)
}

// noteSetBack records in the database that it may lack what remotes have.
func noteSetBack(ctx context.Context, db *mysqldb.DB) error {
	return schema.SetNode(ctx, db, schema.NodeSetBack, time.Now().UTC().Format(time.RFC3339))
}

// markEvery is how often the database gets a new mark while something is written.
const markEvery = time.Second

// Stream gives positions; see version.Stream.
type Stream interface {
	Commits() uint64 // transactions that were committed
	Token(n int) int64
}

// marked is how far a stream was when the database was marked.
type marked struct {
	commits uint64
	next    int64 // the first number that was not handed out
}

// mark takes a position for a mark, unless since the last one nothing was committed and no number handed out: the next process must
// not hand one out again, since remotes compare those that say who has a row.
func (m marked) mark(stream Stream) (position int64, now marked, due bool) {
	now.commits = stream.Commits()
	if now.commits == m.commits && stream.Token(0) == m.next {
		return 0, m, false
	}
	position = stream.Token(1)
	now.next = position + 1
	return position, now, true
}

// Mark gives the database a position each second in which the node has written something, or handed out numbers, until ctx
// ends, and remembers it: received rows have none of their own, and versions are forgotten. Captured changes are remembered at
// once; see Note.
func (r *Records) Mark(ctx context.Context, db *mysqldb.DB, stream Stream) error {
	before := marked{next: stream.Token(0)}
	mark := func(ctx context.Context) {
		at, now, due := before.mark(stream)
		if !due {
			return
		}
		if err := schema.SetNode(ctx, db, schema.NodePosition, fmt.Sprint(at)); err != nil {
			return // others report whatever is wrong with the database
		}
		before = now
		r.Note(at) // after the database has it
	}
	every := time.NewTicker(markEvery)
	defer every.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-every.C:
			mark(ctx)
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), markEvery)
	defer cancel()
	mark(last)
	return nil
}
