package http

import (
	"strconv"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// lastMark passes rows on without their marks, but for the last one, which gets the latest of all: rows that come in no
// order leave no position from which the rest could be read. Promise 5.
type lastMark struct {
	yield func(*record.Record) error
	held  *record.Record
	mark  string
}

// take takes a row.
func (l *lastMark) take(rec *record.Record) error {
	if rec.Mark != "" && (l.mark == "" || later(rec.Mark, l.mark)) {
		l.mark = rec.Mark
	}
	rec.Mark = ""
	if rec.Bad != "" { // which nothing can be held back by
		return l.yield(rec)
	}
	rec, l.held = l.held, rec
	if rec == nil {
		return nil
	}
	return l.yield(rec)
}

// end passes the last row on.
func (l *lastMark) end() error {
	if l.held == nil {
		return nil
	}
	l.held.Mark = l.mark
	return l.yield(l.held)
}

// later reports whether a watermark comes after another: as moments, as numbers, or as texts.
func later(a, b string) bool {
	if x, err := time.Parse(time.RFC3339Nano, a); err == nil {
		if y, err := time.Parse(time.RFC3339Nano, b); err == nil {
			return x.After(y)
		}
	}
	if x, err := strconv.ParseInt(a, 10, 64); err == nil { // nanoseconds have more digits than a float64
		if y, err := strconv.ParseInt(b, 10, 64); err == nil {
			return x > y
		}
	}
	if x, err := strconv.ParseFloat(a, 64); err == nil {
		if y, err := strconv.ParseFloat(b, 64); err == nil {
			return x > y
		}
	}
	return a > b
}
