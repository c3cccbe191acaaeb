package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// LockedError means that another process uses the file.
type LockedError struct {
	File string
	PID  int // 0: unknown
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is in use by another process", e.File)
	}
	return fmt.Sprintf("%s is in use by process %d", e.File, e.PID)
}

// lock takes the file's lock, which the kernel releases when the process ends, however it ends. The lock is a file of its
// own: a process loses SQLite's locks on the state file as soon as anything in it closes that file.
func lock(file string) (*os.File, error) {
	name := file + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", file, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", file, err)
		}
		text := make([]byte, 20)
		n, _ := f.ReadAt(text, 0) // without a number, the process is not named
		pid, _ := strconv.Atoi(string(bytes.TrimSpace(text[:n])))
		return nil, &LockedError{File: file, PID: pid}
	}
	if err := f.Truncate(0); err == nil {
		if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
			_ = f.Truncate(0) // the lock holds; only its owner could not be recorded, for example on a full disk
		}
	}
	return f, nil
}

// unlock releases the lock. Closing the file would not be enough: a child that another goroutine has just forked holds
// a copy of it until it executes its program.
func unlock(f *os.File) error {
	return errors.Join(unix.Flock(int(f.Fd()), unix.LOCK_UN), f.Close())
}
