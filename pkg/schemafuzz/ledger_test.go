package schemafuzz

import (
	"strings"
	"testing"
)

// rows makes an image: tokens with the rest of the row, which begins with the key.
func rows(tokens ...string) image {
	m := image{}
	for _, t := range tokens {
		text, rest, _ := strings.Cut(t, " ")
		m[text] = row{all: rest, key: rest[:1]}
	}
	return m
}

func TestLedgerFindsWhatIsLost(t *testing.T) {
	type step struct {
		site          string
		before, after image
	}
	for rule, c := range map[string]struct {
		steps   []step
		final   image
		kept    []string // tokens in sync_conflicts
		deletes []string // sites whose deletions are in sync_conflicts
		moved   []string // tokens of rows that followed a parent
		want    string   // start of the complaint; empty: none
	}{
		"a written row is there":                  {[]step{{"a", rows(), rows("1 x")}}, rows("1 x"), nil, nil, nil, ""},
		"a written row is gone":                   {[]step{{"a", rows(), rows("1 x")}}, rows(), nil, nil, nil, "lost: 1"},
		"a loser is kept":                         {[]step{{"a", rows(), rows("1 x")}, {"b", rows(), rows("2 x")}}, rows("2 x"), []string{"1"}, nil, nil, ""},
		"a loser is not kept":                     {[]step{{"a", rows(), rows("1 x")}, {"b", rows(), rows("2 x")}}, rows("2 x"), nil, nil, nil, "lost: 1"},
		"somebody overwrote what they had seen":   {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}}, rows("2 x"), nil, nil, nil, ""},
		"an overwritten row is back":              {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}}, rows("1 x"), nil, nil, nil, "lost: 2"},
		"an overwrite lost and is kept":           {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}}, rows("1 x"), []string{"2"}, nil, nil, ""},
		"a deleted row is back":                   {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows()}}, rows("1 x"), nil, nil, nil, "undone: 1"},
		"a deletion lost and is kept":             {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows()}}, rows("1 x"), nil, []string{"b"}, nil, ""},
		"who deletes an overwrite and loses":      {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}, {"c", rows("2 x"), rows()}}, rows("1 x"), nil, []string{"c"}, nil, ""},
		"who deletes an overwrite and is undone":  {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}, {"c", rows("2 x"), rows()}}, rows("1 x"), nil, nil, nil, "undone: 1"},
		"who overwrites an overwrite and loses":   {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}, {"c", rows("2 x"), rows("3 x")}}, rows("1 x"), []string{"3"}, nil, nil, ""},
		"who deletes an overwrite unseen":         {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 x")}, {"c", rows("1 x"), rows()}}, rows("1 x"), nil, []string{"c"}, nil, "lost: 2"},
		"who deletes another row and loses":       {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows("2 y")}, {"c", rows("2 y"), rows()}}, rows("1 x"), nil, []string{"c"}, nil, "undone: 1"},
		"another site's deletion is kept":         {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows()}}, rows("1 x"), nil, []string{"a"}, nil, "undone: 1"},
		"a row was re-keyed where it was deleted": {[]step{{"a", rows(), rows("1 x")}, {"b", rows("1 x"), rows()}, {"a", rows("1 x"), rows("1 y")}}, rows("1 y"), nil, nil, nil, ""},
		"a row that nobody wrote":                 {nil, rows("9 x"), nil, nil, nil, "made up: no one wrote 9"},
		"a cascade at its origin":                 {[]step{{"a", rows(), rows("1 x")}, {"a", rows("1 x"), rows("1 NULL")}}, rows("1 NULL"), nil, nil, nil, ""},
		"a cascade that no statement caused":      {[]step{{"a", rows(), rows("1 x")}}, rows("1 NULL"), nil, nil, nil, "changed by no one: 1"},
		"a child that followed its parent":        {[]step{{"a", rows(), rows("1 x")}}, rows("1 y"), nil, nil, []string{"1"}, ""},
	} {
		l := newLedger()
		for _, s := range c.steps {
			l.commit(s.site, "some", map[string]image{"t": s.before}, map[string]image{"t": s.after})
		}
		k := newKept()
		for _, text := range c.moved {
			k.rows[token{"t", text}], k.moved[token{"t", text}] = true, true
		}
		for _, text := range c.kept {
			k.rows[token{"t", text}] = true
		}
		for _, site := range c.deletes {
			k.deletes[keptDelete{"t", site}] = true
		}
		wrong := l.check(map[string]image{"t": c.final}, k)
		switch {
		case c.want == "" && len(wrong) > 0:
			t.Errorf("%s: %q", rule, wrong)
		case c.want != "" && (len(wrong) == 0 || !strings.HasPrefix(wrong[0], c.want)):
			t.Errorf("%s: got %q, want %s", rule, wrong, c.want)
		}
	}
}
