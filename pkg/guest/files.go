package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"github.com/mysql-sync/mysql-sync/pkg/transform"
)

// Bounds of a script and all that it requires.
const (
	mostFiles = 100
	mostBytes = 8 << 20
)

// required finds the files that a script requires. False matches do no harm.
var required = regexp.MustCompile(`require\(\s*["'\x60](\.{1,2}/[^"'\x60]+)["'\x60]\s*\)`)

// readFiles reads a script, and what it requires from its folder or below.
func readFiles(file string) (transform.Files, error) {
	root, err := os.OpenRoot(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	files, size := transform.Files{}, 0
	wanted := []string{filepath.Base(file)}
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		if files[name] != nil {
			continue
		}
		content, err := readFile(root, name, mostBytes-size)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(files) > 0:
			continue // the script gets an error when it requires the file
		case err != nil:
			return nil, err
		}
		size += len(content)
		if files[name] = content; len(files) > mostFiles {
			return nil, fmt.Errorf("%s requires more than %d files", file, mostFiles)
		}
		for _, m := range required.FindAllSubmatch(content, -1) {
			at := path.Join(path.Dir(name), string(m[1]))
			if path.Ext(at) == ".js" || path.Ext(at) == ".json" {
				wanted = append(wanted, at)
			} else {
				wanted = append(wanted, at+".js", at+".json", at+"/index.js")
			}
		}
	}
	return files, nil
}

// readFile reads a file of at most most bytes.
func readFile(root *os.Root, name string, most int) ([]byte, error) {
	f, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(fmt.Errorf("%s is not a regular file", name), err)
	}
	content, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(content) > most {
		err = fmt.Errorf("%s is too large: a script and what it requires may have %d MiB", name, mostBytes>>20)
	}
	if content == nil {
		content = []byte{}
	}
	return content, err
}

// variable finds the environment variables that a script names: it sees no others.
var variable = regexp.MustCompile(`process\.env(?:\.|\[["'])([A-Za-z_][A-Za-z0-9_]*)`)

// variables returns the environment variables that files name.
func variables(files transform.Files) map[string]string {
	list := map[string]string{}
	for _, content := range files {
		for _, m := range variable.FindAllSubmatch(content, -1) {
			if v, ok := os.LookupEnv(string(m[1])); ok {
				list[string(m[1])] = v
			}
		}
	}
	return list
}
