package foreign

import (
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
	"github.com/mysql-sync/mysql-sync/pkg/plan"
)

// syncTypes are the adapters of DataCollect that there are, as ours.
var syncTypes = map[string]string{"mock-sync-server": "mock-sync-server", "openfn-adapter": "openfn"}

// KnowsSync reports whether a type of DataCollect is an adapter that there is.
func KnowsSync(kind string) bool { return syncTypes[kind] != "" }

// syncField is one of extraFields: what of a plan it sets.
type syncField struct {
	number bool
	least  int // of a number
}

// syncFields are the extraFields that mean something.
var syncFields = map[string]syncField{
	"apiKey": {}, "token": {}, "username": {}, "password": {}, "clientId": {}, "clientSecret": {}, "tokenUrl": {}, "scope": {}, "callbackToken": {},
	"batchSize": {number: true, least: 1}, "timeout": {number: true, least: 1}, "retryAttempts": {number: true}, "delayBetweenBatches": {number: true},
}

// syncReader reads the block externalSync of a DataCollect configuration.
type syncReader struct {
	file     string
	own      []string // types of the user's
	mistakes keys.Mistakes
	warnings []string
	fields   map[string]string
	all      map[string]string // fields of any name
	numbers  map[string]int
	lines    map[string]int // of the fields
}

// ExternalSync reads the server of a DataCollect configuration: the block externalSync of
// the file, or a file that is the block. own are types that the user's adapters add; they get
// all fields as their settings. What has no effect is returned as warnings. The
// error is keys.Mistakes; no value of the file is part of it but the type and the kind of
// auth.
func ExternalSync(name string, content []byte, own ...string) (*plan.External, []string, error) {
	r := &syncReader{file: name, own: own, fields: map[string]string{}, all: map[string]string{}, numbers: map[string]int{}, lines: map[string]int{}}
	doc := newReader(name, content) // JSON is YAML
	if len(doc.mistakes) > 0 {
		return nil, nil, doc.mistakes
	}
	if len(doc.doc.Content) == 0 || doc.doc.Content[0].Kind != yaml.MappingNode {
		return nil, nil, keys.Mistakes{{Key: name, Text: "is no JSON object"}}
	}
	block := doc.doc.Content[0]
	if inner := r.member(block, "externalSync"); inner != nil {
		block = inner
	}
	e := r.external(block)
	if len(r.mistakes) > 0 {
		return nil, nil, r.mistakes
	}
	slices.Sort(r.warnings)
	return e, r.warnings, nil
}

func (r *syncReader) wrong(at *yaml.Node, key, format string, args ...any) {
	m := keys.Mistake{Key: key, Text: fmt.Sprintf(format, args...), File: r.file}
	m.Line, m.Column = at.Line, at.Column
	r.mistakes = append(r.mistakes, m)
}

// member returns a value of an object; nil if it is not there.
func (*syncReader) member(block *yaml.Node, key string) *yaml.Node {
	if block.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(block.Content); i += 2 {
		if block.Content[i].Value == key {
			return block.Content[i+1]
		}
	}
	return nil
}

// text returns a value that is a text; "" if it is not there.
func (r *syncReader) text(block *yaml.Node, key string) string {
	v := r.member(block, key)
	switch {
	case v == nil || v.Tag == "!!null":
		return ""
	case v.Kind != yaml.ScalarNode:
		r.wrong(v, key, "expected text")
		return ""
	}
	return v.Value
}

