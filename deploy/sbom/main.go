// Command sbom writes which modules a Go program was built from, as a CycloneDX
// bill of materials. It reads them from the program itself, so that the list is
// that of what runs, not that of what a go.mod asks for.
//
//	sbom PROGRAM DOCUMENT VERSION
//
// VERSION is the program's own, which the program does not tell in a form that can
// be read without running it.
//
// Exit codes: 0 written; 1 the program cannot be read or the document not written;
// 2 the command line is wrong.
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom PROGRAM DOCUMENT VERSION")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

// document is what is used of CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json).
type document struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"` // of the document
	Metadata   metadata    `json:"metadata"`
	Components []component `json:"components"`
}

type metadata struct {
	Component  component  `json:"component"`
	Properties []property `json:"properties"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"purl"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func write(program, to, version string) error {
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return fmt.Errorf("read how %s was built: %w", program, err)
	}
	text, err := json.MarshalIndent(describe(info, version), "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// describe lists the program, the standard library and the modules.
func describe(info *debug.BuildInfo, version string) document {
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1, Components: []component{golang("library", "std", info.GoVersion)}}
	d.Metadata.Component = golang("application", info.Main.Path, version)
	for _, s := range info.Settings {
		d.Metadata.Properties = append(d.Metadata.Properties, property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		d.Components = append(d.Components, golang("library", m.Path, m.Version))
	}
	return d
}

// golang is a module, with its package URL (https://github.com/package-url/purl-spec).
func golang(kind, path, version string) component {
	purl := "pkg:golang/" + path + "@" + url.PathEscape(version)
	return component{Type: kind, Ref: purl, Name: path, Version: version, URL: purl}
}
