package connector

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mysql-sync/mysql-sync/pkg/api"
	"github.com/mysql-sync/mysql-sync/pkg/keys"
)

// restorer collects what is wrong with a block in which hidden values were put back.
type restorer struct {
	kept     []string // keys of secrets that were kept
	mistakes []api.Mistake
}

func (r *restorer) keep(key string) { r.kept = append(r.kept, key) }

func (r *restorer) lose(key string) {
	r.mistakes = append(r.mistakes, api.Mistake{Key: key, Text: "has *** in the place of what is not stored here: enter it"})
}

// addresses are the keys that say where secrets are sent, and how well they are protected on the way.
var addresses = []string{"host", "port", "instance", "url", "uri", "baseURL", "tokenURL", "tls", "ca"}

// moved notes kept secrets whose address has changed: they would be sent to the new one. A service of another type has
// another address, even if no key says so.
func (r *restorer) moved(section string, was, block any) {
	if section == "jobs" {
		return // which have no address
	}
	before, now := leaves("", was), leaves("", block)
	for _, at := range slices.Sorted(maps.Keys(both(before, now))) {
		is := at == "type" || slices.ContainsFunc(strings.Split(at, "."), func(name string) bool { return slices.Contains(addresses, name) })
		if !is || keys.Same(before[at], now[at]) {
			continue
		}
		for _, kept := range r.kept {
			r.mistakes = append(r.mistakes, api.Mistake{Key: kept, Text: fmt.Sprintf("enter it again: %s has changed, and a stored secret is sent only to where it was", at)})
		}
		return
	}
}

// outside notes files that a form may not name: those outside the configuration's folder, which may hold others' secrets,
// and the configuration and its copies, which hold its own.
func (r *restorer) outside(configuration, key string, was, block any) {
	before, now := leaves(key, was), leaves(key, block)
	for _, at := range slices.Sorted(maps.Keys(now)) {
		path, _ := now[at].(string)
		if !slices.Contains([]string{"file", "transform", "externalSyncFile"}, last(at)) || path == "" || keys.Same(before[at], path) {
			continue
		}
		switch {
		case !filepath.IsLocal(path) || strings.Contains(path, "${"):
			r.mistakes = append(r.mistakes, api.Mistake{Key: at, Text: "names a file outside the folder of the configuration, which only an editor may do: write a name such as shop.secret"})
		case strings.HasPrefix(filepath.Clean(path), filepath.Base(configuration)):
			r.mistakes = append(r.mistakes, api.Mistake{Key: at, Text: "names the configuration or a copy of it: name another file"})
		}
	}
}

// leaves returns the values of a block by key.
func leaves(key string, v any) map[string]any {
	all := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			maps.Copy(all, leaves(keys.Join(key, name), inner))
		}
	case []any:
		for i, inner := range v {
			maps.Copy(all, leaves(fmt.Sprintf("%s[%d]", key, i), inner))
		}
	default:
		all[key] = v
	}
	return all
}

// both returns the keys of two maps.
func both(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// last returns the last part of a key.
func last(key string) string { return key[strings.LastIndexByte(key, '.')+1:] }
