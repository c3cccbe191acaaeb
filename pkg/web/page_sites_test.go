package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/sites"
	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
	"github.com/mysql-sync/mysql-sync/pkg/web"
	"github.com/mysql-sync/mysql-sync/pkg/wire"
)

// hub is a node with 300 partners that have all answered. It stands in for a real one: 300 would not fit on a machine.
type hub struct {
	web.Node
	board *fleet.Board
	sites int
}

func newHub(sites int) *hub {
	h, names := &hub{sites: sites}, []string{}
	for i := range sites {
		names = append(names, fmt.Sprintf("store-%d", i+1))
	}
	h.board = fleet.NewBoard(names)
	for i, name := range names {
		now := time.Now()
		s := wire.Summary{Client: name, Version: "1.2.3", Started: now.Add(-time.Hour), Now: now, Database: wire.SummaryLink{Online: true, Server: "10.11.6-MariaDB", Since: now}, Broker: wire.SummaryLink{Online: true, Since: now},
			Remotes: wire.Online{Online: 1, Total: 1}, FreeDisk: int64(i+1) << 30}
		switch i {
		case 16:
			s.Actions = []string{"look", "retry", "pause", "verify", "resync"}
			s.Rows.Refused, s.Problems = 12, []string{"12 rows for hub are refused: <b>mysql-sync errors</b> says why.", "a_reason_without_a_space_that_is_longer_than_the_screen_of_a_phone_is_wide_and_goes_on"}
		case 40:
			s.Database.Online = false
		case 50:
			s.Pauses = []wire.SummaryPause{{Table: "orders", By: "hub (anna)", Reason: "<b>stocktaking</b>", Until: now.Add(time.Hour)}}
		}
		h.board.Hear(name, now, now, s)
	}
	return h
}

func (h *hub) State(context.Context) (*status.State, error) {
	now := time.Now()
	s := &status.State{Client: "hub", Version: "1.2.3", Started: now.Add(-time.Hour), Now: now, LogLevel: "info", Fleet: true, Database: status.Link{Online: true, Since: now}, Broker: status.Link{Online: true, Since: now},
		Tables: []status.Table{}, Streams: []status.Stream{}, Transfers: []status.Transfer{}, Transformers: []status.Transformer{}, Verified: []status.Comparison{}}
	for i := range h.sites {
		s.Remotes = append(s.Remotes, status.Remote{Name: fmt.Sprintf("store-%d", i+1), Online: i != 100, Met: true, Heard: &now, Protocol: 2})
	}
	return s, nil
}

func (h *hub) Fleet(ctx context.Context) (*fleet.Fleet, error) {
	s, err := h.State(ctx)
	if err != nil {
		return nil, err
	}
	return h.board.Look(s, 1<<40), nil
}

// acts is a hub that has its sites do something.
type acts struct {
	*hub
	mu      sync.Mutex
	asked   []string
	retried bool
}

func (h *acts) At(_ context.Context, site string, a wire.Act) (*status.Afar, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", site, a.Do, a.Table, a.Row, a.Mode)))
	x := &status.Afar{Now: time.Now()}
	switch a.Do {
	case wire.ActLook:
		x.Tables, x.Remotes = []string{"orders"}, []status.AfarRemote{{Name: "hub", Online: true}}
		if !h.retried {
			x.Errors = []status.RowError{{Remote: "hub", Table: "orders", ID: "77", Message: "<b>no such customer</b>", Attempts: 3, At: time.Now(), RetryAt: time.Now()}}
		}
	case wire.ActRetry:
		h.retried, x.Rows = true, 1
	case wire.ActVerify:
		x.Compared = []status.Comparison{{Table: "orders", Remote: "hub", Rows: 7, Equal: true}, {Table: "items", Remote: "hub", Differs: 1, Differ: []status.Difference{{ID: "9", Kind: "differs"}}}}
	case wire.ActResync:
		x.Remotes = []status.AfarRemote{{Name: "hub"}}
	case wire.ActPause:
		return nil, status.Kind(status.ErrUnavailable, errors.New("store-17 does not answer: it may have done it all the same, and repeating is safe"))
	}
	return x, nil
}

