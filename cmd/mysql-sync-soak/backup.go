package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const backupSchema = "backup"

// setBack makes a backup, lets everybody write on for a while, and restores the backup over A's
// database. Everything that A wrote meanwhile was sent before; anything else would be lost with the
// disk, whatever replicates it. The conflicts that A kept are lost with the disk too, so they are
// read first.
func setBack(w *world) {
	a := w.a
	a.rest(func() { a.copyAll(a.Schema, backupSchema) })
	w.pause(3 * time.Second)
	a.hold.Lock()
	testkit.Within(w.tb, patience, "all writes of A to be sent", func() error {
		var n int
		err := a.DB.Get(&n, testkit.Unsettled)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d are left", n)
		}
		return err
	})
	a.without(func() {
		if err := w.gone.add(a); err != nil {
			w.tb.Fatalf("read what A has kept: %v", err)
		}
		a.copyAll(backupSchema, a.Schema)
	})
	a.hold.Unlock()
	w.pause(up)
}

// rest pauses a site's users and node meanwhile.
func (s *site) rest(f func()) {
	s.hold.Lock()
	defer s.hold.Unlock()
	s.without(f)
}

// without runs something while the site's node is down.
func (s *site) without(f func()) {
	s.Node.Kill()
	f()
	s.startNode()
}

// copyAll replaces the tables of one schema with those of another, the node's own too, as a dump does: without
// triggers.
func (s *site) copyAll(from, to string) {
	ctx := context.Background()
	conn, err := s.DB.Connx(ctx)
	if err != nil {
		s.TB.Fatalf("copy %s: %v", from, err)
	}
	defer func() { _ = conn.Close() }()
	statements := []string{"CREATE DATABASE IF NOT EXISTS " + to}
	for _, table := range append([]string{"orders"}, schema.Own...) {
		statements = append(statements,
			fmt.Sprintf("DROP TABLE IF EXISTS %s.%s", to, table),
			fmt.Sprintf("CREATE TABLE %s.%s LIKE %s.%s", to, table, from, table),
			fmt.Sprintf("INSERT INTO %s.%s SELECT * FROM %s.%s", to, table, from, table))
	}
	for _, q := range statements {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			s.TB.Fatalf("copy %s: %v", from, err)
		}
	}
}

// repair is what A's operator does next.
func repair(w *world) {
	testkit.Within(w.tb, time.Minute, "verify --repair to find both equal", func() error {
		said, err := testkit.Command(w.tb, "verify", w.a.File, "--repair").CombinedOutput()
		if err != nil {
			return fmt.Errorf("verify: %w: %s", err, said)
		}
		return nil
	})
}
