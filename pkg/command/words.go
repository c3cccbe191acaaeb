package command

import (
	"fmt"
	"strconv"
	"time"
)

// Number groups the digits of a number: 1,234,567.
func Number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Some is a number of things, in words for one and for others.
func Some(n int64, one, others string) string {
	return Number(n) + " " + Word(n, one, others)
}

// Word is that for one, or that for another number.
func Word(n int64, one, others string) string {
	if n == 1 {
		return one
	}
	return others
}

// Ago is how long ago a time was.
func Ago(now, t time.Time) string {
	if d := now.Sub(t); d >= time.Second {
		return Span(d) + " ago"
	}
	return "now"
}

// Span is a duration for people: its two largest units.
func Span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", d/time.Minute, d%time.Minute/time.Second)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days %d h", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}
