package web

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"
	"time"
)

const token = "a-token-of-the-tests"

// open serves the page on loopback. There is no node: no request here reaches
// one.
func openPage(t *testing.T, token string, local bool) *httptest.Server {
	t.Helper()
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") })
	s := httptest.NewServer(New(nil, nil, metrics).Page(token, local))
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and returns the answer, whose body is read. Redirects are
// not followed.
func ask(t *testing.T, method, address string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestWhoMayAsk(t *testing.T) {
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for _, rule := range []struct {
		name         string
		token        string
		local        bool
		method, path string
		change       func(*http.Request)
		want         int
	}{
		{"the page on loopback is for anyone there", "", true, "GET", "/", nil, 200},
		{"so is the API", "", true, "GET", "/api/nothing", nil, 404},
		{"so are metrics", "", true, "GET", "/metrics", nil, 200},
		{"so are profiles", "", true, "GET", "/debug/pprof/heap", nil, 200},
		{"localhost is this machine, with the port of a tunnel", "", true, "GET", "/", host("localhost:9999"), 200},
		{"so is a loopback address", "", true, "GET", "/", host("[::1]:80"), 200},
		{"another name that points here is not", "", true, "GET", "/", host("evil.example"), 403},
		{"nor one with a port", "", true, "GET", "/api/status", host("evil.example:8484"), 403},
		{"nor one that looks alike", "", true, "GET", "/", host("localhost.evil.example"), 403},
		{"nor one without a name", "", true, "GET", "/", host(":80"), 403},
		{"nor where a token is needed", token, true, "GET", "/healthz", host("evil.example"), 403},
		{"other addresses have any name", token, false, "GET", "/healthz", host("node.example"), 200},
		{"profiles are not for those behind a proxy", "", true, "GET", "/debug/pprof/heap", header("X-Forwarded-For", "192.0.2.1"), 403},
		{"in whatever way it says so", "", true, "GET", "/debug/pprof/heap", header("Via", "1.1 x"), 403},
		{"a write by another origin is refused", "", true, "POST", "/api/nothing", header("Origin", "https://evil.example"), 403},
		{"also if the browser says it in the new way", "", true, "POST", "/api/nothing", header("Sec-Fetch-Site", "cross-site"), 403},
		{"a page of another origin has no rows read", "", true, "GET", "/api/nothing", header("Sec-Fetch-Site", "cross-site"), 403},
		{"nor profiles made", "", true, "GET", "/debug/pprof/trace?seconds=1", header("Sec-Fetch-Site", "cross-site"), 403},
		{"nor one of another port", "", true, "GET", "/debug/pprof/heap", header("Sec-Fetch-Site", "same-site"), 403},
		{"nor with the visitor's session", token, true, "GET", "/api/nothing", func(r *http.Request) {
			bearer(token)(r)
			header("Sec-Fetch-Site", "cross-site")(r)
		}, 403},
		{"a link from elsewhere to the page is fine", "", true, "GET", "/", header("Sec-Fetch-Site", "cross-site"), 200},
		{"and an address that someone types", "", true, "GET", "/api/nothing", header("Sec-Fetch-Site", "none"), 404},
		{"one by the page itself is not", "", true, "POST", "/api/nothing", header("Sec-Fetch-Site", "same-origin"), 404},

		{"without the token the page leads to the form", token, false, "GET", "/", nil, 303},
		{"the form is for anyone", token, false, "GET", "/login", nil, 200},
		{"and what it is made of", token, false, "GET", "/static/login.css", nil, 200},
		{"and health, for those who restart nodes", token, false, "GET", "/healthz", nil, 200},
		{"the API is not", token, false, "GET", "/api/nothing", nil, 401},
		{"nor are metrics", token, false, "GET", "/metrics", nil, 401},
		{"nor are profiles", token, false, "GET", "/debug/pprof/heap", nil, 401},
		{"nor is a path that only looks open", token, false, "GET", "/static/../api/nothing", nil, 401},
		{"the token opens the API", token, false, "GET", "/api/nothing", bearer(token), 404},
		{"and metrics", token, false, "GET", "/metrics", bearer(token), 200},
		{"and profiles, through a proxy too", token, false, "GET", "/debug/pprof/heap", func(r *http.Request) {
			bearer(token)(r)
			header("Via", "1.1 x")(r)
		}, 200},
		{"another token does not", token, false, "GET", "/metrics", bearer(token + "x"), 401},
		{"nor the beginning of the token", token, false, "GET", "/metrics", bearer(token[:5]), 401},
		{"logging out needs no session that still lasts", token, false, "POST", "/logout", nil, 303},
		{"nor none", token, false, "GET", "/metrics", bearer(""), 401},
		{"nor in another scheme", token, false, "GET", "/metrics", header("Authorization", "Basic "+token), 401},
		{"nor in the address", token, false, "GET", "/metrics?token=" + token, nil, 401},
		{"nor a session that is made up", token, false, "GET", "/metrics", func(r *http.Request) {
			r.AddCookie(&http.Cookie{Name: newDoor(token).CookieName(), Value: strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10) + ".AAAA"})
		}, 401},
		{"a login by another origin is refused", token, false, "POST", "/login", header("Origin", "https://evil.example"), 403},
	} {
		t.Run(rule.name, func(t *testing.T) {
			answer, body := ask(t, rule.method, openPage(t, rule.token, rule.local).URL+rule.path, rule.change)
			if answer.StatusCode != rule.want {
				t.Errorf("answer %s, want %d: %s", answer.Status, rule.want, body)
			}
			if strings.Contains(body, token) {
				t.Errorf("the answer contains the token: %s", body)
			}
			if p := answer.Header.Get("Content-Security-Policy"); answer.StatusCode == 200 && (!strings.HasPrefix(p, "default-src 'none'; script-src 'self'; ") || strings.Contains(p, "unsafe")) {
				t.Errorf("policy %q", p)
			}
		})
	}
}

func TestEachLoginGetsItsOwnSession(t *testing.T) {
	s := openPage(t, token, false)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	get := func() string {
		t.Helper()
		r, err := browser.Get(s.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = r.Body.Close() }()
		return r.Request.URL.Path
	}
	post := func(path, token string) *http.Response {
		t.Helper()
		r, err := browser.PostForm(s.URL+path, url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		_ = r.Body.Close()
		return r
	}
	if at := get(); at != "/login" {
		t.Errorf("without a session the page answers %s", at)
	}
	if r := post("/login", "wrong"); r.StatusCode != http.StatusForbidden {
		t.Errorf("with a wrong token: %s", r.Status)
	}
	if r := post("/login", token); r.StatusCode != http.StatusOK || r.Request.URL.Path != "/" {
		t.Errorf("with the token: %s at %s", r.Status, r.Request.URL)
	}
	if at := get(); at != "/" {
		t.Errorf("with a session the page answers %s", at)
	}
	post("/logout", "")
	if at := get(); at != "/login" {
		t.Errorf("after the session has ended the page answers %s", at)
	}
	answer, _ := ask(t, "POST", s.URL+"/login", func(r *http.Request) {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Body = io.NopCloser(strings.NewReader("token=" + token))
	})
	c := answer.Header.Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=604800"} {
		if !strings.Contains(c, want) {
			t.Errorf("the cookie %q lacks %s", c, want)
		}
	}
	if strings.Contains(c, token) {
		t.Errorf("the cookie contains the token: %q", c)
	}
}

// Behind a proxy all clients share an address: one with a wrong token, whether an attacker's or an old one, must not lock
// out those with the right one, such as Prometheus.
func TestOnlyWrongTokensHaveToWait(t *testing.T) {
	s := openPage(t, token, false)
	with := func(token string) (*http.Response, string) {
		return ask(t, "GET", s.URL+"/metrics", func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) })
	}
	login := func(token string) int {
		answer, _ := ask(t, "POST", s.URL+"/login", func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Body = io.NopCloser(strings.NewReader("token=" + token))
		})
		return answer.StatusCode
	}
	for range 100 { // right ones are not counted
		if answer, _ := with(token); answer.StatusCode != http.StatusOK {
			t.Fatalf("with the token: %s", answer.Status)
		}
	}
	for range 5 {
		if answer, _ := with("wrong"); answer.StatusCode != http.StatusUnauthorized {
			t.Fatalf("with a wrong token: %s", answer.Status)
		}
	}
	for range 100 {
		if answer, _ := with("wrong"); answer.StatusCode != http.StatusTooManyRequests || answer.Header.Get("Retry-After") == "" {
			t.Fatalf("after many wrong tokens: %s", answer.Status)
		}
		if answer, _ := with(token); answer.StatusCode != http.StatusOK {
			t.Fatalf("with the token, after many wrong ones from the same address: %s", answer.Status)
		}
	}
	if wrong, right := login("wrong"), login(token); wrong != http.StatusTooManyRequests || right != http.StatusSeeOther {
		t.Errorf("the form answers %d to a wrong token and %d to the right one", wrong, right)
	}
}

