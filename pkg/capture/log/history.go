package log

import (
	"bytes"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/binlog"
	"github.com/mysql-sync/mysql-sync/pkg/schema"
)

// rowEnd is a column that MariaDB adds to a system-versioned table, and to its key, and shows to nobody: until when the row was as it is.
// A table that names such a column itself has a key that is not synced.
const rowEnd = "row_end"

// hidden are the columns that MariaDB adds, after all others, in a list of columns. No name ends with a space.
var hidden = []string{"row_start ", rowEnd + " "}

// hash is the column that MariaDB adds after these for each unique index of values that are too long for one.
const hash = "DB_ROW_HASH "

// lasting are the values of rowEnd in a row that is there: the last moment that the server knows, before 11.5 and from then on.
var lasting = [][]byte{{0x7f, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f}, {0xff, 0xff, 0xff, 0xff, 0x0f, 0x42, 0x3f}}

// endsAt returns the place of rowEnd in the log's rows of a table, or -1. order has the columns if the log does not name them.
func endsAt(t *schema.Table, l *binlog.Layout, order []string) int {
	at := l.Index(rowEnd)
	switch {
	case l.Named && t.Index(rowEnd) < 0 && slices.Contains(l.Key, at):
		return at
	case !l.Named && len(order) == len(l.Columns):
		return slices.Index(order, hidden[1])
	}
	return -1
}

// present returns a change of a system-versioned table as it would be without its history: an update that ends the row deletes it.
// It reports false of a change in the history alone.
func (s *shape) present(c *binlog.Change) (*binlog.Change, bool) {
	if s.ends < 0 {
		return c, true
	}
	// An image of a part has rowEnd only if it changed: it is of the key.
	there := func(image []binlog.Value, otherwise bool) bool {
		if s.ends >= len(image) || image[s.ends].State != binlog.Present {
			return otherwise
		}
		return slices.ContainsFunc(lasting, func(end []byte) bool { return bytes.Equal(end, image[s.ends].Raw) })
	}
	switch c.Kind {
	case binlog.Insert:
		return c, there(c.After, true)
	case binlog.Delete:
		return c, there(c.Before, true)
	case binlog.Update:
		before := there(c.Before, true)
		after := there(c.After, before)
		if before && !after {
			ended := *c
			ended.Kind, ended.After = binlog.Delete, nil
			return &ended, true
		}
		return c, after
	}
	return c, true
}
