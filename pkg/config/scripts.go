package config

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/mysql-sync/mysql-sync/pkg/profile"
)

// mostScripts is the maximum size of a profile's scripts, in bytes: keys and scripts share one document.
const mostScripts = profile.MostBytes / 2

// scripts reads the scripts that a profile carries, at a key that names their directory. Like those of transformerDirectory,
// they are in it and its subdirectories, except node_modules and hidden ones.
func (c *checker) scripts(key, directory string) map[string]string {
	files, room := map[string]string{}, int64(mostScripts)
	root, err := os.OpenRoot(directory)
	if err == nil {
		defer root.Close()
		err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
			switch {
			case err != nil:
				return err
			case entry.IsDir() && (hidden || entry.Name() == "node_modules"):
				return fs.SkipDir
			case entry.IsDir() || hidden || !slices.Contains([]string{".js", ".json"}, path.Ext(name)):
				return nil
			}
			text, err := script(root, name, room)
			if room -= int64(len(text)); err != nil {
				c.Mistakef(key, "%q: %v", name, err)
			}
			files[norm.NFC.String(name)] = strings.TrimPrefix(text, "\ufeff")
			return nil
		})
	}
	switch {
	case err != nil:
		c.Mistakef(key, "%v", err)
	case len(files) == 0:
		c.Mistakef(key, "%s has no scripts", directory)
	}
	for _, m := range misnamed(files) {
		c.Mistakef(key, "%s", m)
	}
	return files
}

// script reads a script of at most room bytes. Anything but a file is never opened: a pipe would never end.
func script(root *os.Root, name string, room int64) (string, error) {
	info, err := root.Stat(name)
	switch {
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("is not a file")
	case info.Size() > room:
		return "", fmt.Errorf("has %d bytes, and the scripts of a profile at most %d in all", info.Size(), mostScripts)
	}
	text, err := root.ReadFile(name)
	if err == nil && !utf8.Valid(text) {
		err = fmt.Errorf("is not UTF-8")
	}
	return string(text), err
}

// misnamed says which scripts have names that none may have, or that some file system takes for that of another.
func misnamed(scripts map[string]string) (mistakes []string) {
	seen := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(scripts)) {
		other, twice := seen[strings.ToLower(name)]
		switch seen[strings.ToLower(name)] = name; {
		case !profile.ValidScript(name):
			mistakes = append(mistakes, fmt.Sprintf("%.200q may not be the name of a script", name))
		case twice:
			mistakes = append(mistakes, fmt.Sprintf("%q and %q differ only in case", other, name))
		}
	}
	return mistakes
}

// carried returns the scripts that came from the hub, if this node takes some; else a mistake is noted: rows must not travel
// without what the hub means to change in them.
func (c *checker) carried(f *From, scripts map[string]string) map[string][]byte {
	if len(scripts) == 0 {
		return nil
	}
	if !f.Transformers {
		c.Mistakef("configurationFrom.transformers", "is not set, and %s has scripts: set it to true to have them run here", f.Source())
		return nil
	}
	for _, m := range misnamed(scripts) {
		c.Mistakef("configurationFrom", "%s: %s", f.Source(), m)
	}
	files := map[string][]byte{}
	for name, text := range scripts {
		files[name] = []byte(text)
	}
	return files
}

// HasScripts reports whether there may be scripts.
func (c *Config) HasScripts() bool { return c.TransformerDirectory != "" || c.From.Files != nil }
