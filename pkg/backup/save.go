package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Copy is a copy of the state in the bucket.
type Copy struct {
	Key       string    `json:"key"`
	Newest    bool      `json:"newest"`
	Size      int64     `json:"size"`             // bytes
	At        time.Time `json:"at"`               // when it was made, by the service's clock
	SHA256    string    `json:"sha256,omitempty"` // of the object; "" if it was only listed
	Form      int       `json:"schema,omitempty"` // the state's newest migration
	Life      string    `json:"-"`
	Encrypted bool      `json:"encrypted,omitempty"`
}

// Progress is told how many bytes of how many are done. It is called often, and from several goroutines.
type Progress func(done, total int64)

// The metadata of a copy: x-amz-meta- headers, with their names in HTTP's canonical form.
const (
	metaSHA256    = "Sha256"
	metaForm      = "Schema"
	metaLife      = "Life"
	metaAt        = "At"
	metaConnector = "Connector"
	metaEncrypted = "Encrypted" // age
)

// Save makes a copy of the state and uploads it, whether or not a process is writing to it. The previous copy is kept,
// as one of at most keep. progress may be nil.
func (b *Backups) Save(ctx context.Context, progress Progress) (Copy, error) {
	c, err := b.save(ctx, progress)
	if err != nil {
		err = fmt.Errorf("back up %s to %s: %w", b.state, b.key, err)
	}
	return c, err
}

