package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/schema"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const backupSchema = "backup"

// setBack makes a backup, has everybody write on for a while, and puts the backup in the place of A's database. All that
// A wrote meanwhile has been sent before; what had not would be gone with the disk, whatever replicates it. What A has
// kept of conflicts is gone with the disk, so that it is looked at before.
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
			w.tb.Fatalf("look at what A has kept: %v", err)
		}
		a.copyAll(backupSchema, a.Schema)
	})
	a.hold.Unlock()
	w.pause(up)
}

// rest has a site's users and node stand still meanwhile.
func (s *site) rest(f func()) {
	s.hold.Lock()
	defer s.hold.Unlock()
	s.without(f)
}

// without does something while the site's node is down.
func (s *site) without(f func()) {
	s.Node.Kill()
	f()
	s.startNode()
}

// copyAll replaces the tables of one schema by those of another, the node's own too, as a dump does: without triggers.
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

// repair is what the operator of A does after that.
func repair(w *world) {
	testkit.Within(w.tb, time.Minute, "verify --repair to find both equal", func() error {
		said, err := testkit.Command(w.tb, "verify", w.a.File, "--repair").CombinedOutput()
		if err != nil {
			return fmt.Errorf("verify: %w: %s", err, said)
		}
		return nil
	})
}
