package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// newDisk mounts a tmpfs of a size, which needs the right to mount.
func newDisk(tb testkit.TB, size string) (dir string) {
	dir, err := os.MkdirTemp("", "mysql-sync-soak-")
	if err != nil {
		tb.Fatalf("make a folder for a small disk: %v", err)
	}
	tb.Cleanup(func() { _ = os.Remove(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size+",mode=0700"); err != nil {
		tb.Fatalf("mount a small disk (only root may): %v", err)
	}
	tb.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill writes a file until the disk is full.
func fill(tb testkit.TB, name string) {
	f, err := os.Create(name)
	if err != nil {
		tb.Fatalf("fill a disk: %v", err)
	}
	_, err = io.Copy(f, zeroes{})
	if err = errors.Join(err, f.Close()); !errors.Is(err, syscall.ENOSPC) {
		tb.Fatalf("fill a disk: %v", err)
	}
}

// zeroes is an endless file of zeroes.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// ownDisks gives each database its own disk with little room besides the data.
func ownDisks(w *world) { w.disks = true }

// tellEnds reports how often a server did not survive.
func tellEnds(w *world) {
	w.notes = append(w.notes, fmt.Sprintf("the server crashed %d times", w.ended))
}

// fillDatabaseDisk leaves a database, and so its users and its node, without room for some seconds.
// Rows of an extra table use up the free space left in the files.
func fillDatabaseDisk(w *world) {
	s := w.turn()
	filler := filepath.Join(s.disk, "filler")
	fill(w.tb, filler)
	refused := 0
	for end := time.Now().Add(8 * down); time.Now().Before(end); {
		if _, err := s.DB.Exec(`INSERT INTO ballast (text) SELECT REPEAT('x', 7000)`); err != nil {
			refused++
			w.pause(down / 5)
		}
	}
	if refused == 0 {
		w.tb.Fatalf("the disk of %s did not fill up", s.Name)
	}
	if err := os.Remove(filler); err != nil {
		w.tb.Fatalf("empty the disk of a database: %v", err)
	}
	if s.Server.Ended() { // MariaDB does not always survive it.
		w.ended++
		s.Server.Start()
	}
	w.pause(up)
	if _, err := s.DB.Exec(`TRUNCATE TABLE ballast`); err != nil {
		w.tb.Fatalf("empty the disk of a database: %v", err)
	}
}
