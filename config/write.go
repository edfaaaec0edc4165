package config

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// writeSection writes a section as YAML, each line behind the indentation. What it
// writes is read back as the same values.
func writeSection(out *strings.Builder, section reflect.Value, indent string) {
	for i := range section.NumField() {
		key := section.Type().Field(i).Tag.Get("yaml")
		if key == "-" {
			continue
		}
		field := section.Field(i)
		if field.Kind() == reflect.Struct {
			out.WriteString(indent + key + ":\n")
			writeSection(out, field, indent+"  ")
			continue
		}
		out.WriteString(indent + key + ": " + written(field) + "\n")
	}
}

// written returns a value as YAML on one line.
func written(value reflect.Value) string {
	switch v := value.Interface().(type) {
	case string:
		return quoted(v)
	case []string:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = quoted(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case map[string]string:
		var items []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			items = append(items, quoted(name)+": "+quoted(v[name]))
		}
		return "{" + strings.Join(items, ", ") + "}"
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return fmt.Sprint(v)
	}
}

// plainText is what needs no quotes: words, paths and names, none of which YAML
// could take for something else.
var plainText = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9/._-]*$`)

func quoted(text string) string {
	_, isTruth := truth(text)
	if plainText.MatchString(text) && !isTruth && !strings.EqualFold(text, "null") {
		return text
	}
	return strconv.Quote(text)
}
