package web_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

const (
	token     = "a-token-of-the-tests"
	orders    = `CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(30,10))`
	customers = `CREATE TABLE customers (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`
)

var (
	tables = []string{"orders", "customers"}
	views  = []string{"overview", "errors", "conflicts", "row", "verify", "transformers", "log"}
)

// cell is the matrix cell of a table with a single remote.
func cell(table string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#matrix tbody tr")].find((r) => r.cells[0].innerText.includes(%q))?.cells[1].innerText`, table)
}

// page is the page of berlin, one of two nodes, in a browser.
type page struct {
	*browser.Browser
	berlin, boston *site
	scripts        string // the folder of berlin's transformers
}

// TestPage uses the page as a person would. Its tests share the nodes and the browser, which take longer to start than most
// tests; none depends on another.
func TestPage(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	ddl := []string{orders, customers, `INSERT INTO customers VALUES (1, 'Ada')`}
	p := &page{Browser: browser.New(t), scripts: t.TempDir()}
	p.berlin = newSite(t, broker, "berlin", []string{"boston"}, tables, ddl, map[string]any{"transformerDirectory": p.scripts})
	p.boston = newSite(t, broker, "boston", []string{"berlin"}, tables, ddl, nil)
	for _, s := range []*site{p.berlin, p.boston} {
		s.Expect(`SELECT COUNT(*) FROM sync_snapshots WHERE finished_at IS NOT NULL`, "2") // nothing is in flight
	}
	for _, x := range []struct {
		what string
		test func(*testing.T, *page)
	}{
		{"it loads and is live", isLive},
		{"rows that go by are seen", showsRowsThatGoBy},
		{"a remote that goes away is seen, and what is pending for it", showsARemoteThatIsAway},
		{"a row that waits for another is pending, and no error", showsARowThatWaits},
		{"a refused row is shown, and goes through by Retry once its cause is mended", retriesARefusedRow},
		{"a conflict is shown with both rows, and the one that lost is put back", putsBackWhatLost},
		{"a row is shown at all sites", showsARowAtAllSites},
		{"verify shows what is equal, what differs, and repairs", verifiesAndRepairs},
		{"transformers are read again, and their errors are shown", readsTransformersAgain},
		{"a table is sent again", sendsATableAgain},
		{"sending is paused and resumed", pausesAndResumes},
		{"the log follows the node, and its level is chosen", followsTheLog},
		{"the theme is that of the system, or what is chosen, also after a reload", hasThemes},
		{"the keyboard is enough", needsNoMouse},
		{"every view is accessible, light and dark", isAccessible},
		{"a phone shows all of it without going sideways", fitsAPhone},
		{"a node that is gone is told, and the page comes back by itself", comesBack},
	} {
		t.Run(x.what, func(t *testing.T) {
			p.T, p.berlin.TB, p.boston.TB = t, t, t
			p.Do("open the page", chromedp.Navigate(p.berlin.url))
			p.Sees("#link", "Live")
			x.test(t, p)
			p.Clean()
		})
	}
}

func isLive(t *testing.T, p *page) {
	p.Sees("#client", "berlin")
	p.Sees("#link", "Live")
	p.Sees("#remotes", "boston")
	p.Sees("#remotes .pill", "online")
	p.Sees("#links", "connected")
	p.Expect("the table orders", cell("orders"), "in step")
}

// A remote that was never online is not shown in green.
func TestPageSaysWhoWasNeverSentATable(t *testing.T) {
	t.Parallel()
	site := newSite(t, testkit.Mosquitto(t, testkit.MosquittoOptions{}), "berlin", []string{"nobody"}, tables, []string{orders, customers, `INSERT INTO customers VALUES (1, 'Ada')`}, nil)
	b := browser.New(t)
	b.Do("open the page", chromedp.Navigate(site.url))
	b.Expect("the table orders", cell("orders"), "never sent")
	b.Sees("#remotes .pill", "never there")
	b.Sees("#remotes", fmt.Sprintf("%d tables never sent", len(tables)))
	b.Sees("#figures", "Never sent")
	b.Expect("no green cell", `String(document.querySelectorAll("#matrix .good").length)`, "0")
	site.Exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	b.Expect("what is pending", cell("orders"), "1 pending")
	b.Clean()
}
