package testkit_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// list runs those chosen tests of this package whose names match a pattern, and returns their names.
func list(t *testing.T, kind string, flags ...string) (names []string, said string) {
	t.Helper()
	c := exec.Command(os.Args[0], append(flags, "-test.v")...)
	c.Env = append(os.Environ(), "MYSQL_SYNC_TEST_ONLY="+kind)
	out, _ := c.CombinedOutput() // a bad choice ends with an error
	for line := range strings.Lines(string(out)) {
		if name, ok := strings.CutPrefix(line, "=== RUN   "); ok {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names, string(out)
}

func TestTestsAreChosenByTheirMarks(t *testing.T) {
	t.Parallel()
	const some = "-test.run=^(TestOfBrokers|TestOfBrokersToo|TestOfMeasures|TestOfOthers)$"
	for _, x := range []struct {
		kind  string
		flags []string
		want  []string
	}{
		{"", []string{some}, []string{"TestOfBrokers", "TestOfBrokersToo", "TestOfMeasures", "TestOfOthers"}},
		{"together", []string{some}, []string{"TestOfBrokers", "TestOfBrokersToo", "TestOfOthers"}},
		{"alone", nil, []string{"TestOfMeasures"}},
		{"brokers", []string{some}, []string{"TestOfBrokers", "TestOfBrokersToo"}},
		{"brokers", nil, []string{"TestOfBrokers", "TestOfBrokersToo"}},
		{"brokers", []string{"-test.skip=Too"}, []string{"TestOfBrokers"}},
	} {
		if got, said := list(t, x.kind, x.flags...); !slices.Equal(got, x.want) {
			t.Errorf("-run %q with %q ran %q, want %q\n%s", x.kind, x.flags, got, x.want, said)
		}
	}
	if got, said := list(t, "broker", some); len(got) > 0 || !strings.Contains(said, `unknown kind "broker"; expected alone, brokers, together`) {
		t.Errorf("an unknown kind runs %q:\n%s", got, said)
	}
}

func TestOfBrokers(t *testing.T) { testkit.BrokerMatters(t) }

func TestOfBrokersToo(t *testing.T) { testkit.BrokerMatters(t) }

func TestOfMeasures(t *testing.T) { testkit.Alone(t) }

func TestOfOthers(t *testing.T) {
	helper := func(t testkit.TB) { matters(t) }
	err := testkit.Run(t.Logf, func(tb testkit.TB) { helper(named{tb, t.Name()}) })
	if err == nil || !strings.Contains(err.Error(), "would not be chosen") {
		t.Errorf("a call that cannot be found: %v", err)
	}
}

// matters hides a call where it is not found.
func matters(t testkit.TB) { testkit.BrokerMatters(t) }

// named is a TB with a test's name.
type named struct {
	testkit.TB
	name string
}

func (n named) Name() string { return n.name }
