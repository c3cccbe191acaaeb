package serve

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"path"
	"text/template"
	"time"
)

// policy is the Content-Security-Policy of a page: its own files and the program's
// API, nothing else and nothing inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// part is a file of the page that is the same for everyone.
type part struct {
	content []byte
	kind    string // Content-Type
	tag     string // ETag
}

// Site is the pages of a program, all of which are in its binary. What their templates print goes through html, which
// a test asserts: html/template, which does that by itself, would cost each binary a fifth of a megabyte.
type Site struct {
	pages *template.Template
	parts map[string]part
}

//go:embed static
var static embed.FS

// NewSite returns the site of a folder named static: templates named .html and the files they refer to, besides those
// that all programs share. It panics if one has an unknown type, which is a bug in the build.
func NewSite(own embed.FS) *Site {
	s := &Site{template.New(""), map[string]part{}}
	for _, files := range []embed.FS{static, own} {
		template.Must(s.pages.ParseFS(files, "static/*.html"))
		maps.Copy(s.parts, readParts(files))
	}
	return s
}

// ServeLogin shows the login form, with what is wrong; "" is nothing.
func (s *Site) ServeLogin(w http.ResponseWriter, status int, words Words, mistake string) {
	s.ServePage(w, status, "login.html", struct {
		Words
		Mistake string
	}{words, mistake})
}

// readParts returns the files by name.
func readParts(files embed.FS) map[string]part {
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]part{}
	entries, err := files.ReadDir("static")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		if path.Ext(e.Name()) == ".html" {
			continue // a template
		}
		content, err := files.ReadFile("static/" + e.Name())
		kind := kinds[path.Ext(e.Name())]
		if err != nil || kind == "" {
			panic(fmt.Sprintf("%s: type %q, %v", e.Name(), kind, err))
		}
		sum := sha256.Sum256(content)
		all[e.Name()] = part{content, kind, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	}
	return all
}

// ServePart answers with a file of the page. Browsers cache it but revalidate it
// each time: another version of the program may be running by then.
func (s *Site) ServePart(w http.ResponseWriter, r *http.Request) {
	p, ok := s.parts[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	w.Header().Set("ETag", p.tag)
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.content))
}

// ServePage answers with a page generated for this request.
func (s *Site) ServePage(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		Refuse(w, fmt.Errorf("make the page %s: %w", name, err))
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader may be gone
}

// Guarded sets headers that keep a browser from misusing an answer, and limits how
// long a body may take to arrive, even one that no handler reads.
func Guarded(next http.Handler) http.Handler {
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
