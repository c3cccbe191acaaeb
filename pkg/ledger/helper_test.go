package ledger_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// TestMain acts as a connector if a test started it as one.
func TestMain(m *testing.M) {
	play := map[string]func(file string) error{"work": work, "full": full}[os.Getenv("LEDGER_PLAY")]
	if play == nil {
		os.Exit(m.Run())
	}
	if err := play(os.Getenv("LEDGER_FILE")); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
}

// start starts this test binary as another program and returns its output.
func start(t *testing.T, play, file string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), "LEDGER_PLAY="+play, "LEDGER_FILE="+file)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewScanner(out)
}

const workKeys = 60

// filledBy returns the keys in fill number n, each with version n.
func filledBy(n int) []string {
	keys := make([]string, 20)
	for i := range keys {
		keys[i] = "k" + strconv.Itoa((n*7+i)%workKeys)
	}
	return keys
}

func fillNumber(ctx context.Context, l *ledger.Ledger, g *ledger.Leg, n int) error {
	var entries []ledger.Entry
	for _, k := range filledBy(n) {
		e := ledger.Entry{Key: k, Data: []byte(strings.Repeat("x", 300))}
		binary.BigEndian.PutUint64(e.Hash[:], uint64(n))
		entries = append(entries, e)
	}
	return l.Fill(ctx, &ledger.Fill{Parts: []ledger.Part{{Leg: g, Entries: entries}}, Place: &ledger.Place{Value: strconv.Itoa(n)}})
}

// deliver makes the destination, a file, take a batch, and books it.
func deliver(ctx context.Context, g *ledger.Leg, to io.Writer, b *ledger.Batch) error {
	var text strings.Builder
	for _, o := range b.Operations {
		fmt.Fprintf(&text, "%s %s %d\n", b.ID, o.Key, binary.BigEndian.Uint64(o.Hash[:]))
	}
	if _, err := io.WriteString(to, text.String()); err != nil {
		return err
	}
	fmt.Println("book")
	return g.Book(ctx, b, make([]ledger.Answer, len(b.Operations)))
}

// begin opens the state and resends batches in doubt.
func begin(ctx context.Context, file string) (l *ledger.Ledger, g *ledger.Leg, to *os.File, last int, err error) {
	if l, err = ledger.Open(ctx, file, ledger.Config{Piece: 200}); err != nil {
		return nil, nil, nil, 0, err
	}
	if g, err = l.Leg(ctx, "orders", ledger.Push, "file"); err != nil {
		return nil, nil, nil, 0, err
	}
	if to, err = os.OpenFile(file+".sent", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return nil, nil, nil, 0, err
	}
	mark, err := l.Watermark(ctx, "orders", ledger.Push)
	last, _ = strconv.Atoi(mark.Read.Value)
	return l, g, to, last, err
}

func again(ctx context.Context, g *ledger.Leg, to io.Writer) error {
	doubts, err := g.Doubts(ctx)
	for _, b := range doubts {
		if err == nil {
			err = deliver(ctx, g, to, b)
		}
	}
	return err
}

// work fills and sends forever.
func work(file string) error {
	ctx := context.Background()
	l, g, to, n, err := begin(ctx, file)
	if err != nil {
		return err
	}
	if err := again(ctx, g, to); err != nil {
		return err
	}
	for {
		fmt.Println("fill")
		n++
		if err := fillNumber(ctx, l, g, n); err != nil {
			return err
		}
		for range 2 {
			fmt.Println("next")
			b, err := g.Next(ctx, 8, 1<<20)
			if err != nil {
				return err
			}
			if b == nil {
				break
			}
			if err := deliver(ctx, g, to, b); err != nil {
				return err
			}
		}
	}
}

