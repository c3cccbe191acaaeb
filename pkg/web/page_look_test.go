package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

func hasThemes(t *testing.T, p *page) {
	p.Do("reload", chromedp.Navigate(p.berlin.url))
	ground := `getComputedStyle(document.body).backgroundColor`
	p.Expect("the light ground", ground, "rgb(244, 246, 248)")
	p.Click(`.themes label:has([value="dark"])`)
	p.Expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.Do("reload", chromedp.Reload())
	p.Expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.Click(`.themes label:has([value="auto"])`)
	p.Expect("the light ground", ground, "rgb(244, 246, 248)")
	p.Dark(true)
	p.Expect("the dark ground", ground, "rgb(14, 19, 25)")
	p.Dark(false)
}

func needsNoMouse(t *testing.T, p *page) {
	for _, view := range views {
		p.Enter(view)
		places := p.Walk(60)
		if len(places) < 8 || places[0] != "skip" {
			t.Errorf("in %s the direction is %q", view, places)
		}
	}
	p.Enter("overview")
	p.Do("to the beginning", chromedp.Focus(chromedp.CSS("#skip")))
	p.Press(kb.Enter)
	p.Expect("the content to have the focus", "document.activeElement.id", "main")
	p.Do("to a link", chromedp.Focus(chromedp.CSS(`nav.views a[href="#verify"]`)))
	p.Press(kb.Enter)
	p.Expect("the view", "document.activeElement.id", "verify-title")
	p.Do("to the button", chromedp.Focus(chromedp.CSS("#verify-repair")))
	p.Press(kb.Enter)
	p.Expect("the question, which is to be refused by default", "document.activeElement.id", "question-no")
	p.Press(kb.Enter)
	p.Expect("the focus where it was", "document.activeElement.id", "verify-repair")
}

func isAccessible(t *testing.T, p *page) {
	for _, isDark := range []bool{false, true} {
		p.Dark(isDark)
		for _, view := range views {
			p.Enter(view)
			p.Accessible(fmt.Sprintf("%s, dark: %v", view, isDark))
		}
	}
	p.Dark(false)
}

func fitsAPhone(t *testing.T, p *page) {
	long := strings.Repeat("ORDER-4711-", 4) // at most 128 characters together, as MySQL requires
	mend := p.refuse(t, `NEW.id IN (4711, 900719925474099312)`,
		`SQLSTATE '45000' SET MESSAGE_TEXT = 'a_reason_without_a_space_that_is_longer_than_the_screen_of_a_phone_is_wide: `+long+`'`)
	p.berlin.Exec(`INSERT INTO orders VALUES (4711, '` + long[:40] + `', 0), (900719925474099312, 'no', 0)`)
	p.Enter("errors")
	p.Sees("#errors-list tbody", long)
	for _, width := range []int64{360, 390} {
		p.Size(width, 740)
		for _, view := range views {
			p.Enter(view)
			if w := p.Text("document.documentElement.scrollWidth"); w != fmt.Sprint(width) {
				t.Errorf("%s is %s wide", view, w)
			}
			// Elements with long texts are no wider than their frame.
			const wide = `[...document.querySelectorAll(".view:not([hidden]) .stack")].filter((t) => t.offsetParent && t.scrollWidth > t.parentElement.clientWidth).map((t) => t.id).join()`
			if ids := p.Text(wide); ids != "" {
				t.Errorf("on a screen of %d, %s scrolls sideways", width, ids)
			}
			p.Accessible(view + " on a phone")
			if *picture != "" {
				p.Picture(fmt.Sprintf("%s.%s-%d.png", *picture, view, width))
			}
		}
	}
	p.Size(1280, 900)
	mend()
	p.berlin.Exec(`DELETE FROM orders WHERE id IN (4711, 900719925474099312)`)
}

func comesBack(t *testing.T, p *page) {
	p.berlin.Node.Kill()
	p.Sees("#link", "No answer")
	p.Sees("#said", "The node does not answer")
	p.Accessible("the page without its node")
	p.berlin.Start()
	p.Sees("#link", "Live")
	p.Forget() // the browser's messages about the stopped node
}
