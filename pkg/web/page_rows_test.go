package web_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// refuse makes boston refuse rows of the table orders until mend is called.
func (p *page) refuse(t *testing.T, rows, signal string) (mend func()) {
	p.boston.Exec(fmt.Sprintf(`CREATE TRIGGER no BEFORE INSERT ON orders FOR EACH ROW BEGIN IF %s THEN SIGNAL %s; END IF; END`, rows, signal))
	mend = sync.OnceFunc(func() { p.boston.Exec(`DROP TRIGGER no`) })
	t.Cleanup(mend)
	return mend
}

// away stops boston until back is called.
func (p *page) away(t *testing.T) (back func()) {
	p.boston.Stop()
	back = sync.OnceFunc(p.boston.Start)
	t.Cleanup(back)
	return back
}

func showsRowsThatGoBy(t *testing.T, p *page) {
	p.Expect("a line of the chart", `document.querySelectorAll("#throughput .plot path.trace").length`, "2")
	p.boston.Exec(`INSERT INTO orders VALUES (1, 'one', 1.5)`)
	p.berlin.Expect(`SELECT name FROM orders WHERE id = 1`, `"one"`)
	p.Expect("the last change", cell("orders"), "ago")
	p.Expect("the summary of the chart", `document.querySelector("#throughput .summary").textContent`, "Received: ")
}

func showsARemoteThatIsAway(t *testing.T, p *page) {
	back := p.away(t)
	p.Sees("#remotes .pill", "away")
	p.berlin.Exec(`INSERT INTO orders VALUES (2, 'two', 2), (3, 'three', 3)`)
	p.Expect("pending rows", cell("orders"), "2 pending")
	p.Expect("a table without pending rows", cell("customers"), "nothing pending, away")
	p.Sees("#problems", "boston")
	back()
	p.Sees("#remotes .pill", "online")
	p.Expect("nothing pending", cell("orders"), "in step")
	p.Expect("no problem", `document.getElementById("problems").hidden`, "true")
}

func showsARowThatWaits(t *testing.T, p *page) {
	mend := p.refuse(t, `NEW.id = 5`, `SQLSTATE '23000' SET MYSQL_ERRNO = 1452, MESSAGE_TEXT = 'no parent'`)
	p.berlin.Exec(`INSERT INTO orders VALUES (5, 'child', 0)`)
	p.Expect("the row that waits", cell("orders"), "1 pending")
	p.Enter("errors")
	p.Sees("#errors-list tbody .pill.wait", "waits for another row")
	p.Expect("no number", `document.getElementById("count-errors").hidden`, "true")
	mend()
	p.boston.Expect(`SELECT name FROM orders WHERE id = 5`, `"child"`)
	p.Sees("#errors-empty", "No refused rows")
	p.berlin.Exec(`DELETE FROM orders WHERE id = 5`)
	p.boston.Expect(`SELECT COUNT(*) FROM orders WHERE id = 5`, "0")
}

func retriesARefusedRow(t *testing.T, p *page) {
	mend := p.refuse(t, `NEW.id = 9007199254740993`, `SQLSTATE '45000' SET MESSAGE_TEXT = '<b>not in boston</b>'`)
	p.berlin.Exec(`INSERT INTO orders VALUES (9007199254740993, 'no', 0)`)
	p.Expect("the error", cell("orders"), "1 error")
	p.Enter("errors")
	p.Sees("#errors-list tbody", "9007199254740993")
	p.Sees("#errors-list tbody", "<b>not in boston</b>") // as text
	p.Sees("#count-errors", "1")
	p.Accessible("an error")
	mend()
	p.Click("#errors-list tbody button")
	p.boston.Expect(`SELECT name FROM orders WHERE id = 9007199254740993`, `"no"`)
	p.Sees("#errors-empty", "No refused rows")
	p.Expect("no number", `document.getElementById("count-errors").hidden`, "true")
}

