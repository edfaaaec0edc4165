package config

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

const examplePath = "../config.example.yml"

func TestExampleHoldsEverySettingWithItsDefault(t *testing.T) {
	c, warnings, err := Load(examplePath, nil)
	require.NoError(t, err)
	require.Empty(t, warnings)
	requireSame(t, Default(), c)

	// An independent reading, since the one above would overlook a key without
	// a value.
	text, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, yaml.UnmarshalWithOptions(text, &document, yaml.Strict()))
	var want []string
	for _, s := range settings(Default()) {
		want = append(want, s.path)
		require.Contains(t, c.Source.places, s.path, "has no value")
	}
	require.ElementsMatch(t, want, leaves(document, ""))
}

func leaves(section map[string]any, prefix string) []string {
	var found []string
	for key, value := range section {
		if inner, ok := value.(map[string]any); ok && prefix+key != "server.responseheaders" {
			found = append(found, leaves(inner, prefix+key+".")...)
			continue
		}
		found = append(found, prefix+key)
	}
	return found
}

func TestExampleExplainsEverySettingInTheOrderOfTheStruct(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	lines := strings.Split(string(text), "\n")
	entry := regexp.MustCompile(`^ *([a-z]+): .+$`)
	var keys []string
	for i, line := range lines {
		require.LessOrEqual(t, len(line), 90, line)
		if found := entry.FindStringSubmatch(line); found != nil {
			keys = append(keys, found[1])
			require.Regexp(t, `^ *# .+`, lines[i-1], "nothing explains %s", found[1])
		}
	}
	var want []string
	for _, s := range settings(Default()) {
		want = append(want, s.path[strings.LastIndexByte(s.path, '.')+1:])
	}
	require.Equal(t, want, keys)
}

func TestExamplesWithinCommentsAreValid(t *testing.T) {
	text, err := os.ReadFile(examplePath)
	require.NoError(t, err)
	for _, c := range []struct{ example, setting string }{
		{`https://example.com/push`, "server.baseurl"},
		{`[push.example.com]`, "server.ssl.letsencrypt.hosts"},
		{`{X-Frame-Options: DENY}`, "server.responseheaders"},
		{`['.+\.example\.com']`, "server.stream.allowedorigins"},
		{`[GET, POST]`, "server.cors.allowmethods"},
		{`[Authorization, Content-Type]`, "server.cors.allowheaders"},
		{`[127.0.0.1, 10.0.0.0/8]`, "server.trustedproxies"},
		{`carillon:secret@tcp(localhost:3306)/carillon`, "database.connection"},
		{`host=localhost port=5432 user=carillon dbname=carillon password=secret`, "database.connection"},
		{`https://ntfy.sh`, "server.baseurl"},
		{`[127.0.0.1, 192.168.0.0/16]`, "limits.exempthosts"},
	} {
		require.Contains(t, string(text), c.example)
		keys := strings.Split(c.setting, ".")
		document := c.example
		for i, key := range slices.Backward(keys) {
			separator := ": "
			if i < len(keys)-1 {
				separator = ":\n" + strings.Repeat("  ", i+1)
			}
			document = key + separator + document
		}
		_, _, err := read(t, document+"\n")
		require.NoError(t, err, document)
	}
}
