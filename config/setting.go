package config

import (
	"reflect"
	"slices"
	"strings"
)

// setting is one value within a Config.
type setting struct {
	// path is the setting's name: its keys from the outside in, with dots.
	path string
	// field is the value itself and can be set.
	field reflect.Value
	// secret is "value" when all of it is secret, "connection" when it may hold a
	// password, else "".
	secret string
}

// settings returns all settings of c, in the order of the struct.
func settings(c *Config) []setting {
	return appendSettings(nil, reflect.ValueOf(c).Elem(), "")
}

func appendSettings(found []setting, section reflect.Value, prefix string) []setting {
	for i := range section.NumField() {
		tag := section.Type().Field(i).Tag
		key := tag.Get("yaml")
		switch field := section.Field(i); {
		case key == "-":
		case field.Kind() == reflect.Struct:
			found = appendSettings(found, field, prefix+key+".")
		default:
			found = append(found, setting{path: prefix + key, field: field, secret: tag.Get("secret")})
		}
	}
	return found
}

// fieldOf returns the field of a section that has the key.
func fieldOf(section reflect.Value, key string) (reflect.Value, bool) {
	for i := range section.NumField() {
		if name := section.Type().Field(i).Tag.Get("yaml"); name == key && name != "-" {
			return section.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// paths returns the names of all settings and of the sections that hold them.
func paths() []string {
	var all []string
	for _, s := range settings(Default()) {
		for i := range s.path {
			if s.path[i] == '.' && !slices.Contains(all, s.path[:i]) {
				all = append(all, s.path[:i])
			}
		}
		all = append(all, s.path)
	}
	return all
}

// variables returns the environment variables that give a setting, the one that
// wins first. OIDC_LINK_BY_USERNAME is how Gotify 3 spells it.
func variables(path string) []string {
	name := strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
	names := []string{ownPrefix + name, gotifyPrefix + name}
	if path == "oidc.linkbyusername" {
		names = append(names, ownPrefix+"OIDC_LINK_BY_USERNAME", gotifyPrefix+"OIDC_LINK_BY_USERNAME")
	}
	if name := ntfyName(path); name != "" {
		names = append(names, ntfyPrefix+name)
	}
	return names
}

// ntfyName is what ntfy calls a setting whose values mean the same there, or "".
// attachments.folder has none although ntfy knows such a folder: a server removes
// files from its folder that are not its own.
func ntfyName(path string) string {
	return map[string]string{
		"server.baseurl":               "BASE_URL",
		"access.default":               "AUTH_DEFAULT_ACCESS",
		"topics.limit":                 "GLOBAL_TOPIC_LIMIT",
		"ntfy.keepalive":               "KEEPALIVE_INTERVAL",
		"ntfy.templates":               "TEMPLATE_DIR",
		"ntfy.upstream.baseurl":        "UPSTREAM_BASE_URL",
		"ntfy.upstream.token":          "UPSTREAM_ACCESS_TOKEN",
		"limits.visitor.subscriptions": "VISITOR_SUBSCRIPTION_LIMIT",
	}[path]
}

const (
	ownPrefix    = "CARILLON_"
	gotifyPrefix = "GOTIFY_"
	ntfyPrefix   = "NTFY_"
	fileSuffix   = "_FILE"
)
