package ledger_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/mysql-sync/mysql-sync/pkg/ledger"
)

// million is the number of rows of a benchmark.
const million = 1_000_000

// portion is the number of rows that a reader hands on at a time.
const portion = 2000

func rowOf(i int) ledger.Entry {
	data := fmt.Appendf(nil, `{"id":%d,"name":"customer %d","email":"c%d@example.com","updated_at":"2026-11-27T08:00:00Z"}`, i, i, i)
	sum := sha256.Sum256(data)
	return ledger.Entry{Key: strconv.Itoa(i), Hash: ledger.Hash(sum[:16]), Data: data}
}

// BenchmarkMillion reads a million rows for the first time, sends them, and reads them again unchanged.
func BenchmarkMillion(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		file := filepath.Join(b.TempDir(), "connector.db")
		l, err := ledger.Open(b.Context(), file, ledger.Config{})
		if err != nil {
			b.Fatal(err)
		}
		g, err := l.Leg(b.Context(), "orders", ledger.Push, "crm")
		if err != nil {
			b.Fatal(err)
		}
		memory := watch()
		stage := func(name string, f func()) {
			start := time.Now()
			f()
			b.ReportMetric(million/time.Since(start).Seconds(), name+"-rows/s")
		}
		b.StartTimer()
		stage("fill", func() { read(b, l, g, million) })
		stage("drain", func() { drain(b, g, million) })
		stage("look", func() { read(b, l, g, 0) })
		b.StopTimer()
		b.ReportMetric(float64(memory())/(1<<20), "MiB")
		if err := l.Close(); err != nil {
			b.Fatal(err)
		}
		size, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size.Size())/1e6, "MB-file")
		start := time.Now()
		if err := ledger.Snapshot(b.Context(), file, file+".copy"); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-backup")
		if size, err = os.Stat(file + ".copy"); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size.Size())/1e6, "MB-backup")
		b.StartTimer()
	}
}

// read reads all rows and fills the new ones, which must be as many as changed.
func read(b *testing.B, l *ledger.Ledger, g *ledger.Leg, changed int) {
	b.Helper()
	pass, err := g.Pass(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	entries := make([]ledger.Entry, portion)
	keys := make([]string, portion)
	filled := 0
	for from := 0; from < million; from += portion {
		for i := range entries {
			entries[i] = rowOf(from + i)
			keys[i] = entries[i].Key
		}
		rows, err := g.Look(b.Context(), keys)
		if err != nil {
			b.Fatal(err)
		}
		news := entries[:0:0]
		for i, r := range rows {
			pass.Mark(r.ID)
			if (r.Newest != ledger.State{There: true, Hash: entries[i].Hash}) {
				news = append(news, entries[i])
			}
		}
		filled += len(news)
		if err := l.Fill(b.Context(), &ledger.Fill{Parts: []ledger.Part{{Leg: g, Entries: news}}, Place: &ledger.Place{Value: strconv.Itoa(from)}}); err != nil {
			b.Fatal(err)
		}
	}
	if filled != changed {
		b.Fatalf("%d rows of %d were filled", filled, changed)
	}
}

func drain(b *testing.B, g *ledger.Leg, all int) {
	b.Helper()
	sent := 0
	for {
		batch, err := g.Next(b.Context(), 1000, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		if batch == nil {
			break
		}
		answers := make([]ledger.Answer, len(batch.Operations))
		for i, o := range batch.Operations {
			answers[i].RemoteID = "rec" + o.Key
		}
		if err := g.Book(b.Context(), batch, answers); err != nil {
			b.Fatal(err)
		}
		sent += len(answers)
	}
	if sent != all {
		b.Fatalf("%d rows of %d were sent", sent, all)
	}
}

// watch returns a function that reports the process's peak memory meanwhile.
func watch() func() uint64 {
	runtime.GC()
	end := make(chan struct{})
	peak := make(chan uint64)
	go func() {
		most := uint64(0)
		for {
			select {
			case <-end:
				peak <- most
				return
			case <-time.After(20 * time.Millisecond):
				most = max(most, resident())
			}
		}
	}()
	return func() uint64 {
		close(end)
		return <-peak
	}
}

// resident is the memory of the process, in bytes.
func resident() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
