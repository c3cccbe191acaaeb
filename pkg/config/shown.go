package config

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// reference is a reference to the environment in a string of the file.
var reference = regexp.MustCompile(`\$\{([^}]*)\}`)

// Shown returns a configuration file as people may see it, with the overrides of the environment, as JSON: without secrets, and
// without keys that are unknown. secrets are those of the file, of the files that it names, and all values of the environment that
// it refers to.
func Shown(path string, environ []string) (shown []byte, secrets []string, err error) {
	c := keys.New(keys.Source{Path: path, Environ: environ, Prefix: environPrefix, Except: serviceLink})
	given, err := c.Read(root())
	if err != nil {
		return nil, nil, err
	}
	if given == nil {
		return nil, nil, c.Mistakes()
	}
	redacted := root().Redact(given)
	if shown, err = json.MarshalIndent(redacted, "", " "); err != nil {
		return nil, nil, err
	}
	values := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		values[name] = value
	}
	find := finder{folder: filepath.Dir(path), environ: values}
	find.in(given, redacted)
	return append(shown, '\n'), find.secrets, nil
}

// finder finds the secrets of a configuration.
type finder struct {
	folder  string
	environ map[string]string
	secrets []string
}

// in compares a value of the file with the same value as it is shown.
func (f *finder) in(given, shown any) {
	switch g := given.(type) {
	case map[string]any:
		s, _ := shown.(map[string]any)
		for name, inner := range g {
			f.in(inner, s[name])
			if file, ok := inner.(string); ok && name == "file" && len(g) == 1 {
				f.read(file)
			}
		}
	case []any:
		s, _ := shown.([]any)
		for i := range g {
			if i < len(s) {
				f.in(g[i], s[i])
			} else {
				f.in(g[i], nil)
			}
		}
	case string:
		for _, m := range reference.FindAllStringSubmatch(g, -1) {
			f.secrets = append(f.secrets, f.environ[m[1]])
		}
		if s, ok := shown.(string); !ok || s != g {
			f.secrets = append(f.secrets, parts(g)...)
		}
	}
}

// parts returns what may be secret in a text that is not shown as it is: all of it, and the login and query of a URL.
func parts(s string) []string {
	_, rest, url := strings.Cut(s, "://")
	if !url {
		return []string{s}
	}
	var list []string
	if login, _, ok := strings.Cut(rest, "@"); ok {
		if _, password, ok := strings.Cut(login, ":"); ok {
			list = append(list, password)
		}
	}
	if _, query, ok := strings.Cut(rest, "?"); ok {
		for q := range strings.SplitSeq(query, "&") {
			_, value, _ := strings.Cut(q, "=")
			list = append(list, value)
		}
	}
	return list
}

// secretMost bounds the file of a secret.
const secretMost = 64 << 10

// read adds the secret in a file. One that cannot be read is not in use.
func (f *finder) read(name string) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(f.folder, name)
	}
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || info.Size() > secretMost {
		return
	}
	if text, err := os.ReadFile(name); err == nil {
		f.secrets = append(f.secrets, strings.TrimSpace(string(text)))
	}
}
