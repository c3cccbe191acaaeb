package plan

import (
	"fmt"
	"maps"
	"slices"

	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// Forms returns the schema of the blocks of a configuration that forms show: sources, destinations and jobs. A job's from
// and to have the keys of the sources and destinations that the configuration has, given as in the file.
func (k Kinds) Forms(given map[string]any) (*keys.Schema, error) {
	text, err := k.Schema()
	if err != nil {
		return nil, err
	}
	s, err := keys.Parse(text)
	if err != nil {
		return nil, err
	}
	from, err := choices("source", fromJSON, k.Sources, given["sources"])
	if err != nil {
		return nil, err
	}
	to, err := choices("destination", toJSON, k.Destinations, given["destinations"])
	if err != nil {
		return nil, err
	}
	several := *to
	several.Type, several.Items = keys.Types{"object", "array"}, to
	job := s.Property("jobs").AdditionalProperties.Schema
	for name, its := range map[string]*keys.Schema{"from": from, "events": from, "to": &several, "pullTo": to} {
		at := slices.IndexFunc(job.Properties, func(p keys.Property) bool { return p.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("the schema of a job has no %s", name)
		}
		described := *its
		described.Description = job.Properties[at].Schema.Description
		job.Properties[at].Schema = &described
	}
	return s, nil
}

// choices returns the schema of a from or a to, which has a kind for each type of the adapters that there are, told apart
// by their names.
func choices(key string, common []byte, kinds []Kind, adapters any) (*keys.Schema, error) {
	byType, err := uses(common, kinds)
	if err != nil {
		return nil, err
	}
	named := map[*keys.Schema][]string{}
	blocks, _ := adapters.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(blocks)) {
		block, _ := blocks[name].(map[string]any)
		kind, _ := block["type"].(string)
		if use := byType[kind]; use != nil {
			named[use] = append(named[use], name)
		}
	}
	all := &keys.Schema{Type: keys.Types{"object"}}
	all.Discriminator.PropertyName = key
	for _, use := range slices.SortedFunc(maps.Keys(named), func(a, b *keys.Schema) int { return slices.Compare(named[a], named[b]) }) {
		own := *use
		own.Properties = slices.Clone(use.Properties)
		for i, p := range own.Properties {
			if p.Name == key {
				chosen := *p.Schema
				chosen.Enum = named[use]
				own.Properties[i].Schema = &chosen
			}
		}
		all.OneOf = append(all.OneOf, &own)
	}
	return all, nil
}
