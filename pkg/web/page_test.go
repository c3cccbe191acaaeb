package web_test

import (
	"crypto/tls"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

const (
	token     = "a-token-of-the-tests"
	orders    = `CREATE TABLE orders (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(30,10))`
	customers = `CREATE TABLE customers (id INT NOT NULL PRIMARY KEY, name VARCHAR(100))`
)

var (
	tables = []string{"orders", "customers"}
	views  = []string{"overview", "errors", "conflicts", "verify", "transformers", "log"}
)

// cell is the place of a table's only remote in the matrix.
func cell(table string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#matrix tbody tr")].find((r) => r.cells[0].innerText.includes(%q))?.cells[1].innerText`, table)
}

// One story with two real nodes: what a person does with the page, one thing after
// the other.
func TestPage(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	ddl := []string{orders, customers, `INSERT INTO customers VALUES (1, 'Ada')`}
	scripts := t.TempDir()
	berlin := newSite(t, broker, "berlin", []string{"boston"}, tables, ddl, map[string]any{"transformerDirectory": scripts})
	boston := newSite(t, broker, "boston", []string{"berlin"}, tables, ddl, nil)
	b := newBrowser(t)
	b.do("open the page", chromedp.Navigate(berlin.url))

	step := func(name string, f func(t *testing.T)) {
		t.Helper()
		if t.Failed() {
			return // one follows from the other
		}
		defer func() { b.t, berlin.t, boston.t = t, t, t }()
		t.Run(name, func(t *testing.T) {
			b.t, berlin.t, boston.t = t, t, t
			f(t)
			b.clean()
		})
	}
	step("it loads and is live", func(*testing.T) {
		b.sees("#client", "berlin")
		b.sees("#link", "Live")
		b.sees("#remotes", "boston")
		b.sees("#remotes .pill", "online")
		b.sees("#links", "connected")
		b.expect("the table orders", cell("orders"), "in step")
	})
	step("rows that go by are seen", func(*testing.T) {
		b.expect("a line of the chart", `document.querySelectorAll("#throughput .plot path.trace").length`, "2")
		boston.exec(`INSERT INTO orders VALUES (1, 'one', 1.5)`)
		berlin.expect(`SELECT name FROM orders`, "one")
		b.expect("the last change", cell("orders"), "ago")
		b.expect("the summary of the chart", `document.querySelector("#throughput .summary").textContent`, "Received: ")
	})
	step("a remote that goes away is seen, and what is pending for it", func(*testing.T) {
		boston.node.Stop()
		b.sees("#remotes .pill", "away")
		berlin.exec(`INSERT INTO orders VALUES (2, 'two', 2), (3, 'three', 3)`)
		b.expect("pending rows", cell("orders"), "2 pending")
		b.expect("a table without pending rows", cell("customers"), "nothing pending, away")
		b.sees("#problems", "boston")
		boston.node.Start()
		b.sees("#remotes .pill", "online")
		b.expect("nothing pending", cell("orders"), "in step")
		b.expect("no problem", `document.getElementById("problems").hidden`, "true")
	})
	step("a row that waits for another is pending, and no error", func(*testing.T) {
		boston.exec(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW
			BEGIN IF NEW.id = 5 THEN SIGNAL SQLSTATE '23000' SET MYSQL_ERRNO = 1452, MESSAGE_TEXT = 'no parent'; END IF; END`)
		berlin.exec(`INSERT INTO orders VALUES (5, 'child', 0)`)
		b.expect("the row that waits", cell("orders"), "1 pending")
		b.enter("errors")
		b.sees("#errors-list tbody .pill.wait", "waits for another row")
		b.expect("no number", `document.getElementById("count-errors").hidden`, "true")
		boston.exec(`DROP TRIGGER no`)
		boston.expect(`SELECT name FROM orders WHERE id = 5`, "child")
		b.sees("#errors-empty", "No row is refused")
		berlin.exec(`DELETE FROM orders WHERE id = 5`)
		boston.expect(`SELECT COUNT(*) FROM orders WHERE id = 5`, "0")
		b.enter("overview")
	})
	step("a refused row is shown, and goes through by Retry once its cause is mended", func(*testing.T) {
		boston.exec(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW
			BEGIN IF NEW.id = 9007199254740993 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '<b>not in boston</b>'; END IF; END`)
		berlin.exec(`INSERT INTO orders VALUES (9007199254740993, 'no', 0)`)
		b.expect("the error", cell("orders"), "1 error")
		b.enter("errors")
		b.sees("#errors-list tbody", "9007199254740993")
		b.sees("#errors-list tbody", "<b>not in boston</b>") // as text
		b.sees("#count-errors", "1")
		b.accessible("an error")
		boston.exec(`DROP TRIGGER no`)
		b.click("#errors-list tbody button")
		boston.expect(`SELECT name FROM orders WHERE id = 9007199254740993`, "no")
		b.sees("#errors-empty", "No row is refused")
		b.expect("no number", `document.getElementById("count-errors").hidden`, "true")
	})
	step("a conflict is shown with both rows, and the one that lost is put back", func(t *testing.T) {
		boston.node.Stop()
		berlin.exec(`UPDATE orders SET name = 'berlin', amount = 12345678901234567890.5 WHERE id = 1`)
		boston.exec(`UPDATE orders SET name = 'boston' WHERE id = 1`)
		boston.node.Start()
		berlin.expect(`SELECT name FROM orders WHERE id = 1`, "boston")
		boston.expect(`SELECT name FROM orders WHERE id = 1`, "boston")
		// The conflict is found where the two meet: at either.
		at := berlin
		testkit.Eventually(t, "the conflict", func() error {
			for _, at = range []*site{berlin, boston} {
				if at.value(`SELECT count(*) FROM sync_conflicts`) == "1" {
					return nil
				}
			}
			return fmt.Errorf("no site has it")
		})
		b.do("open the page", chromedp.Navigate(at.url+"#conflicts"))
		b.sees("#conflicts-list .differs", "boston")
		b.sees("#conflicts-list .differs", "berlin")
		b.sees("#conflicts-list", "12345678901234567890.5000000000")
		if n := b.text(`document.querySelectorAll("#conflicts-list .differs").length`); n != "2" {
			t.Errorf("%s columns are said to differ, want 2", n)
		}
		b.accessible("a conflict")
		b.click("#conflicts-list button")
		b.sees("#question", "Put this version back?")
		b.accessible("the question")
		b.press(kb.Escape)
		b.expect("the question to be closed", `document.getElementById("question").open`, "false")
		if got := at.value(`SELECT name FROM orders WHERE id = 1`); got != "boston" {
			t.Errorf("without a yes the row became %q", got)
		}
		b.click("#conflicts-list button")
		b.click("#question-yes")
		b.sees("#conflicts-list .pill", "put back")
		berlin.expect(`SELECT name FROM orders WHERE id = 1`, "berlin")
		boston.expect(`SELECT name FROM orders WHERE id = 1`, "berlin")
		// What was written over is kept, and comes back: only the columns that stay ticked, over what was written since.
		at.exec(`UPDATE orders SET amount = 7, name = 'later' WHERE id = 1`)
		b.click("#conflicts-list article:first-child button")
		b.sees("#question", "The row was written since the conflict")
		b.accessible("the question with columns")
		b.click(`#question input[aria-label="Put back amount"]`)
		b.click("#question-yes")
		berlin.expect(`SELECT CONCAT(name, ' ', amount + 0e0) FROM orders WHERE id = 1`, "boston 7")
		b.do("open the page", chromedp.Navigate(berlin.url+"#overview"))
		b.sees("#client", "berlin")
	})
	step("verify shows what is equal, what differs, and repairs", func(*testing.T) {
		b.enter("verify")
		b.click("#verify-start")
		b.sees("#verify-progress", "2 comparisons: all are equal.")
		b.sees("#verify-list tbody tr:last-child", "equal")
		connection, err := boston.db.Connx(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = connection.Close() }()
		for _, q := range []string{`SET @mysql_sync_applying = 'customers'`, `DELETE FROM customers WHERE id = 1`} { // behind the triggers' back
			if _, err := connection.ExecContext(b.ctx, q); err != nil {
				t.Fatal(err)
			}
		}
		b.click("#verify-start")
		b.sees("#verify-list tbody tr:first-child", "1 differ")
		b.click("#verify-list summary")
		b.sees("#verify-list details", "missing there")
		b.accessible("a difference")
		b.click("#verify-repair")
		b.click("#question-yes")
		boston.expect(`SELECT name FROM customers`, "Ada")
		b.expect("the end of the repair", `document.getElementById("verify-repair").hasAttribute("aria-busy")`, "false")
		b.click("#verify-start")
		b.sees("#verify-list tbody tr:first-child", "equal")
	})
	step("transformers are read again, and their errors are shown", func(t *testing.T) {
		script := filepath.Join(scripts, "customers.js")
		read := func(text string) {
			t.Helper()
			if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b.click("#reload")
			b.click("#question-yes")
		}
		b.enter("transformers")
		b.sees("#transformers-empty", "no transformers")
		read(`module.exports = ({entity}) => { if (entity.name === "bad") throw new Error("<i>no</i> such customer"); return entity; }`)
		b.sees("#transformers-list tbody", "customers.js")
		b.sees("#link", "Live")
		berlin.exec(`INSERT INTO customers VALUES (2, 'bad')`)
		b.sees("#transformers-list tbody .message", "<i>no</i> such customer")
		b.sees("#count-transformers", "1")
		b.accessible("a transformer that fails")
		read(`module.exports = (`)
		b.sees("#said.bad", "customers.js")
		b.forget() // the browser tells the status of the refusal
		read(`module.exports = ({entity}) => entity`)
		boston.expect(`SELECT name FROM customers WHERE id = 2`, "bad")
		b.sees("#link", "Live")
		b.forget() // the browser tells of a stream that has ended
	})
	step("a table is sent again", func(*testing.T) {
		b.enter("overview")
		b.click("#resync")
		b.sees("#resync-dialog", "orders")
		b.accessible("the question what to send")
		b.click(`#resync-dialog button[value="yes"]`)
		b.sees("#said", "is sent to all remotes again")
		b.sees("#transfers", "100 %")
	})
	step("the log follows the node, and its level is chosen", func(*testing.T) {
		b.enter("log")
		b.sees("#log-lines", "node started")
		b.do("choose a level", chromedp.SetValue(chromedp.CSS("#log-level"), "debug"),
			chromedp.Evaluate[chromedp.Void](`document.getElementById("log-level").dispatchEvent(new Event("change"))`))
		b.sees("#said", "now logs everything")
		b.expect("the level of the node", `await fetch("api/status").then((r) => r.json()).then((s) => s.logLevel)`, "debug")
		b.do("find", chromedp.SendKeys(chromedp.CSS("#log-find"), "no such line"))
		b.sees("#log-empty", "No line")
	})
	step("the theme is that of the system, or what is chosen, also after a reload", func(*testing.T) {
		b.do("reload", chromedp.Navigate(berlin.url))
		ground := `getComputedStyle(document.body).backgroundColor`
		b.expect("the light ground", ground, "rgb(244, 246, 248)")
		b.click(`.themes label:has([value="dark"])`)
		b.expect("the dark ground", ground, "rgb(14, 19, 25)")
		b.do("reload", chromedp.Reload())
		b.expect("the dark ground", ground, "rgb(14, 19, 25)")
		b.click(`.themes label:has([value="auto"])`)
		b.expect("the light ground", ground, "rgb(244, 246, 248)")
		b.dark(true)
		b.expect("the dark ground", ground, "rgb(14, 19, 25)")
		b.dark(false)
	})
	step("the keyboard is enough", func(t *testing.T) {
		for _, view := range views {
			b.enter(view)
			places := b.walk(60)
			if len(places) < 8 || places[0] != "skip" {
				t.Errorf("in %s the way is %q", view, places)
			}
		}
		b.enter("overview")
		b.do("to the beginning", chromedp.Focus(chromedp.CSS("#skip")))
		b.press(kb.Enter)
		b.expect("the content to have the focus", "document.activeElement.id", "main")
		b.do("to a link", chromedp.Focus(chromedp.CSS(`nav.views a[href="#verify"]`)))
		b.press(kb.Enter)
		b.expect("the view", "document.activeElement.id", "verify-title")
		b.do("to the button", chromedp.Focus(chromedp.CSS("#verify-repair")))
		b.press(kb.Enter)
		b.expect("the question, which is to be refused by default", "document.activeElement.id", "question-no")
		b.press(kb.Enter)
		b.expect("the focus where it was", "document.activeElement.id", "verify-repair")
	})
	step("every view is accessible, light and dark", func(*testing.T) {
		for _, isDark := range []bool{false, true} {
			b.dark(isDark)
			for _, view := range views {
				b.enter(view)
				b.accessible(fmt.Sprintf("%s, dark: %v", view, isDark))
			}
		}
		b.dark(false)
	})
	step("a phone shows all of it without going sideways", func(t *testing.T) {
		long := strings.Repeat("ORDER-4711-", 4) // with the rest at most 128 characters, as MySQL wants it
		boston.exec(`ALTER TABLE customers MODIFY id INT`, `CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW
			BEGIN IF NEW.id >= 4711 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'a_reason_without_a_space_that_is_longer_than_the_screen_of_a_phone_is_wide: `+long+`'; END IF; END`)
		berlin.exec(`INSERT INTO orders VALUES (4711, '` + long[:40] + `', 0), (900719925474099312, 'no', 0)`)
		b.enter("errors")
		b.sees("#errors-list tbody", long)
		for _, width := range []int64{360, 390} {
			b.size(width, 740)
			for _, view := range views {
				b.enter(view)
				if w := b.text("document.documentElement.scrollWidth"); w != fmt.Sprint(width) {
					t.Errorf("%s is %s wide", view, w)
				}
				// What has long texts is not wider than its frame either.
				const wide = `[...document.querySelectorAll(".view:not([hidden]) .stack")].filter((t) => t.offsetParent && t.scrollWidth > t.parentElement.clientWidth).map((t) => t.id).join()`
				if ids := b.text(wide); ids != "" {
					t.Errorf("on a screen of %d, %s goes sideways", width, ids)
				}
				b.accessible(view + " on a phone")
				if *picture != "" {
					b.picture(fmt.Sprintf("%s.%s-%d.png", *picture, view, width))
				}
			}
		}
		b.size(1280, 900)
		boston.exec(`DROP TRIGGER no`)
	})
	step("a node that is gone is told, and the page comes back by itself", func(*testing.T) {
		berlin.node.Kill()
		b.sees("#link", "No answer")
		b.sees("#said", "The node does not answer")
		b.accessible("the page without its node")
		berlin.node.Start()
		b.sees("#link", "Live")
		b.forget() // what the browser said of the node that was away
	})
}

func TestPageWithATokenAndTLS(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	certs := testkit.Certs(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	berlin := newSite(t, broker, "berlin", []string{"boston"}, tables, []string{orders, customers}, map[string]any{"http": map[string]any{
		"listen": address, "token": token, "cert": certs.ServerCert, "key": certs.ServerKey}})
	b := newBrowser(t)
	b.trust()
	b.do("open the page", chromedp.Navigate("https://"+address+"/"))
	b.sees("h1", "mysql-sync")
	b.accessible("the login form")
	b.dark(true)
	b.accessible("the login form, dark")
	b.clean()
	b.do("a wrong token", chromedp.SendKeys(chromedp.CSS("#token"), "wrong"+kb.Enter))
	b.sees("#mistake", "This is not the token")
	b.accessible("the login form with a mistake")
	b.forget() // the browser tells the status 403
	b.do("the token", chromedp.SendKeys(chromedp.CSS("#token"), token+kb.Enter))
	b.sees("#client", "berlin")
	b.sees("#link", "Live")
	if c := b.text("document.cookie"); c != "" {
		t.Errorf("scripts see the cookie %q", c)
	}
	b.click(`form[action="logout"] button`)
	b.sees("h1", "mysql-sync")
	b.expect("the form", "location.pathname", "/login")
	b.clean()
	if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is spoken")
	}
	program := &http.Client{Transport: &http.Transport{TLSClientConfig: certs.Client()}}
	for given, want := range map[string]int{"": http.StatusUnauthorized, "Bearer " + token: http.StatusOK} {
		r, err := http.NewRequest(http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", given)
		answer, err := program.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("metrics for a program: %s, want %d", answer.Status, want)
		}
	}
	if log := strings.Join(berlin.node.Log(), "\n"); strings.Contains(log, token) {
		t.Error("the token is in the log")
	}
	if !slices.ContainsFunc(berlin.node.Log(), func(l string) bool { return strings.Contains(l, "https://"+address) }) {
		t.Error("the log does not say where the page is")
	}
}

var picture = flag.String("picture", "", "write a picture of the page to this PNG file; see scripts/draw-page.sh")

// A picture of a node at work is what the documentation shows. Without the flag it
// goes to a folder that is thrown away: that it can be made is tested all the same.
func TestPicture(t *testing.T) {
	path := *picture
	if path == "" {
		t.Parallel()
		path = filepath.Join(t.TempDir(), "status-page.png")
	}
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	names := []string{"orders", "order_items", "customers", "products", "prices"}
	var ddl []string
	for _, name := range names {
		ddl = append(ddl, fmt.Sprintf("CREATE TABLE %s (id BIGINT NOT NULL PRIMARY KEY, name VARCHAR(100), amount DECIMAL(30,10))", name))
	}
	berlin := newSite(t, broker, "berlin", []string{"boston", "madrid", "osaka"}, names, append(ddl,
		`INSERT INTO products WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 400) SELECT n, 'chair', n FROM s`), nil)
	boston := newSite(t, broker, "boston", []string{"berlin"}, names, append(ddl,
		`CREATE TRIGGER no BEFORE INSERT ON customers FOR EACH ROW
		BEGIN IF NEW.id = 77 THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'customer 77 is blocked'; END IF; END`), nil)
	newSite(t, broker, "madrid", []string{"berlin"}, names, ddl, nil)
	osaka := newSite(t, broker, "osaka", []string{"berlin"}, names, ddl, nil)
	b := newBrowser(t)
	b.size(1280, 1130)
	b.do("open the page", chromedp.Navigate(berlin.url))
	b.sees("#client", "berlin")
	osaka.expect(`SELECT count(*) FROM products`, "400")
	osaka.node.Stop()
	b.sees("#problems", "osaka")
	berlin.exec(`INSERT INTO customers VALUES (77, 'blocked', 0)`)

	working := 5 // seconds
	if *picture != "" {
		working = 105 // so that the charts, of two minutes then, are full
	}
	random := rand.New(rand.NewPCG(1, 2))
	for round := range working {
		for i := range 4 + random.IntN(10) + 8*(round/30%2) {
			id := round*100 + i
			berlin.exec(fmt.Sprintf("REPLACE INTO orders VALUES (%d, 'order', %d)", id, i), fmt.Sprintf("REPLACE INTO order_items VALUES (%d, 'chair', %d)", id, i))
		}
		for i := range random.IntN(8) {
			boston.exec(fmt.Sprintf("REPLACE INTO prices VALUES (%d, 'chair', %d)", random.IntN(100), i))
		}
		seen := b.text(`document.querySelectorAll("#throughput .plot path.trace")[0]?.getAttribute("d").length`)
		b.changes(`document.querySelectorAll("#throughput .plot path.trace")[0]?.getAttribute("d").length`, seen) // a second
	}
	b.expect("the error", `document.getElementById("matrix").innerText`, "1 error")
	b.picture(path)
	if info, err := os.Stat(path); err != nil || info.Size() < 20_000 || info.Size() > 300_000 {
		t.Errorf("the picture: %v, %v", info, err)
	}
	b.clean()
}

// A remote that was never there is not shown in green.
func TestPageSaysWhoWasNeverSentATable(t *testing.T) {
	t.Parallel()
	site := newSite(t, testkit.Mosquitto(t, testkit.MosquittoOptions{}), "berlin", []string{"nobody"}, tables, []string{orders, customers, `INSERT INTO customers VALUES (1, 'Ada')`}, nil)
	b := newBrowser(t)
	b.do("open the page", chromedp.Navigate(site.url))
	b.expect("the table orders", cell("orders"), "never sent")
	b.sees("#remotes .pill", "never there")
	b.sees("#remotes", fmt.Sprintf("%d tables never sent", len(tables)))
	b.sees("#figures", "Never sent")
	b.expect("no green cell", `String(document.querySelectorAll("#matrix .good").length)`, "0")
	site.exec(`INSERT INTO orders VALUES (1, 'one', 1)`)
	b.expect("what is pending", cell("orders"), "1 pending")
	b.clean()
}
