package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestQuantilesLieBetweenTheirNeighbours(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		q      float64
		want   float64
	}{
		{[]float64{1}, 0.99, 1},
		{[]float64{1, 2, 3}, 0.5, 2},
		{[]float64{1, 2}, 0.5, 1.5},
		{[]float64{0, 10, 20, 30, 40}, 0.9, 36},
		{[]float64{1, 2, 3}, 0, 1},
		{[]float64{1, 2, 3}, 1, 3},
	} {
		if got := quantile(c.values, c.q); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("quantile %v of %v: got %v, want %v", c.q, c.values, got, c.want)
		}
	}
	if got := quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("the median of nothing is %v", got)
	}
	if got := quantiles([]float64{3, 1, 2}); len(got) != 101 || got[0] != 1 || got[50] != 2 || got[100] != 3 {
		t.Errorf("the quantiles of 3, 1 and 2 are %v", got)
	}
}

func TestMedianOfAnEvenCount(t *testing.T) {
	t.Parallel()
	if got := median([]float64{9, 1, 3, 5}); got != 4 {
		t.Errorf("the median is %v", got)
	}
}

func TestNumbersAreReadable(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0.00", 0.345: "0.34", 9.876: "9.88", 12.34: "12.3", 123.4: "123", 1234.5: "1,234",
		1e6: "1,000,000", -4321: "-4,321", -123: "-123"} {
		if got := readable(v); got != want {
			t.Errorf("readable(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestProcessTimeIsReadWhateverTheName(t *testing.T) {
	t.Parallel()
	got, err := parseBusy("12 (a) b (c) R 1 12 12 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 8 0 1 1 1")
	if err != nil || got.Seconds() != 2 {
		t.Errorf("the time is %v, %v", got, err)
	}
	if _, err := parseBusy("12 (a) R 1"); err == nil {
		t.Error("a line that is too short was read")
	}
}

func TestTableHasMediansAndTheirRatio(t *testing.T) {
	t.Parallel()
	rates := func(list ...float64) (s []sample) {
		for _, v := range list {
			s = append(s, figure("rate", v))
		}
		return s
	}
	r := report{Settings: settings{Rounds: 3}, Measures: []result{
		{Title: "one", Aim: "4×", Floor: "3×", Show: []string{"rate"}, Unit: "rows/s", Ours: rates(4000, 100, 5000), Native: rates(1000, 900, 2000)},
		{Title: "two", Aim: "1 / 2", Floor: "3 / 4", Show: []string{"p50", "p99"}, Unit: "ms",
			Ours: []sample{{Figures: map[string]float64{"p50": 1, "p99": 20}}}},
		{Title: "three", Show: []string{"rate"}, Unit: "rows/s"},
	}}
	for _, want := range []string{
		"| one | 4× | 3× | 4,000 rows/s | 1,000 rows/s | 4.00× |",
		"| two | 1 / 2 | 3 / 4 | 1.00 / 20.0 ms | – | – |",
		"| three |  |  | – | – | – |",
	} {
		if !strings.Contains(r.table(), want) {
			t.Errorf("the table lacks the line %s:\n%s", want, r.table())
		}
	}
}

func TestRowsHaveOneSizeAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for id := int64(1); id <= 1000; id++ {
		size := 0
		values := row(id)
		for _, v := range values {
			size += len(fmt.Sprint(v))
		}
		comment := values[columns-1].(string)
		if size < rowBytes-10 || size > rowBytes+10 || len(comment) > 255 || seen[comment] {
			t.Fatalf("row %d has %d bytes: %v", id, size, values)
		}
		seen[comment] = true
	}
}

func TestCurvesFollowTheSettings(t *testing.T) {
	t.Parallel()
	sizes := func(s settings) (list []float64) {
		for _, p := range over(nil, 100, 1000, 10_000)(s) {
			list = append(list, p.size)
		}
		return list
	}
	for _, c := range []struct {
		s    settings
		want []float64
	}{
		{settings{}, []float64{100, 1000}},
		{settings{Quick: true}, []float64{10, 100}},
		{settings{Long: true}, []float64{100, 1000, 10_000}},
	} {
		if got := sizes(c.s); !slices.Equal(got, c.want) {
			t.Errorf("sizes with %+v: got %v, want %v", c.s, got, c.want)
		}
	}
}
