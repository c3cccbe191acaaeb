package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestTheListHasTheProgramsModules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bom.json")
	if err := write(testkit.Binary(t), path, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{"std": true, "github.com/go-sql-driver/mysql": true, "github.com/eclipse/paho.mqtt.golang": true}
	licences := map[string]string{"std": "BSD-3-Clause", "github.com/go-sql-driver/mysql": "MPL-2.0", "github.com/eclipse/paho.mqtt.golang": "EPL-2.0",
		"go.uber.org/zap": "MIT", "github.com/spf13/cobra": "Apache-2.0", "github.com/gorilla/websocket": "BSD-2-Clause", "github.com/coder/websocket": "ISC"}
	for _, c := range d.Components {
		delete(wanted, c.Name)
		if c.Version == "" || !strings.HasPrefix(c.URL, "pkg:golang/"+c.Name+"@") {
			t.Errorf("%+v has no version or no address", c)
		}
		if len(c.Licenses) == 0 {
			t.Errorf("%s has no licence", c.Name)
		}
		if id := licences[c.Name]; id != "" && c.Licenses[0].License.ID != id {
			t.Errorf("licence of %s: got %+v, want %s", c.Name, c.Licenses, id)
		}
	}
	if len(wanted) > 0 {
		t.Errorf("%v are missing", wanted)
	}
	if c := d.Metadata.Component; c.Name != "github.com/mysql-sync/mysql-sync" || c.Version != "1.2.3" {
		t.Errorf("got program %+v", c)
	}
}

func TestOnlyGoProgramsAreAccepted(t *testing.T) {
	if err := write("main.go", filepath.Join(t.TempDir(), "bom.json"), "1.2.3"); err == nil {
		t.Error("a source file was accepted as a program")
	}
}
