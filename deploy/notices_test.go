package deploy_test

import (
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestArchivesAndPackagesCarryTheNotices: a hook makes them before either is built. Other tests
// check the image and the package.
func TestArchivesAndPackagesCarryTheNotices(t *testing.T) {
	var release struct {
		Before   struct{ Hooks []string }
		Archives []struct{ Files []yaml.Node }
		NFPMs    []struct {
			Name     string `yaml:"package_name"`
			Contents []struct{ Src, Dst string }
		} `yaml:"nfpms"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../.goreleaser.yaml")), &release); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(release.Before.Hooks, "deploy/package/notices.sh bin/notices") {
		t.Errorf("no hook makes the notices: %q", release.Before.Hooks)
	}
	for _, a := range release.Archives {
		if !slices.ContainsFunc(a.Files, func(n yaml.Node) bool {
			var f struct{ Src string }
			return n.Decode(&f) == nil && f.Src == "bin/notices/*"
		}) {
			t.Error("an archive has no notices")
		}
	}
	for _, p := range release.NFPMs {
		if !slices.ContainsFunc(p.Contents, func(c struct{ Src, Dst string }) bool {
			return c.Src == "bin/notices/THIRD_PARTY_NOTICES."+p.Name+".txt" && strings.HasPrefix(c.Dst, "/usr/share/doc/"+p.Name+"/")
		}) {
			t.Errorf("the package %s has no notices", p.Name)
		}
	}
	if len(release.Archives) == 0 || len(release.NFPMs) != 2 {
		t.Error("there are no archives, or a program lacks a package")
	}
}