// Whoever opens a site can do there what it allows, with the keyboard too, and nothing is sent again without a confirmation.
func TestPageActsAtASite(t *testing.T) {
	t.Parallel()
	h := &acts{hub: newHub(50)}
	server := httptest.NewServer(web.New(h, noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/#sites"))
	const row, details = "#sites-list tbody tr:nth-child(2)", "#sites-list tr.details"
	b.Sees(row, "store-17")
	b.Click(row + " button.open")
	const button = details + ` .afar button[aria-label=%q]`
	b.Click(fmt.Sprintf(button, "Refused rows, store-17"))
	b.Sees(details, "<b>no such customer</b>")
	b.Accessible("the refused rows of a site")
	b.Click(details + ` button[aria-label="Retry row 77 of orders for hub at store-17"]`)
	b.Sees(details+" .afar-result", "No rows refused")
	b.Click(fmt.Sprintf(button, "Verify, store-17"))
	b.Sees(details+" .afar-result", "2 comparisons: 1 not equal")
	b.Sees(details+" .afar-result", "1 row differs 9")
	b.Accessible("the comparisons of a site")
	b.Click(fmt.Sprintf(button, "Send a table again, store-17"))
	b.Sees("#question", "Have store-17 send a table again?")
	b.Accessible("the question about a table")
	b.Click("#question-no")
	b.Click(fmt.Sprintf(button, "Send a table again, store-17"))
	b.Sees("#question", "Have store-17 send a table again?")
	b.Click("#question-yes")
	b.Sees("#said", "store-17 sends orders to hub again.")
	b.Text(`String(document.querySelector("#sites-list tr.details .afar button[aria-label='Resume, store-17']").focus())`)
	b.Press(kb.Enter)
	b.Sees("#said", "Nothing was paused there.")
	b.Click(fmt.Sprintf(button, "Pause, store-17"))
	b.Click("#question-yes")
	b.Sees("#said", "it may have done it all the same")
	b.Forget() // the browser reports that answer
	if *picture != "" {
		b.Picture(*picture + ".afar.png")
	}
	// Nothing is offered that a site does not allow.
	b.Click("#sites-list tbody tr:first-child button.open")
	b.Expect("no buttons", `String(document.querySelectorAll("#sites-list tr.details")[0].querySelector(".afar").hidden)`, "true")
	b.Size(360, 740)
	b.Expect("the width on a phone", `document.documentElement.scrollWidth`, "360")
	b.Clean()
	h.mu.Lock()
	defer h.mu.Unlock()
	if got := strings.Join(h.asked, "; "); got != "store-17 look; store-17 retry orders 77; store-17 look; store-17 verify; store-17 resync orders  missing; store-17 resume; store-17 pause" {
		t.Error(got)
	}
}

// asked is a hub at which two sites ask to join.
type asked struct {
	alone
	mu      sync.Mutex
	settled []status.Admit
}

func (h *asked) State(ctx context.Context) (*status.State, error) {
	s, err := h.alone.State(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range []sites.Waiting{{Site: "store-18", Words: "A1B2-C3D4"}, {Site: "store-19", Words: "E5F6-7A8B"}} {
		if !slices.ContainsFunc(h.settled, func(a status.Admit) bool { return a.Waiting == w }) {
			s.Asking = append(s.Asking, w)
		}
	}
	return s, err
}

func (h *asked) Admit(_ context.Context, a status.Admit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled = append(h.settled, a)
	return nil
}

// Sites that ask to join are let in or dismissed, with the characters that a person has compared.
func TestPageLetsSitesIn(t *testing.T) {
	t.Parallel()
	h := &asked{alone: alone{&hub{}}}
	server := httptest.NewServer(web.New(h, noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/"))
	b.Sees("#asking", "A1B2-C3D4")
	b.Accessible("sites that ask to join")
	b.Click(`#asking button[aria-label="Let in, store-18"]`)
	b.Sees("#question", "It must show these characters: A1B2-C3D4")
	b.Click("#question-yes")
	b.Sees("#said", "store-18 is let in.")
	b.Expect("the other one moves up", `String(document.querySelectorAll("#asking li").length)`, "1")
	b.Click(`#asking button[aria-label="Dismiss, store-19"]`)
	b.Click("#question-yes")
	b.Sees("#said", "store-19 is dismissed.")
	b.Expect("nobody asks any more", `String(document.getElementById("asking").hidden)`, "true")
	b.Clean()
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.settled) != 2 || !h.settled[0].Accept || h.settled[1].Accept {
		t.Errorf("%+v", h.settled)
	}
}

// noLines is a log without lines.
type noLines struct{}

func (noLines) Last() []logging.Line { return nil }
func (noLines) Follow(ctx context.Context, _ func(logging.Line) error) error {
	<-ctx.Done()
	return errors.New("the listener is gone")
}

// The view of the sites works with 300 of them, on a desktop and on a phone.
func TestPageShowsThreeHundredSites(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(web.New(newHub(300), noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/#sites"))
	const rows, first = `document.querySelectorAll("#sites-list tbody tr").length`, "#sites-list tbody tr:first-child"
	b.Expect("all sites and the node", rows, "301")
	b.Sees("#sites-count", "301 sites: 1 offline, 1 database away, 1 with problems, 1 with pauses, 297 without problems.")
	b.Expect("the link's number", `document.getElementById("count-sites").textContent`, "3 need attention")
	b.Sees(first, "store-101")
	b.Sees("#sites-list tbody tr:nth-child(2)", "store-41")
	b.Sees("#sites-list tbody tr:nth-child(3)", "store-17")
	b.Click("#sites-list tbody tr:nth-child(3) button.open")
	b.Sees("#sites-list tr.details", "<b>mysql-sync errors</b> says why.")
	b.Sees("#sites-list tr.details", "Rows that its remotes refused")
	b.Sees("#sites-list tbody tr:nth-child(5)", "store-51") // below the details
	b.Click("#sites-list tbody tr:nth-child(5) button.open")
	b.Sees("#sites-list tbody tr:nth-child(6)", "Paused at store-51: orders to all remotes, until ")
	b.Sees("#sites-list tbody tr:nth-child(6)", ", by hub (anna): <b>stocktaking</b>")
	b.Click("#sites-list tbody tr:nth-child(5) button.open")
	const set = `(([id, value]) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); return e.value; })`
	b.Text(set + `(["sites-find", "store-17"])`) // axe checks each cell
	b.Expect("those that match", rows, "12")
	b.Accessible("the sites, one of them open")
	b.Text(set + `(["sites-find", ""])`)
	b.Expect("all again, one of them open", rows, "302")
	// The headings stay while the rows scroll.
	b.Expect("the headings to stay", `(() => {
		const box = document.getElementById("sites-scroll");
		box.scrollTop = 4000;
		return Math.round(document.querySelector("#sites-list thead th").getBoundingClientRect().top - box.getBoundingClientRect().top);
	})()`, "0")
	if *picture != "" {
		b.Picture(*picture + ".sites.png")
	}
	b.Text(set + `(["sites-find", "STORE-29"])`)
	b.Sees("#sites-count", "11 shown")
	b.Expect("those that match", rows, "11")
	b.Text(set + `(["sites-find", ""])`)
	b.Text(set + `(["sites-state", "offline"])`)
	b.Expect("the one that is offline", rows, "1")
	b.Text(set + `(["sites-state", ""])`)
	b.Text(set + `(["sites-sort", "disk"])`)
	b.Sees(first, "store-1")
	b.Text(set + `(["sites-find", "no such site"])`)
	b.Sees("#sites-empty", "No site matches.")
	b.Text(set + `(["sites-find", ""])`)
	b.Text(set + `(["sites-sort", ""])`)
	for _, width := range []int64{360, 390} {
		b.Size(width, 740)
		b.Sees(first, "store-101")
		if w := b.Text("document.documentElement.scrollWidth"); w != fmt.Sprint(width) {
			t.Errorf("the sites are %s wide on a screen of %d", w, width)
		}
		if *picture != "" {
			b.Picture(fmt.Sprintf("%s.sites-%d.png", *picture, width))
		}
		b.Expect("one row a site", `String(document.querySelector("#sites-list tbody tr:nth-child(5)").getBoundingClientRect().height < 90)`, "true")
		b.Sees("#sites-list tr.details", "a_reason_without_a_space")
		b.Text(set + `(["sites-find", "store-17"])`) // axe checks each cell
		b.Expect("those that match", rows, "12")
		b.Accessible(fmt.Sprintf("the sites on a screen of %d", width))
		b.Text(set + `(["sites-find", ""])`)
	}
	b.Clean()
}

// A node that does not watch its sites has no view of them.
func TestPageHidesTheSitesOfANodeThatDoesNotCollect(t *testing.T) {
	t.Parallel()
	h := &hub{}
	server := httptest.NewServer(web.New(alone{h}, noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/"))
	b.Sees("#link", "Live")
	b.Expect("no link to the sites", `String(document.getElementById("sites-link").hidden)`, "true")
	b.Clean()
}

// alone is a node without a fleet.
type alone struct{ *hub }

func (a alone) State(ctx context.Context) (*status.State, error) {
	s, err := a.hub.State(ctx)
	s.Fleet, s.Remotes = false, []status.Remote{}
	return s, err
}

// History is empty: nothing has been recorded yet.
func (h *hub) History(context.Context, string) (*fleet.History, error) {
	return &fleet.History{Client: "hub", Day: []history.Record{}, Month: []history.Record{}}, nil
}
