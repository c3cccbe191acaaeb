package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-sync/mysql-sync/deploy/licenses"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// Everything in the program has its licence in the file, including code in a module under a different licence.
func TestTheNoticesHaveTheLicencesOfAllModules(t *testing.T) {
	program, path := testkit.Binary(t), filepath.Join(t.TempDir(), "notices.txt")
	if err := write(program, path); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := licenses.Read(program)
	if err != nil {
		t.Fatal(err)
	}
	text := string(written)
	for _, m := range info.Deps {
		if !strings.Contains(text, "\n"+m.Path+" "+m.Version+", ") {
			t.Errorf("%s has no notice", m.Path)
		}
	}
	for _, want := range []string{
		"\nstd " + info.GoVersion + ": BSD-3-Clause\n", "Copyright 2009 The Go Authors",
		"github.com/eclipse/paho.mqtt.golang v1.5.1: ", "Eclipse Public License - v 2.0", ", edl-v10\n", ", PATENTS\n", ", NOTICE\n",
		", ftoa/internal/fast/LICENSE_V8\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the notices lack %q", want)
		}
	}
}

func TestOnlyGoProgramsAreAccepted(t *testing.T) {
	if err := write("main.go", filepath.Join(t.TempDir(), "notices.txt")); err == nil {
		t.Error("a source file was accepted as a program")
	}
}