func putsBackWhatLost(t *testing.T, p *page) {
	p.berlin.Exec(`INSERT INTO orders VALUES (6, 'six', 1.5)`)
	p.boston.Expect(`SELECT name FROM orders WHERE id = 6`, `"six"`)
	p.berlin.Expect(testkit.Unsettled, "0")
	back := p.away(t)
	p.berlin.Exec(`UPDATE orders SET name = 'berlin', amount = 12345678901234567890.5 WHERE id = 6`)
	p.boston.Exec(`UPDATE orders SET name = 'boston' WHERE id = 6`)
	back()
	p.berlin.Expect(`SELECT name FROM orders WHERE id = 6`, `"boston"`)
	p.boston.Expect(`SELECT name FROM orders WHERE id = 6`, `"boston"`)
	// The conflict is found where the writes meet: at either node.
	at := p.berlin
	testkit.Eventually(t, "the conflict", func() error {
		for _, at = range []*site{p.berlin, p.boston} {
			if n, err := at.Rows(`SELECT COUNT(*) FROM sync_conflicts`); err != nil || n != "0\n" {
				return err
			}
		}
		return errors.New("no site has it")
	})
	p.Do("open the page", chromedp.Navigate(at.url+"#conflicts"))
	p.Sees("#conflicts-list .differs", "boston")
	p.Sees("#conflicts-list .differs", "berlin")
	p.Sees("#conflicts-list", "12345678901234567890.5000000000")
	if n := p.Text(`document.querySelectorAll("#conflicts-list .differs").length`); n != "2" {
		t.Errorf("%s columns are marked as different, want 2", n)
	}
	p.Accessible("a conflict")
	p.Click("#conflicts-list button")
	p.Sees("#question", "Put this version back?")
	p.Accessible("the question")
	p.Press(kb.Escape)
	p.Expect("the question to be closed", `document.getElementById("question").open`, "false")
	if got, err := at.Rows(`SELECT name FROM orders WHERE id = 6`); err != nil || got != "\"boston\"\n" {
		t.Errorf("without confirmation the row became %s (%v)", got, err)
	}
	p.Click("#conflicts-list button")
	p.Click("#question-yes")
	p.Sees("#conflicts-list .pill", "put back")
	p.berlin.Expect(`SELECT name FROM orders WHERE id = 6`, `"berlin"`)
	p.boston.Expect(`SELECT name FROM orders WHERE id = 6`, `"berlin"`)
	// An overwritten row is kept and can be restored: only the ticked columns, over what was written since.
	p.Sees("#conflicts-list article:first-child", "overwritten when another version was put back")
	at.Exec(`UPDATE orders SET amount = 7, name = 'later' WHERE id = 6`)
	p.Click("#conflicts-list article:first-child button")
	p.Sees("#question", "The row was written since the conflict")
	p.Accessible("the question with columns")
	p.Click(`#question input[aria-label="Put back amount"]`)
	p.Click("#question-yes")
	p.berlin.Expect(`SELECT CONCAT(name, ' ', amount + 0e0) FROM orders WHERE id = 6`, `"boston 7"`)

	// They are found by a text, kept next to each other, put aside, and listed again.
	articles := `document.querySelectorAll("#conflicts-list article").length`
	p.fill("conflicts-find", "nobody")
	p.Expect("no conflict of nobody", articles, "0") // or the next list would be counted before it is read
	p.Sees("#conflicts-empty", "No conflicts.")
	p.fill("conflicts-find", "berlin")
	p.Expect("the conflicts of the row", articles+` >= 2`, "true")
	few, err := strconv.Atoi(p.Text(articles))
	if err != nil {
		t.Fatal(err)
	}
	p.Click(`#conflicts-list article:first-child [aria-label^="Dismiss"]`)
	p.Sees("#said-politely", "1 conflict is dismissed")
	p.Expect("the others, or a click would land where the next one moves to", articles, strconv.Itoa(few-1))
	p.Click("#conflicts-dismissed")
	p.Expect("the dismissed one", articles, "1")
	p.Click(`#conflicts-list article:first-child [aria-label^="List again"]`)
	p.Expect("no dismissed one", articles, "0")
	p.Click("#conflicts-dismissed")
	p.fill("conflicts-find", "later")
	p.Sees("#conflicts-list article:first-child", "later")
	p.Click(`#conflicts-list article:first-child [aria-label^="Keep both"]:not([hidden])`)
	p.Sees("#question", "Keep both rows?")
	p.Accessible("the question for a key")
	p.Expect("a key with commas in its values", `JSON.stringify((await import("./static/conflicts.js")).newKey(String.raw`+"`a=x\\,y\\\\, b==1,`"+`))`, `{"a":"x,y\\","b":"=1"}`)
	p.Do("give a key", chromedp.SendKeys("#question input", "id=66"))
	p.Click("#question-yes")
	p.Sees("#said-politely", "The row that lost is now row 66 of orders.")
	p.berlin.Expect(`SELECT COUNT(*) FROM orders WHERE id = 66`, `1`)
	p.boston.Expect(`SELECT COUNT(*) FROM orders WHERE id = 66`, `1`)
	p.Sees("#conflicts-list article:first-child .pill", "inserted as 66")
	p.Click(`#conflicts-list article:first-child [aria-label^="Show row 6 "]`)
	p.Sees("#row-result", "there")
	p.Sees("#row-result", "same")
	p.Accessible("a row at all sites")
}

// fill gives a field a value, as if it had been typed.
func (p *page) fill(id, value string) {
	p.Do("fill in "+id, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const f = document.getElementById(%q); f.value = %q; f.dispatchEvent(new Event("input")); true }`, id, value)))
}

// One row is looked up by its id, here and at the remote.
func showsARowAtAllSites(t *testing.T, p *page) {
	p.berlin.Exec(`INSERT INTO orders VALUES (61, 'sixty-one', NULL)`)
	p.boston.Expect(`SELECT name FROM orders WHERE id = 61`, `"sixty-one"`)
	tx := p.boston.DB.MustBegin()
	tx.MustExec(`SET @mysql_sync_applying = 'orders'`) // without firing the triggers
	tx.MustExec(`UPDATE orders SET name = '<i>elsewhere</i>' WHERE id = 61`)
	tx.MustExec(`SET @mysql_sync_applying = NULL`)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	p.Enter("row")
	p.fill("row-table", "orders")
	p.fill("row-id", "61")
	p.Click("#row-show")
	p.Sees("#row-result", "written")
	p.Sees("#row-result", "differs")
	p.Sees("#row-result", "name is sixty-one here and <i>elsewhere</i> there")
	p.Accessible("a row that differs")
	p.fill("row-id", "4711")
	p.Click("#row-show")
	p.Sees("#row-result", "never been here")
	p.berlin.Exec(`DELETE FROM orders WHERE id = 61`)
	p.boston.Expect(`SELECT COUNT(*) FROM orders WHERE id = 61`, "0")
}
