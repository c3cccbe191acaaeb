package check

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/finding"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Locate adds the file and line to each mistake about a key of the configuration file at path. cfg is nil if it has mistakes.
// Keys that the environment or the hub determines have none: what the file says does not count.
func Locate(found []finding.Finding, path string, environ []string, cfg *config.Config) {
	text, err := keys.ReadFile(path)
	if err != nil {
		return
	}
	line := keys.Lines(path, text)
	for i := range found {
		f := &found[i]
		key, _, _ := strings.Cut(f.About, ".")
		led := cfg != nil && slices.Contains(cfg.From.Keys, key)
		if n := line(f.About); n > 0 && f.Level == finding.Mistake && !led && !config.InEnvironment(environ, key) {
			f.At = fmt.Sprintf("%s:%d", filepath.Base(path), n)
		}
	}
}
