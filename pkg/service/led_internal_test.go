package service

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// following is newWorld for nodes that follow a hub, with a document of it.
func following(t *testing.T, change func(map[string]*played), reads ...string) (w *world, signed []byte, file profile.File) {
	t.Helper()
	key, err := profile.NewPrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	if signed, err = key.Sign(profile.Profile{Hub: "hq", Name: "store", Version: 7, Content: profile.Content{Keys: map[string]json.RawMessage{}}}); err != nil {
		t.Fatal(err)
	}
	w = newWorld(t, change, reads...)
	from := config.From{Client: "hq", Profile: "store", Key: key.Public(), File: profile.File{Path: filepath.Join(t.TempDir(), "old.led")}}
	w.first.cfg.From = from
	read := w.load
	w.load = func(signed []byte) (*config.Config, []string, error) {
		cfg, warnings, err := read(signed)
		if err == nil {
			cfg.From = from
			if signed != nil {
				cfg.From.Version = 7
			}
		}
		return cfg, warnings, err
	}
	return w, signed, from.File
}

// remembers checks what a file says: whether a document is accepted, and why it is refused.
func remembers(t *testing.T, f profile.File, accepted bool, refused string) {
	t.Helper()
	m, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	why := ""
	if m.Refused != nil {
		why = m.Refused.Why
	}
	if (m.Accepted != nil) != accepted || why != refused {
		t.Errorf("accepted %v, want %v; refused %q, want %q", m.Accepted != nil, accepted, why, refused)
	}
}

// Promise 9: only what works is accepted; whatever does not leaves the node as it was.
func TestADocumentIsAcceptedOnceTheNodeWorks(t *testing.T) {
	for name, x := range map[string]struct {
		change  func(*played)
		read    string // the configuration with the document; "": it has a mistake
		says    string
		refused string
		runs    []string
	}{
		"it works":         {read: "new", runs: []string{"old runs", "old ends", "new runs", "new ends"}},
		"it has a mistake": {says: "a mistake", refused: "a mistake", runs: []string{"old runs", "old ends"}},
		"the check fails":  {read: "new", change: func(p *played) { p.check = errors.New("no table") }, says: "no table", refused: "no table", runs: []string{"old runs", "old ends"}},
		"the node ends":    {read: "new", change: func(p *played) { p.fails = errors.New("gone") }, refused: "the new configuration does not work, the previous one is back: gone", runs: []string{"old runs", "old ends", "new runs", "new ends", "old runs", "old ends"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reads := []string{"old", x.read}
				w, signed, file := following(t, func(nodes map[string]*played) {
					if x.change != nil {
						x.change(nodes["new"])
					}
				}, reads...)
				a := w.front.tenant.Load()
				err := a.Try(a.life, signed)
				synctest.Wait()
				if x.says != "" || len(x.runs) == 2 {
					says(t, "the node", err, x.says)
				}
				remembers(t, file, x.refused == "", x.refused)
				w.over(t, x.runs...)
			})
		})
	}
}

// A document for which the node waits, such as for its database, is neither accepted nor refused until it works.
func TestADocumentMayTakeLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		w, signed, file := following(t, func(nodes map[string]*played) { nodes["new"].late = late }, "old", "new")
		a := w.front.tenant.Load()
		_ = a.Try(a.life, signed)
		time.Sleep(5 * startTime)
		remembers(t, file, false, "the process ended while it was tried")
		close(late)
		synctest.Wait()
		remembers(t, file, true, "")
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

// A node that was replaced meanwhile tries nothing, and a reload has a refused document tried again at once.
func TestAReloadForgetsARefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, signed, file := following(t, func(nodes map[string]*played) { nodes["wrong"].check = errors.New("no table") }, "old", "wrong", "new")
		a := w.front.tenant.Load()
		says(t, "the first", a.Try(a.life, signed), "no table")
		m, err := file.Read()
		if err != nil || !m.Refused.Due.After(time.Now()) {
			t.Errorf("%+v, %v", m.Refused, err)
		}
		says(t, "the reload", w.Reload(t.Context()), "")
		if m, err = file.Read(); err != nil || !m.Refused.Due.IsZero() {
			t.Errorf("%+v, %v", m.Refused, err)
		}
		says(t, "the old node", w.try(t.Context(), a.attempt, signed), errReplaced.Error())
		remembers(t, file, false, "no table")
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

// A document that works stays in use while that cannot be written, and is written once it can: the next start has it.
func TestAnAcceptedDocumentIsWrittenOnceTheDiskIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := make(chan struct{})
		w, signed, file := following(t, func(nodes map[string]*played) { nodes["new"].late = late }, "old", "new")
		a := w.front.tenant.Load()
		_ = a.Try(a.life, signed)
		if err := errors.Join(os.Remove(file.Path), os.MkdirAll(filepath.Join(file.Path, "in the way"), 0o700)); err != nil {
			t.Fatal(err)
		}
		close(late)
		time.Sleep(3 * acceptAgain)
		if err := os.RemoveAll(file.Path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(acceptAgain + time.Second)
		remembers(t, file, true, "")
		w.over(t, "old runs", "old ends", "new runs", "new ends")
	})
}

// A node that is replaced while its document cannot be written, as when a site joins it, has the next one write it.
func TestARestartKeepsAnUnwrittenDocument(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, signed, file := following(t, nil, "old", "new")
		late := make(chan struct{})
		w.nodes["new"].late = late
		a := w.front.tenant.Load()
		_ = a.Try(a.life, signed)
		if err := errors.Join(os.Remove(file.Path), os.MkdirAll(filepath.Join(file.Path, "in the way"), 0o700)); err != nil {
			t.Fatal(err)
		}
		close(late)
		synctest.Wait()
		w.front.tenant.Load().Restart(t.Context())
		time.Sleep(time.Second)
		if err := os.RemoveAll(file.Path); err != nil {
			t.Fatal(err)
		}
		time.Sleep(acceptAgain + time.Second)
		remembers(t, file, true, "")
		w.over(t, "old runs", "old ends", "new runs", "new ends", "new runs", "new ends")
	})
}
