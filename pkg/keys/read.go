package keys

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/knadh/koanf/parsers/json"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	goyaml "go.yaml.in/yaml/v3"
)

// MaxFile is the size in bytes above which a file is not read: a path that names a device or a disk image by mistake
// must not exhaust the memory.
const MaxFile = 1 << 20

// Read returns the file's keys, overridden by the environment's, which are looked up in the schema. It is nil for text
// that cannot be parsed, which is a mistake; the error is for a file that cannot be read at all.
func (c *Checker) Read(s *Schema) (map[string]any, error) {
	content := c.source.Content
	if content == nil {
		var err error
		if content, err = ReadFile(c.source.Path); err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
	}
	// Editors on Windows write a byte order mark before the text.
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))

	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(content), parser(c.source.Path)); err != nil {
		once := withoutTwins(c.source.Path, content)
		if once == nil || k.Load(rawbytes.Provider(once), parser(c.source.Path)) != nil {
			c.Mistakef(c.source.name(), "%s", c.syntax(content, err))
			return nil, nil
		}
	}
	c.content = content
	c.root = spots(c.source.Path, content)
	c.twice("", c.root)
	if yamlDocuments(c.source.Path, content) > 1 {
		c.Warnf(c.source.name(), "has several YAML documents; only the first one counts")
	}
	if c.source.Prefix == "" {
		return k.Raw(), nil
	}
	overrides := env.Provider(".", env.Opt{
		Prefix:        c.source.Prefix,
		TransformFunc: func(name, value string) (string, any) { return c.override(s, name, value) },
		EnvironFunc:   func() []string { return c.source.Environ },
	})
	if err := k.Load(overrides, nil); err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	return k.Raw(), nil
}

// twice notes keys that are given more than once, which JSON parsers accept, and YAML forbids.
func (c *Checker) twice(key string, s *spot) {
	first := map[string]Place{}
	for i, in := range s.inner {
		at := Join(key, in.name)
		if s.list {
			at = fmt.Sprintf("%s[%d]", key, i)
		} else if before, twice := first[in.name]; twice && isYAML(c.source.Path) {
			m := Mistake{Key: at, Text: fmt.Sprintf("is also given in line %d; keep one of them", before.Line), File: c.source.name(), Place: in.at}
			c.mistakes = append(c.mistakes, m)
		} else if twice {
			c.Warnf(at, "is given more than once; the last one counts (line %d)", in.at.Line)
		} else {
			first[in.name] = in.at
		}
		c.twice(at, in)
	}
}

func isYAML(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yaml" || ext == ".yml"
}

// withoutTwins returns a YAML text of which each key is the last with its name, so that the rest can be checked; nil: it cannot.
func withoutTwins(path string, content []byte) []byte {
	var n goyaml.Node
	if !isYAML(path) || goyaml.Unmarshal(content, &n) != nil {
		return nil
	}
	dropTwins(&n)
	once, err := goyaml.Marshal(&n)
	if err != nil {
		return nil
	}
	return once
}

func dropTwins(n *goyaml.Node) {
	if n.Kind == goyaml.MappingNode {
		seen := map[string]bool{}
		for i := len(n.Content) - 2; i >= 0; i -= 2 {
			if name := n.Content[i]; name.Kind == goyaml.ScalarNode && seen[name.Value] {
				n.Content = slices.Delete(n.Content, i, i+2)
			} else {
				seen[name.Value] = true
			}
		}
	}
	for _, inner := range n.Content {
		dropTwins(inner)
	}
}

// yamlDocuments counts the documents of a YAML file, up to two.
func yamlDocuments(path string, content []byte) (n int) {
	if !isYAML(path) {
		return 0
	}
	for d := goyaml.NewDecoder(bytes.NewReader(content)); n < 2; n++ {
		var document goyaml.Node
		if d.Decode(&document) != nil {
			break
		}
	}
	return n
}

// Decode stores a checked block in a struct whose fields name their keys by the tag koanf.
func Decode(block map[string]any, into any) error {
	k := koanf.New(".")
	if err := k.Load(confmap.Provider(block, ""), nil); err != nil {
		return fmt.Errorf("load configuration: %w", err)
	}
	if err := k.Unmarshal("", into); err != nil {
		return fmt.Errorf("load configuration: %w", err)
	}
	return nil
}

// parser returns the parser for the file's extension; it is JSON unless the
// extension says otherwise.
func parser(path string) koanf.Parser {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		return yaml.Parser()
	case ".toml":
		return toml.Parser()
	}
	return json.Parser()
}

// quoted is text that a YAML or TOML parser repeats from the file.
var quoted = regexp.MustCompile("`[^`]*`|'[^']*'|\"[^\"]*\"")

// syntax notes where a file could not be parsed. Text that a parser quotes from the file may be a password, so it is
// left out.
func (c *Checker) syntax(content []byte, err error) string {
	var inJSON *stdjson.SyntaxError
	var inTOML interface{ Position() (row, column int) }
	switch {
	case errors.As(err, &inJSON):
		before := content[:min(int(inJSON.Offset), len(content))]
		line := bytes.Count(before, []byte("\n")) + 1
		column := len(before) - bytes.LastIndexByte(before, '\n') - 1
		return fmt.Sprintf("line %d, column %d: %v", line, column, inJSON)
	case errors.As(err, &inTOML):
		line, column := inTOML.Position()
		return fmt.Sprintf("line %d, column %d: %s", line, column, quoted.ReplaceAllString(err.Error(), "…"))
	case strings.Contains(err.Error(), "cannot unmarshal"):
		return "is not an object of keys and values; see " + c.source.Manual
	}
	return quoted.ReplaceAllString(err.Error(), "…")
}

// ReadFile returns the content of a file that has at most MaxFile bytes.
func ReadFile(path string) ([]byte, error) { return ReadAtMost(path, MaxFile) }

// ErrLarger says that a file was not read because of its size.
var ErrLarger = errors.New("larger")

// ReadAtMost returns the content of a file that has at most so many bytes.
func ReadAtMost(path string, most int64) ([]byte, error) {
	// A named pipe that nobody writes to is empty: opening it would wait for a writer, deaf to signals.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("read %s: %w than %d bytes", path, ErrLarger, most)
	}
	return content, nil
}
