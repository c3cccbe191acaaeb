package adapter

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Folder is where adapters are, next to a configuration.
const Folder = "adapters"

// typeName matches the names of types.
var typeName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Find returns the adapters next to a configuration: the paths of their files, by type. It does not read them.
func Find(configuration string) (map[string]string, error) {
	folder := filepath.Join(filepath.Dir(configuration), Folder)
	list, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, entry := range list {
		name, script := strings.CutSuffix(entry.Name(), ".js")
		if script && !entry.IsDir() && typeName.MatchString(name) {
			found[name] = filepath.Join(folder, entry.Name())
		}
	}
	return found, nil
}
