package fliplet_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/mysql-sync/mysql-sync/pkg/destination/fliplet"
	"github.com/mysql-sync/mysql-sync/pkg/job"
)

// A row cannot make the connector upload what it should not, and an unreadable file costs only its column.
func TestF22WhatIsNotUploaded(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	inside := filepath.Join(folder, "in")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"secret.txt": "secret", "in/a.txt": "a"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(folder, "secret.txt"), filepath.Join(inside, "link.txt")); err != nil {
		t.Fatal(err)
	}
	large, err := os.Create(filepath.Join(inside, "large"))
	if err != nil {
		t.Fatal(err)
	}
	if err := large.Truncate(32<<20 + 1); err != nil {
		t.Fatal(err)
	}
	_ = large.Close()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/large":
			_, _ = w.Write(make([]byte, 32<<20+1))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer web.Close()
	local, remote := fliplet.File{Column: "f", Type: "local", Directory: inside}, fliplet.File{Column: "f", Type: "remote"}
	open := remote
	open.Private = true
	for _, c := range []struct {
		name, value string
		file        fliplet.File
		want        string
	}{
		{"a path that leads out", "../secret.txt", local, "leads out of the directory"},
		{"an absolute path", filepath.Join(folder, "secret.txt"), local, "leads out of the directory"},
		{"a link that leads out", "link.txt", local, "leads out of the directory"},
		{"no file", "b.txt", local, "no such file"},
		{"a directory", ".", local, "not a regular file"},
		{"a large file", "large", local, "more than 32 MiB"},
		{"a relative path without a directory", "a.txt", fliplet.File{Column: "f", Type: "local"}, "not absolute"},
		{"a private address", web.URL, remote, "has a private address; allow it with private: true"},
		{"another scheme", "file:///etc/passwd", remote, "does not begin with https://"},
		{"a page that is not there", web.URL + "/gone", open, "answered 404"},
		{"a large page", web.URL + "/large", open, "more than 32 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			service, d := account(t, fliplet.Leg{Files: []fliplet.File{c.file}})
			core, logs := observer.New(zap.WarnLevel)
			d.Log = zap.New(core)
			_, err := d.Send(t.Context(), &job.Batch{Operations: []job.Operation{{Kind: job.Insert, Key: "1", Data: fmt.Appendf(nil, `{"id":1,"f":%q}`, c.value)}}})
			if list := service.Entries(123); err != nil || len(list) != 1 || string(list[0].Data) != `{"id":1}` || len(service.Files()) > 0 {
				t.Errorf("%v: %v, %d files", err, list, len(service.Files()))
			}
			if all := logs.All(); len(all) != 1 || !strings.Contains(fmt.Sprint(all[0].ContextMap()), c.want) || strings.Contains(fmt.Sprint(all[0].ContextMap()), "secret.txt") {
				t.Errorf("logged %v, want %s", all, c.want)
			}
		})
	}
}
