package web_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/security"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// browser is a real Chromium with one tab. What goes wrong in the tab is a mistake
// of the page: errors, what is written to the console, what the policy forbids.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex
	wrong []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(chromium(t)), chromedp.WindowSize(1280, 900),
		chromedp.WSURLReadTimeout(2*time.Minute),     // until it is there, on a machine that is busy
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
		chromedp.Flag("lang", "en"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.note(fmt.Sprintf("exception: %+v", e.ExceptionDetails))
		case *runtime.EventConsoleAPICalled:
			b.note(fmt.Sprintf("console.%s: %+v", e.Type, e.Args))
		case *log.EventEntryAdded:
			b.note(fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	})
	if err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// chromium returns the path of the program; scripts/install-deps.sh installs it.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("there is no Chromium: run scripts/install-deps.sh chromium")
	return ""
}

func (b *browser) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, what)
}

// clean fails the test if something went wrong in the tab since the last call.
func (b *browser) clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.t.Errorf("in the browser: %s", w)
	}
	b.wrong = nil
}

// forget forgives what went wrong: the test has taken the node away.
func (b *browser) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = nil
}

// do runs actions, which must succeed.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

// text evaluates an expression and returns it as text.
func (b *browser) text(js string) string {
	b.t.Helper()
	s, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("(async () => String("+js+"))()", chromedp.EvalAwaitPromise))
	if err != nil {
		return err.Error() // the page may be on its way to another
	}
	return s
}

// expect waits until an expression, as text, holds what is wanted.
func (b *browser) expect(what, js, want string) {
	b.t.Helper()
	testkit.Eventually(b.t, what, func() error {
		if got := b.text(js); !strings.Contains(got, want) {
			return fmt.Errorf("%s is %q, want %q", js, got, want)
		}
		return nil
	})
}

// changes waits until an expression, as text, is another than it was.
func (b *browser) changes(js, was string) {
	b.t.Helper()
	testkit.Eventually(b.t, js+" to change", func() error {
		if b.text(js) == was {
			return fmt.Errorf("it is still %q", was)
		}
		return nil
	})
}

// sees waits until the element of a selector is to be seen and has a text.
func (b *browser) sees(selector, want string) {
	b.t.Helper()
	b.expect(selector+" to show "+want, fmt.Sprintf("document.querySelector(%s)?.innerText", quoted(selector)), want)
}

// click clicks the element of a selector with the mouse.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.expect(selector+" to be there", fmt.Sprintf("document.querySelector(%s)?.checkVisibility()", quoted(selector)), "true")
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// press presses keys: those of package kb, or letters.
func (b *browser) press(keys string) {
	b.t.Helper()
	b.do("press a key", chromedp.KeyEvent(keys))
}

// enter opens a view by its link.
func (b *browser) enter(view string) {
	b.t.Helper()
	b.click(`nav.views a[href="#` + view + `"]`)
	b.expect("the view "+view, "document.activeElement.id", view+"-title")
}

// size sets the size of the window, in CSS pixels.
func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.do("set the size", chromedp.EmulateViewport(width, height))
}

//go:embed testdata/axe-core/axe.min.js
var axe string

// accessible runs axe-core on what is shown. It is put in by the debugger, which
// the page's policy does not bind.
func (b *browser) accessible(what string) {
	b.t.Helper()
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML           string
			FailureSummary string
		}
	}
	b.do("read axe", chromedp.Evaluate[chromedp.Void](axe))
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(text), &found)
	}
	if err != nil {
		b.t.Fatalf("run axe on %s: %v", what, err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			b.t.Errorf("%s: %s (%s): %s\n%s\n%s", what, v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// walk presses Tab from the first place of the document until the focus has gone
// round, and returns what was focused. Each must show that it is.
func (b *browser) walk(most int) []string {
	b.t.Helper()
	b.do("to the first place", chromedp.Evaluate[chromedp.Void](`document.querySelector("a, button, input, select, [tabindex]").focus()`),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift))) // by the keyboard, so that it shows
	var places []string
	for range most {
		at := b.text(`(() => {
			const e = document.activeElement;
			if (e === document.body) return "";
			// Of a hidden radio button its label shows the focus.
			const shown = e.type === "radio" ? e.nextElementSibling : e;
			const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
			const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && box.width > 0 && box.height > 0;
			return (seen ? "" : "unseen ") + (e.id || e.getAttribute("aria-label") || e.textContent.trim() || e.name);
		})()`)
		if at == "" || len(places) > 0 && at == places[0] {
			return places
		}
		if strings.HasPrefix(at, "unseen ") {
			b.t.Errorf("the focus on %s is not to be seen", at)
		}
		places = append(places, at)
		b.press(kb.Tab)
	}
	b.t.Errorf("the focus does not come round: %q", places)
	return places
}

// dark has the browser say that the system prefers a dark theme, or a light one.
func (b *browser) dark(is bool) {
	b.t.Helper()
	value := map[bool]string{false: "light", true: "dark"}[is]
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}}); err != nil {
		b.t.Fatalf("set the theme of the system: %v", err)
	}
}

// trust has the browser take any certificate: it does not know the authority of
// the tests.
func (b *browser) trust() {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
		b.t.Fatalf("trust any certificate: %v", err)
	}
}

// picture writes what is shown to a PNG file.
func (b *browser) picture(path string) {
	b.t.Helper()
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		b.t.Fatalf("take a picture: %v", err)
	}
}

func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always goes
	return string(text)
}
