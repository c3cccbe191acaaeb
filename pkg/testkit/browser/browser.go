// Package browser shows pages to a real Chromium, in tests.
package browser

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
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

// Browser is a real Chromium with one tab. Errors, console output and policy violations in the tab
// are faults of the page.
type Browser struct {
	T       *testing.T
	Context context.Context //nolint:containedctx // of the tab

	mu    sync.Mutex
	wrong []string
}

// New starts a Chromium that ends with the test.
func New(t *testing.T) *Browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(chromium(t)), chromedp.WindowSize(1280, 900),
		chromedp.WSURLReadTimeout(2*time.Minute),     // to start, on a busy machine
		chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
		chromedp.Flag("lang", "en"))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses to run as root with it
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &Browser{T: t, Context: ctx}
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
	t.Fatal("Chromium not found: run scripts/install-deps.sh chromium")
	return ""
}

func (b *Browser) note(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = append(b.wrong, what)
}

// Clean fails the test if something went wrong in the tab since the last call.
func (b *Browser) Clean() {
	b.T.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, w := range b.wrong {
		b.T.Errorf("in the browser: %s", w)
	}
	b.wrong = nil
}

// Forget ignores what went wrong so far: the test stopped the node.
func (b *Browser) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = nil
}

// doMost is how long actions may take, some of which wait for an element.
const doMost = 2 * time.Minute

// Do runs actions, which must succeed.
func (b *Browser) Do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Context, doMost)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.T.Fatalf("%s: %v", what, err)
	}
}

// Text evaluates an expression and returns it as text.
func (b *Browser) Text(js string) string {
	b.T.Helper()
	s, err := chromedp.Run(b.Context, chromedp.Evaluate[string]("(async () => String("+js+"))()", chromedp.EvalAwaitPromise))
	if err != nil {
		return err.Error() // the page may be navigating
	}
	return s
}

// Expect waits until an expression, as text, contains the wanted text.
func (b *Browser) Expect(what, js, want string) {
	b.T.Helper()
	testkit.Eventually(b.T, what, func() error {
		if got := b.Text(js); !strings.Contains(got, want) {
			return fmt.Errorf("%s is %q, want %q", js, got, want)
		}
		return nil
	})
}

// Changes waits until the text of an expression changes.
func (b *Browser) Changes(js, was string) {
	b.T.Helper()
	testkit.Eventually(b.T, js+" to change", func() error {
		if b.Text(js) == was {
			return fmt.Errorf("it is still %q", was)
		}
		return nil
	})
}

// Sees waits until a selector's element is visible and has a text.
func (b *Browser) Sees(selector, want string) {
	b.T.Helper()
	b.Expect(selector+" to show "+want, fmt.Sprintf("document.querySelector(%s)?.innerText", Quoted(selector)), want)
}

// clickable is a function that says "true" of a selector's element that is in view, has not moved since it was last asked, and
// is what a click on its center meets. The click may meet another element, which the page has put in its place meanwhile.
const clickable = `(selector) => {
	let e = document.querySelector(selector);
	if (!e?.checkVisibility()) return "it is not there";
	e.scrollIntoViewIfNeeded();
	const r = e.getBoundingClientRect(), before = window.lastClickable;
	window.lastClickable = [e, r.x, r.y, r.width, r.height];
	if (!before || before.some((x, i) => x !== window.lastClickable[i])) return "it moves";
	const meets = (other) => e?.contains(other) || other?.closest?.("label")?.contains(e);
	const met = document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2);
	if (!meets(met)) return "a click meets " + met?.outerHTML.slice(0, 100);
	window.clicked = "the click met nothing";
	window.addEventListener("click", (event) => { e = document.querySelector(selector); window.clicked = meets(event.target) ? "true" : "the click met " + event.target.outerHTML?.slice(0, 100); },
		{capture: true, once: true});
	return "true";
}`

