package owner_test

import (
	"os"
	"testing"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/owner"
)

// TestIncrementsAreCreditedToTheLifeOfTheirDate: a backup's increments may have been counted before it was restored.
func TestIncrementsAreCreditedToTheLifeOfTheirDate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := func(life string) *owner.Lives { return owner.OpenLives(zap.NewNop(), dir, "a", life) }
	expect := func(l *owner.Lives, at int64, want string) {
		t.Helper()
		if got := l.Credited(at); got != want {
			t.Errorf("an increment at %d is credited to %q, want %q", at, got, want)
		}
	}
	const second = 1_000_000
	first := open("")
	expect(first, 100*second, "a")
	expect(open(""), 104*second, "a") // after a restart
	expect(open(""), 103*second, "a")
	second1 := open("x")
	expect(second1, 103*second, "a")
	expect(second1, 200*second, "a~x")
	expect(second1, 104*second, "a") // the end of a life does not move
	third := open("y")
	expect(third, 99*second, "a")
	expect(third, 150*second, "a~x") // written while no node ran, before the second life
	expect(third, 200*second, "a~x")
	expect(third, 200*second+1, "a~y")
	expect(third, 300*second, "a~y")

	if err := os.WriteFile(owner.LivesFile(dir, "a"), []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(open("y"), 99*second, "a~y")
}
