package plan

import (
	_ "embed"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Kind is a type of adapter: which keys its blocks have.
type Kind struct {
	// Block is the JSON Schema of a block under sources or destinations. It has the
	// key type, with an enum of the names of this kind.
	Block []byte
	// Use is the JSON Schema of the keys that a job's from or to has for this kind,
	// beside those that all have; nil: none.
	Use []byte
}

// Kinds are the types of adapters that there are, and the sections of a configuration
// that other packages define.
type Kinds struct {
	Sources      []Kind
	Destinations []Kind
	// Sections are the JSON Schemas of alerts, publish and backup, by these
	// names. One that is missing has no keys.
	Sections map[string][]byte
	// Scripts are the files that define types of the user's own, by type.
	Scripts map[string]string
	// ExternalSync reads a file of DataCollect; nil: there are none. The strings are
	// warnings.
	ExternalSync func(name string, content []byte) (*External, []string, error)
}

// External is a server that events are pushed to and pulled from.
type External struct {
	Push, Pull Adapter
	Batch      int // events in a push; 0: what the server takes
}

//go:embed schema.json
var schemaJSON []byte

//go:embed from.json
var fromJSON []byte

//go:embed to.json
var toJSON []byte

// Schema returns the text of the JSON Schema of a whole configuration, with all kinds.
// The keys of from and to, which depend on the type of what they name, are in
// Uses.
func (k Kinds) Schema() ([]byte, error) {
	parts := maps.Clone(k.Sections)
	if parts == nil {
		parts = map[string][]byte{}
	}
	for name, kinds := range map[string][]Kind{"sourceKind": k.Sources, "destinationKind": k.Destinations} {
		if len(kinds) == 0 {
			continue
		}
		var blocks [][]byte
		for _, kind := range kinds {
			blocks = append(blocks, kind.Block)
		}
		text, err := keys.OneOf("type", blocks...)
		if err != nil {
			return nil, err
		}
		parts[name] = text
	}
	text := schemaJSON
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		var err error
		if text, err = keys.Define(text, name, parts[name]); err != nil {
			return nil, err
		}
	}
	return text, nil
}

// uses returns the schemas of what a job says of each kind, by the names of the type.
func uses(common []byte, kinds []Kind) (map[string]*keys.Schema, error) {
	byType := map[string]*keys.Schema{}
	for _, kind := range kinds {
		use, err := Use(common, kind)
		if err != nil {
			return nil, err
		}
		block, err := keys.Parse(kind.Block)
		if err != nil {
			return nil, err
		}
		for _, name := range block.Property("type").Enum {
			byType[name] = use
		}
	}
	return byType, nil
}

// FromSchema and ToSchema are the schemas of the keys that each from and each to has.
var FromSchema, ToSchema = fromJSON, toJSON

// Use returns the schema of the keys that a from or a to has if it names a kind: those
// that all have (FromSchema or ToSchema), and its own.
func Use(common []byte, kind Kind) (*keys.Schema, error) {
	s, err := keys.Parse(common)
	if err != nil || kind.Use == nil {
		return s, err
	}
	own, err := keys.Parse(kind.Use)
	if err != nil {
		return nil, err
	}
	for _, p := range own.Properties {
		if at := slices.IndexFunc(s.Properties, func(c keys.Property) bool { return c.Name == p.Name }); at >= 0 {
			s.Properties[at] = p // one that means more here
			continue
		}
		s.Properties = append(s.Properties, p)
	}
	s.Required = append(s.Required, own.Required...)
	s.AdditionalProperties = own.AdditionalProperties
	return s, nil
}
