package log_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/capture/log"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestFilesThatArePutBackWhileTheLogIsReadAreNoticed: an older copy of the server's files has P and a log that proves it, and the numbers of what
// is written then are those of transactions that were read.
func TestFilesThatArePutBackWhileTheLogIsReadAreNoticed(t *testing.T) {
	t.Parallel()
	server := testkit.Server(t, testkit.LogFlags()...)
	p := newPlace(t, server, []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	missed, _, stop := p.watch(s)
	older := filepath.Join(t.TempDir(), "older")
	server.Stop()
	if err := os.CopyFS(older, os.DirFS(server.Data())); err != nil {
		t.Fatal(err)
	}
	server.Start()
	for id := range 5 {
		p.exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'lost')`, 10+id))
	}
	testkit.Eventually(t, "they are recorded", func() error {
		n, err := s.Count(t.Context(), 10)
		if err == nil && n != 5 {
			err = fmt.Errorf("%d wait", n)
		}
		return err
	})
	p.want("recorded", p.record(s), "+10 +11 +12 +13 +14")
	p.record(s) // its own writes are read
	server.Stop()
	if err := os.RemoveAll(server.Data()); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(server.Data(), os.DirFS(older)); err != nil {
		t.Fatal(err)
	}
	server.Start()
	for id := range 50 {
		p.exec(fmt.Sprintf(`INSERT INTO orders VALUES (%d, 'new')`, 20+id))
	}
	p.noticed(s, missed)
	stop()
}

// TestALogThatNothingProvesIsAnotherOne: if sync_log was emptied, a reader that connects again cannot know what it gets.
func TestALogThatNothingProvesIsAnotherOne(t *testing.T) {
	t.Parallel()
	p := newPlace(t, testkit.Server(t, testkit.LogFlags()...), []string{"orders"}, orders)
	s, _ := p.source()
	p.exec(`INSERT INTO orders VALUES (1, 'one')`)
	p.want("recorded", p.record(s), "+1")
	p.record(s) // its own write is read
	missed, _, stop := p.watch(s)
	p.exec(`DELETE FROM sync_log`)
	p.reset()
	for range 50 {
		p.exec(`REPLACE INTO orders VALUES (2, LEFT(UUID(), 8))`)
	}
	_ = s.Close() // as if the connection were lost
	p.noticed(s, missed)
	stop()
}

// noticed waits until it is recorded that writes may have been missed. Who reads fails until then.
func (p *place) noticed(s *log.Source, missed <-chan string) {
	p.Helper()
	testkit.Eventually(p.T, "it is recorded that writes may have been missed", func() error {
		if _, err := s.Next(p.Context()); len(missed) == 0 {
			return fmt.Errorf("not yet: %w", err)
		}
		return nil
	})
	p.want("missed", <-missed, "orders")
}
