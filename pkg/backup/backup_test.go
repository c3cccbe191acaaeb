package backup

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/minio/minio-go/v7"
	"go.uber.org/zap"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
	"github.com/mysql-sync/mysql-sync/pkg/testkit"
)

// TestMain acts as a connector if a test started it as one.
func TestMain(m *testing.M) {
	if play := plays[os.Getenv("BACKUP_PLAY")]; play != nil {
		if err := play(os.Getenv("BACKUP_FILE"), os.Getenv("BACKUP_AT")); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testkit.Main(m))
}

var plays map[string]func(file, at string) error

func init() {
	plays = map[string]func(file, at string) error{"save": playSave, "restore": playRestore, "lease": playLease, "full": playFull, "restores": playRestores}
}

func play(t *testing.T, name, file, at string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "BACKUP_PLAY="+name, "BACKUP_FILE="+file, "BACKUP_AT="+at)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewScanner(out)
}

// shared is the store that all tests of the process share.
var shared struct {
	sync.Mutex
	store   *testkit.S3
	buckets atomic.Int64
}

// config is for a new bucket of the shared store.
func config(t *testing.T) Config {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.store == nil {
		shared.store = testkit.SharedS3(t)
	}
	name := "bucket-" + strconv.FormatInt(shared.buckets.Add(1), 10)
	if err := os.Mkdir(filepath.Join(shared.store.Folder, name), 0o755); err != nil {
		t.Fatal(err)
	}
	return Config{S3: S3{Endpoint: "http://" + shared.store.Addr, Bucket: name, Region: "us-east-1", AccessKey: shared.store.Access, SecretKey: shared.store.Secret}}
}

// object is the file of an object in the shared store.
func object(c Config, key string) string {
	return filepath.Join(shared.store.Folder, c.S3.Bucket, filepath.FromSlash(key))
}

func backups(t *testing.T, c Config, file string) *Backups {
	t.Helper()
	b, err := New(c, acme, file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// proxy sits in front of a store and passes each request and answer to f.
func proxy(t *testing.T, addr string, request func(w http.ResponseWriter, r *http.Request) bool, answer func(*http.Response) error) string {
	t.Helper()
	to := &url.URL{Scheme: "http", Host: addr}
	p := &httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host }, // the signature covers it
		ModifyResponse: answer,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if request == nil || !request(w, r) {
			p.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// opened opens a state with a job and an owner.
func opened(t *testing.T, file string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	if err := errors.Join(l.Identify(t.Context(), acme), ran(t.Context(), l)); err != nil {
		t.Fatal(err)
	}
	return l
}

// ran makes the state do something.
func ran(ctx context.Context, l *ledger.Ledger) error {
	r := &ledger.Run{Job: "orders", Kind: "manual"}
	if err := l.Claim(ctx, r); err != nil {
		return err
	}
	r.State = "done"
	return l.End(ctx, r)
}

func state(t *testing.T) string { t.Helper(); return filepath.Join(t.TempDir(), "connector.db") }

// alerts are the open alerts.
type alerts struct {
	mu   sync.Mutex
	open map[string]string
}

func (a *alerts) Raise(_ context.Context, rule, subject, text string) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.open == nil {
		a.open = map[string]string{}
	}
	a.open[rule+" "+subject] = text
	return true, nil
}

func (a *alerts) Settle(_ context.Context, rule, subject string) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.open, rule+" "+subject)
	return true, nil
}

func keeper(b *Backups, l *ledger.Ledger) (*Keeper, *alerts) {
	a := &alerts{}
	return &Keeper{Backups: b, Ledger: l, Alerts: a, Log: zap.NewNop()}, a
}

