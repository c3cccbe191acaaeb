package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"time"
)

// The status page: what a browser gets is in the binary, and none of it is asked
// for elsewhere.
var (
	//go:embed static
	static embed.FS

	pages = template.Must(template.ParseFS(static, "static/*.html"))
	parts = readParts()
)

// policy is the Content-Security-Policy of the page: its own files and the node's
// API, nothing else and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// part is a file of the page that is the same for everybody.
type part struct {
	content []byte
	kind    string // Content-Type
	tag     string // ETag
}

// readParts returns the files by name. It panics where one has no known type, which
// is a mistake of the build.
func readParts() map[string]part {
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]part{}
	entries, err := fs.ReadDir(static, "static")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".html" {
			continue // a template
		}
		content, err := static.ReadFile(path.Join("static", e.Name()))
		kind := kinds[path.Ext(e.Name())]
		if err != nil || kind == "" {
			panic(fmt.Sprintf("static/%s: type %q, %v", e.Name(), kind, err))
		}
		sum := sha256.Sum256(content)
		all[e.Name()] = part{content, kind, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	return all
}

// servePart answers with a file of the page. A browser keeps it and asks each time
// whether it is still the same: another version of the program may run by then.
func servePart(w http.ResponseWriter, r *http.Request) {
	p, ok := parts[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	w.Header().Set("ETag", p.tag)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.content))
}

// servePage answers with a page that is made for the one who asks.
func servePage(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		refuse(w, fmt.Errorf("make the page %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may be gone
}

// guarded sets what keeps a browser from using an answer for something else, and how
// long a body may take to come, also one that nobody reads.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if r.ContentLength != 0 {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime)) // a writer without deadlines is a test's
		}
		next.ServeHTTP(w, r)
	})
}