func TestAKillLosesNothingAndResendsOnlyInDoubt(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	r := rand.New(rand.NewPCG(1, 2))
	for range 25 {
		c, says := start(t, "work", file)
		for range r.IntN(60) {
			if !says.Scan() || strings.HasPrefix(says.Text(), "error") {
				t.Fatalf("it ended: %q %v", says.Text(), says.Err())
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil {
			t.Error("it was not killed")
		}
	}
	ctx := t.Context()
	l, g, to, last, err := begin(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := again(ctx, g, to); err != nil {
		t.Fatal(err)
	}
	for {
		b := must(g.Next(ctx, 8, 1<<20))(t)
		if b == nil {
			break
		}
		if err := deliver(ctx, g, to, b); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{}
	for n := 1; n <= last; n++ {
		for _, k := range filledBy(n) {
			want[k] = n
		}
	}
	has, by := map[string]int{}, map[string]string{}
	doubts := 0
	for line := range strings.Lines(string(must(os.ReadFile(file + ".sent"))(t))) {
		var batch, key string
		var version int
		if _, err := fmt.Sscan(line, &batch, &key, &version); err != nil {
			t.Fatal(line, err)
		}
		state := fmt.Sprint(key, " ", version)
		switch before := by[state]; {
		case before == batch:
			doubts++
		case before != "":
			t.Errorf("%s was sent in %s and again in %s", state, before, batch)
		}
		if version < has[key] {
			t.Errorf("%s arrived after %d", state, has[key])
		}
		by[state], has[key] = batch, version
	}
	if fmt.Sprint(has) != fmt.Sprint(want) || last < 10 {
		t.Errorf("after %d fills the destination has\n%v, want\n%v", last, has, want)
	}
	t.Logf("%d fills, %d states sent, %d of them again in doubt", last, len(by), doubts)
}

// full works until the disk is full: no file can grow beyond a limit.
func full(file string) error {
	signal.Ignore(syscall.SIGXFSZ)
	ctx := context.Background()
	l, g, _, n, err := begin(ctx, file)
	if err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 600_000, Max: 600_000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for {
		if err := fillNumber(ctx, l, g, n+1); err != nil {
			break
		}
		n++
		fmt.Println("filled", n)
		if n > 10_000 {
			return fmt.Errorf("the disk is never full")
		}
	}
	for {
		b, err := g.Next(ctx, 1, 1<<20)
		if err != nil {
			return nil
		}
		if b == nil {
			return fmt.Errorf("there was room for everything")
		}
		fmt.Println("sent", b.ID)
	}
}

func TestAFullDiskFailsBeforeItSends(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	c, says := start(t, "full", file)
	filled, sent := "", map[string]bool{}
	for says.Scan() {
		switch what, which, _ := strings.Cut(says.Text(), " "); what {
		case "filled":
			filled = which
		case "sent":
			sent[which] = true
		default:
			t.Error(says.Text())
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	l := open(t, file)
	if mark := must(l.Watermark(t.Context(), "orders", ledger.Push))(t); mark.Read.Value != filled || filled == "" {
		t.Errorf("%q is there of %q", mark.Read.Value, filled)
	}
	g := must(l.Leg(t.Context(), "orders", ledger.Push, "file"))(t)
	doubts := must(g.Doubts(t.Context()))(t)
	for _, b := range doubts {
		delete(sent, b.ID)
	}
	if len(sent) > 0 {
		t.Errorf("sent without being recorded: %v", sent)
	}
	n, _ := strconv.Atoi(filled)
	if err := fillNumber(t.Context(), l, g, n+1); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestOneProcessUsesAState(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connector.db")
	c, says := start(t, "work", file)
	says.Scan()
	_, err := ledger.Open(t.Context(), file, ledger.Config{})
	if want := fmt.Sprintf("%s is in use by process %d", file, c.Process.Pid); err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
	copied, err := ledger.Copy(t.Context(), file, ledger.Config{})
	if err != nil {
		t.Fatalf("a dry run beside it: %v", err)
	}
	if err := copied.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	c.Wait() //nolint:errcheck // killed
	open(t, file)
}
