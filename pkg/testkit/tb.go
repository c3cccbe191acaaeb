package testkit

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
)

// TB is what testkit needs from a test. *testing.T, *testing.B and *testing.F implement it; a program gets one from
// Run.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	// Fatalf reports a failure and ends the calling goroutine.
	Fatalf(format string, args ...any)
}

// Run calls f with its own TB, for a program that is not a test. When f returns, fails or panics,
// everything that it started is ended. The error is what f passed to Fatalf, or nil. What f logs
// goes to logf.
func Run(logf func(format string, args ...any), f func(tb TB)) error {
	s := &scope{logf: logf}
	done := make(chan struct{})
	go func() {
		// After a panic the caller must not go on: it might end the program in order before the panic does.
		panicked := false
		defer func() {
			if !panicked {
				close(done)
			}
		}()
		defer s.close()
		defer func() {
			if cause := recover(); cause != nil {
				panicked = true
				panic(cause)
			}
		}()
		f(s)
	}()
	<-done
	return s.failure()
}

// Main runs a package's tests, or those that MYSQL_SYNC_TEST_ONLY names, and then ends what they share. It is for
// TestMain:
//
//	func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
func Main(m interface{ Run() int }) int {
	defer process.close()
	if err := choose(os.Getenv(onlyVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return m.Run()
}

// process is the scope of everything that lives as long as the process.
var process = &scope{logf: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }}

// scope is a TB outside a test. Its methods may be called from several goroutines.
type scope struct {
	logf func(format string, args ...any)

	mu       sync.Mutex
	cleanups []func()
	err      error
}

func (s *scope) Helper() {}

func (s *scope) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

func (s *scope) Logf(format string, args ...any) { s.logf(format, args...) }

func (s *scope) Fatalf(format string, args ...any) {
	s.mu.Lock()
	s.err = errors.Join(s.err, fmt.Errorf(format, args...))
	s.mu.Unlock()
	runtime.Goexit()
}

func (s *scope) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// close runs the cleanups, the last one first. Each runs even if a later one failed or panicked.
func (s *scope) close() {
	s.mu.Lock()
	last := len(s.cleanups) - 1
	if last < 0 {
		s.mu.Unlock()
		return
	}
	f := s.cleanups[last]
	s.cleanups = s.cleanups[:last]
	s.mu.Unlock()

	defer s.close()
	f()
}
