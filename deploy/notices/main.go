// Command notices writes what the authors of the modules that a Go program was built from ask to be passed on with it: their
// licences, notices and grants of patents, as they stand in the modules.
//
//	notices PROGRAM FILE
//
// Exit codes: 0 written; 1 the program or a module cannot be read, a licence is not known, or the file not written; 2 the command
// line is wrong.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/mysql-sync/mysql-sync/deploy/licenses"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: notices PROGRAM FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func write(program, to string) error {
	info, err := licenses.Read(program)
	if err != nil {
		return err
	}
	modules, err := licenses.Of(info)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, text(modules), 0o644); err != nil {
		return fmt.Errorf("write the notices: %w", err)
	}
	return nil
}

// text lists the modules, and then has what each passes on.
func text(modules []licenses.Module) []byte {
	var b bytes.Buffer
	b.WriteString("mysql-sync is built from these works of others. What their authors ask to be passed on with them follows. The\n" +
		"source of each, unchanged, is what Go's module proxies serve under its name and version.\n\n")
	for _, m := range modules {
		fmt.Fprintf(&b, "%s %s: %s\n", m.Path, m.Version, strings.Join(m.IDs, ", "))
	}
	for _, m := range modules {
		for _, f := range m.Files {
			fmt.Fprintf(&b, "\n%s\n%s %s, %s\n\n%s\n", strings.Repeat("=", 80), m.Path, m.Version, f.Name, strings.TrimRight(f.Text, "\n"))
		}
	}
	return b.Bytes()
}
