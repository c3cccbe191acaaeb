package web_test

import (
	"context"
	"encoding/json"
	"errors"
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

// desk is a hub with many conflicts, and with a row that only one of its remotes has differently.
type desk struct {
	*hub
	mu        sync.Mutex
	dismissed map[uint64]bool
	held      chan struct{} // an answer about the row "slow" waits for it
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

// conflict is one of them; every third is of the table items. The last ones have large rows: if all had, the lists would take the race
// detector longer than a browser is waited for.
func (h *desk) conflict(id uint64) status.Conflict {
	c := status.Conflict{ID: id, Table: "orders", Row: fmt.Sprint(id), At: time.Now(), Policy: "lastWriteWins", Standing: true}
	if id%3 == 0 {
		c.Table = "items"
	}
	long := 10
	if id > deskConflicts-3 {
		long = 50_000
	}
	c.Winner = status.Version{Origin: "hub", At: time.Now(), Row: json.RawMessage(`{"id":{"type":"Buffer","data":[222,173]},"text":"` + strings.Repeat("x", long) + `"}`)}
	c.Loser = status.Version{Origin: "store-1", At: time.Now(), Row: json.RawMessage(`{"id":{"type":"Buffer","data":[222,173]},"text":"` + strings.Repeat("x", long-1) + `y"}`)}
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

func (h *desk) Row(ctx context.Context, of status.RowAsk) (*status.Row, error) {
	now := time.Now()
	switch of.ID {
	case "abc":
		return nil, status.Kind(status.ErrRequest, errors.New(`"abc" is not the id of a row of orders`))
	case "slow":
		select {
		case <-h.held:
		case <-ctx.Done():
		}
		return &status.Row{Client: "hub", Table: of.Table, ID: of.ID, Here: status.RowHere{Is: "unknown"}, Sites: []status.RowSite{}, Conflicts: []status.Conflict{}}, nil
	case "gone":
		w := &status.Written{By: "store-2", At: now}
		return &status.Row{Client: "hub", Table: of.Table, ID: of.ID, Here: status.RowHere{Is: "deleted", Written: w}, Sites: []status.RowSite{{Client: "store-1", Is: "nowhere", Written: w}}, Conflicts: []status.Conflict{}}, nil
	}
	r := &status.Row{Client: "hub", Table: of.Table, ID: of.ID, Here: status.RowHere{Is: "there", Row: json.RawMessage(`{"id":"7"}`), Written: &status.Written{By: "hub", At: now}}}
	for i := range h.sites {
		x := status.RowSite{Client: fmt.Sprintf("store-%d", i+1), Is: "same"}
		switch i {
		case 200:
			x.Is, x.Refused = "differs", &status.RowError{Message: "no such customer"}
		case 100:
			x.Is, x.Error = "", "it is offline"
		}
		r.Sites = append(r.Sites, x)
	}
	r.Conflicts = []status.Conflict{h.conflict(7)}
	return r, nil
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

// The view of a row shows remotes that differ first and what was kept of it, and never a row other than the one that was asked for.
func TestPageShowsTheRowThatWasAskedFor(t *testing.T) {
	t.Parallel()
	h := &desk{hub: newHub(300), dismissed: map[uint64]bool{}, held: make(chan struct{})}
	server := httptest.NewServer(web.New(h, noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/#row"))
	b.Expect("the tables", `document.getElementById("row-table").options.length`, "3")
	const show = `(([table, id]) => { document.getElementById("row-table").value = table; document.getElementById("row-id").value = id; document.getElementById("row-form").requestSubmit(); return id; })`
	b.Text(show + `(["orders", "7"])`)
	b.Sees("#row-result", "300 remotes: 1 differs; 1 not known; 298 same.")
	b.Sees("#row-result .stack tbody tr:first-child", "refused: no such customer")
	b.Sees("#row-result .stack tbody tr:nth-child(2)", "it is offline")
	b.Sees("#row-result", "1 conflict of this row here")
	b.Sees("#row-result article", "by store-1")
	b.Click(`#row-result article [aria-label^="Dismiss"]`)
	b.Sees("#said", "1 conflict is dismissed.")
	b.Expect("the focus on the row", `document.activeElement.closest("#row-result") !== null`, "true")
	b.Text(show + `(["orders", "abc"])`)
	b.Expect("no other row", `document.getElementById("row-result").innerText.trim()`, `"abc" is not the id of a row of orders`)
	b.Forget() // the browser reports that answer
	b.Text(show + `(["orders", "slow"])`)
	b.Expect("no other row", `document.getElementById("row-result").innerText.trim()`, "Asking the remotes…")
	b.Text(show + `(["orders", "gone"])`)
	b.Sees("#row-result", "deleted ")
	b.Sees("#row-result .stack tbody", "not there either")
	close(h.held)
	b.Text(show + `(["orders", "7"])`)
	b.Sees("#row-result", "1 differs")
	b.Sees("#row-result h3", "7")
	b.Clean()
}

// Each problem leads to the view where it is mended, whatever the names and errors that it quotes.
func TestPageLeadsToWhereAProblemIsMended(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(web.New(newHub(3), noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/"))
	b.Sees("#link", "Live")
	for sentence, want := range map[string]string{
		"The broker 127.0.0.1:1883 has been unreachable since now (dial tcp 127.0.0.1:1883: connect: connection refused).":                               "overview",
		"The database 127.0.0.1:3306 has been unreachable since now (connection refused).":                                                               "overview",
		"The transformer orders.js failed on row 7 of orders at 10:00: verify is refused.":                                                               "transformers",
		"2 rows for conflict-transformer are refused: mysql-sync errors says why.":                                                                       "errors",
		"This node refuses the profile store of hq, and keeps what its own file says: conflictPolicy: orders: a transformer is refused.":                 "sites",
		"verify has been offline since 2026-11-29 23:18:38 UTC.":                                                                                         "sites",
		"conflicts differs from that of store-1 in 3 rows (now): mysql-sync verify --repair sends them.":                                                 "verify",
		"The database may lack rows that the remotes have, because it was restored from a backup (noticed now): mysql-sync verify --repair fetches them": "verify",
		"orders cannot be read since now: the transformer was refused.":                                                                                  "log",
	} {
		b.Expect(sentence, fmt.Sprintf(`(await import("./static/problems.js")).placeOf(%q, true)[0]`, sentence), want)
	}
	b.Clean()
}
