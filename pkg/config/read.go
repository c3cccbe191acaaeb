package config

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/knadh/koanf/parsers/json"
	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
)

// maxFile is the size in bytes above which a file is not read: a path that
// names a device or a disk image by mistake must not eat the memory.
const maxFile = 1 << 20

// read returns the file's keys with the environment's over them.
func (c *checker) read(path string) (map[string]any, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	// Editors on Windows put a byte order mark before the text.
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))

	k := koanf.New(".")
	if err := k.Load(rawbytes.Provider(content), parser(path)); err != nil {
		c.mistake(path, "%s", syntax(content, err))
		return nil, nil
	}
	overrides := env.Provider(".", env.Opt{
		Prefix:        environPrefix,
		TransformFunc: c.override,
		EnvironFunc:   func() []string { return c.environ },
	})
	if err := k.Load(overrides, nil); err != nil {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	return k.Raw(), nil
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

// syntax says where a file could not be parsed. What a parser quotes from the
// file may be a password, so it is left out.
func syntax(content []byte, err error) string {
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
		return "is not an object of keys and values; see docs/configuration.md"
	}
	return quoted.ReplaceAllString(err.Error(), "…")
}

// readFile returns the content of a small file.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("read %s: larger than %d bytes", path, maxFile)
	}
	return content, nil
}
