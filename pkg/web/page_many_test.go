package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/status"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
	"github.com/mysql-sync/mysql-sync/pkg/web"
)

// crowded is a hub with 300 remotes or fewer, and some tables.
type crowded struct {
	*hub
	tables int
}

func (h crowded) State(ctx context.Context) (*status.State, error) {
	s, err := h.hub.State(ctx)
	if err != nil {
		return nil, err
	}
	for i := range h.tables {
		s.Tables = append(s.Tables, status.Table{Name: fmt.Sprintf("a_table_of_the_shop_%d", i+1), Sends: true, Receives: i%2 == 0, Policy: "lastWriteWins"})
	}
	ago := s.Now.Add(-time.Hour)
	for _, r := range s.Remotes {
		for i, t := range s.Tables {
			x := status.Stream{Table: t.Name, Remote: r.Name, Standing: "in step", Last: &s.Now}
			if i == 3 && r.Name == "store-5" {
				x.Standing, x.Pending.Rows, x.Errors = "pending", 12, 2
			}
			s.Streams = append(s.Streams, x)
			s.Transfers = append(s.Transfers, status.Transfer{Table: t.Name, Remote: r.Name, Mode: "missing", Done: 10, Total: 10, Started: ago, Finished: &s.Now})
		}
	}
	s.Transfers[0].Finished = nil
	s.Remotes[4].Errors, s.Remotes[4].Pending.Rows = 2, 12
	for i := range min(100, len(s.Remotes)) {
		s.Problems = append(s.Problems, fmt.Sprintf("%d rows for store-%d are refused: mysql-sync errors says why.", i%3+1, i+1))
	}
	s.Problems = append(s.Problems, "the broker denies this node a topic")
	return s, nil
}

// 60 tables × 40 remotes, and 300 sites, stay usable on a desktop and on a phone: the page itself never scrolls sideways, headings
// stay, finished work is folded, one problem of many sites is said once, with a link, and what is drawn is bounded.
func TestPageHoldsManyTablesAndSites(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ sites, tables int }{{40, 60}, {300, 8}} {
		t.Run(fmt.Sprintf("%d tables × %d sites", x.tables, x.sites), func(t *testing.T) {
			t.Parallel()
			h := crowded{newHub(x.sites), x.tables}
			server := httptest.NewServer(web.New(h, noLines{}, http.NotFoundHandler()).Page("", true))
			t.Cleanup(server.Close)
			b := browser.New(t)
			for _, size := range [][2]int64{{1280, 800}, {390, 844}} {
				what := fmt.Sprintf("%d×%d", size[0], size[1])
				b.Size(size[0], size[1])
				b.Do("open the page", chromedp.Navigate(server.URL+"/#overview"), chromedp.Reload())
				b.Sees("#link", "Live")
				b.Sees("#remotes", "store-5")
				few := func(view string, most int) {
					if n, err := strconv.Atoi(b.Text(`document.querySelectorAll("*").length`)); err != nil || n > most {
						t.Errorf("%s, %s: %d elements, %v", what, view, n, err)
					}
					if w := b.Text("document.documentElement.scrollWidth"); w != fmt.Sprint(size[0]) {
						t.Errorf("%s, %s: the page is %s wide", what, view, w)
					}
					if *picture != "" {
						b.Picture(fmt.Sprintf("%s.many-%d-%s-%d.png", *picture, x.sites, view, size[0]))
					}
				}
				few("overview", 9000)
				// One problem of many sites is one line, and a link to where it is mended.
				b.Expect("the problems", `document.querySelectorAll("#problems li").length`, "2")
				b.Sees("#problems", fmt.Sprintf("%d sites", min(100, x.sites)))
				b.Expect("the link", `document.querySelector("#problems li a")?.getAttribute("href")`, "#errors")
				// Finished transfers are folded.
				b.Expect("what is being sent", `document.querySelectorAll("#transfers tbody tr").length`, "1")
				b.Sees("#transfers-more", fmt.Sprint("Show ", comma(x.sites*x.tables-1), " finished"))
				// Of the many cells, those with work come first.
				b.Sees("#matrix tbody tr:first-child", "a_table_of_the_shop_4")
				for box, head := range map[string]string{"#matrix": "#matrix thead th", "#remotes": "#remotes thead th"} {
					b.Expect("the headings of "+box, fmt.Sprintf(`(() => {
						const box = document.querySelector(%q).parentElement;
						box.scrollTop = 100000;
						return box.scrollHeight <= box.clientHeight ? "0: it does not scroll" : Math.round(document.querySelector(%q).getBoundingClientRect().top - box.getBoundingClientRect().top);
					})()`, box, head), "0")
				}
				b.Enter("sites")
				b.Expect("a row per site", `document.querySelectorAll("#sites-list tbody tr").length`, strconv.Itoa(x.sites+1))
				few("sites", 18000)
			}
			b.Clean()
		})
	}
}

func comma(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d,%03d", n/1000, n%1000)
}
