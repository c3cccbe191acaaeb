package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// playFull saves and restores under a file size limit smaller than a copy.
func playFull(file, at string) error {
	b, err := fromAt(file, at)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 40_000, Max: 40_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if _, err := b.Save(context.Background(), nil); err == nil {
		return errors.New("it was saved")
	}
	_, err = b.Restore(context.Background(), Restore{Force: true})
	if err == nil {
		return errors.New("restored anyway")
	}
	fmt.Println("both failed")
	return nil
}

func TestB06AFullDiskLeavesTheStateAndTheCopy(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	b := backups(t, c, file)
	before, err := b.Save(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ran(t.Context(), l), l.Close()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p, said := play(t, "full", file, at(c))
	if !said.Scan() || said.Text() != "both failed" {
		t.Errorf("it printed %q", said.Text())
	}
	if err := p.Wait(); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the state has changed: %v", err)
	}
	if v, err := b.Verify(t.Context(), "", nil); err != nil || v.SHA256 != before.SHA256 {
		t.Errorf("%+v, %v", v, err)
	}
	if err := ledger.Check(t.Context(), file); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), scratchPrefix+"*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
