package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// desk is a hub with many conflicts.
type desk struct {
	*hub
	mu        sync.Mutex
	dismissed map[uint64]bool
}

const deskConflicts = 2345

func (h *desk) State(ctx context.Context) (*status.State, error) {
	s, err := h.hub.State(ctx)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Tables = []status.Table{{Name: "orders", Sends: true}, {Name: "items", Sends: true}}
	s.Conflicts.Kept = int64(deskConflicts - len(h.dismissed))
	return s, nil
}

// conflict is one of them; every third is of the table items.
func (h *desk) conflict(id uint64) status.Conflict {
	c := status.Conflict{ID: id, Table: "orders", Row: fmt.Sprint(id), At: time.Now(), Policy: "lastWriteWins", Standing: true}
	if id%3 == 0 {
		c.Table = "items"
	}
	c.Winner = status.Version{Origin: "hub", At: time.Now(), Row: json.RawMessage(`{"id":{"type":"Buffer","data":[222,173]},"text":"` + strings.Repeat("x", 50_000) + `"}`)}
	c.Loser = status.Version{Origin: "store-1", At: time.Now(), Row: json.RawMessage(`{"id":{"type":"Buffer","data":[222,173]},"text":"` + strings.Repeat("x", 49_999) + `y"}`)}
	return c
}

func (h *desk) Conflicts(_ context.Context, of status.ConflictsAsk) ([]status.Conflict, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []status.Conflict
	for id := uint64(deskConflicts); id > 0 && len(list) < min(of.Limit, 300); id-- { // large rows come in shorter lists
		c := h.conflict(id)
		if (of.Before == 0 || id < of.Before) && (of.Table == "" || c.Table == of.Table) && h.dismissed[id] == of.Dismissed {
			list = append(list, c)
		}
	}
	return list, nil
}

func (h *desk) Dismiss(_ context.Context, d status.Dismiss) (int64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.dismissed)
	for _, id := range d.Conflicts {
		if d.Undo {
			delete(h.dismissed, id)
		} else {
			h.dismissed[id] = true
		}
	}
	return int64(max(len(h.dismissed)-n, n-len(h.dismissed))), nil
}

// Thousands of conflicts are put aside, and listed again, with one question, as far as they are selected; long and binary values
// are readable.
func TestPagePutsAllConflictsAside(t *testing.T) {
	t.Parallel()
	h := &desk{hub: newHub(3), dismissed: map[uint64]bool{}}
	server := httptest.NewServer(web.New(h, noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/#conflicts"))
	b.Sees("#conflicts-list", "0xdead")
	b.Sees("#conflicts-list article:first-child .differs", "… (50,000 characters)")
	b.Accessible("many conflicts")
	articles := `document.querySelectorAll("#conflicts-list article").length`
	b.Expect("the first ones", articles, "20")
	b.Click("#conflicts-more")
	b.Expect("more of them", articles, "40")
	const choose = `(([id, value]) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("change")); return e.value; })`
	b.Text(choose + `(["conflicts-table", "items"])`)
	b.Sees("#conflicts-list article:first-child h3", "items")
	b.Sees("#conflicts-whole", "Dismiss all of items…")
	b.Click("#conflicts-whole")
	b.Sees("#question", "Dismiss all conflicts of items?")
	b.Click("#question-yes")
	b.Sees("#said", "781 conflicts are dismissed.")
	b.Sees("#conflicts-empty", "No conflicts.")
	b.Expect("nothing to dismiss", `document.getElementById("conflicts-whole").hidden`, "true")
	b.Click("#conflicts-dismissed")
	b.Sees("#conflicts-whole", "List again all of items…")
	b.Click("#conflicts-whole")
	b.Click("#question-no")
	b.Click("#conflicts-whole")
	b.Click("#question-yes")
	b.Sees("#said", "781 conflicts are listed again.")
	b.Size(390, 844)
	b.Click("#conflicts-dismissed")
	b.Expect("both versions of a row on a phone", `(() => {
		const box = document.querySelector("#conflicts-list .scroll");
		return String(box !== null && box.scrollWidth <= box.clientWidth && document.documentElement.scrollWidth === 390);
	})()`, "true")
	b.Clean()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.dismissed) != 0 {
		t.Errorf("%d are still dismissed", len(h.dismissed))
	}
}
