package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestErrorsInAPageAreNoticed(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>page</title><link rel=icon href=data:,><p>path %s</p><button onclick="document.querySelector('p').textContent = 'clicked'">go</button>`, r.URL.Path)
		if r.URL.Path == "/wrong" {
			fmt.Fprint(w, `<script>throw new Error("broken")</script>`)
		}
	}))
	defer s.Close()
	b := New(t)
	b.Do("open a page", chromedp.Navigate(s.URL+"/right"))
	b.Sees("p", "path /right")
	b.Click("button")
	b.Sees("p", "clicked")
	b.Clean()
	b.Do("open a page with a mistake", chromedp.Navigate(s.URL+"/wrong"))
	testkit.Eventually(t, "the mistake is noticed", func() error {
		b.mu.Lock()
		defer b.mu.Unlock()
		if len(b.wrong) == 0 {
			return fmt.Errorf("nothing is")
		}
		return nil
	})
	b.Forget()
	b.Clean()
}

// TestAClickThatThePageEvadesIsMade has a page that moves its button away as it is first clicked, and a link to another page.
func TestAClickThatThePageEvadesIsMade(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `<!doctype html><title>page</title><link rel=icon href=data:,><p>path %s</p><a href=/other>other</a>
			<div></div><button onclick="document.querySelector('p').textContent = 'clicked'">go</button>
			<script>addEventListener("mousedown", () => { document.querySelector("div").style.height = "200px"; }, {once: true})</script>`, r.URL.Path)
	}))
	defer s.Close()
	b := New(t)
	b.Do("open a page", chromedp.Navigate(s.URL+"/"))
	b.Click("button")
	b.Sees("p", "clicked")
	b.Click("a")
	b.Sees("p", "path /other")
	b.Clean()
}

// TestAClickOnWhatWasJustReplacedIsMadeOnce has a page that paints its button anew once Click has looked at it, and takes
// it away when it is clicked.
func TestAClickOnWhatWasJustReplacedIsMadeOnce(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<!doctype html><title>page</title><link rel=icon href=data:,><p>clicked 0</p><button>go</button>
			<script>
				let n = 0;
				addEventListener("click", () => { document.querySelector("p").textContent = "clicked " + ++n; document.querySelector("button").hidden = true; });
				let clicked;
				Object.defineProperty(window, "clicked", {get: () => clicked, set: (now) => {
					if (clicked === undefined) document.querySelector("button").outerHTML = "<button>go</button>";
					clicked = now;
				}});
			</script>`)
	}))
	defer s.Close()
	b := New(t)
	b.Do("open a page", chromedp.Navigate(s.URL+"/"))
	b.Click("button")
	b.Sees("p", "clicked 1")
	b.Clean()
}
