package check_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // formats of the packages
	_ "github.com/goreleaser/nfpm/v2/rpm"
	"go.yaml.in/yaml/v3"
)

// packages builds a program's packages as described in .goreleaser.yaml, in a version, into a
// folder, with the library that goreleaser uses.
func packages(t *testing.T, name, version string) (deb, rpm string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, name)
	build := exec.Command("go", "build", "-ldflags", "-s -w -X main.version="+version, "-o", program, "./cmd/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(".goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var release struct {
		NFPMs []map[string]any `yaml:"nfpms"`
	}
	if err := yaml.Unmarshal(text, &release); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(release.NFPMs, func(p map[string]any) bool { return p["package_name"] == name })
	if i < 0 {
		t.Fatalf("there is no package %s", name)
	}
	// What goreleaser adds, and its own keys.
	described := release.NFPMs[i]
	described["name"], described["arch"], described["platform"], described["version"] = described["package_name"], "amd64", "linux", version
	described["contents"] = append(described["contents"].([]any), map[string]any{
		"src": program, "dst": described["bindir"].(string) + "/" + name, "file_info": map[string]any{"mode": 0o755}})
	for _, o := range described["overrides"].(map[string]any) {
		override := o.(map[string]any)
		override["depends"] = override["dependencies"]
		delete(override, "dependencies")
	}
	formats := described["formats"].([]any)
	for _, key := range []string{"id", "ids", "package_name", "bindir", "formats"} {
		delete(described, key)
	}
	if text, err = yaml.Marshal(described); err != nil {
		t.Fatal(err)
	}
	config, err := nfpm.ParseWithEnvMapping(bytes.NewReader(text), func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for _, f := range formats {
		format := f.(string)
		info, err := config.Get(format)
		if err != nil {
			t.Fatal(err)
		}
		info = nfpm.WithDefaults(info)
		if err := nfpm.PrepareForPackager(info, format); err != nil {
			t.Fatal(err)
		}
		packager, err := nfpm.Get(format)
		if err != nil {
			t.Fatal(err)
		}
		paths[format] = filepath.Join(dir, name+"."+format)
		file, err := os.Create(paths[format])
		if err != nil {
			t.Fatal(err)
		}
		if err := packager.Package(info, file); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return paths["deb"], paths["rpm"]
}

// In a throwaway copy of this machine, a package is installed, upgraded over a changed
// configuration, removed and purged.
func TestInstallUpgradeAndRemoveTheDebianPackage(t *testing.T) {
	var asRoot []string
	if os.Getuid() != 0 {
		asRoot = []string{"sudo", "-n"} // as .ci/run does: only root installs packages
	}
	t.Chdir("../..")
	prepare(t)
	old, _ := packages(t, "mysql-sync", "1.0.0")
	deb, rpm := packages(t, "mysql-sync", "1.0.1")
	if info, err := os.Stat(rpm); err != nil || info.Size() < 1<<20 {
		t.Errorf("the rpm: %v, %v", info, err)
	}
	install := append(asRoot, "unshare", "--mount", "--fork", "sh", "deploy/check/install.sh", t.TempDir(), old, deb)
	said, err := exec.Command(install[0], install[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{
		"installed: 750 root:mysql-sync /etc/mysql-sync",
		"installed: 640 root:mysql-sync /etc/mysql-sync/configuration.json",
		"installed: 755 root:root /usr/bin/mysql-sync",
		"installed: version 1.0.0",
		"upgraded: version 1.0.1",
		"upgraded: the configuration is as it was changed",
		"upgraded: 640 root:mysql-sync /etc/mysql-sync/configuration.json",
		"removed: the configuration is as it was changed",
		"removed: no program",
		"purged: no configuration",
		"purged: no state",
	} {
		if !strings.Contains(string(said), want+"\n") {
			t.Errorf("%q was not seen in\n%s", want, said)
		}
	}
	contains(t, deb,
		"./usr/lib/systemd/system/mysql-sync.service", "./usr/lib/systemd/system/mysql-sync@.service",
		"./usr/lib/sysusers.d/mysql-sync.conf", "./usr/lib/tmpfiles.d/mysql-sync.conf",
		"./usr/share/bash-completion/completions/mysql-sync", "./usr/share/zsh/vendor-completions/_mysql-sync",
		"./usr/share/fish/vendor_completions.d/mysql-sync.fish", "./usr/share/doc/mysql-sync/copyright", "./usr/share/doc/mysql-sync/THIRD_PARTY_NOTICES.txt",
		"./usr/share/mysql-sync/mosquitto/acl.txt", "./usr/share/mysql-sync/grafana/mysql-sync.json",
		"./usr/share/man/man1/mysql-sync.1.gz", "./usr/share/man/man1/mysql-sync-check.1.gz",
	)
}

// The connector's package has what its program needs and none of the daemon's files: both can be installed side by
// side.
func TestBothPackagesCanBeInstalled(t *testing.T) {
	t.Chdir("../..")
	prepare(t)
	daemon, _ := packages(t, "mysql-sync", "1.0.0")
	deb, rpm := packages(t, "mysql-sync-connector", "1.0.0")
	if info, err := os.Stat(rpm); err != nil || info.Size() < 1<<20 {
		t.Errorf("the rpm: %v, %v", info, err)
	}
	contains(t, deb,
		"./usr/bin/mysql-sync-connector", "./usr/lib/systemd/system/mysql-sync-connector@.service",
		"./usr/share/bash-completion/completions/mysql-sync-connector", "./usr/share/zsh/vendor-completions/_mysql-sync-connector",
		"./usr/share/fish/vendor_completions.d/mysql-sync-connector.fish", "./usr/share/doc/mysql-sync-connector/copyright",
		"./usr/share/doc/mysql-sync-connector/THIRD_PARTY_NOTICES.txt", "./usr/share/doc/mysql-sync-connector/connector.md",
		"./usr/share/man/man1/mysql-sync-connector.1.gz", "./usr/share/man/man1/mysql-sync-connector-start.1.gz",
	)
	theirs := files(t, daemon)
	for _, f := range files(t, deb) {
		if !strings.HasSuffix(f, "/") && slices.Contains(theirs, f) {
			t.Errorf("both packages have %s", f)
		}
	}
}

// prepare makes what goreleaser's hooks make beforehand.
func prepare(t *testing.T) {
	t.Helper()
	for script, to := range map[string]string{"completions.sh": "bin/completions", "manuals.sh": "bin/manuals", "notices.sh": "bin/notices"} {
		if said, err := exec.Command("deploy/package/"+script, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
}

// files lists a package; folders end in a slash.
func files(t *testing.T, deb string) (list []string) {
	t.Helper()
	said, err := exec.Command("dpkg-deb", "--contents", deb).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for line := range strings.Lines(string(said)) {
		list = append(list, line[strings.Index(line, "./"):len(line)-1])
	}
	return list
}

// contains checks that a package has files.
func contains(t *testing.T, deb string, wanted ...string) {
	t.Helper()
	list := files(t, deb)
	for _, want := range wanted {
		if !slices.Contains(list, want) {
			t.Errorf("%s is not in the package:\n%s", want, strings.Join(list, "\n"))
		}
	}
}
