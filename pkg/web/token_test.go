package web_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
	"github.com/mysql-sync/mysql-sync/pkg/testkit/browser"
)

func TestPageWithATokenAndTLS(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	certs := testkit.Certs(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	berlin := newSite(t, broker, "berlin", []string{"boston"}, tables, []string{orders, customers}, map[string]any{"http": map[string]any{
		"listen": address, "token": token, "cert": certs.ServerCert, "key": certs.ServerKey}})
	b := browser.New(t)
	b.Trust()
	b.Do("open the page", chromedp.Navigate("https://"+address+"/"))
	b.Sees("h1", "mysql-sync")
	b.Accessible("the login form")
	b.Dark(true)
	b.Accessible("the login form, dark")
	b.Clean()
	b.Do("a wrong token", chromedp.SendKeys(chromedp.CSS("#token"), "wrong"+kb.Enter))
	b.Sees("#mistake", "This is not the token")
	b.Accessible("the login form with a mistake")
	b.Forget() // the browser logs the status 403
	b.Do("the token", chromedp.SendKeys(chromedp.CSS("#token"), token+kb.Enter))
	b.Sees("#client", "berlin")
	b.Sees("#link", "Live")
	if c := b.Text("document.cookie"); c != "" {
		t.Errorf("scripts can read the cookie %q", c)
	}
	b.Click(`form[action="logout"] button`)
	b.Sees("h1", "mysql-sync")
	b.Expect("the form", "location.pathname", "/login")
	b.Clean()
	if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is accepted")
	}
	program := &http.Client{Transport: &http.Transport{TLSClientConfig: certs.Client()}}
	for given, want := range map[string]int{"": http.StatusUnauthorized, "Bearer " + token: http.StatusOK} {
		r, err := http.NewRequest(http.MethodGet, "https://"+address+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", given)
		answer, err := program.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("metrics for a program: %s, want %d", answer.Status, want)
		}
	}
	if log := strings.Join(berlin.Node.Log(), "\n"); strings.Contains(log, token) {
		t.Error("the log contains the token")
	}
	if !slices.ContainsFunc(berlin.Node.Log(), func(l string) bool { return strings.Contains(l, "https://"+address) }) {
		t.Error("the log does not say where the page is")
	}
}
