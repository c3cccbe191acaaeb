package deploy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// secrets stand for the variables that the configurations name.
var secrets = []string{"MQTT_PASSWORD=m", "MYSQL_PASSWORD=d", "HTTP_TOKEN=0123456789abcdef"}

// right loads a configuration that shall have no mistake. The one warning that it may
// give is that of a token without TLS: containers listen on a network of their own.
func right(t *testing.T, path string) *config.Config {
	t.Helper()
	c, warnings, err := config.Load(path, secrets)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, w := range warnings {
		if !strings.HasPrefix(w, "http.token: is sent in the clear") {
			t.Errorf("%s: %s", path, w)
		}
	}
	return c
}

func TestConfigurationsAreRight(t *testing.T) {
	for _, path := range []string{"compose/berlin.json", "compose/boston.json", "package/configuration.json"} {
		// The volume of the image, and StateDirectory of the units.
		if c := right(t, path); c.QueueDirectory != "/var/lib/mysql-sync" {
			t.Errorf("%s: queueDirectory is %s", path, c.QueueDirectory)
		}
	}
}

// The probes ask at the address at which the configuration in the secret listens.
func TestKubernetesConfigurationIsRight(t *testing.T) {
	var c *config.Config
	for _, d := range documents(t, "kubernetes/mysql-sync.yaml") {
		switch d["kind"] {
		case "Secret":
			path := filepath.Join(t.TempDir(), "configuration.json")
			write(t, path, at(t, d, "stringData", "configuration.json").(string), 0o600)
			c = right(t, path)
			token := at(t, d, "stringData", "http-token").(string)
			if _, _, err := config.Load(path, []string{"HTTP_TOKEN=" + token}); err == nil || !strings.Contains(err.Error(), "placeholder") {
				t.Errorf("a node starts with the token that everybody can read in the manifest: %v", err)
			}
		case "StatefulSet":
			container := at(t, d, "spec", "template", "spec", "containers").([]any)[0].(map[string]any)
			port := container["ports"].([]any)[0].(map[string]any)["containerPort"]
			if c == nil || c.HTTP.Listen != "0.0.0.0:8484" || port != 8484 {
				t.Errorf("the node listens at %v, and the container's port is %v", c, port)
			}
		}
	}
	if c == nil {
		t.Fatal("there is no secret with a configuration")
	}
}
