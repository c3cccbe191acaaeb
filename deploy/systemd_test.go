package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestF25TheConnectorIsAService: its unit is as correct and hardened as the node's.
func TestF25TheConnectorIsAService(t *testing.T) {
	checkUnit(t, "mysql-sync-connector@.service", "/usr/bin/mysql-sync-connector", testkit.Connector(t))
}

// systemd's own checks find no mistake and rate the exposure of the nodes below 1.5 of 10, "OK".
// What is left is network access, which a node needs.
func TestUnitsAreCorrectAndHardened(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Fatalf("%v; scripts/install-deps.sh installs it", err)
	}
	for _, name := range []string{"mysql-sync.service", "mysql-sync@.service"} {
		checkUnit(t, name, "/usr/bin/mysql-sync", program(t))
	}
}

// checkUnit makes systemd check a unit, with a program of this machine in place of the one that it runs.
func checkUnit(t *testing.T, name, installed, program string) {
	t.Helper()
	text := strings.Replace(read(t, "systemd/"+name), "ExecStart="+installed+" ", "ExecStart="+program+" ", 1)
	file := filepath.Join(t.TempDir(), strings.Replace(name, "@", "@berlin", 1))
	write(t, file, text, 0o644)
	said := run(t, "systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file)
	for line := range strings.Lines(said) {
		if strings.Contains(line, "mysql-sync") { // Other units of the machine are its own business.
			t.Errorf("%s: %s", name, line)
		}
	}
	run(t, "systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", file)
}

// systemd kills a service that is stuck with SIGABRT, after which Go exits with 2 unless GOTRACEBACK says otherwise: systemd
// would take that for a configuration error and not restart it.
func TestAStuckServiceIsRestarted(t *testing.T) {
	for _, name := range []string{"mysql-sync.service", "mysql-sync@.service", "mysql-sync-connector@.service"} {
		text := read(t, "systemd/"+name)
		for _, want := range []string{"Type=notify", "WatchdogSec=2min", "Restart=on-failure", "Environment=GOTRACEBACK=crash", "LimitCORE=0"} {
			if !strings.Contains(text, "\n"+want+"\n") {
				t.Errorf("%s lacks %s", name, want)
			}
		}
	}
}

// The memory of a node is bounded, under attack or with large rows, and Go knows the limit before the kernel enforces
// it.
func TestMemoryLimitsMatch(t *testing.T) {
	for file, x := range map[string]struct{ most, least string }{
		"systemd/mysql-sync.service":  {`(?m)^MemoryMax=(\d+)M$`, `(?m)^Environment=GOMEMLIMIT=(\d+)MiB$`},
		"systemd/mysql-sync@.service": {`(?m)^MemoryMax=(\d+)M$`, `(?m)^Environment=GOMEMLIMIT=(\d+)MiB$`},
		"kubernetes/mysql-sync.yaml":  {`limits: \{memory: (\d+)Mi\}`, `\{name: GOMEMLIMIT, value: (\d+)MiB\}`},
	} {
		var mib [2]int
		for i, pattern := range []string{x.most, x.least} {
			found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, file))
			if found == nil {
				t.Fatalf("%s has no %s", file, pattern)
			}
			mib[i], _ = strconv.Atoi(found[1])
		}
		if mib[1] != mib[0]*9/10 {
			t.Errorf("%s: GOMEMLIMIT is %d MiB of %d, want nine tenths", file, mib[1], mib[0])
		}
	}
}

// The two units differ only in file names.
func TestTheTemplateIsTheSameService(t *testing.T) {
	settings := func(name string) string {
		var b strings.Builder
		for line := range strings.Lines(read(t, "systemd/"+name)) {
			if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "Description=") {
				b.WriteString(line)
			}
		}
		return b.String()
	}
	one := settings("mysql-sync.service")
	template := settings("mysql-sync@.service")
	template = strings.Replace(template, "/%i.environment", "/environment", 1)
	template = strings.Replace(template, "/%i.json", "/configuration.json", 1)
	if one != template {
		t.Errorf("the units differ:\n%s\n---\n%s", one, template)
	}
}
