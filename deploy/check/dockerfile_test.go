package check_test

import (
	"os"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// Docker's own parser reads the Dockerfiles, and they copy only from existing stages.
func TestDockerReadsTheDockerfiles(t *testing.T) {
	for _, name := range []string{"Dockerfile", "connector.Dockerfile"} {
		t.Run(name, func(t *testing.T) { dockerReads(t, "../"+name) })
	}
}

func dockerReads(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parsed, err := parser.Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range parsed.Warnings {
		t.Errorf("%s", w.Short)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range stages {
		for _, c := range s.Commands {
			if from, ok := c.(*instructions.CopyCommand); ok && from.From != "" && !names[from.From] {
				t.Errorf("%s copies from %s, which is not an earlier stage", s.Name, from.From)
			}
		}
		names[s.Name] = true
	}
	last := stages[len(stages)-1]
	if last.BaseName != "scratch" {
		t.Errorf("base image %s", last.BaseName)
	}
	for _, c := range last.Commands {
		switch c := c.(type) {
		case *instructions.RunCommand:
			t.Error("the image has no shell for RUN")
		case *instructions.UserCommand:
			if c.User != "65532:65532" {
				t.Errorf("the user is %s", c.User)
			}
		case *instructions.HealthCheckCommand:
			if c.Health.Test[0] != "CMD" {
				t.Errorf("the image has no shell for the health check %v", c.Health.Test)
			}
		}
	}
}
