package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// program is an installed database server.
type program struct {
	flavour Flavour
	path    string   // of the server, inside root
	root    string   // the folder to which the server is confined; empty: the whole machine
	flags   []string // for each start
	// initialize makes a first data directory. It runs inside root, with the folder as its last argument.
	initialize []string
}

// command makes a command that runs inside the program's root.
func (p program) command(args ...string) *exec.Cmd {
	cmd := exec.Command(args[0], args[1:]...)
	if p.root != "" {
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: p.root}
		cmd.Dir = "/"
		cmd.Env = append(os.Environ(), "TMPDIR=/tmp") // The caller's does not exist there.
	}
	return cmd
}

// bring returns options as the server needs them. A file of the machine named in one, such as a
// certificate, is copied to a folder inside root, since the server sees no other.
func (p program) bring(options []string, dir string) (list []string, err error) {
	for _, o := range options {
		flag, path, _ := strings.Cut(o, "=")
		if p.root != "" && filepath.IsAbs(path) && exists(path) {
			content, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			copied := filepath.Join(dir, filepath.Base(path))
			if err := os.WriteFile(copied, content, 0o600); err != nil {
				return nil, err
			}
			o = flag + "=" + p.inside(copied)
		}
		list = append(list, o)
	}
	return list, nil
}

// inside is a file's path as the server sees it.
func (p program) inside(path string) string { return strings.TrimPrefix(path, p.root) }

// temp is the folder for data directories; empty is the system's.
func (p program) temp() string {
	if p.root == "" {
		return ""
	}
	return filepath.Join(p.root, "tmp")
}

// template returns a data directory made by the server itself, once for each version.
func (p program) template() (string, error) {
	version, err := p.command(p.path, "--version").Output()
	if err != nil {
		return "", fmt.Errorf("ask %s for its version: %w", p.path, err)
	}
	recipe := sha256.Sum256([]byte(string(version) + strings.Join(p.initialize, " ")))
	parent := cacheFolder()
	if p.root != "" {
		parent = filepath.Join(p.root, "var", "cache", "mysql-sync")
	}
	return cached(parent, string(p.flavour)+"-"+hex.EncodeToString(recipe[:6]), func(dir string) error {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
		args := append(slices.Clip(p.initialize), "--datadir="+p.inside(dir))
		if said, err := p.command(args...).CombinedOutput(); err != nil {
			return fmt.Errorf("initialize %s: %w; it said:\n%s", p.flavour, err, said)
		}
		return nil
	})
}

// account is the flag that makes a server accept being run by root. It also keeps the server from
// changing its user, which would clear its parent-death signal.
func account() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// find looks for a program as a shell does, and also where Debian puts servers, which an ordinary user's PATH lacks.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path, nil
		}
	}
	return "", err
}
