package node_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// documentedGrants returns the privileges that docs/operations.md grants to a node.
func documentedGrants(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^GRANT (.*) ON shop\.\* TO`).FindSubmatch(page)
	if m == nil {
		t.Fatal("docs/operations.md grants nothing")
	}
	return strings.Split(string(m[1]), ", ")
}

// Each privilege in docs/operations.md is needed: without one of
// them the node says what it was denied, at the start or at work.
func TestNodeNeedsEachOfTheDocumentedPrivileges(t *testing.T) {
	t.Parallel()
	testkit.ByTriggers(t) // the log takes other rights
	b := testkit.AnyBroker(t)
	all := documentedGrants(t)
	if len(all) < 5 {
		t.Fatalf("there are only %q", all)
	}
	for i, without := range all {
		t.Run(strings.ReplaceAll(without, " ", "_"), func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprintf("node-%d", i)
			a := newSite(t, b, name, []string{"else"}, []string{"orders"}, nil)
			a.Exec(orders, `SET GLOBAL log_bin_trust_function_creators = 1`)
			user := "each_" + a.Schema
			rest := slices.DeleteFunc(slices.Clone(all), func(p string) bool { return p == without })
			a.Exec(fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY 'Secret-1'", user),
				fmt.Sprintf("GRANT %s ON %s.* TO %s@'%%'", strings.Join(rest, ", "), a.Schema, user))
			login := a.Config["mysqlConfig"].(map[string]any)
			login["user"], login["password"] = user, "Secret-1"
			a.Write()
			a.Node = testkit.Node(t, a.File)
			denied := regexp.MustCompile(`(?i)denied|privilege ` + without)
			testkit.Eventually(t, "word of what is denied", func() error {
				// Work, as far as the node gets.
				a.Exec(`REPLACE INTO orders VALUES (1, UUID(), 1)`, `DELETE FROM orders WHERE id = 1`)
				if !slices.ContainsFunc(a.Node.Log(), denied.MatchString) {
					return errors.New("the log has none")
				}
				return nil
			})
		})
	}
}
