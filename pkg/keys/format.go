package keys

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"go.yaml.in/yaml/v3"
)

// Extensions are the extensions of a configuration file.
var Extensions = []string{".json", ".yaml", ".yml", ".toml"}

// IsExtension reports whether a path has the extension of a configuration file.
func IsExtension(path string) bool {
	return slices.Contains(Extensions, strings.ToLower(filepath.Ext(path)))
}

// Format converts a JSON configuration to the form that a path's extension names. YAML keeps the order of the keys;
// TOML sorts them alphabetically.
func Format(path string, text []byte) ([]byte, error) {
	var out []byte
	var err error
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		out, err = toYAML(text)
	case ".toml":
		out, err = toTOML(text)
	default:
		return text, nil
	}
	if err != nil {
		return nil, fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return out, nil
}

// toYAML reads JSON as the YAML that it is, and writes it in block style.
func toYAML(text []byte) ([]byte, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(text, &n); err != nil {
		return nil, err
	}
	plain(&n)
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(&n); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

// plain removes brackets and quotes where YAML allows it.
func plain(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		plain(c)
	}
}

func toTOML(text []byte) ([]byte, error) {
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var keys map[string]any
	if err := d.Decode(&keys); err != nil {
		return nil, err
	}
	return toml.Parser().Marshal(numbers(keys).(map[string]any))
}

// numbers turns whole JSON numbers into integers, since TOML distinguishes the two.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case stdjson.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return f
		}
		return v.String()
	}
	return v
}
