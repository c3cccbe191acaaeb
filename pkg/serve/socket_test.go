package serve_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/serve"
)

// TestASocketMayLieDeep has paths around the length of an address, 107 bytes, and far beyond it.
func TestASocketMayLieDeep(t *testing.T) {
	t.Parallel()
	top := t.TempDir()
	for _, length := range []int{80, 106, 107, 108, 109, 500} {
		dir := top
		for len(dir) < length-len("/a.sock") {
			dir += "/" + strings.Repeat("d", max(1, min(100, length-len("/a.sock")-len(dir)-1)))
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "a.sock")
		c := serve.NewClient("the program", path)
		if err := c.Call(t.Context(), http.MethodGet, "/", nil, nil); !errors.Is(err, serve.ErrNotRunning) {
			t.Errorf("%d bytes, without a program: %v", len(path), err)
		}
		for range 2 { // the second replaces what a killed process left
			l, err := serve.ListenSocket(t.Context(), path)
			if err != nil {
				t.Fatalf("%d bytes: %v", len(path), err)
			}
			if s, err := os.Stat(path); err != nil || s.Mode().Perm() != 0o600 {
				t.Errorf("%d bytes: %v, %v", len(path), s, err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = serve.JSON(w, 7) })}
			go func() { _ = server.Serve(l) }()
			answer := 0
			if err := c.Call(t.Context(), http.MethodGet, "/", nil, &answer); err != nil || answer != 7 {
				t.Errorf("%d bytes: %d, %v", len(path), answer, err)
			}
			if err := server.Close(); err != nil {
				t.Errorf("%d bytes: close: %v", len(path), err)
			}
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%d bytes: it is still there: %v", len(path), err)
			}
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// Nobody else can open a socket, not even for the moment in which it is made, whatever the process lets others do with its files.
func TestASocketIsNeverOpenToOthers(t *testing.T) { // not parallel: the mask is the process's
	defer syscall.Umask(syscall.Umask(0))
	path := filepath.Join(t.TempDir(), "a.sock")
	seen, over := make(chan fs.FileMode, 1), make(chan struct{})
	go func() {
		defer close(seen)
		for {
			select {
			case <-over:
				return
			default:
			}
			if s, err := os.Lstat(path); err == nil && s.Mode().Perm() != 0o600 {
				seen <- s.Mode()
				return
			}
		}
	}()
	for range 100 {
		l, err := serve.ListenSocket(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(over)
	if mode, bad := <-seen; bad {
		t.Errorf("others could open it: %v", mode)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

func TestASocketWhoseNameIsTooLongIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), strings.Repeat("n", 200))
	if _, err := serve.ListenSocket(t.Context(), path); err == nil || !strings.Contains(err.Error(), "too long for a socket by ") {
		t.Errorf("it is opened: %v", err)
	}
	if _, err := serve.DialSocket(t.Context(), path); err == nil || !strings.Contains(err.Error(), "too long for a socket by ") {
		t.Errorf("it is reached: %v", err)
	}
}

// What a kill has left while a socket was made goes at the next start, and nothing else.
func TestFoldersOfAKillAreSwept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{".s-empty", ".s-socket", ".s-full", ".s-new", "s-other"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, ".s-socket", "s")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(l.Close(), os.WriteFile(filepath.Join(dir, ".s-full", "s"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".s-empty", ".s-socket", ".s-full", "s-other"} {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	s, err := serve.ListenSocket(t.Context(), filepath.Join(dir, "a.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range left {
		left[i] = filepath.Base(left[i])
	}
	if fmt.Sprint(left) != "[.s-full .s-new a.sock s-other]" {
		t.Errorf("%v is left", left)
	}
}

// TestAClosedListenerLeavesItsSuccessorsSocket, as that of a node that has lost its database to another of the same configuration.
func TestAClosedListenerLeavesItsSuccessorsSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.sock")
	var all []net.Listener
	for range 2 {
		l, err := serve.ListenSocket(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		all = append(all, l)
	}
	if err := all[0].Close(); err != nil {
		t.Fatal(err)
	}
	conn, err := serve.DialSocket(t.Context(), path)
	if err != nil {
		t.Fatalf("the successor cannot be reached: %v", err)
	}
	_ = conn.Close()
	if err := all[1].Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its socket was not removed: %v", err)
	}
}