func TestThePageIsSelfContained(t *testing.T) {
	s := openPage(t, "", true)
	_, page := ask(t, "GET", s.URL+"/", nil)
	files, err := fs.ReadDir(static, "static")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
	var parts []string
	for _, f := range files {
		name := f.Name()
		if path.Ext(name) == ".html" {
			continue
		}
		content, err := static.ReadFile("static/" + name)
		if err != nil {
			t.Fatal(err)
		}
		answer, body := ask(t, "GET", s.URL+"/static/"+name, nil)
		if answer.StatusCode != http.StatusOK || body != string(content) || answer.Header.Get("Content-Type") != kinds[path.Ext(name)] {
			t.Errorf("%s: %s, %s", name, answer.Status, answer.Header.Get("Content-Type"))
		}
		again, _ := ask(t, "GET", s.URL+"/static/"+name, func(r *http.Request) { r.Header.Set("If-None-Match", answer.Header.Get("ETag")) })
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s once more: %s", name, again.Status)
		}
		page += body
		parts = append(parts, name)
	}
	for _, name := range parts {
		if !strings.Contains(page, name) && name != "login.css" {
			t.Errorf("nothing requests %s", name)
		}
	}
	if answer, _ := ask(t, "GET", s.URL+"/static/index.html", nil); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a template is served: %s", answer.Status)
	}
}

// A client that starts a body and stops sending is disconnected, even without a token.
func TestBodiesTimeOut(t *testing.T) {
	t.Parallel()
	s := openPage(t, token, false)
	for _, path := range []string{"/login", "/nothing"} {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: node\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ntoken", path); err != nil {
			t.Fatal(err)
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the connection stays open", path)
		}
	}
}
