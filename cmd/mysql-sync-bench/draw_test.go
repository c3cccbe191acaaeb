package main

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPictureIsWellFormedAndComplete(t *testing.T) {
	t.Parallel()
	full := make([]float64, 101)
	for i := range full {
		full[i] = float64(i + 1)
	}
	r := &report{
		Measures: []result{
			{Title: "a & b", Show: []string{"rate"}, Unit: "rows/s", Ours: []sample{figure("rate", 20000)}, Native: []sample{figure("rate", 5000)}},
			{Title: "alone", Show: []string{"rate"}, Unit: "rows/s", Ours: []sample{figure("rate", 777)}},
			{Name: "latency", Show: []string{"p50"}, Ours: []sample{{Quantiles: full}}},
		},
		Curves: []curveResult{{Title: "backlog", Over: "changes", Show: []string{"rows/s", "MiB"}, Points: []pointResult{
			{Label: "10", Size: 10, sample: sample{Figures: map[string]float64{"rows/s": 300, "MiB": 20}}},
			{Label: "1,000", Size: 1000, sample: sample{Figures: map[string]float64{"rows/s": 200, "MiB": 21}}},
		}}},
	}
	picture := draw(r)
	wellFormed(t, picture)
	for _, want := range []string{"a &amp; b", "20,000 rows/s", "5,000 rows/s", "777 rows/s", "21.0 MiB", ">1,000<", `width="250.0"`, `width="62.5"`} {
		if !strings.Contains(picture, want) {
			t.Errorf("the picture lacks %s:\n%s", want, picture)
		}
	}
	if strings.Contains(picture, "NaN") {
		t.Errorf("the picture has an invalid coordinate:\n%s", picture)
	}
}

func TestEmptyPictureIsWellFormed(t *testing.T) {
	t.Parallel()
	wellFormed(t, draw(&report{}))
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatalf("the picture is not well formed: %v\n%s", err, text)
		}
	}
}
