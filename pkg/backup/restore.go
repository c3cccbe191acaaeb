package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// Restore says which copy to restore, and how.
type Restore struct {
	Copy     string           // its key, or the time at the end of it; "": the newest
	To       string           // the state file; "": the connector's own
	As       *ledger.Identity // its new owner; nil: unchanged
	Pause    string           // why to pause jobs; "": do not
	Jobs     []string         // to pause; nil: all
	Force    bool             // replace even a newer state
	Progress Progress         // may be nil
}

// Restored is what was restored.
type Restored struct {
	Copy Copy
	Kept string // the path of the previous state; "" if there was none
}

// ErrNone means that there is no copy.
var ErrNone = errors.New("there is no backup")

// Verify downloads a copy and checks that it can be restored.
func (b *Backups) Verify(ctx context.Context, name string, progress Progress) (Copy, error) {
	c, folder, err := b.fetch(ctx, name, b.state, progress)
	if folder != "" {
		err = errors.Join(err, os.RemoveAll(folder))
	}
	return c, err
}

// Restore restores a copy. It refuses to replace a state that a process uses (*ledger.LockedError) or that is newer
// (*ledger.AheadError), and refuses a copy that is damaged, another connector's, or from a newer version of the
// program. A kill at any instruction leaves either the previous state or the restored one.
func (b *Backups) Restore(ctx context.Context, r Restore) (back Restored, err error) {
	if r.To == "" {
		r.To = b.state
	}
	c, folder, err := b.fetch(ctx, r.Copy, r.To, r.Progress)
	if folder != "" {
		defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	}
	if err != nil {
		return Restored{Copy: c}, err
	}
	file := filepath.Join(folder, fetched)
	if r.As == nil {
		if err := b.ours(ctx, file); err != nil {
			return Restored{Copy: c}, fmt.Errorf("restore %s: %w", c.Key, err)
		}
	}
	reached, err := ledger.ReachedBy(ctx, file) // once revived, it appears to have been used just now
	if err != nil {
		return Restored{Copy: c}, err
	}
	if err := ledger.Revive(ctx, file, ledger.Revival{As: r.As, Pause: r.Pause, Jobs: r.Jobs, Now: time.Now()}); err != nil {
		return Restored{Copy: c}, err
	}
	kept, err := ledger.Replace(ctx, r.To, file, reached, r.Force)
	if err != nil {
		return Restored{Copy: c}, fmt.Errorf("restore %s: %w", c.Key, err)
	}
	return Restored{Copy: c, Kept: kept}, nil
}

// ErrStale means that another machine has worked since this one's state did.
var ErrStale = errors.New("another machine has worked since this state did")

// Ready prepares the state for a start: if restore is auto and there is no state, or one that has never known a job,
// the newest copy is restored; likewise if the state is stale, because another machine has worked since, and the copy
// is newer. r says how to restore. It returns nil if nothing was restored. Without a copy the connector starts from
// scratch; not knowing whether there is one is an error, since starting from scratch would send everything again.
func (b *Backups) Ready(ctx context.Context, stale bool, r Restore) (*Restored, error) {
	empty, err := ledger.Empty(ctx, b.state)
	switch {
	case err != nil:
		return nil, err
	case stale && !empty && !b.auto:
		return nil, fmt.Errorf("%w: restore its copy, or remove %s to continue with the local state", ErrStale, leaseKey(b.key))
	case !b.auto || !empty && !stale:
		return nil, nil
	}
	back, err := b.Restore(ctx, r)
	switch {
	case empty && errors.Is(err, ErrNone):
		return nil, nil
	case err != nil && !empty:
		return nil, fmt.Errorf("%w: %w", ErrStale, err)
	case err != nil:
		return nil, err
	}
	return &back, nil
}

// ours returns an error if a state is another connector's.
func (b *Backups) ours(ctx context.Context, file string) error {
	l, err := ledger.View(ctx, file, ledger.Config{})
	if err != nil {
		return err
	}
	has, err := l.Identity(ctx)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	if has.Connector != "" && (has.Connector != b.who.Connector || has.Org != b.who.Org || has.Hub != b.who.Hub) {
		return &ledger.ForeignError{Has: has, Want: b.who}
	}
	return nil
}

// fetched is the name of a decrypted copy in its folder.
const fetched = "state.db"

// fetch downloads a copy into a new folder next to the state, decrypts and checks it. The caller must remove the folder,
// unless it is "", even after an error.
func (b *Backups) fetch(ctx context.Context, name, state string, progress Progress) (c Copy, folder string, err error) {
	key := b.key
	if name != "" && name != b.key {
		if key = name; !strings.HasPrefix(name, b.key+".") {
			key = b.key + "." + name
		}
		if _, ok := shelvedAt(b.key, key); !ok {
			return c, "", fmt.Errorf("%w %q: expected a time such as %s, as in the list of backups", ErrNone, name, stamp)
		}
	}
	info, err := b.bucket.head(ctx, key)
	if errors.Is(err, errMissing) {
		return c, "", fmt.Errorf("%w at %s", ErrNone, key)
	}
	if err != nil {
		return c, "", fmt.Errorf("look for %s: %w", key, err)
	}
	info.Key = key
	c = copyOf(info)
	c.Newest = key == b.key
	if c.Form > ledger.Form() {
		return c, "", fmt.Errorf("restore %s: %w", key, &ledger.NewerError{Has: c.Form, Knows: ledger.Form()})
	}
	if folder, err = scratch(state); err != nil {
		return c, "", err
	}
	if err := b.download(ctx, info, c, folder, progress); err != nil {
		return c, folder, fmt.Errorf("download %s: %w", key, err)
	}
	if err := ledger.Check(ctx, filepath.Join(folder, fetched)); err != nil {
		return c, folder, err
	}
	if c.Form, err = ledger.FormOf(ctx, filepath.Join(folder, fetched)); err != nil { // from the file, not its metadata
		return c, folder, err
	}
	if c.Form > ledger.Form() {
		return c, folder, fmt.Errorf("restore %s: %w", key, &ledger.NewerError{Has: c.Form, Knows: ledger.Form()})
	}
	return c, folder, nil
}

// download downloads a copy into a folder, verifies its hash and decrypts it.
func (b *Backups) download(ctx context.Context, info minio.ObjectInfo, c Copy, folder string, progress Progress) (err error) {
	if c.SHA256 == "" {
		return errors.New("it has no SHA-256, so this program did not put it there")
	}
	if progress == nil {
		progress = func(_, _ int64) {}
	}
	r, err := b.bucket.get(ctx, info)
	if err != nil {
		return err
	}
	defer r.Close()
	path := filepath.Join(folder, fetched)
	raw := path
	if c.Encrypted {
		raw = path + ".age"
	}
	out, err := os.OpenFile(raw, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, hash, &counter{total: c.Size, told: progress}), io.LimitReader(r, c.Size+1))
	if err != nil {
		return b.bucket.told(err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); n != c.Size || got != c.SHA256 {
		return fmt.Errorf("it is damaged: %d bytes with the SHA-256 %s, not %d with %s", n, got, c.Size, c.SHA256)
	}
	if !c.Encrypted {
		return out.Sync()
	}
	if b.decrypt == nil {
		return errors.New("it is encrypted, and there is no secret key: set decryptWith")
	}
	if _, err := out.Seek(0, io.SeekStart); err != nil {
		return err
	}
	plain, err := age.Decrypt(out, b.decrypt...)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, plain)
	return errors.Join(err, file.Sync(), file.Close())
}
