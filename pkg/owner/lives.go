package owner

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/change"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Lives are a client's lives, and until when each may have counted increments, by the database server's clock. They are in
// queueDirectory, in {client}.lives. What a backup holds that was not captured when it was made may have been captured, counted
// and sent since then. So it is credited to the life of its date, whose tally then becomes what the others have: no increment
// counts twice. Promise 2. A life counts nothing later than what the file says of it. A killed process has written that; it is on
// disk a few seconds later, which matters only if a power failure ends the life, and a backup follows.
//
// Without the file, such increments are credited to the present life, and may count twice.
type Lives struct {
	client string
	file   string
	log    *zap.Logger

	mu     sync.Mutex
	list   []life // the last is the present one
	failed bool   // the last write; it is told once
	synced time.Time
}

// life is a client's life.
type life struct {
	Name  string `json:"life"`  // "" is the first
	Until int64  `json:"until"` // µs since 1970
}

const (
	// syncTime is how long the file may be newer than the disk.
	syncTime = 5 * time.Second
	// mostLives is how many lives are remembered.
	mostLives = 1000
)

// OpenLives reads a client's lives, of which the given one is the present.
func OpenLives(log *zap.Logger, folder, client, present string) *Lives {
	l := &Lives{client: client, file: LivesFile(folder, client), log: log}
	text, err := keys.ReadFile(l.file)
	if err == nil {
		err = json.Unmarshal(text, &l.list)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("the node's memory of its lives is damaged; increments of a restored backup may count twice", zap.String("file", l.file), zap.Error(err))
		l.list = nil
	}
	if n := len(l.list); n == 0 || l.list[n-1].Name != present {
		l.list = append(l.list, life{Name: present})
	}
	l.list = l.list[max(len(l.list)-mostLives, 0):]
	return l
}

// LivesFile returns the path of the file of a client's lives.
func LivesFile(folder, client string) string { return filepath.Join(folder, client+".lives") }

// Credited returns the origin to which an increment is credited that was made at a time, by the database server's clock: that of
// the first life that may have counted it. It is safe for concurrent use.
func (l *Lives) Credited(at int64) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.list) - 1
	if i := slices.IndexFunc(l.list[:last], func(x life) bool { return at <= x.Until }); i >= 0 {
		return change.Origin(l.client, l.list[i].Name)
	}
	if now := &l.list[last]; at > now.Until {
		now.Until = at
		err := l.write()
		if err != nil && !l.failed {
			l.log.Warn("could not record until when increments are counted; those of a restored backup may count twice", zap.Error(err))
		}
		l.failed = err != nil
	}
	return change.Origin(l.client, l.list[last].Name)
}

// write replaces the file.
func (l *Lives) write() error {
	text, err := json.Marshal(l.list)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.file+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if now := time.Now(); err == nil && now.Sub(l.synced) >= syncTime {
		l.synced, err = now, f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(l.file+".new", l.file)
}
