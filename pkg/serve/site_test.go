package serve

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	action = regexp.MustCompile(`{{.*?}}`)
	safe   = regexp.MustCompile(`^{{(html |if |with |else}}|end}})`) // prints nothing, or escaped
)

func TestTemplatesEscapeEverything(t *testing.T) {
	files, err := filepath.Glob("../*/static/*.html")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range action.FindAllString(string(text), -1) {
			if !safe.MatchString(a) {
				t.Errorf("%s: %s is printed unescaped; write {{html …}}", name, a)
			}
		}
	}
	w := httptest.NewRecorder()
	NewSite(static).ServeLogin(w, 403, Words{Program: `a"b`, Of: "<i>"}, "<script>alert('1')</script>")
	page := w.Body.String()
	for _, raw := range []string{`a"b`, "<i>", "<script>alert"} {
		if strings.Contains(page, raw) {
			t.Errorf("the page has %s", raw)
		}
	}
	if !strings.Contains(page, `value="a&#34;b"`) || !strings.Contains(page, "&lt;script&gt;") {
		t.Errorf("got page\n%s", page)
	}
}
