package keys

import (
	"bytes"
	stdjson "encoding/json"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"
	"go.yaml.in/yaml/v3"
)

// Place is a position in a file. Lines and columns count from 1; 0 is nowhere.
type Place struct{ Line, Column int }

// spot is a key, or an item of a list, with its content.
type spot struct {
	name  string // of the key
	at    Place
	list  bool // inner are items
	inner []*spot
}

// spots returns the keys of a text that could be parsed, inside a root spot without a place.
func spots(path string, text []byte) *spot {
	root := &spot{}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
		var n yaml.Node
		if yaml.Unmarshal(text, &n) == nil && len(n.Content) > 0 {
			yamlSpots{}.fill(root, n.Content[0])
		}
	case ".toml":
		tomlSpots(root, text)
	default:
		j := jsonSpots{d: stdjson.NewDecoder(bytes.NewReader(text)), text: text, line: 1}
		j.fill(root)
	}
	return root
}

// find returns the place of the key at a path or, if it is missing, of the block that it belongs to. left is how much
// of the path remains unmatched. Names may contain dots, so several ways may lead along a path: one that matches
// further wins, and among equals the last, as in the file.
func (s *spot) find(path string) (at Place, left int) {
	at, left = s.at, len(path)
	for i, in := range s.inner {
		name := in.name
		if s.list {
			name = "[" + strconv.Itoa(i) + "]"
		}
		rest, ok := strings.CutPrefix(path, name)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		if deeper, l := in.find(strings.TrimPrefix(rest, ".")); l <= left {
			at, left = deeper, l
		}
	}
	return at, left
}

// child returns the last spot in s with a name, or a new one.
func (s *spot) child(name string, at Place) *spot {
	for _, in := range slices.Backward(s.inner) {
		if in.name == name {
			return in
		}
	}
	in := &spot{name: name, at: at}
	s.inner = append(s.inner, in)
	return in
}

// item returns a new item of the list s.
func (s *spot) item(at Place) *spot {
	in := &spot{at: at}
	s.list, s.inner = true, append(s.inner, in)
	return in
}

// yamlSpots has the content of each anchor: aliases share it, so that a few lines cannot expand beyond the memory.
type yamlSpots map[*yaml.Node]*spot

func (y yamlSpots) fill(s *spot, n *yaml.Node) {
	if n.Kind == yaml.AliasNode {
		shared, known := y[n.Alias]
		if !known {
			shared = &spot{}
			y[n.Alias] = shared
			y.fill(shared, n.Alias)
		}
		s.list, s.inner = shared.list, shared.inner
		return
	}
	switch n.Kind {
	case yaml.SequenceNode:
		s.list = true
		for _, c := range n.Content {
			y.fill(s.item(Place{c.Line, c.Column}), c)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			key, value := n.Content[i], n.Content[i+1]
			if key.Tag == "!!merge" {
				y.merge(s, value)
				continue
			}
			in := &spot{name: key.Value, at: Place{key.Line, key.Column}}
			s.inner = append(s.inner, in)
			y.fill(in, value)
		}
	}
}

// merge adds the keys that <<: names and the block lacks. Keys that it gets later win, since they are found last.
func (y yamlSpots) merge(s *spot, value *yaml.Node) {
	from := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		from = value.Content
	}
	has := map[string]bool{}
	for _, in := range s.inner {
		has[in.name] = true
	}
	for _, n := range from {
		merged := &spot{}
		y.fill(merged, n)
		for _, in := range merged.inner {
			if !has[in.name] {
				has[in.name], s.inner = true, append(s.inner, in)
			}
		}
	}
}

// jsonSpots reads JSON token by token.
type jsonSpots struct {
	d           *stdjson.Decoder
	text        []byte
	line, begin int // of the last place: its line, and the offset where that begins
	counted     int // how much of the text has been counted
}

// next returns the next token and its place; nil is the end.
func (j *jsonSpots) next() (stdjson.Token, Place) {
	start := int(j.d.InputOffset())
	for start < len(j.text) && strings.IndexByte(" \t\r\n,:", j.text[start]) >= 0 {
		start++
	}
	for ; j.counted < start; j.counted++ {
		if j.text[j.counted] == '\n' {
			j.line, j.begin = j.line+1, j.counted+1
		}
	}
	token, err := j.d.Token()
	if err != nil {
		return nil, Place{}
	}
	return token, Place{j.line, start - j.begin + 1}
}

func (j *jsonSpots) fill(s *spot) {
	token, _ := j.next()
	j.value(s, token)
}

// value adds to s what begins with a token.
func (j *jsonSpots) value(s *spot, token stdjson.Token) {
	switch token {
	case stdjson.Delim('['):
		s.list = true
		for j.d.More() {
			token, at := j.next()
			j.value(s.item(at), token)
		}
		j.next()
	case stdjson.Delim('{'):
		for j.d.More() {
			key, at := j.next()
			name, ok := key.(string)
			if !ok {
				return // the text has changed since it was parsed
			}
			in := &spot{name: name, at: at}
			s.inner = append(s.inner, in)
			j.fill(in)
		}
		j.next()
	}
}

// tomlSpots reads TOML expression by expression.
func tomlSpots(root *spot, text []byte) {
	p := &unstable.Parser{}
	p.Reset(text)
	// at is the place of a node; if the parser does not give one, the place of what contains it.
	at := func(n *unstable.Node, outer Place) Place {
		for n != nil && n.Raw.Length == 0 {
			n = n.Child()
		}
		if n == nil {
			return outer
		}
		start := p.Shape(n.Raw).Start
		return Place{start.Line, start.Column}
	}
	var fill func(*spot, *unstable.Node)
	// along follows the names of a key; a list on the way stands for its last item.
	along := func(s *spot, names unstable.Iterator) *spot {
		for names.Next() {
			if s.list && len(s.inner) > 0 {
				s = s.inner[len(s.inner)-1]
			}
			s = s.child(string(names.Node().Data), at(names.Node(), s.at))
		}
		return s
	}
	fill = func(s *spot, n *unstable.Node) {
		switch n.Kind {
		case unstable.Array:
			s.list = true
			for items := n.Children(); items.Next(); {
				fill(s.item(at(items.Node(), s.at)), items.Node())
			}
		case unstable.InlineTable:
			for pairs := n.Children(); pairs.Next(); {
				fill(along(s, pairs.Node().Key()), pairs.Node().Value())
			}
		}
	}
	table := root
	for p.NextExpression() {
		switch e := p.Expression(); e.Kind {
		case unstable.Table:
			table = along(root, e.Key())
		case unstable.ArrayTable:
			list := along(root, e.Key())
			place := list.at
			for names := e.Key(); names.Next(); {
				place = at(names.Node(), place)
			}
			table = list.item(place)
		case unstable.KeyValue:
			fill(along(table, e.Key()), e.Value())
		}
	}
}
