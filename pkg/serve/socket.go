package serve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// socketBytes is how long the path of a Unix socket may be in bytes: the 108 of sun_path in unix(7) without the final 0.
const socketBytes = 107

// A socket is made in a folder named like this, which is there for a moment. A kill in that moment leaves it.
const (
	folders   = ".s-*"
	folderAge = time.Minute // it is another process's until then
)

// ListenSocket opens a Unix socket for the program's user alone, at any moment: it is made in a folder that only that user can open, and
// moved from there. What is at its path is replaced: the caller has made sure that no other process listens there. Closing the listener
// removes the socket. Promise 8.
func ListenSocket(ctx context.Context, path string) (net.Listener, error) {
	_, done, err := shortened(path)
	if err != nil { // nobody could reach it there
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	done()
	sweep(filepath.Dir(path))
	folder, err := os.MkdirTemp(filepath.Dir(path), folders) // with mode 0700
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }() // it is empty, or what is in it serves nobody
	made := filepath.Join(folder, "s")
	short, done, err := shortened(made)
	if err != nil {
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	defer done()
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("open the socket %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // which would remove the shortened path
	own, err := os.Lstat(made)
	if err == nil {
		err = os.Chmod(made, 0o600)
	}
	if err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the socket: %w", err), l.Close())
	}
	return &socket{Listener: l, path: path, own: own}, nil
}

// sweep removes folders that a kill has left, with nothing else in them than a socket.
func sweep(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, folders)) // the pattern is right, unless dir looks like one: then they stay
	for _, folder := range left {
		if i, err := os.Lstat(folder); err == nil && i.IsDir() && time.Since(i.ModTime()) > folderAge {
			if i, err := os.Lstat(filepath.Join(folder, "s")); err == nil && i.Mode()&os.ModeSocket != 0 {
				_ = os.Remove(filepath.Join(folder, "s"))
			}
			_ = os.Remove(folder) // unless something is in it
		}
	}
}

// DialSocket connects to a Unix socket.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	short, done, err := shortened(path)
	if err != nil {
		return nil, err
	}
	defer done()
	return (&net.Dialer{}).DialContext(ctx, "unix", short)
}

// socket is a listener that removes its path when it is closed, unless another listens there by then.
type socket struct {
	net.Listener
	path string
	own  os.FileInfo
	once sync.Once
}

// Close closes the listener.
func (s *socket) Close() (err error) {
	s.once.Do(func() {
		if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.own) {
			_ = os.Remove(s.path) // it may be gone, and whoever opens it next replaces it
		}
		err = s.Listener.Close()
	})
	return err
}

// shortened returns a path to the same file that is short enough for a socket's address, valid until done is called.
func shortened(path string) (short string, done func(), err error) {
	if len(path) <= socketBytes {
		return path, func() {}, nil
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	short = fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)) // see proc_pid_fd(5)
	if len(short) > socketBytes {
		_ = dir.Close()
		return "", nil, fmt.Errorf("%s: the name is too long for a socket by %d bytes", path, len(short)-socketBytes)
	}
	return short, func() { _ = dir.Close() }, nil
}
