package transform

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/dop251/goja_nodejs/require"
	"golang.org/x/text/unicode/norm"
)

// sources are the .js, .json and .map files below the directory, by path. They are all read at once: scripts never
// touch the file system, and no file is half old and half new.
type sources struct {
	files map[string][]byte
	used  sync.Map // the names that have been run, by any runtime
}

// readSources reads the directory and its subdirectories, except node_modules and names that begin with a dot. A
// symbolic link may point to a file within the directory; one that leads out of it is an error.
func readSources(directory string) (*sources, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	s := &sources{files: map[string][]byte{}}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := name != "." && strings.HasPrefix(entry.Name(), ".")
		switch {
		case entry.IsDir() && (hidden || entry.Name() == "node_modules"):
			return fs.SkipDir
		case entry.IsDir() || hidden || !slices.Contains([]string{".js", ".json", ".map"}, path.Ext(name)):
			return nil
		}
		if info, err := root.Stat(name); err == nil && !info.Mode().IsRegular() {
			return fmt.Errorf("%s is not a file", name) // reading a pipe would never end
		}
		text, err := root.ReadFile(name)
		s.files[norm.NFC.String(name)] = bytes.TrimPrefix(text, []byte("\ufeff"))
		return err
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// hubs is the folder of the hub's scripts. Its name is hidden, so no directory has another.
const hubs = ".hub/"

// FromHub reports whether a file came from the hub.
func FromHub(file string) bool { return strings.HasPrefix(file, hubs) }

// lead adds the hub's scripts.
func (s *sources) lead(files Files) {
	if len(files) == 0 {
		return
	}
	all := map[string][]byte{}
	maps.Copy(all, s.files) // which may be the caller's
	for name, text := range files {
		all[hubs+name] = text
	}
	s.files = all
}

// file returns table's file, or "": one of the hub's only if there is no other. A name that the table had in earlier programs
// does not count if it is another table's.
func (s *sources) file(table string, tables []string) string {
	for _, folder := range []string{"", hubs} {
		for i, name := range fileNames(table) {
			others := i > 0 && slices.ContainsFunc(tables, func(t string) bool { return t != table && FileName(t) == name })
			if s.has(folder+name) && !others {
				return folder + name
			}
		}
	}
	return ""
}

// has reports whether there is a file.
func (s *sources) has(name string) bool {
	_, ok := s.files[name]
	return ok
}

// usedNames returns the files that any runtime has run or read, sorted.
func (s *sources) usedNames() []string {
	var names []string
	for name := range s.files {
		if _, used := s.used.Load(name); used {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// unused returns the .js files that could be a table's but that no table and no require uses, sorted.
func (s *sources) unused(used []string) []string {
	var names []string
	for name := range s.files {
		if !slices.Contains(used, name) && path.Ext(name) == ".js" && path.Dir(name) == "." {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// registry returns what require finds: the sources, each compiled once for all runtimes, and the modules that come with
// the imported packages. Promise 8: the hub's scripts find each other alone, and the node's own never find them.
func (s *sources) registry(led bool) *require.Registry {
	return require.NewRegistry(
		require.WithPathResolver(func(base, name string) string { return path.Join(base, name) }),
		require.WithLoader(func(name string) ([]byte, error) {
			text, ok := s.files[name]
			if !ok || FromHub(name) != led {
				return nil, require.ModuleFileDoesNotExistError
			}
			s.used.Store(name, true)
			if path.Ext(name) == ".js" && deepCode(text) {
				return nil, errDeepCode
			}
			return text, nil
		}))
}
