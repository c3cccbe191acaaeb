// Command sbom writes which modules a Go program was built from, and under which licences they are, as a CycloneDX
// bill of materials. It reads them from the program itself, so that the list is
// that of what runs, not that of what a go.mod asks for.
//
//	sbom PROGRAM DOCUMENT VERSION
//
// VERSION is the program's own, which the program does not tell in a form that can
// be read without running it.
//
// Exit codes: 0 written; 1 the program or a module cannot be read, a licence is not known, or the document not written; 2 the
// command line is wrong.
package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"runtime/debug"

	"github.com/mysql-sync/mysql-sync/deploy/licenses"
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
	Type     string   `json:"type"`
	Ref      string   `json:"bom-ref"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Licenses []choice `json:"licenses"`
	URL      string   `json:"purl"`
}

type choice struct {
	License license `json:"license"`
}

type license struct {
	ID string `json:"id"` // of SPDX
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func write(program, to, version string) error {
	info, err := licenses.Read(program)
	if err != nil {
		return err
	}
	modules, err := licenses.Of(info)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(describe(info, modules, version), "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the document: %w", err)
	}
	return nil
}

// describe lists the program, the standard library and the modules.
func describe(info *debug.BuildInfo, modules []licenses.Module, version string) document {
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1}
	d.Metadata.Component = golang("application", info.Main.Path, version, "Apache-2.0")
	for _, s := range info.Settings {
		d.Metadata.Properties = append(d.Metadata.Properties, property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	for _, m := range modules {
		d.Components = append(d.Components, golang("library", m.Path, m.Version, m.IDs...))
	}
	return d
}

// golang is a module, with its package URL (https://github.com/package-url/purl-spec) and its licences.
func golang(kind, path, version string, ids ...string) component {
	purl := "pkg:golang/" + path + "@" + url.PathEscape(version)
	c := component{Type: kind, Ref: purl, Name: path, Version: version, URL: purl}
	for _, id := range ids {
		c.Licenses = append(c.Licenses, choice{license{id}})
	}
	return c
}
