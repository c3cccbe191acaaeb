package transport_test

import (
	"os"
	"path/filepath"
	"testing"
)

// write makes a file that goes with the test.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// dynamicSecurity is the path of the plugin that comes with Mosquitto.
func dynamicSecurity(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib/*/mosquitto_dynamic_security.so", "/usr/*/lib/mosquitto_dynamic_security.so", "/usr/lib/mosquitto_dynamic_security.so"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return found[0]
		}
	}
	t.Fatal("mosquitto_dynamic_security.so is not there; it comes with Mosquitto")
	return ""
}
