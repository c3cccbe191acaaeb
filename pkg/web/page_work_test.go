package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func verifiesAndRepairs(t *testing.T, p *page) {
	p.Enter("verify")
	p.Click("#verify-start")
	p.Sees("#verify-progress", "2 comparisons: all are equal.")
	p.Sees("#verify-list tbody tr:last-child", "equal")
	connection, err := p.boston.DB.Connx(p.Context)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	for _, q := range []string{`SET @mysql_sync_applying = 'customers'`, `DELETE FROM customers WHERE id = 1`} { // without firing the triggers
		if _, err := connection.ExecContext(p.Context, q); err != nil {
			t.Fatal(err)
		}
	}
	p.Click("#verify-start")
	p.Sees("#verify-list tbody tr:first-child", "1 differ")
	p.Click("#verify-list summary")
	p.Sees("#verify-list details", "missing there")
	p.Accessible("a difference")
	p.Click("#verify-repair")
	p.Click("#question-yes")
	p.boston.Expect(`SELECT name FROM customers WHERE id = 1`, `"Ada"`)
	p.Expect("the end of the repair", `document.getElementById("verify-repair").hasAttribute("aria-busy")`, "false")
	p.Click("#verify-start")
	p.Sees("#verify-list tbody tr:first-child", "equal")
}

func readsTransformersAgain(t *testing.T, p *page) {
	script := filepath.Join(p.scripts, "customers.js")
	read := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.Click("#reload")
		p.Click("#question-yes")
	}
	p.Enter("transformers")
	p.Sees("#transformers-empty", "no transformers")
	read(`module.exports = ({entity}) => { if (entity.name === "bad") throw new Error("<i>no</i> such customer"); return entity; }`)
	p.Sees("#transformers-list tbody", "customers.js")
	p.Sees("#link", "Live")
	p.berlin.Exec(`INSERT INTO customers VALUES (2, 'bad')`)
	p.Sees("#transformers-list tbody .message", "<i>no</i> such customer")
	p.Sees("#count-transformers", "1")
	p.Accessible("a transformer that fails")
	read(`module.exports = (`)
	p.Sees("#said.bad", "customers.js")
	p.Forget() // the browser logs the status of the refusal
	read(`module.exports = ({entity}) => entity`)
	p.boston.Expect(`SELECT name FROM customers WHERE id = 2`, `"bad"`)
	p.Sees("#link", "Live")
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
	p.Click("#reload")
	p.Click("#question-yes")
	p.Sees("#transformers-empty", "no transformers")
	p.Sees("#link", "Live")
	p.Forget() // the browser logs the end of a stream
}

func sendsATableAgain(t *testing.T, p *page) {
	p.Click("#resync")
	p.Sees("#resync-dialog", "orders")
	p.Accessible("the question what to send")
	p.Click(`#resync-dialog button[value="yes"]`)
	p.Sees("#said", "is sent to all remotes again")
	p.Sees("#transfers", "100 %")
}

func followsTheLog(t *testing.T, p *page) {
	p.Enter("log")
	p.Sees("#diagnostics", "Download diagnostics")
	p.Expect("what it downloads", `(await fetch(document.getElementById("diagnostics").href)).headers.get("content-type")`, "application/zip")
	p.Sees("#log-lines", "node started")
	p.Do("choose a level", chromedp.SetValue(chromedp.CSS("#log-level"), "debug"),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("log-level").dispatchEvent(new Event("change"))`))
	p.Sees("#said", "now logs everything")
	p.Expect("the level of the node", `await fetch("api/status").then((r) => r.json()).then((s) => s.logLevel)`, "debug")
	p.Do("find", chromedp.SendKeys(chromedp.CSS("#log-find"), "no such line"))
	p.Sees("#log-empty", "No log lines")
}

func pausesAndResumes(t *testing.T, p *page) {
	p.Sees("#pauses-empty", "Nothing is paused")
	p.Click("#pause")
	p.Sees("#pause-dialog", "all remotes")
	p.Click(`#pause-dialog button[value=""]`)
	p.Expect("the question to be closed", `document.getElementById("pause-dialog").open`, "false")
	p.Click("#pause")
	p.Sees("#pause-dialog", "all remotes")
	p.Accessible("the question what to pause")
	p.Do("a reason", chromedp.SetValue(chromedp.CSS("#pause-reason"), "<b>new</b> column"), chromedp.SetValue(chromedp.CSS("#pause-for"), "7200"))
	p.Do("to the reason", chromedp.Focus(chromedp.CSS("#pause-reason")))
	p.Press(kb.Enter) // is not to cancel
	p.Sees("#pauses", "all tables to all remotes")
	p.Sees("#pauses", "<b>new</b> column") // as text
	p.Sees("#pauses", "goes on in")
	p.Sees("#remotes .pill", "paused")
	p.berlin.Exec(`INSERT INTO orders VALUES (77, 'paused', 0)`)
	p.Expect("the row that waits", cell("orders"), "1 pending, paused")
	p.Expect("a table without pending rows", cell("customers"), "paused")
	p.Accessible("a pause")
	p.Click("#pauses button")
	p.boston.Expect(`SELECT name FROM orders WHERE id = 77`, `"paused"`)
	p.Sees("#pauses-empty", "Nothing is paused")
	p.Sees("#remotes .pill", "online")
	p.berlin.Exec(`DELETE FROM orders WHERE id = 77`)
	p.boston.Expect(`SELECT COUNT(*) FROM orders WHERE id = 77`, "0")
}
