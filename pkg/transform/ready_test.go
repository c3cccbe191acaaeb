//go:build unix

package transform

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// slow makes processes start only once a file exists, which open creates.
func slow(t *testing.T, tr *Transformers) (open func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	door, program := filepath.Join(dir, "door"), filepath.Join(dir, "program")
	text := fmt.Sprintf("#!/bin/sh\nwhile ! [ -e %s ]; do sleep 0.01; done\nexec %s \"$@\"\n", door, self)
	if err := os.WriteFile(program, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	tr.loaded.Load().runner.(*processes).program = program
	return func() { write(t, door, "open") }
}

// promptly calls f, which must not wait for anyone.
func promptly(t *testing.T, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(startTime / 2):
		t.Fatal("it waits for a process")
		return nil
	}
}

// TestResolveDoesNotWaitForAProcess: a start takes forever while the row is locked.
func TestResolveDoesNotWaitForAProcess(t *testing.T) {
	tr := world{where: apart}.orders(t, `module.exports = c => c.entity; module.exports.resolve = c => c.later.entity`)
	if _, err := tr.Apply(t.Context(), rows("1")[0]); err != nil { // with the process that checked the file
		t.Fatal(err)
	}
	open := slow(t, tr)
	again := func() error {
		_, err := tr.Resolve(t.Context(), meeting())
		return err
	}
	for range 3 {
		if err := promptly(t, again); !Transient(err) {
			t.Fatalf("without a process: %v", err)
		}
	}
	open()
	if got, err := resolved(t, tr, meeting()); err != nil || len(got) != 2 {
		t.Errorf("it is %v, %v", got, err)
	}
	if s := tr.Stats()[0]; s.Errors > 0 {
		t.Errorf("the script is blamed: %+v", s)
	}
}

// TestCloseDoesNotWaitForAStart of a process that is no longer needed.
func TestCloseDoesNotWaitForAStart(t *testing.T) {
	tr := world{where: apart}.orders(t, `module.exports = c => c.entity; module.exports.resolve = c => c.later.entity`)
	if _, err := tr.Apply(t.Context(), rows("1")[0]); err != nil {
		t.Fatal(err)
	}
	slow(t, tr)
	_ = promptly(t, func() error { _, err := tr.Resolve(t.Context(), meeting()); return err })
	_ = promptly(t, func() error { tr.Close(); return nil })
}

// TestAResolveThatEndsItsProcessEventuallyFails, once it has done so every time.
func TestAResolveThatEndsItsProcessEventuallyFails(t *testing.T) {
	tr := world{where: apart, config: Config{TimeLimit: time.Minute}}.orders(t, `module.exports = c => c.entity; module.exports.resolve = c => { `+eating+` }`)
	_, err := resolved(t, tr, meeting())
	wantError(t, err, "resolve orders: orders.js: ")
}

// TestARowThatEndsItsProcessDoesNotRestartItEachTime it comes again; it is reported once.
func TestARowThatEndsItsProcessDoesNotRestartItEachTime(t *testing.T) {
	for name, x := range map[string]struct {
		deadly string
		limit  time.Duration
	}{"eats": {eating, time.Minute}, "never ends": {endless, time.Second}} {
		t.Run(name, func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			tr := world{where: apart, log: zap.New(core), config: Config{TimeLimit: x.limit}}.orders(t,
				`module.exports = ({id, entity}) => { if (id === 'dies') { `+x.deadly+` } return entity; }`)
			still(tr)
			dies := func(calls []Call) error {
				results := tr.ApplyAll(t.Context(), "orders", calls)
				for _, r := range results[1:] {
					if r.Err != nil {
						t.Error(r.Err)
					}
				}
				return results[0].Err
			}
			first := dies(rows("dies", "1", "2"))
			for strings.Contains(first.Error(), "took more than") { // it was stopped in time, and the process runs
				first = dies(rows("dies", "1", "2"))
			}
			wantError(t, first, "transform orders: orders.js: ")
			runs := pid(tr)
			for range 20 {
				if err := dies(rows("dies", "1", "2")); err == nil || err.Error() != first.Error() || Transient(err) {
					t.Fatalf("%v\nbefore: %v", err, first)
				}
			}
			if got := pid(tr); got != runs || syscall.Kill(got, 0) != nil {
				t.Errorf("process %d runs, want %d", got, runs)
			}
			if n := logs.FilterMessage("a transformer ended its process; restarting it").Len(); n != 1 {
				t.Errorf("it was reported %d times", n)
			}
		})
	}
}
