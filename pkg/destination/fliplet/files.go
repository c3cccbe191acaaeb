package fliplet

import (
	"context"
	"crypto/md5" //nolint:gosec // Fliplet tells files apart by it
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/job"
	"github.com/mysql-sync/mysql-sync/pkg/record"
	"github.com/mysql-sync/mysql-sync/pkg/remote"
)

// File is a column whose values name files, which are uploaded.
type File struct {
	Column    string            `koanf:"column"`
	Type      string            `koanf:"type"`      // remote or local
	Directory string            `koanf:"directory"` // of local files; "": paths are absolute
	Headers   map[string]string `koanf:"headers"`   // of requests for remote files
	Private   bool              `koanf:"private"`   // remote files may have private addresses
}

// mostFile is the maximum size of a file: it is in memory while it is uploaded, one at a time.
const mostFile = 32 << 20

// content is a file to upload.
type content struct {
	name string
	body []byte
}

// checkFiles returns what is wrong with the files of a leg. Errors begin with a key.
func checkFiles(files []File, key []string) error {
	for i, f := range files {
		at := fmt.Sprintf("files[%d]", i)
		switch {
		case f.Column == "":
			return fmt.Errorf("%s.column: is missing", at)
		case f.Type != "remote" && f.Type != "local":
			return fmt.Errorf("%s.type: %q is not one of remote, local", at, f.Type)
		case slices.Contains(key, f.Column):
			return fmt.Errorf("%s.column: %q identifies rows, and cannot become a URL: no entry would be found again", at, f.Column)
		}
	}
	return nil
}

// FileColumns returns the columns whose values Fliplet replaces, so that they cannot be compared.
func (l Leg) FileColumns() (names []string) {
	for _, f := range l.Files {
		names = append(names, f.Column)
	}
	return names
}

// upload uploads a row's files, and returns it with their addresses. A file that cannot be read costs its column.
func (d *Destination) upload(ctx context.Context, o *job.Operation) ([]byte, error) {
	if len(d.leg.Files) == 0 {
		return o.Data, nil
	}
	members, err := record.Members(o.Data)
	if err != nil {
		return nil, err
	}
	var b record.Builder
	for _, m := range members {
		at := slices.IndexFunc(d.leg.Files, func(f File) bool { return f.Column == m.Name })
		var value string
		if at < 0 || json.Unmarshal(m.Value, &value) != nil || value == "" {
			if err := b.Add(m.Name, m.Value); err != nil {
				return nil, err
			}
			continue
		}
		if d.Dry != nil {
			d.Dry(remote.Sent{Operation: "upload the file of " + m.Name, Method: "POST", Host: d.client.Host(), Body: m.Value})
			if err := b.Add(m.Name, m.Value); err != nil {
				return nil, err
			}
			continue
		}
		stored, err := d.file(ctx, &d.leg.Files[at], value, o.Key)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case serviceFails(err):
			return nil, err
		case err != nil:
			d.Log.Warn("could not upload a file; the row is sent without its column", zap.String("column", m.Name), zap.String("key", o.Key), zap.Error(err))
			continue
		}
		if err := errors.Join(b.Add(m.Name, stored.URL), b.Add(m.Name+"MediaFileId", stored.ID)); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// uploadError is an error of Fliplet, not of the file.
type uploadError struct{ err *remote.Error }

// Error says what Fliplet has answered.
func (u uploadError) Error() string { return u.err.Error() }

// Unwrap returns the error itself.
func (u uploadError) Unwrap() error { return u.err }

// serviceFails reports whether Fliplet accepts no files now, so that the row should be sent later.
func serviceFails(err error) bool {
	u, ok := errors.AsType[uploadError](err)
	return ok && u.err.Next.Do != remote.RowRefused && u.err.Next.Do != remote.Halve
}

// file uploads a file to Fliplet unless it is there.
func (d *Destination) file(ctx context.Context, f *File, value, key string) (storedFile, error) {
	get := d.local
	if f.Type == "remote" {
		get = d.fetch
	}
	c, err := get(ctx, f, value)
	if err != nil {
		return storedFile{}, err
	}
	sum := md5.Sum(c.body) //nolint:gosec // see above
	if key != "" {
		c.name = key + "-" + c.name
	}
	c.name = safeName(c.name)
	stored, err := d.media.put(ctx, d.client, c, hex.EncodeToString(sum[:]))
	if e, ok := errors.AsType[*remote.Error](err); ok {
		return stored, uploadError{e}
	}
	return stored, err
}
