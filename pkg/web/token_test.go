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
)

func TestPageWithATokenAndTLS(t *testing.T) {
	t.Parallel()
	broker := testkit.Mosquitto(t, testkit.MosquittoOptions{})
	certs := testkit.Certs(t)
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	berlin := newSite(t, broker, "berlin", []string{"boston"}, tables, []string{orders, customers}, map[string]any{"http": map[string]any{
		"listen": address, "token": token, "cert": certs.ServerCert, "key": certs.ServerKey}})
	b := newBrowser(t)
	b.trust()
	b.do("open the page", chromedp.Navigate("https://"+address+"/"))
	b.sees("h1", "mysql-sync")
	b.accessible("the login form")
	b.dark(true)
	b.accessible("the login form, dark")
	b.clean()
	b.do("a wrong token", chromedp.SendKeys(chromedp.CSS("#token"), "wrong"+kb.Enter))
	b.sees("#mistake", "This is not the token")
	b.accessible("the login form with a mistake")
	b.forget() // the browser tells the status 403
	b.do("the token", chromedp.SendKeys(chromedp.CSS("#token"), token+kb.Enter))
	b.sees("#client", "berlin")
	b.sees("#link", "Live")
	if c := b.text("document.cookie"); c != "" {
		t.Errorf("scripts see the cookie %q", c)
	}
	b.click(`form[action="logout"] button`)
	b.sees("h1", "mysql-sync")
	b.expect("the form", "location.pathname", "/login")
	b.clean()
	if c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
		_ = c.Close()
		t.Error("TLS 1.1 is spoken")
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
		t.Error("the token is in the log")
	}
	if !slices.ContainsFunc(berlin.Node.Log(), func(l string) bool { return strings.Contains(l, "https://"+address) }) {
		t.Error("the log does not say where the page is")
	}
}
