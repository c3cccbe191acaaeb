package check_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // formats of the packages
	_ "github.com/goreleaser/nfpm/v2/rpm"
	"go.yaml.in/yaml/v3"
)

// packages builds the packages that .goreleaser.yaml describes, with a program of
// a version, into a folder, by the library that goreleaser uses.
func packages(t *testing.T, version string) (deb, rpm string) {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "mysql-sync")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", program, "./cmd/mysql-sync")
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
	if err := yaml.Unmarshal(text, &release); err != nil || len(release.NFPMs) != 1 {
		t.Fatalf("%d packages, %v", len(release.NFPMs), err)
	}
	// What goreleaser adds, and the keys that are its own.
	described := release.NFPMs[0]
	described["name"], described["arch"], described["platform"], described["version"] = described["package_name"], "amd64", "linux", version
	described["contents"] = append(described["contents"].([]any), map[string]any{
		"src": program, "dst": described["bindir"].(string) + "/mysql-sync", "file_info": map[string]any{"mode": 0o755}})
	for _, o := range described["overrides"].(map[string]any) {
		override := o.(map[string]any)
		override["depends"] = override["dependencies"]
		delete(override, "dependencies")
	}
	formats := described["formats"].([]any)
	for _, key := range []string{"package_name", "bindir", "formats"} {
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
		paths[format] = filepath.Join(dir, "mysql-sync."+format)
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

// In a copy of this machine that goes with the test, a package is installed,
// upgraded over a changed configuration, removed and purged.
func TestTheDebianPackageComesAndGoes(t *testing.T) {
	var asRoot []string
	if os.Getuid() != 0 {
		asRoot = []string{"sudo", "-n"} // as .ci/run does: a package is installed by root alone
	}
	t.Chdir("../..")
	for script, to := range map[string]string{"completions.sh": "bin/completions", "notices.sh": "bin/THIRD_PARTY_NOTICES.txt"} {
		if said, err := exec.Command("deploy/package/"+script, to).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
	old, _ := packages(t, "1.0.0")
	deb, rpm := packages(t, "1.0.1")
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
	list, err := exec.Command("dpkg-deb", "--contents", deb).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, list)
	}
	for _, want := range []string{
		"./usr/lib/systemd/system/mysql-sync.service", "./usr/lib/systemd/system/mysql-sync@.service",
		"./usr/lib/sysusers.d/mysql-sync.conf", "./usr/lib/tmpfiles.d/mysql-sync.conf",
		"./usr/share/bash-completion/completions/mysql-sync", "./usr/share/zsh/vendor-completions/_mysql-sync",
		"./usr/share/fish/vendor_completions.d/mysql-sync.fish", "./usr/share/doc/mysql-sync/copyright", "./usr/share/doc/mysql-sync/THIRD_PARTY_NOTICES.txt",
		"./usr/share/mysql-sync/mosquitto/acl.txt", "./usr/share/mysql-sync/grafana/mysql-sync.json",
	} {
		if !strings.Contains(string(list), want+"\n") {
			t.Errorf("%s is not in the package:\n%s", want, fmt.Sprint(string(list)))
		}
	}
}
