package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// peer returns the path of a program built in a folder of tools, from the versions in its go.mod
// and its own code, if any. It is built once for each set of these, which takes minutes, and kept
// in the cache.
func peer(folder, source, name string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	module := filepath.Join(root, "tools", folder)
	code, err := filepath.Glob(filepath.Join(module, "*.go"))
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	recipe := sha256.New()
	for _, file := range append([]string{filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum")}, code...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("build %s: %w", name, err)
		}
		recipe.Write(text)
	}
	recipe.Write([]byte(runtime.GOOS + runtime.GOARCH))
	dir, err := cached(cacheFolder(), name+"-"+hex.EncodeToString(recipe.Sum(nil)[:6]), func(dir string) error {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(dir, name), source)
		build.Dir = module
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, said)
		}
		return nil
	})
	return filepath.Join(dir, name), err
}
