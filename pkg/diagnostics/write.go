package diagnostics

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/config"
	"github.com/mysql-sync/mysql-sync/pkg/logging"
	"github.com/mysql-sync/mysql-sync/pkg/status"
)

// Bounds of the file.
const (
	partMost = 2 << 20          // bytes of a part, uncompressed
	partTime = 10 * time.Second // to make a part
)

// Node is what diagnostics are made of. Nothing of it is needed but the configuration.
type Node struct {
	Config  *config.Config
	Environ []string
	Version string        // of the program
	State   status.Source // nil: unknown
	Errors  func(ctx context.Context, of status.Rows, limit int) ([]status.RowError, error)
	Lines   []logging.Line // of the running node's log
	Metrics http.Handler   // nil: the node is not running
	Running bool           // this process is the node
}

// Name returns the name of a file with diagnostics.
func Name(client string, at time.Time) string {
	return fmt.Sprintf("mysql-sync-%s-%s.zip", client, at.UTC().Format("20060102-150405"))
}

// errStopped is why a part of a node that is not running is missing.
var errStopped = errors.New("the node is not running")

// part is a file in the ZIP.
type part struct {
	name, about string
	write       func(ctx context.Context, w io.Writer) error
}

// Write writes the ZIP file. What cannot be had is missing, which its README says; the error is w's, or the configuration's.
func Write(ctx context.Context, w io.Writer, n Node) error {
	shown, secrets, err := config.Shown(n.Config.Path, n.Environ)
	if err != nil {
		return err
	}
	h := newHider(secrets)
	made := time.Now()
	archive := zip.NewWriter(w)
	readme := bytes.NewBufferString(fmt.Sprintf("mysql-sync %s, node %s, %s\n\n", n.Version, n.Config.ClientName, made.UTC().Format(time.RFC3339)) +
		"Secrets are shown as ***, and so are row keys and what may be the value of a row. Look through the files before you\nsend them: names of tables, columns, sites, hosts and files are in them.\n\n")
	for _, p := range n.parts(shown) {
		text := &bounded{most: partMost}
		limited, cancel := context.WithTimeout(ctx, partTime)
		err := p.write(limited, text)
		cancel()
		fmt.Fprintf(readme, "%-18s %s\n", p.name, p.about)
		if text.cut {
			fmt.Fprintf(readme, "%-18s only the first %d bytes\n", "", partMost)
		}
		if err != nil {
			fmt.Fprintf(readme, "%-18s missing, or incomplete: %s\n", "", withoutValues(err.Error()))
		}
		if text.Len() == 0 {
			continue
		}
		if err := add(archive, p.name, made, h.hide(text.Bytes())); err != nil {
			return err
		}
	}
	if err := add(archive, "README.txt", made, h.hide(readme.Bytes())); err != nil {
		return err
	}
	return archive.Close()
}

func add(archive *zip.Writer, name string, at time.Time, text []byte) error {
	f, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: at})
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return err
}

// bounded keeps the beginning of what is written to it, up to a size.
type bounded struct {
	bytes.Buffer
	most int
	cut  bool
}

// Write keeps what there is room for. It returns no error: whoever writes is not to notice.
func (b *bounded) Write(p []byte) (int, error) {
	room := max(0, b.most-b.Len())
	if len(p) > room {
		b.cut = true
	}
	b.Buffer.Write(p[:min(room, len(p))])
	return len(p), nil
}
