package web_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

func verifiesAndRepairs(t *testing.T, p *page) {
	p.enter("verify")
	p.click("#verify-start")
	p.sees("#verify-progress", "2 comparisons: all are equal.")
	p.sees("#verify-list tbody tr:last-child", "equal")
	connection, err := p.boston.DB.Connx(p.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	for _, q := range []string{`SET @mysql_sync_applying = 'customers'`, `DELETE FROM customers WHERE id = 1`} { // behind the triggers' back
		if _, err := connection.ExecContext(p.ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	p.click("#verify-start")
	p.sees("#verify-list tbody tr:first-child", "1 differ")
	p.click("#verify-list summary")
	p.sees("#verify-list details", "missing there")
	p.accessible("a difference")
	p.click("#verify-repair")
	p.click("#question-yes")
	p.boston.Expect(`SELECT name FROM customers WHERE id = 1`, `"Ada"`)
	p.expect("the end of the repair", `document.getElementById("verify-repair").hasAttribute("aria-busy")`, "false")
	p.click("#verify-start")
	p.sees("#verify-list tbody tr:first-child", "equal")
}

func readsTransformersAgain(t *testing.T, p *page) {
	script := filepath.Join(p.scripts, "customers.js")
	read := func(text string) {
		t.Helper()
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.click("#reload")
		p.click("#question-yes")
	}
	p.enter("transformers")
	p.sees("#transformers-empty", "no transformers")
	read(`module.exports = ({entity}) => { if (entity.name === "bad") throw new Error("<i>no</i> such customer"); return entity; }`)
	p.sees("#transformers-list tbody", "customers.js")
	p.sees("#link", "Live")
	p.berlin.Exec(`INSERT INTO customers VALUES (2, 'bad')`)
	p.sees("#transformers-list tbody .message", "<i>no</i> such customer")
	p.sees("#count-transformers", "1")
	p.accessible("a transformer that fails")
	read(`module.exports = (`)
	p.sees("#said.bad", "customers.js")
	p.forget() // the browser tells the status of the refusal
	read(`module.exports = ({entity}) => entity`)
	p.boston.Expect(`SELECT name FROM customers WHERE id = 2`, `"bad"`)
	p.sees("#link", "Live")
	if err := os.Remove(script); err != nil {
		t.Fatal(err)
	}
	p.click("#reload")
	p.click("#question-yes")
	p.sees("#transformers-empty", "no transformers")
	p.sees("#link", "Live")
	p.forget() // the browser tells of a stream that has ended
}

func sendsATableAgain(t *testing.T, p *page) {
	p.click("#resync")
	p.sees("#resync-dialog", "orders")
	p.accessible("the question what to send")
	p.click(`#resync-dialog button[value="yes"]`)
	p.sees("#said", "is sent to all remotes again")
	p.sees("#transfers", "100 %")
}

func followsTheLog(t *testing.T, p *page) {
	p.enter("log")
	p.sees("#log-lines", "node started")
	p.do("choose a level", chromedp.SetValue(chromedp.CSS("#log-level"), "debug"),
		chromedp.Evaluate[chromedp.Void](`document.getElementById("log-level").dispatchEvent(new Event("change"))`))
	p.sees("#said", "now logs everything")
	p.expect("the level of the node", `await fetch("api/status").then((r) => r.json()).then((s) => s.logLevel)`, "debug")
	p.do("find", chromedp.SendKeys(chromedp.CSS("#log-find"), "no such line"))
	p.sees("#log-empty", "No log lines")
}
