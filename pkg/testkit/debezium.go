package testkit

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// mavenPlugin copies what a pom.xml names.
const mavenPlugin = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"

// Debezium returns the class path of the program in tools/bench/debezium. Maven fetches the versions in its pom.xml, whose
// checksums must be those of SHA256SUMS; all of it is kept in the cache. The error says what the machine lacks.
var Debezium = sync.OnceValues(func() (string, error) {
	for _, program := range []string{"java", "javac", "mvn"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", fmt.Errorf("%w; scripts/install-deps.sh debezium installs it", err)
		}
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	folder, recipe := filepath.Join(root, "tools", "bench", "debezium"), sha256.New()
	for _, file := range []string{"pom.xml", "SHA256SUMS", "Rival.java"} {
		text, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			return "", fmt.Errorf("build debezium: %w", err)
		}
		recipe.Write(text)
	}
	dir, err := cached(cacheFolder(), "debezium-"+hex.EncodeToString(recipe.Sum(nil)[:6]), func(dir string) error {
		libraries := filepath.Join(dir, "lib")
		if err := quietly("mvn", "-q", "-B", "-f", filepath.Join(folder, "pom.xml"), mavenPlugin, "-DoutputDirectory="+libraries); err != nil {
			return fmt.Errorf("fetch debezium: %w", err)
		}
		if err := sums(filepath.Join(folder, "SHA256SUMS"), libraries); err != nil {
			return fmt.Errorf("fetch debezium: %w", err)
		}
		err := quietly("javac", "-cp", filepath.Join(libraries, "*"), "-d", filepath.Join(dir, "classes"), filepath.Join(folder, "Rival.java"))
		if err != nil {
			return fmt.Errorf("build debezium: %w", err)
		}
		return nil
	})
	return filepath.Join(dir, "classes") + string(filepath.ListSeparator) + filepath.Join(dir, "lib", "*"), err
})

// quietly runs a command; its output is part of the error.
func quietly(name string, args ...string) error {
	if said, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return nil
}

// sums checks that a folder has the files of a list, as sha256sum writes it, and no others.
func sums(list, folder string) error {
	f, err := os.Open(list)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	want := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if sum, name, ok := strings.Cut(lines.Text(), "  "); ok {
			want[name] = sum
		}
	}
	there, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, file := range there {
		text, err := os.ReadFile(filepath.Join(folder, file.Name()))
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(text); hex.EncodeToString(sum[:]) != want[file.Name()] {
			return fmt.Errorf("%s is not the file that %s lists", file.Name(), filepath.Base(list))
		}
		delete(want, file.Name())
	}
	for name := range want {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}