func TestB01AConnectorsStateComesBack(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	b := backups(t, c, file)
	var most atomic.Int64
	saved, err := b.Save(t.Context(), func(done, _ int64) { most.Store(done) })
	if err != nil {
		t.Fatal(err)
	}
	if most.Load() != saved.Size || saved.Size == 0 {
		t.Errorf("progress was reported up to %d of %d", most.Load(), saved.Size)
	}
	if want := "acme/datahub/h-1/connector/c-7/connector.db"; saved.Key != want {
		t.Errorf("it is at %s", saved.Key)
	}
	verified, err := b.Verify(t.Context(), "", nil)
	if err != nil || verified.SHA256 != saved.SHA256 || verified.Form != ledger.Form() {
		t.Errorf("%+v, %v", verified, err)
	}
	// B08: not while the connector runs.
	_, err = b.Restore(t.Context(), Restore{})
	if _, is := errors.AsType[*ledger.LockedError](err); !is {
		t.Errorf("restored while running: %v", err)
	}
	if err := errors.Join(ran(t.Context(), l), l.Close()); err != nil {
		t.Fatal(err)
	}
	// B08: not over a newer state.
	_, err = b.Restore(t.Context(), Restore{})
	if _, is := errors.AsType[*ledger.AheadError](err); !is {
		t.Errorf("restored over a newer state: %v", err)
	}
	// B10: jobs are paused until resumed.
	back, err := b.Restore(t.Context(), Restore{Force: true, Pause: "restored from a backup"})
	if err != nil || back.Kept == "" {
		t.Fatalf("%+v, %v", back, err)
	}
	l, err = ledger.Open(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if paused, reason, err := l.Paused(t.Context(), "orders"); !paused || reason != "restored from a backup" || err != nil {
		t.Errorf("%v %q %v", paused, reason, err)
	}
	if err := l.Resume(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	if paused, _, _ := l.Paused(t.Context(), "orders"); paused {
		t.Error("it is still paused")
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(file), scratchPrefix+"*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestB03B04TheBucketSaysWhenACopyIsDue(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	var ahead atomic.Int64 // by the service's clock, in seconds
	var forbidden atomic.Bool
	c.S3.Endpoint = proxy(t, shared.store.Addr, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodHead && forbidden.Load() {
			w.WriteHeader(http.StatusForbidden)
			return true
		}
		return false
	}, func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(time.Duration(ahead.Load())*time.Second).UTC().Format(http.TimeFormat))
		return nil
	})
	if fresh, err := ledger.Open(t.Context(), state(t), ledger.Config{}); err != nil {
		t.Fatal(err)
	} else {
		k, _ := keeper(backups(t, c, file), fresh)
		if pause := k.Check(t.Context()); pause != worked {
			t.Errorf("an unused state is checked again after %v", pause)
		}
		if list, err := fresh.Backups(t.Context(), 9); len(list) > 0 || errors.Join(err, fresh.Close()) != nil {
			t.Errorf("an unused state was backed up: %v, %v", list, err)
		}
	}
	k, a := keeper(backups(t, c, file), l)
	count := func(what string, want int) {
		t.Helper()
		list, err := l.Backups(t.Context(), 99)
		if err != nil || len(list) != want {
			t.Errorf("%s: %d backups, want %d: %v; %v", what, len(list), want, list, err)
		}
		if len(a.open) > 0 {
			t.Errorf("%s: %v", what, a.open)
		}
	}
	if sleep := k.Check(t.Context()); sleep != recheck {
		t.Errorf("it checks again after %v", sleep)
	}
	count("missing", 1)
	k.Check(t.Context())
	count("just made", 1)
	ahead.Store(24*3600 - 60)
	if sleep := k.Check(t.Context()); sleep > 2*time.Minute {
		t.Errorf("a minute before it is due, it checks again after %v", sleep)
	}
	count("almost a day later", 1)
	ahead.Store(24*3600 + 60)
	k.Check(t.Context())
	count("a day later, by the service's clock", 2)
	ahead.Store(-3600)
	k.Check(t.Context())
	count("from the future", 3)
	ahead.Store(0)
	forbidden.Store(true)
	k.Check(t.Context())
	count("hidden, but recorded here", 3)
	if err := l.PurgeBackups(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	k.Check(t.Context())
	count("hidden and not recorded", 1)
	k.Check(t.Context())
	count("hidden and recorded again", 1)
}

func TestB05ACopyIsConsistentWhileRowsAreWritten(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	g, err := l.Leg(t.Context(), "orders", ledger.Push, "file")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	written := make(chan error, 1)
	go func() {
		for n := 0; ctx.Err() == nil; n++ { // both rows in one transaction, always
			var list []ledger.Entry
			for _, key := range []string{"a", "b"} {
				e := ledger.Entry{Key: key + strconv.Itoa(n), Data: bytes.Repeat([]byte("x"), 2000)}
				e.Hash[0] = byte(n)
				list = append(list, e)
			}
			if err := l.Fill(context.WithoutCancel(ctx), &ledger.Fill{Parts: []ledger.Part{{Leg: g, Entries: list}}, Place: &ledger.Place{Value: strconv.Itoa(n)}}); err != nil {
				written <- err
				return
			}
		}
		written <- nil
	}()
	b := backups(t, c, file)
	other := filepath.Join(t.TempDir(), "other.db")
	for range 5 {
		if _, err := b.Save(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Restore(t.Context(), Restore{To: other, Force: true}); err != nil {
			t.Fatal(err)
		}
		back, err := ledger.View(t.Context(), other, ledger.Config{})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := back.Jobs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		mark, err := back.Watermark(t.Context(), "orders", ledger.Push)
		if err := errors.Join(err, back.Close()); err != nil {
			t.Fatal(err)
		}
		if last, err := strconv.Atoi(mark.Read.Value); err == nil && jobs[0].Legs[0].Waiting != 2*(last+1) {
			t.Errorf("%d rows are pending up to position %d", jobs[0].Legs[0].Waiting, last)
		}
	}
	stop()
	if err := <-written; err != nil {
		t.Error(err)
	}
}

func TestB05ADamagedStateIsNotUploaded(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	if err := opened(t, file).Close(); err != nil {
		t.Fatal(err)
	}
	b := backups(t, c, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	orphan := func(statement string) {
		t.Helper()
		db, err := sql.Open("sqlite", file) // without foreign keys
		if err == nil {
			_, err = db.ExecContext(t.Context(), statement)
			err = errors.Join(err, db.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	orphan(`INSERT INTO watermarks VALUES (99, 'push', 1, '', '', NULL)`)
	if _, err := b.Save(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "parent") {
		t.Errorf("a state with an orphaned row was uploaded: %v", err)
	}
	orphan(`DELETE FROM watermarks WHERE job = 99`)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for at := 4096; at < len(whole); at += 4096 { // all pages but the first
		copy(whole[at:], bytes.Repeat([]byte{0xff}, 64))
	}
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Save(t.Context(), nil); err == nil {
		t.Error("a damaged state was uploaded")
	}
	if _, err := b.Verify(t.Context(), "", nil); err != nil {
		t.Errorf("the previous copy: %v", err)
	}
}

func TestB06AServiceThatIsDownStopsNothing(t *testing.T) {
	t.Parallel()
	store := testkit.NewS3(t, "bucket")
	file := state(t)
	l := opened(t, file)
	k, a := keeper(backups(t, Config{S3: S3{Endpoint: "http://" + store.Addr, Bucket: "bucket", Region: "us-east-1", AccessKey: store.Access, SecretKey: store.Secret}}, file), l)
	store.Stop()
	if pause := k.Check(t.Context()); pause != time.Minute {
		t.Errorf("it tries again after %v", pause)
	}
	if pause := k.Check(t.Context()); pause != 2*time.Minute {
		t.Errorf("it tries again after %v", pause)
	}
	if text := a.open["backup c-7"]; !strings.Contains(text, "connector.db") {
		t.Errorf("alerts: %v", a.open)
	}
	if err := ran(t.Context(), l); err != nil {
		t.Error(err)
	}
	store.Start()
	if pause := k.Check(t.Context()); pause != recheck || len(a.open) > 0 {
		t.Errorf("it checks again after %v; %v", pause, a.open)
	}
	for what, change := range map[string]func(*Config){
		"no such bucket": func(c *Config) { c.S3.Bucket = "none" }, "a wrong secret": func(c *Config) { c.S3.SecretKey = "wrong-secret" },
	} {
		c := Config{S3: S3{Endpoint: "http://" + store.Addr, Bucket: "bucket", Region: "us-east-1", AccessKey: store.Access, SecretKey: store.Secret}}
		change(&c)
		if err := l.PurgeBackups(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		k, a := keeper(backups(t, c, file), l)
		if k.Check(t.Context()); len(a.open) != 1 || strings.Contains(fmt.Sprint(a.open), "wrong-secret") {
			t.Errorf("%s: %v", what, a.open)
		}
	}
}

func TestB07AnEmptyStateIsRestoredByItself(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	c.Restore = "auto"
	b := backups(t, c, file)
	if r, err := b.Ready(t.Context(), false, Restore{}); r != nil || err != nil {
		t.Fatalf("without a copy: %+v, %v", r, err)
	}
	l := opened(t, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r, err := b.Ready(t.Context(), false, Restore{}); r != nil || err != nil {
		t.Fatalf("with a state: %+v, %v", r, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	off := c
	off.Restore = "off"
	if r, err := backups(t, off, file).Ready(t.Context(), false, Restore{}); r != nil || err != nil {
		t.Fatalf("restore: off: %+v, %v", r, err)
	}
	if r, err := b.Ready(t.Context(), false, Restore{}); r == nil || err != nil {
		t.Fatalf("%+v, %v", r, err)
	}
	l, err := ledger.Open(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if runs, err := l.Runs(t.Context(), ledger.Which{Limit: 9}); len(runs) != 1 || err != nil {
		t.Errorf("%v, %v", runs, err)
	}
	// What a restored state does is backed up at once, since the copy belongs to its previous life.
	k, _ := keeper(b, l)
	k.Check(t.Context())
	if list, err := l.Backups(t.Context(), 9); len(list) != 1 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	if err := errors.Join(l.Close(), os.Remove(file)); err != nil {
		t.Fatal(err)
	}
	c.S3.Endpoint = "http://127.0.0.1:1"
	if r, err := backups(t, c, file).Ready(t.Context(), false, Restore{}); r != nil && r.Copy.SHA256 != "" || err == nil {
		t.Errorf("it started fresh without knowing whether there is a copy: %+v", r)
	}
}

func TestB09ACopyIsRestoredAsAnother(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	opened(t, file)
	b := backups(t, c, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.db")
	as := ledger.Identity{Connector: "c-8", Org: "acme", Hub: "h-2"}
	if _, err := b.Restore(t.Context(), Restore{To: other, As: &as, Pause: "restored"}); err != nil {
		t.Fatal(err)
	}
	l, err := ledger.Open(t.Context(), other, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.Identify(t.Context(), as); err != nil {
		t.Error(err)
	}
	if err := l.Identify(t.Context(), acme); err == nil {
		t.Error("it still belongs to the old connector")
	}
	// A copy that somebody moved to another connector's key is refused.
	theirs, err := New(c, as, other)
	if err != nil {
		t.Fatal(err)
	}
	theirs.key = b.key
	if _, err := theirs.Restore(t.Context(), Restore{To: filepath.Join(t.TempDir(), "x.db")}); err == nil {
		t.Error("another connector's copy was restored")
	} else if _, is := errors.AsType[*ledger.ForeignError](err); !is {
		t.Error(err)
	}
}

func TestB13CopiesAreKeptListedAndVerified(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	c.Keep = 3
	var ahead atomic.Int64
	c.S3.Endpoint = proxy(t, shared.store.Addr, nil, func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(time.Duration(ahead.Load())*time.Second).UTC().Format(http.TimeFormat))
		return nil
	})
	l := opened(t, file)
	b := backups(t, c, file)
	stranger := object(c, b.key+".of-somebody-else")
	for day := range int64(5) {
		ahead.Store(day * 86400)
		if err := ran(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Save(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(stranger, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := b.List(t.Context())
	if err != nil || len(list) != 3 || !list[0].Newest || list[1].Newest || !list[1].At.After(list[2].At) || list[0].At.Sub(list[2].At) < 47*time.Hour {
		t.Fatalf("%+v, %v", list, err)
	}
	if _, err := os.Stat(stranger); err != nil {
		t.Errorf("an object that is not a copy: %v", err)
	}
	for _, one := range list {
		if v, err := b.Verify(t.Context(), one.Key, nil); err != nil || v.SHA256 == "" {
			t.Errorf("%s: %+v, %v", one.Key, v, err)
		}
	}
	if _, err := b.Verify(t.Context(), list[2].At.UTC().Format(stamp), nil); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"yesterday", "../x", b.key + ".lease", "20200101T000000Z"} {
		if _, err := b.Verify(t.Context(), name, nil); !errors.Is(err, ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	whole, err := os.ReadFile(object(c, b.key))
	if err != nil {
		t.Fatal(err)
	}
	whole[len(whole)/2] ^= 1
	f, err := os.OpenFile(object(c, b.key), os.O_WRONLY, 0) // its metadata is in the file's attributes
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(t.Context(), "", nil); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("one bit is wrong: %v", err)
	}
}

func TestB13ACopyOfANewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	opened(t, file)
	c.S3.Endpoint = proxy(t, shared.store.Addr, nil, func(r *http.Response) error {
		if r.Request.Method == http.MethodHead {
			r.Header.Set("X-Amz-Meta-Schema", "99")
		}
		return nil
	})
	b := backups(t, c, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "x.db")
	_, err := b.Restore(t.Context(), Restore{To: to})
	if newer, is := errors.AsType[*ledger.NewerError](err); !is || newer.Has != 99 {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("restored anyway")
	}
}

func TestB13CopiesAreEncrypted(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	opened(t, file)
	key, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	c.EncryptTo = []string{key.Recipient().String()}
	b := backups(t, c, file)
	saved, err := b.Save(t.Context(), nil)
	if err != nil || !saved.Encrypted {
		t.Fatalf("%+v, %v", saved, err)
	}
	stored, err := os.ReadFile(object(c, b.key))
	if err != nil || bytes.Contains(stored, []byte("orders")) || bytes.Contains(stored, []byte("SQLite")) {
		t.Errorf("the bucket is readable; %v", err)
	}
	to := filepath.Join(t.TempDir(), "x.db")
	if _, err := b.Restore(t.Context(), Restore{To: to}); err == nil || !strings.Contains(err.Error(), "secret key") {
		t.Errorf("without the key: %v", err)
	}
	wrong, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.DecryptWith(wrong.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(t.Context(), Restore{To: to}); err == nil {
		t.Error("restored with another key")
	}
	if err := b.DecryptWith(key.String()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Restore(t.Context(), Restore{To: to}); err != nil {
		t.Error(err)
	}
	err = b.DecryptWith("AGE-SECRET-KEY-1NOTONE")
	if err == nil || strings.Contains(err.Error(), "NOTONE") {
		t.Errorf("%v", err)
	}
}

// stalled is a proxy that lets requests of a method begin, and then neither ends nor forwards them.
func stalled(t *testing.T, method string) (at string, began <-chan struct{}) {
	t.Helper()
	signal, over := make(chan struct{}, 100), make(chan struct{})
	at = proxy(t, shared.store.Addr, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || strings.HasSuffix(r.URL.Path, ".lease") {
			return false
		}
		if method == http.MethodPut {
			_, _ = io.CopyN(io.Discard, r.Body, 1000)
		} else {
			w.WriteHeader(http.StatusOK)
			_, _ = w.Write([]byte("SQLite"))
			_ = http.NewResponseController(w).Flush()
		}
		signal <- struct{}{}
		<-over
		return true
	}, nil)
	t.Cleanup(func() { close(over) })
	return at, signal
}

// at tells a separate process where a bucket is.
func at(c Config) string {
	return strings.Join([]string{c.S3.Endpoint, c.S3.Bucket, c.S3.AccessKey, c.S3.SecretKey}, " ")
}

func fromAt(file, at string) (*Backups, error) {
	p := strings.Fields(at)
	return New(Config{S3: S3{Endpoint: p[0], Bucket: p[1], Region: "us-east-1", AccessKey: p[2], SecretKey: p[3]}}, acme, file)
}

func playSave(file, at string) error {
	b, err := fromAt(file, at)
	if err == nil {
		_, err = b.Save(context.Background(), nil)
	}
	return err
}

func playRestore(file, at string) error {
	b, err := fromAt(file, at)
	if err == nil {
		_, err = b.Restore(context.Background(), Restore{Force: true})
	}
	return err
}

func TestB05AKillDuringAnUploadLeavesThePreviousCopy(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	b := backups(t, c, file)
	before, err := b.Save(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ran(t.Context(), l), l.Close()); err != nil {
		t.Fatal(err)
	}
	killed := c
	var began <-chan struct{}
	killed.S3.Endpoint, began = stalled(t, http.MethodPut)
	p, _ := play(t, "save", file, at(killed))
	<-began
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // it was killed
	v, err := b.Verify(t.Context(), "", nil)
	if err != nil || v.SHA256 != before.SHA256 {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), scratchPrefix+"*")); len(left) > 0 {
		t.Errorf("leftovers of the killed process are still there: %v", left)
	}
}

func TestB08AKillDuringARestoreLeavesTheState(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	b := backups(t, c, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ran(t.Context(), l), l.Close()); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	killed := c
	var began <-chan struct{}
	killed.S3.Endpoint, began = stalled(t, http.MethodGet)
	p, _ := play(t, "restore", file, at(killed))
	<-began
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // it was killed
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the state has changed: %v", err)
	}
	if _, err := b.Restore(t.Context(), Restore{Force: true}); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), scratchPrefix+"*")); len(left) > 0 {
		t.Errorf("leftovers of the killed process are still there: %v", left)
	}
}

// playRestores restores in an endless loop.
func playRestores(file, at string) error {
	b, err := fromAt(file, at)
	for err == nil {
		fmt.Println("again")
		_, err = b.Restore(context.Background(), Restore{Force: true})
	}
	return err
}

// Killed at random moments, and so also between any two steps by which a copy replaces the state.
func TestB08AKillAtAnyMomentOfARestoreLeavesOneWholeState(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	b := backups(t, c, file)
	if _, err := b.Save(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(ran(t.Context(), l), l.Close()); err != nil {
		t.Fatal(err)
	}
	for n := range 12 {
		p, said := play(t, "restores", file, at(c))
		for range 1 + n%2 {
			if !said.Scan() || said.Text() != "again" {
				t.Fatalf("it printed %q", said.Text())
			}
		}
		time.AfterFunc(time.Duration(n*n)*time.Millisecond, func() { _ = p.Process.Kill() })
		_ = p.Wait() // it was killed
		l, err := ledger.Open(t.Context(), file, ledger.Config{})
		if err != nil {
			t.Fatalf("after kill %d: %v", n, err)
		}
		runs, err := l.Runs(t.Context(), ledger.Which{Limit: 9})
		if err := errors.Join(err, l.Close(), ledger.Check(t.Context(), file)); err != nil || len(runs) == 0 || len(runs) > 2 {
			t.Fatalf("after kill %d: %v, %v", n, runs, err)
		}
	}
}

// A copy that does not fit into one part of an upload is sent in several, and the parts of a killed
// upload do not stay forever.
func TestB13ALargeStateIsUploadedInParts(t *testing.T) {
	t.Parallel()
	c, file := config(t), state(t)
	l := opened(t, file)
	g, err := l.Leg(t.Context(), "orders", ledger.Push, "file")
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		var list []ledger.Entry
		for i := range 10 {
			e := ledger.Entry{Key: fmt.Sprint(n, i), Data: bytes.Repeat([]byte{byte(n), byte(i)}, 1<<19)}
			e.Hash[0] = 1
			list = append(list, e)
		}
		if err := l.Fill(t.Context(), &ledger.Fill{Parts: []ledger.Part{{Leg: g, Entries: list}}}); err != nil {
			t.Fatal(err)
		}
	}
	var ahead atomic.Int64
	c.S3.Endpoint = proxy(t, shared.store.Addr, nil, func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(time.Duration(ahead.Load())*time.Hour).UTC().Format(http.TimeFormat))
		return nil
	})
	b := backups(t, c, file)
	old, err := minio.Core{Client: b.bucket.client}.NewMultipartUpload(t.Context(), b.bucket.name, b.key, minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	uploads := func() (list []string) {
		for u := range b.bucket.client.ListIncompleteUploads(t.Context(), b.bucket.name, b.key, true) {
			if u.Err != nil {
				t.Fatal(u.Err)
			}
			list = append(list, u.UploadID)
		}
		return list
	}
	var calls atomic.Int64
	saved, err := b.Save(t.Context(), func(_, _ int64) { calls.Add(1) })
	if err != nil || saved.Size < 30<<20 || calls.Load() < 2 {
		t.Fatalf("%+v, progress was reported %d times, %v", saved, calls.Load(), err)
	}
	if list := uploads(); len(list) != 1 || list[0] != old {
		t.Errorf("an upload of today, which another process may be about to finish, was removed: %v", list)
	}
	ahead.Store(25)
	if err := b.bucket.abandon(t.Context(), b.key); err != nil {
		t.Fatal(err)
	}
	if list := uploads(); len(list) != 0 {
		t.Errorf("an upload of yesterday is still there: %v", list)
	}
	if v, err := b.Verify(t.Context(), "", nil); err != nil || v.SHA256 != saved.SHA256 {
		t.Errorf("%+v, %v", v, err)
	}
}
