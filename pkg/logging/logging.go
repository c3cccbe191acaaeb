// Package logging writes the node's log: lines for people or JSON for programs, at a level that can
// be changed while the node runs, with the latest lines kept in memory for the API.
//
// It keeps promise 10: the lines in memory are bounded in number and length, and a slow reader
// misses some. What is logged, without secrets, is the callers' business.
package logging

import (
	"fmt"
	"io"
	"sync/atomic"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Formats of the lines.
const (
	Console = "console" // for people: tabs between time, level, logger, message and fields
	JSON    = "json"    // an object a line
)

// Log is a zap logger whose level and format can be changed. It is safe for
// concurrent use.
type Log struct {
	*zap.Logger
	*ring
	level zap.AtomicLevel
	json  atomic.Bool
}

// levels are those of the key loggingLevel. There is nothing below debug.
var levels = map[string]zapcore.Level{
	"error": zap.ErrorLevel, "warn": zap.WarnLevel, "info": zap.InfoLevel, "debug": zap.DebugLevel, "trace": zap.DebugLevel,
}

// New returns a log that writes to w, at the level info and for people.
func New(w io.Writer) *Log {
	l := &Log{level: zap.NewAtomicLevel(), ring: newRing()}
	c := zap.NewProductionEncoderConfig()
	c.EncodeTime = zapcore.ISO8601TimeEncoder
	forPeople := c
	forPeople.EncodeLevel = zapcore.CapitalLevelEncoder
	out := zapcore.Lock(zapcore.AddSync(w))
	in := func(json bool) zapcore.LevelEnabler {
		return zap.LevelEnablerFunc(func(x zapcore.Level) bool { return l.json.Load() == json && l.level.Enabled(x) })
	}
	l.Logger = zap.New(zapcore.NewTee(
		newCore(l.level, l.ring), // first: whoever has read a line finds it here
		zapcore.NewCore(zapcore.NewConsoleEncoder(forPeople), out, in(false)),
		zapcore.NewCore(zapcore.NewJSONEncoder(c), out, in(true)),
	))
	return l
}

// Level returns the current level: error, warn, info or debug.
func (l *Log) Level() string { return l.level.String() }

// SetLevel changes the level from now on: error, warn, info, debug, or trace,
// which equals debug.
func (l *Log) SetLevel(name string) error {
	level, ok := levels[name]
	if !ok {
		return fmt.Errorf("%.40q is not one of error, warn, info, debug", name)
	}
	l.level.SetLevel(level)
	return nil
}

// SetFormat changes how lines are written from now on: Console or JSON.
func (l *Log) SetFormat(format string) error {
	if format != Console && format != JSON {
		return fmt.Errorf("%.40q is not one of %s, %s", format, Console, JSON)
	}
	l.json.Store(format == JSON)
	return nil
}
