package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func hasThemes(t *testing.T, p *page) {
	p.do("reload", chromedp.Navigate(p.berlin.url))
	ground := `getComputedStyle(document.body).backgroundColor`
	p.expect("the light ground", ground, "rgb(244, 246, 248)")
	p.click(`.themes label:has([value="dark"])`)
	p.expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.do("reload", chromedp.Reload())
	p.expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.click(`.themes label:has([value="auto"])`)
	p.expect("the light ground", ground, "rgb(244, 246, 248)")
	p.dark(true)
	p.expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.dark(false)
}

func needsNoMouse(t *testing.T, p *page) {
	for _, view := range views {
		p.enter(view)
		places := p.walk(60)
		if len(places) < 8 || places[0] != "skip" {
			t.Errorf("in %s the way is %q", view, places)
		}
	}
	p.enter("overview")
	p.do("to the beginning", chromedp.Focus(chromedp.CSS("#skip")))
	p.press(kb.Enter)
	p.expect("the content to have the focus", "document.activeElement.id", "main")
	p.do("to a link", chromedp.Focus(chromedp.CSS(`nav.views a[href="#verify"]`)))
	p.press(kb.Enter)
	p.expect("the view", "document.activeElement.id", "verify-title")
	p.do("to the button", chromedp.Focus(chromedp.CSS("#verify-repair")))
	p.press(kb.Enter)
	p.expect("the question, which is to be refused by default", "document.activeElement.id", "question-no")
	p.press(kb.Enter)
	p.expect("the focus where it was", "document.activeElement.id", "verify-repair")
}

func isAccessible(t *testing.T, p *page) {
	for _, isDark := range []bool{false, true} {
		p.dark(isDark)
		for _, view := range views {
			p.enter(view)
			p.accessible(fmt.Sprintf("%s, dark: %v", view, isDark))
		}
	}
	p.dark(false)
}

func fitsAPhone(t *testing.T, p *page) {
	long := strings.Repeat("ORDER-4711-", 4) // with the rest at most 128 characters, as MySQL wants it
	mend := p.refuse(t, `NEW.id IN (4711, 900719925474099312)`,
		`SQLSTATE '45000' SET MESSAGE_TEXT = 'a_reason_without_a_space_that_is_longer_than_the_screen_of_a_phone_is_wide: `+long+`'`)
	p.berlin.Exec(`INSERT INTO orders VALUES (4711, '` + long[:40] + `', 0), (900719925474099312, 'no', 0)`)
	p.enter("errors")
	p.sees("#errors-list tbody", long)
	for _, width := range []int64{360, 390} {
		p.size(width, 740)
		for _, view := range views {
			p.enter(view)
			if w := p.text("document.documentElement.scrollWidth"); w != fmt.Sprint(width) {
				t.Errorf("%s is %s wide", view, w)
			}
			// What has long texts is not wider than its frame either.
			const wide = `[...document.querySelectorAll(".view:not([hidden]) .stack")].filter((t) => t.offsetParent && t.scrollWidth > t.parentElement.clientWidth).map((t) => t.id).join()`
			if ids := p.text(wide); ids != "" {
				t.Errorf("on a screen of %d, %s goes sideways", width, ids)
			}
			p.accessible(view + " on a phone")
			if *picture != "" {
				p.picture(fmt.Sprintf("%s.%s-%d.png", *picture, view, width))
			}
		}
	}
	p.size(1280, 900)
	mend()
	p.berlin.Exec(`DELETE FROM orders WHERE id IN (4711, 900719925474099312)`)
}

func comesBack(t *testing.T, p *page) {
	p.berlin.Node.Kill()
	p.sees("#link", "No answer")
	p.sees("#said", "The node does not answer")
	p.accessible("the page without its node")
	p.berlin.Start()
	p.sees("#link", "Live")
	p.forget() // what the browser said of the node that was away
}
