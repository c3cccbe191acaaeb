package deploy_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/config"
)

// secrets stand for the variables that the configurations name.
var secrets = []string{"MQTT_PASSWORD=m", "MYSQL_PASSWORD=d", "HTTP_TOKEN=0123456789abcdef"}

// right loads a configuration that must have no mistake. The only allowed warning is about a token
// without TLS: containers listen on their own network.
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

func TestConfigurationsAreCorrect(t *testing.T) {
	for _, path := range []string{"compose/berlin.json", "compose/boston.json", "package/configuration.json"} {
		// The image's volume, and the units' StateDirectory.
		if c := right(t, path); c.QueueDirectory != "/var/lib/mysql-sync" {
			t.Errorf("%s: queueDirectory is %s", path, c.QueueDirectory)
		}
	}
}

// The probes use the address on which the secret's configuration listens.
func TestKubernetesConfigurationIsCorrect(t *testing.T) {
	var c *config.Config
	for _, d := range documents(t, "kubernetes/mysql-sync.yaml") {
		switch d["kind"] {
		case "Secret":
			path := filepath.Join(t.TempDir(), "configuration.json")
			write(t, path, at(t, d, "stringData", "configuration.json").(string), 0o600)
			c = right(t, path)
			token := at(t, d, "stringData", "http-token").(string)
			if _, _, err := config.Load(path, []string{"HTTP_TOKEN=" + token}); err == nil || !strings.Contains(err.Error(), "placeholder") {
				t.Errorf("a node starts with the manifest's public token: %v", err)
			}
		case "StatefulSet":
			container := at(t, d, "spec", "template", "spec", "containers").([]any)[0].(map[string]any)
			port := container["ports"].([]any)[0].(map[string]any)["containerPort"]
			if c == nil || c.HTTP.Listen != "0.0.0.0:8484" || port != 8484 {
				t.Errorf("the node listens on %v, but the container's port is %v", c, port)
			}
		}
	}
	if c == nil {
		t.Fatal("there is no secret with a configuration")
	}
}
