package main

import (
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/join"
)

// Standard input without a token is not taken for a wrong one: the file may be empty because invite failed.
func TestJoinSaysThatStandardInputHasNoToken(t *testing.T) {
	for in, want := range map[string]string{
		"": "standard input is empty", " \r\n": "standard input is empty", "hello\n": "not a token: one begins with msync1_, as mysql-sync invite prints it at the hub",
	} {
		j := joining{path: "site.json"}
		if err := j.prepare("-", strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "mysql-sync invite") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

// With a token for many sites each has to say its name.
func TestInviteShowsTheCommand(t *testing.T) {
	for site, want := range map[string]string{"store-1": "mysql-sync join TOKEN\n", "store-*": "mysql-sync join TOKEN --client NAME\n"} {
		var b strings.Builder
		new(invite).tell(&b, written{join.Token{Site: site, Uses: 2, Servers: []string{"tcp://127.0.0.1:1883"}}, ""}, "hub.json")
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is not in\n%s", want, b.String())
		}
	}
}
