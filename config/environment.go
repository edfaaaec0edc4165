package config

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// readEnvironment sets what the environment says and returns warnings about what
// it ignored.
func (c *Config) readEnvironment(environ []string) (warnings []string, err error) {
	env := newEnvironment(environ)
	var problems []error
	known := map[string]bool{}
	for _, s := range settings(c) {
		given := false
		for _, name := range variables(s.path) {
			known[name], known[name+fileSuffix] = true, true
			if warning := env.dropInjected(name); warning != "" {
				warnings = append(warnings, warning)
			}
			text, place, ok, err := env.lookup(name)
			if err != nil {
				problems = append(problems, err)
			}
			if !ok || given {
				continue
			}
			given = true
			if err := setVariable(s.field, text); err != nil {
				problems = append(problems, refused(place, err))
				continue
			}
			c.Source.note(s.path, place)
		}
	}
	for _, name := range env.names() {
		if known[name] || env.injected(name) {
			continue
		}
		prefix := prefixOf(name)
		names := candidates(known, prefix)
		meant := hint(name, names)
		if prefix == ownPrefix && (meant != "" || inSection(name, names)) {
			problems = append(problems, fmt.Errorf("%s: unknown setting%s", name, meant))
		} else {
			warnings = append(warnings, fmt.Sprintf("%s: unknown setting, ignored%s", name, meant))
		}
	}
	return warnings, errors.Join(problems...)
}

// inSection reports whether the name begins like settings do. What does not was
// hardly meant for the server: scripts and test runs use our prefix, too.
func inSection(name string, settings []string) bool {
	section := func(name string) string {
		first, _, _ := strings.Cut(strings.TrimPrefix(strings.ToUpper(name), ownPrefix), "_")
		return first
	}
	return slices.ContainsFunc(settings, func(s string) bool { return section(s) == section(name) })
}

// refused is the message about the value of a variable. What a file holds is not
// shown: it may be a secret whose file was named by mistake.
func refused(place string, err error) error {
	var mistyped *typeError
	if errors.As(err, &mistyped) && strings.HasSuffix(place, fileSuffix) {
		return fmt.Errorf("%s: %s", place, mistyped.want)
	}
	return fmt.Errorf("%s: %w", place, err)
}

// candidates returns the known names that begin with the prefix, in order.
func candidates(known map[string]bool, prefix string) []string {
	var found []string
	for name := range known {
		if strings.HasPrefix(name, prefix) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// setVariable sets a value from the text of a variable. A list is a YAML list in
// brackets or one line of comma-separated values, a map JSON or YAML; an empty
// text gives neither.
func setVariable(field reflect.Value, text string) error {
	trimmed := strings.TrimSpace(text)
	switch field.Kind() {
	case reflect.String:
		return setText(field, text)
	case reflect.Slice:
		if trimmed == "" {
			return nil
		}
		if strings.HasPrefix(trimmed, "[") && strings.HasSuffix(trimmed, "]") {
			return setDocument(field, trimmed)
		}
		return setLine(field, trimmed)
	case reflect.Map:
		if trimmed == "" {
			return nil
		}
		var values map[string]string
		if err := json.Unmarshal([]byte(trimmed), &values); err == nil && values != nil {
			field.Set(reflect.ValueOf(values))
			return nil
		}
		return setDocument(field, trimmed)
	}
	return setText(field, trimmed)
}

// setDocument sets a list or a map from YAML.
func setDocument(field reflect.Value, text string) error {
	root, err := parseDocument([]byte(text))
	if err != nil {
		return err
	}
	return setNode(field, root)
}

// setLine sets a list from one line of comma-separated values.
func setLine(field reflect.Value, text string) error {
	lines := csv.NewReader(strings.NewReader(text))
	lines.TrimLeadingSpace = true
	lines.LazyQuotes = true
	records, err := lines.ReadAll()
	if err != nil || len(records) != 1 {
		return errors.New("must be a list: one line of comma-separated values, or [a, b]")
	}
	items := []string{}
	for _, item := range records[0] {
		if strings.IndexByte(item, 0) >= 0 {
			return errors.New("must not hold a NUL character")
		}
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	field.Set(reflect.ValueOf(items))
	return nil
}
