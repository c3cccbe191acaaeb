// Package check_test checks the compose file, the Kubernetes manifest and the packages with the
// libraries of the tools that run them.
package check_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
)

// Docker's own loader reads the file: its schema, its anchors and its variables.
func TestDockerComposeReadsTheFile(t *testing.T) {
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir:  "..",
		ConfigFiles: []types.ConfigFile{{Filename: "../docker-compose.yaml"}},
		Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("mysql-sync", true) })
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"broker", "berlin-database", "berlin-node", "boston-database", "boston-node", "try"} {
		if _, ok := project.Services[want]; !ok {
			t.Errorf("there is no service %s", want)
		}
	}
	for name, s := range project.Services {
		if b := s.Build; b != nil {
			exists(t, filepath.Join(b.Context, b.Dockerfile))
		}
		for _, v := range s.Volumes {
			if v.Type == types.VolumeTypeBind {
				exists(t, v.Source)
				if !v.ReadOnly {
					t.Errorf("%s can write to %s", name, v.Source)
				}
			} else if _, ok := project.Volumes[v.Source]; !ok {
				t.Errorf("%s uses the missing volume %s", name, v.Source)
			}
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("other machines can reach port %s of %s", p.Published, name)
			}
		}
	}
}

func exists(t *testing.T, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