// external is what a block says.
func (r *syncReader) external(block *yaml.Node) *plan.External {
	kind := r.text(block, "type")
	ours, ok := syncTypes[kind]
	custom := !ok && slices.Contains(r.own, kind)
	if custom {
		ours = kind
	} else if !ok {
		r.wrong(block, "type", "%q is not one of %s", kind, strings.Join(append(slices.Sorted(maps.Keys(syncTypes)), r.own...), ", "))
	}
	address := r.text(block, "url")
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		r.wrong(block, "url", "is not an address that begins with https:// or http://")
	}
	r.extra(r.member(block, "extraFields"), custom)
	auth := r.auth(block, r.text(block, "auth"))
	push := plan.Settings{"url": address, "auth": auth}
	pull := plan.Settings{"url": address, "auth": maps.Clone(auth)}
	if custom {
		push["settings"], pull["settings"] = r.all, maps.Clone(r.all)
	} else if token := r.fields["callbackToken"]; token != "" {
		pull["callbackToken"] = token
	}
	if n, ok := r.numbers["timeout"]; ok {
		push["timeout"], pull["timeout"] = fmt.Sprintf("%dms", n), fmt.Sprintf("%dms", n)
	}
	if n, ok := r.numbers["retryAttempts"]; ok { // beside the first
		push["attempts"], pull["attempts"] = n+1, n+1
	}
	if n := r.numbers["delayBetweenBatches"]; n > 0 {
		push["pause"] = fmt.Sprintf("%dms", n)
	}
	return &plan.External{Push: plan.Adapter{Type: ours, Settings: push}, Pull: plan.Adapter{Type: ours, Settings: pull}, Batch: r.numbers["batchSize"]}
}

// extra reads extraFields. Those of an own adapter may have any name.
func (r *syncReader) extra(list *yaml.Node, custom bool) {
	if list == nil || list.Tag == "!!null" {
		return
	}
	if list.Kind != yaml.SequenceNode {
		r.wrong(list, "extraFields", "must be a list of names and values")
		return
	}
	for i, item := range list.Content {
		key := fmt.Sprintf("extraFields[%d]", i)
		name, value := r.text(item, "name"), r.text(item, "value")
		if name == "" {
			r.wrong(item, key, "has no name")
			continue
		}
		if before, twice := r.lines[name]; twice {
			r.wrong(item, key, "%s is a duplicate of line %d; remove one", name, before)
			continue
		}
		r.lines[name] = item.Line
		r.all[name] = value
		f, known := syncFields[name]
		switch {
		case custom && !known: // the adapter knows what it is for
		case name == "workflowId":
			r.warnings = append(r.warnings, "workflowId: has no effect: the address says which workflow runs")
		case !known:
			r.warnings = append(r.warnings, name+": has no effect")
		case f.number:
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil || n < f.least || n > math.MaxInt32 {
				r.wrong(item, key, "%s is not a whole number from %d", name, f.least)
				continue
			}
			r.numbers[name] = n
		default:
			r.fields[name] = value
		}
	}
}

// auth is what the server is shown: what the block says, or what its fields are for.
func (r *syncReader) auth(block *yaml.Node, kind string) map[string]any {
	f := r.fields
	if kind == "" {
		switch {
		case f["apiKey"] != "":
			kind = "api-key"
		case f["token"] != "":
			kind = "bearer"
		case f["clientId"] != "":
			kind = "oauth2"
		case f["username"] != "":
			kind = "basic"
		}
	}
	need := func(names ...string) {
		for _, name := range names {
			if f[name] == "" {
				r.wrong(block, "auth", "%q needs %s among extraFields", kind, name)
			}
		}
	}
	switch kind {
	case "", "none":
		return map[string]any{}
	case "api-key":
		need("apiKey")
		return map[string]any{"apiKey": f["apiKey"]}
	case "bearer", "token":
		need("token")
		return map[string]any{"bearer": f["token"]}
	case "basic":
		need("username", "password")
		return map[string]any{"user": f["username"], "password": f["password"]}
	case "oauth2":
		need("clientId", "clientSecret", "tokenUrl")
		return map[string]any{"oauth2": map[string]any{"tokenURL": f["tokenUrl"], "id": f["clientId"], "secret": f["clientSecret"], "scopes": strings.Fields(f["scope"])}}
	}
	r.wrong(block, "auth", "%q is not one of none, api-key, basic, bearer, token, oauth2", kind)
	return nil
}
