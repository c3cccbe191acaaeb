package main

import (
	"context"
	"fmt"
	"strings"
)

// curve is how cost grows with work.
type curve struct {
	name, title string
	over        string // what grows
	show        []string
	points      func(s settings) []point
}

// point is one size of the work.
type point struct {
	label string
	size  float64
	ours  func(b *bench) sample
}

// curveResult is all that came of a curve.
type curveResult struct {
	Name   string        `json:"name"`
	Title  string        `json:"title"`
	Over   string        `json:"over"`
	Show   []string      `json:"show"`
	Points []pointResult `json:"points"`
}

// pointResult is what a point gave.
type pointResult struct {
	Label string  `json:"label"`
	Size  float64 `json:"size"`
	sample
}

var curves []curve

// take goes through the points of a curve, once each.
func (c curve) take(ctx context.Context, s settings, versions map[string]string) (curveResult, error) {
	r := curveResult{Name: c.name, Title: c.title, Over: c.over, Show: c.show}
	for _, p := range c.points(s) {
		got, err := once(ctx, s, versions, p.ours)
		if err != nil {
			return r, fmt.Errorf("%s: %w", p.label, err)
		}
		r.Points = append(r.Points, pointResult{Label: p.label, Size: p.size, sample: got})
		note("%s, %s: %s", c.name, p.label, shown(c.show, got.Figures))
	}
	return r, nil
}

// table is the curve as Markdown.
func (r *curveResult) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n| %s | %s |\n|--:|%s\n", r.Title, r.Over, strings.Join(r.Show, " | "), strings.Repeat("--:|", len(r.Show)))
	for _, p := range r.Points {
		fmt.Fprintf(&b, "| %s |", p.Label)
		for _, name := range r.Show {
			fmt.Fprintf(&b, " %s |", shown([]string{name}, p.Figures))
		}
		b.WriteString("\n")
	}
	return b.String()
}