// Click clicks a selector's element with the mouse, once it rests and nothing lies over it. If the page moved it away just then,
// it is clicked again.
func (b *Browser) Click(selector string) {
	b.T.Helper()
	testkit.Eventually(b.T, "a click on "+selector, func() error {
		if got := b.Text(fmt.Sprintf("(%s)(%s)", clickable, Quoted(selector))); got != "true" {
			return errors.New(got)
		}
		b.Do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
		if got := b.Text(`window.clicked`); strings.HasPrefix(got, "the click met") { // another page knows nothing of it
			return errors.New(got)
		}
		return nil
	})
}

// Press presses keys: those of package kb, or letters.
func (b *Browser) Press(keys string) {
	b.T.Helper()
	b.Do("press a key", chromedp.KeyEvent(keys))
}

// Enter opens a view by its link.
func (b *Browser) Enter(view string) {
	b.T.Helper()
	b.Click(`nav.views a[href="#` + view + `"]`)
	b.Expect("the view "+view, "document.activeElement.id", view+"-title")
}

// Size sets the size of the window, in CSS pixels.
func (b *Browser) Size(width, height int64) {
	b.T.Helper()
	b.Do("set the size", chromedp.EmulateViewport(width, height))
}

//go:embed axe-core/axe.min.js
var axe string

// Accessible runs axe-core on the page. The debugger injects it, bypassing the
// page's policy.
func (b *Browser) Accessible(what string) {
	b.T.Helper()
	var found []struct {
		ID, Impact, Help string
		Nodes            []struct {
			HTML           string
			FailureSummary string
		}
	}
	b.Do("read axe", chromedp.Evaluate[chromedp.Void](axe))
	text, err := chromedp.Run(b.Context, chromedp.Evaluate[string](
		`axe.run(document, {resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations))`, chromedp.EvalAwaitPromise))
	if err == nil {
		err = json.Unmarshal([]byte(text), &found)
	}
	if err != nil {
		b.T.Fatalf("run axe on %s: %v", what, err)
	}
	for _, v := range found {
		for _, n := range v.Nodes {
			b.T.Errorf("%s: %s (%s): %s\n%s\n%s", what, v.ID, v.Impact, v.Help, n.HTML, n.FailureSummary)
		}
	}
}

// Walk presses Tab from the top of the document until the focus is back, and returns what was
// focused. Each element must show its focus.
func (b *Browser) Walk(most int) []string {
	b.T.Helper()
	b.Do("to the first place", chromedp.Evaluate[chromedp.Void](`document.querySelector("a, button, input, select, [tabindex]").focus()`),
		chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift))) // by keyboard, so that it shows
	var places []string
	for range most {
		at := b.Text(`(() => {
			const e = document.activeElement;
			if (e === document.body) return "";
			// The label of a hidden radio button shows its focus.
			const shown = e.type === "radio" ? e.nextElementSibling : e;
			const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
			const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && box.width > 0 && box.height > 0;
			return (seen ? "" : "unseen ") + (e.id || e.getAttribute("aria-label") || e.textContent.trim() || e.name);
		})()`)
		if at == "" || len(places) > 0 && at == places[0] {
			return places
		}
		if strings.HasPrefix(at, "unseen ") {
			b.T.Errorf("the focus on %s is not visible", at)
		}
		places = append(places, at)
		b.Press(kb.Tab)
	}
	b.T.Errorf("the focus does not come back: %q", places)
	return places
}

// Dark makes the browser report that the system prefers a dark theme, or a light one.
func (b *Browser) Dark(is bool) {
	b.T.Helper()
	value := map[bool]string{false: "light", true: "dark"}[is]
	if _, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: value}}}); err != nil {
		b.T.Fatalf("set the theme of the system: %v", err)
	}
}

// Trust makes the browser accept any certificate, since it does not know the tests' authority.
func (b *Browser) Trust() {
	b.T.Helper()
	if _, err := chromedp.Call(b.Context, security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}); err != nil {
		b.T.Fatalf("trust any certificate: %v", err)
	}
}

// Picture takes a screenshot as a PNG file.
func (b *Browser) Picture(path string) {
	b.T.Helper()
	png, err := chromedp.Run(b.Context, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		b.T.Fatalf("take a picture: %v", err)
	}
}

// Quoted is a text as a JavaScript literal.
func Quoted(s string) string {
	text, _ := json.Marshal(s) // a string never fails
	return string(text)
}
