package job

import (
	"strconv"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/record"
)

// LastMark passes rows on without their marks, except the last row, which gets the latest of all marks: rows in no
// particular order leave no position from which to read the rest.
type LastMark struct {
	Yield func(*record.Record) error
	held  *record.Record
	mark  string
}

// Take takes a row. The error is from Yield.
func (l *LastMark) Take(rec *record.Record) error {
	if rec.Mark != "" && (l.mark == "" || Later(rec.Mark, l.mark)) {
		l.mark = rec.Mark
	}
	rec.Mark = ""
	if rec.Bad != "" { // a bad row must not be the one that carries the mark
		return l.Yield(rec)
	}
	rec, l.held = l.held, rec
	if rec == nil {
		return nil
	}
	return l.Yield(rec)
}

// End passes the last row on. The error is from Yield.
func (l *LastMark) End() error {
	if l.held == nil {
		return nil
	}
	l.held.Mark = l.mark
	return l.Yield(l.held)
}

// Later reports whether watermark a comes after b: compared as times, as numbers, or as text.
func Later(a, b string) bool {
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
