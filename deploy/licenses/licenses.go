// Package licenses finds under which licences the modules are that a program is built from: in their own files, which Go has on
// the machine that built it.
package licenses

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// Module is a part of a program, with what its authors ask to be passed on.
type Module struct {
	Path, Version string
	IDs           []string // of its licences, as SPDX has them (https://spdx.org/licenses); never empty
	Files         []File   // licences, notices, grants of patents
}

// File is a text as it stands in a module.
type File struct{ Name, Text string }

// Read reads how a program was built. It may be for another machine than this one.
func Read(program string) (*debug.BuildInfo, error) {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("read how %s was built: %w", program, err)
	}
	return info, nil
}

// Of returns the standard library and the modules of a program, in the order of its build. It is an error if a module is not
// on the machine, or under a licence that this package does not know. The working directory is in the program's own module.
func Of(info *debug.BuildInfo) ([]Module, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return nil, fmt.Errorf("ask where Go is: %w", err)
	}
	std, err := read("std", info.GoVersion, strings.TrimSpace(string(root)), false)
	list, errs := []Module{std}, []error{err}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		dir, err := locate(m.Path, m.Version)
		var module Module
		if err == nil {
			module, err = read(m.Path, m.Version, dir, true)
		}
		list, errs = append(list, module), append(errs, err)
	}
	return list, errors.Join(errs...)
}

// locate returns the folder of a module.
func locate(path, version string) (string, error) {
	said, err := exec.Command("go", "mod", "download", "-json", path+"@"+version).Output()
	var m struct{ Dir, Error string }
	if unread := json.Unmarshal(said, &m); unread != nil {
		err = errors.Join(err, unread)
	}
	if m.Error != "" {
		err = errors.New(m.Error)
	}
	if err != nil || m.Dir == "" {
		return "", fmt.Errorf("find %s: %w", path, err)
	}
	return m.Dir, nil
}

// passedOn is what the files are called. Others of such a beginning are source text.
var passedOn = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents|edl|epl)([-_.][^.]*|-v[0-9]+)?(\.(txt|md))?$`)

// read reads a module. Code of others that stands in it has its licence beside it.
func read(path, version, dir string, deep bool) (Module, error) {
	m := Module{Path: path, Version: version}
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != dir && (!deep || d.Name() == "testdata" || d.Name() == "vendor"):
			return fs.SkipDir
		case d.IsDir() || !passedOn.MatchString(d.Name()):
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, File{filepath.ToSlash(name), string(text)})
		for _, id := range Identify(string(text)) {
			if !slices.Contains(m.IDs, id) {
				m.IDs = append(m.IDs, id)
			}
		}
		return nil
	})
	if err == nil && len(m.IDs) == 0 {
		err = errors.New("no licence is known")
	}
	if err != nil {
		return m, fmt.Errorf("read the licences of %s: %w", path, err)
	}
	return m, nil
}

// phrases are what one licence says and the others do not, without regard to spaces and capitals.
var phrases = []struct {
	id  string
	say []string
}{
	{"Apache-2.0", []string{"apache license version 2.0, january 2004"}},
	{"Apache-2.0", []string{"licensed under the apache license, version 2.0"}},
	{"EPL-2.0", []string{"eclipse public license - v 2.0"}},
	{"MPL-2.0", []string{"mozilla public license version 2.0"}},
	{"MIT", []string{"permission is hereby granted, free of charge, to any person obtaining a copy"}},
	{"ISC", []string{"permission to use, copy, modify, and", "distribute this software for any purpose with or without fee"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "neither the name"}},
	{"BSD-3-Clause", []string{"redistribution and use in source and binary forms", "may not be used to endorse or promote"}},
	{"BSD-2-Clause", []string{"redistribution and use in source and binary forms", "binary form must reproduce"}},
}

// Identify returns the SPDX identifiers of the licences in a text.
func Identify(text string) (ids []string) {
	text = strings.ToLower(strings.Join(strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n*#>", r) }), " "))
	for _, p := range phrases {
		all := !slices.ContainsFunc(p.say, func(s string) bool { return !strings.Contains(text, s) })
		// The shorter of the two BSD licences is part of the longer one.
		again := slices.ContainsFunc(ids, func(id string) bool { return id == p.id || id == "BSD-3-Clause" && p.id == "BSD-2-Clause" })
		if all && !again {
			ids = append(ids, p.id)
		}
	}
	return ids
}
