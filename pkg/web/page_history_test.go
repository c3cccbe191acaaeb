package web_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/fleet"
	"github.com/mysql-sync/mysql-sync/pkg/history"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// recordedHub is a hub with a history of itself and of the first of its sites.
type recordedHub struct {
	*hub
	directory string
}

func newRecordedHub(t *testing.T) *recordedHub {
	t.Helper()
	h := &recordedHub{newHub(20), t.TempDir()}
	f, _, _, err := history.Open(history.Path(h.directory, "hub"), "hub")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Now()
	step := 20 * time.Minute
	for at := now.Add(-12 * 24 * time.Hour); at.Before(now); at = at.Add(step) {
		before := now.Sub(at)
		if before < 26*time.Hour {
			step = time.Minute
		}
		busy := int64(600 * (1 + math.Sin(before.Hours()/24*2*math.Pi)))
		for site, s := range map[string]history.Sample{
			"hub":     {Sent: busy, Received: busy / 3, Waits: busy / 20, Online: 20, Remotes: 20, FreeDisk: 1 << 40},
			"store-1": {Sent: busy, Received: busy / 5, Waits: busy / 10, Pending: busy, Offline: before < 5*time.Hour && before > 3*time.Hour, FreeDisk: 1 << 30},
		} {
			if err := f.Add(site, at, s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return h
}

func (h *recordedHub) History(_ context.Context, site string) (*fleet.History, error) {
	x, err := fleet.ReadHistory(h.directory, "hub", site, time.Now())
	if errors.Is(err, history.ErrNone) {
		return &fleet.History{Day: []history.Record{}, Month: []history.Record{}}, nil
	}
	return x, err
}

// The charts show ten minutes, a day or 30 days; an expanded site has its own, and says when it was last offline.
func TestPageShowsTheHistory(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(web.New(newRecordedHub(t), noLines{}, http.NotFoundHandler()).Page("", true))
	t.Cleanup(server.Close)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(server.URL+"/"))
	b.Sees("#throughput", "Sent")
	for span, words := range map[string]string{"day": "1 d ago", "month": "30 d ago"} {
		b.Click(`#spans label:has([value="` + span + `"])`)
		b.Expect("the axis", `document.querySelector("#throughput .plot").textContent`, words)
		b.Expect("the axis of the lag", `document.querySelector("#lag .plot").textContent`, words)
		b.Expect("a line", `String(document.querySelector("#throughput .plot path.trace").getAttribute("d").length > 1000)`, "true")
		b.Accessible("the charts of a " + span)
		if *picture != "" {
			b.Picture(fmt.Sprintf("%s.%s.png", *picture, span))
		}
	}
	b.Click(`#spans label:has([value="live"])`)
	b.Expect("the axis", `document.querySelector("#throughput .plot").textContent`, "1 min ago")

	b.Enter("sites")
	b.Text(`(([id, value]) => { const e = document.getElementById(id); e.value = value; e.dispatchEvent(new Event("input")); })(["sites-sort", "name"])`)
	b.Sees("#sites-list tbody tr:nth-child(2)", "store-1")
	b.Click("#sites-list tbody tr:nth-child(2) button.open")
	b.Expect("when it was last offline", `String(/Last offline about (2 h 5\d min|3 h( \d min)?) ago, for about (1 h 5\d min|2 h)/.test(document.querySelector("#sites-list tr.details")?.innerText))`, "true")
	b.Expect("a line", `String(document.querySelector("#sites-list .details .plot path.trace").getAttribute("d").length > 1000)`, "true")
	b.Click(`#sites-list .details label:has([value="month"])`)
	b.Expect("the axis", `document.querySelector("#sites-list .details .plot").textContent`, "30 d ago")
	b.Text(`(() => { const e = document.querySelector("#sites-list .details select"); e.value = "offline"; e.dispatchEvent(new Event("input")); })()`)
	b.Sees("#sites-list .details .legend", "Offline")
	b.Click("#sites-list tbody tr:nth-child(4) button.open")
	b.Expect("what nobody recorded", `document.querySelectorAll("#sites-list .details .plot")[1]?.textContent`, "Nothing recorded yet")
	for _, width := range []int64{1280, 390} {
		b.Size(width, 844)
		b.Accessible("a site's history")
		if w := b.Text("document.documentElement.scrollWidth"); w != fmt.Sprint(width) {
			t.Errorf("the sites are %s wide on a screen of %d", w, width)
		}
		if *picture != "" {
			b.Picture(fmt.Sprintf("%s.site-%d.png", *picture, width))
		}
	}
	b.Clean()
}
