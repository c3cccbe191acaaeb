package web_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

// manual is the page whose examples are tested here, verbatim.
const manual = "../../docs/status-page.md"

// example returns the page's fenced block in a language.
func example(t *testing.T, language string) string {
	t.Helper()
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1)
	if len(found) != 1 {
		t.Fatalf("%s has %d examples for %s", manual, len(found), language)
	}
	return found[0][1]
}

// put replaces a part that occurs exactly once.
func put(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if strings.Count(text, old) != 1 {
		t.Fatalf("%q does not occur exactly once in\n%s", old, text)
	}
	return strings.Replace(text, old, replacement, 1)
}

// proxy is a proxy in front of the page, with TLS and the
// login person:secret.
type proxy struct {
	program string
	// start writes the proxy's other files to a folder, and returns the command
	// that starts it there.
	start func(t *testing.T, dir, address string, certs *testkit.Certificates, node string) []string
}

var proxies = []proxy{
	{"nginx", func(t *testing.T, dir, address string, certs *testkit.Certificates, node string) []string {
		hash, err := exec.Command("openssl", "passwd", "-apr1", "secret").Output()
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, "users", "person:"+string(hash))
		place := put(t, example(t, "nginx"), "127.0.0.1:8484/;", node+"/;")
		place = put(t, place, "/etc/nginx/mysql-sync.users", filepath.Join(dir, "users"))
		var temporary strings.Builder
		for _, what := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			fmt.Fprintf(&temporary, "%s_temp_path %s;\n", what, filepath.Join(dir, what))
		}
		write(t, dir, "nginx.conf", fmt.Sprintf(`daemon off;
master_process off; # one process, which ends with the test
pid %s;
events {}
http {
%saccess_log off;
server {
listen %s ssl;
server_name localhost;
ssl_certificate %s;
ssl_certificate_key %s;
%s}
}
`, filepath.Join(dir, "pid"), temporary.String(), address, certs.ServerCert, certs.ServerKey, place))
		return []string{"-e", "stderr", "-c", filepath.Join(dir, "nginx.conf")}
	}},
	{"caddy", func(t *testing.T, dir, address string, certs *testkit.Certificates, node string) []string {
		hash, err := exec.Command("caddy", "hash-password", "--plaintext", "secret").Output()
		if err != nil {
			t.Fatal(err)
		}
		place := put(t, example(t, "caddy"), "127.0.0.1:8484 ", node+" ")
		place = put(t, place, "person HASH", "person "+strings.TrimSpace(string(hash)))
		write(t, dir, "Caddyfile", fmt.Sprintf("{\nadmin off\nauto_https disable_redirects\nstorage file_system %s\n}\nhttps://%s {\ntls %s %s\n%s}\n",
			dir, address[strings.Index(address, ":"):], certs.ServerCert, certs.ServerKey, place))
		return []string{"run", "--adapter", "caddyfile", "--config", filepath.Join(dir, "Caddyfile")}
	}},
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// before starts the proxy in front of a node, and returns the page's address without a
// trailing slash.
func (p proxy) before(t *testing.T, certs *testkit.Certificates, node string) (url string) {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin") // Debian installs servers there
	if _, err := exec.LookPath(p.program); err != nil {
		t.Fatalf("%v; scripts/install-deps.sh proxies installs it", err)
	}
	dir, address := t.TempDir(), fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	t.Setenv("HOME", dir) // Caddy keeps its data there
	args := p.start(t, dir, address, certs, node)
	testkit.Process(t, func() *exec.Cmd { return exec.Command(p.program, args...) })
	testkit.Eventually(t, p.program, func() error {
		c, err := tls.Dial("tcp", address, certs.Client())
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return "https://" + address + "/berlin"
}

// The page works through the manual's proxies: behind a login, under a path,
// including live updates and writes.
func TestPageThroughAProxy(t *testing.T) {
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	certs := testkit.Certs(t)
	outside := &http.Transport{TLSClientConfig: certs.Client()}
	t.Cleanup(outside.CloseIdleConnections)
	for _, p := range proxies {
		for _, asks := range []string{"", token} {
			t.Run(p.program+map[string]string{token: " and a token"}[asks], func(t *testing.T) {
				address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
				key := map[string]any{"listen": address}
				if asks != "" {
					key["token"] = asks
				}
				newSite(t, broker, "berlin", []string{"boston"}, tables, []string{orders, customers}, map[string]any{"http": key})
				url := p.before(t, certs, address)
				for _, rule := range []struct {
					name, method, path string
					change             func(*http.Request)
					want               int // 300 stands for any redirect
				}{
					{"nobody gets in without the login", "GET", "/", func(r *http.Request) { r.Header.Del("Authorization") }, 401},
					{"nor to the API", "GET", "/api/status", func(r *http.Request) { r.SetBasicAuth("person", "wrong") }, 401},
					{"the path without its slash leads to the page", "GET", "", nil, 300},
					{"health is told", "GET", "/healthz", nil, 200},
					{"profiles are not", "GET", "/debug/pprof/heap", nil, map[string]int{"": 403, token: 401}[asks]},
					{"a page elsewhere writes nothing", "POST", "/api/reload", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
				} {
					r, err := http.NewRequest(rule.method, url+rule.path, nil)
					if err != nil {
						t.Fatal(err)
					}
					r.Host = "proxy.example" // the machine's usual name
					r.SetBasicAuth("person", "secret")
					if rule.change != nil {
						rule.change(r)
					}
					answer, err := outside.RoundTrip(r)
					if err != nil {
						t.Fatal(err)
					}
					_ = answer.Body.Close()
					if got := answer.StatusCode; got != rule.want && (rule.want != 300 || got/100 != 3) {
						t.Errorf("%s: %s, want %d", rule.name, answer.Status, rule.want)
					}
				}

				b := browser.New(t)
				b.Trust()
				if _, err := chromedp.Call(b.Context, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
					Headers: network.Headers{"Authorization": "Basic cGVyc29uOnNlY3JldA=="}}); err != nil { // person:secret
					t.Fatal(err)
				}
				b.Do("open the page", chromedp.Navigate(url))
				if asks != "" {
					b.Sees("h1", "mysql-sync")
					b.Expect("the form", "location.pathname", "/berlin/login")
					b.Do("the token", chromedp.SendKeys(chromedp.CSS("#token"), asks+kb.Enter))
				}
				b.Sees("#client", "berlin")
				b.Expect("the page", "location.pathname", "/berlin/")
				b.Sees("#link", "Live")
				b.Enter("transformers")
				b.Click("#reload")
				b.Click("#question-yes")
				b.Sees("#said", "were reloaded")
				b.Sees("#link", "Live")
				if asks != "" {
					b.Click(`form[action="logout"] button`)
					b.Expect("the form", "location.pathname", "/berlin/login")
				}
				b.Clean()
			})
		}
	}
}