func (b *Backups) save(ctx context.Context, progress Progress) (c Copy, err error) {
	folder, err := scratch(b.state)
	if err != nil {
		return Copy{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	file := filepath.Join(folder, "copy.db")
	if err := ledger.Snapshot(ctx, b.state, file); err != nil {
		return Copy{}, err
	}
	if err := ledger.Check(ctx, file); err != nil {
		return Copy{}, err
	}
	form, err := ledger.FormOf(ctx, file)
	if err != nil {
		return Copy{}, err
	}
	reached, err := ledger.ReachedBy(ctx, file)
	if err != nil {
		return Copy{}, err
	}
	c = Copy{Key: b.key, Newest: true, Form: form, Life: reached.Life, Encrypted: b.encrypt != nil}
	if c.Encrypted {
		if file, err = b.encrypted(file); err != nil {
			return Copy{}, err
		}
	}
	in, err := os.Open(file)
	if err != nil {
		return Copy{}, err
	}
	defer in.Close()
	hash := sha256.New()
	if c.Size, err = io.Copy(hash, in); err == nil {
		_, err = in.Seek(0, io.SeekStart)
	}
	if err != nil {
		return Copy{}, err
	}
	c.SHA256 = hex.EncodeToString(hash.Sum(nil))
	if err := b.shelve(ctx); err != nil {
		return Copy{}, err
	}
	c.At = b.bucket.clock.now().UTC().Truncate(time.Second)
	o := minio.PutObjectOptions{ContentType: "application/vnd.sqlite3", UserMetadata: map[string]string{
		metaSHA256: c.SHA256, metaForm: strconv.Itoa(c.Form), metaLife: c.Life, metaAt: c.At.Format(time.RFC3339), metaConnector: url.PathEscape(b.who.Connector),
	}}
	if c.Encrypted {
		o.ContentType, o.UserMetadata[metaEncrypted] = "application/octet-stream", "age"
	}
	if progress != nil {
		o.Progress = &counter{total: c.Size, told: progress}
	}
	if _, err := b.bucket.put(ctx, b.key, in, c.Size, o); err != nil {
		return Copy{}, err
	}
	return c, b.prune(ctx)
}

// encrypted encrypts a file, and returns the path of the result.
func (b *Backups) encrypted(file string) (path string, err error) {
	in, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer in.Close()
	path = file + ".age"
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	w, err := age.Encrypt(out, b.encrypt...)
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(w, in); err != nil {
		return "", err
	}
	return path, w.Close()
}

// shelve keeps the newest copy under its own name before another replaces it. Doing so twice changes nothing.
func (b *Backups) shelve(ctx context.Context) error {
	info, err := b.bucket.head(ctx, b.key)
	if errors.Is(err, errMissing) || errors.Is(err, errDenied) { // a copy that may not be read cannot be copied either
		return nil
	}
	if err != nil {
		return err
	}
	if err := b.bucket.copy(ctx, info, shelved(b.key, copyOf(info).At)); err != nil {
		return fmt.Errorf("keep the previous copy: %w", err)
	}
	return nil
}

// prune removes the oldest copies beyond those to keep, and parts of killed uploads.
func (b *Backups) prune(ctx context.Context) error {
	_ = b.bucket.abandon(ctx, b.key) // some services and logins do not allow it; the copy is just as good
	older, err := b.older(ctx)
	if errors.Is(err, errDenied) {
		return nil // without permission to list, all copies are kept
	}
	if err != nil {
		return err
	}
	for _, c := range older[min(len(older), b.keep-1):] {
		if err := b.bucket.remove(ctx, c.Key); err != nil && !errors.Is(err, errDenied) {
			return fmt.Errorf("remove %s: %w", c.Key, err)
		}
	}
	return nil
}

// Newest returns the newest copy; ErrNone if there is none.
func (b *Backups) Newest(ctx context.Context) (Copy, error) {
	info, err := b.bucket.head(ctx, b.key)
	switch {
	case errors.Is(err, errMissing):
		return Copy{}, fmt.Errorf("%w at %s", ErrNone, b.key)
	case err != nil:
		return Copy{}, fmt.Errorf("look for %s: %w", b.key, err)
	}
	c := copyOf(info)
	c.Key, c.Newest = b.key, true
	return c, nil
}

// List returns the copies in the bucket, the newest first.
func (b *Backups) List(ctx context.Context) ([]Copy, error) {
	var list []Copy
	switch newest, err := b.Newest(ctx); {
	case err == nil:
		list = append(list, newest)
	case !errors.Is(err, ErrNone):
		return nil, err
	}
	older, err := b.older(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the copies of %s: %w", b.key, err)
	}
	return append(list, older...), nil
}

// older returns the copies other than the newest one, latest first.
func (b *Backups) older(ctx context.Context) ([]Copy, error) {
	var list []Copy
	err := b.bucket.list(ctx, b.key+".", func(o minio.ObjectInfo) {
		if at, ok := shelvedAt(b.key, o.Key); ok {
			list = append(list, Copy{Key: o.Key, Size: o.Size, At: at})
		}
	})
	slices.SortFunc(list, func(x, y Copy) int { return y.At.Compare(x.At) })
	return list, err
}

// copyOf returns the copy that an object's metadata describes. Missing values are empty: anyone may have put the object
// there.
func copyOf(info minio.ObjectInfo) Copy {
	c := Copy{Key: info.Key, Size: info.Size, At: info.LastModified, SHA256: info.UserMetadata[metaSHA256], Life: info.UserMetadata[metaLife], Encrypted: info.UserMetadata[metaEncrypted] != ""}
	if at, err := time.Parse(time.RFC3339, info.UserMetadata[metaAt]); err == nil {
		c.At = at
	}
	c.Form, _ = strconv.Atoi(info.UserMetadata[metaForm])
	return c
}

// scratchPrefix is the start of the names of folders for copies, followed by the process id.
const scratchPrefix = ".backup-"

// scratch creates a folder next to the state, on the same disk and equally private. It removes those of killed processes.
func scratch(state string) (string, error) {
	parent := filepath.Dir(state)
	entries, err := os.ReadDir(parent)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), scratchPrefix)
		number, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(number)
		if ours && err == nil && pid > 0 && errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.RemoveAll(filepath.Join(parent, e.Name())) // another process may be doing the same
		}
	}
	return os.MkdirTemp(parent, fmt.Sprintf("%s%d-", scratchPrefix, os.Getpid()))
}
